package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"otpbridge/bridge/realm"
	"otpbridge/cmd/internal/config"
)

// journal is the file that a change of the realm can be taken back from: one JSON object a line, the first names the realm, each other one is a
// change, written before it is made. A second apply goes on at its end.
type journal struct{ *os.File }

type journalHead struct {
	Realm string `json:"undo_of_realm"`
}

// emptyFile: there is nothing in the file yet.
type emptyFile struct{ refused }

func (e emptyFile) Unwrap() error { return e.refused }

func openJournal(file, name string) (*journal, error) {
	_, err := readJournal(file, name)
	_, empty := errors.AsType[emptyFile](err)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !empty {
		return nil, err
	}
	f, openErr := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if openErr != nil {
		return nil, fmt.Errorf("undo file: %w", openErr)
	}
	j := &journal{f}
	if err != nil { // it is new, or as good as new
		err = j.write(journalHead{name})
	} else {
		err = j.endLine()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// endLine ends a line that an earlier apply was killed in.
func (j *journal) endLine() error {
	info, err := j.Stat()
	if err != nil {
		return fmt.Errorf("undo file: %w", err)
	}
	last := make([]byte, 1)
	if _, err := j.ReadAt(last, info.Size()-1); err != nil {
		return fmt.Errorf("undo file: %w", err)
	}
	if last[0] != '\n' {
		_, err = j.WriteString("\n")
	}
	return err
}

func (j *journal) note(c realm.Change) error { return j.write(c) }

// write writes one line, and returns when it is on the disk.
func (j *journal) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = j.Write(append(line, '\n'))
	}
	if err == nil {
		err = j.Sync()
	}
	if err != nil {
		return fmt.Errorf("undo file: %w", err)
	}
	return nil
}

// readJournal reads the changes in a file. A line that is cut off was not made and is left out. One that says what this program does not know, since another
// version wrote it, is refused: what is left out would not be taken back.
func readJournal(file, name string) ([]realm.Change, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("undo file: %w", err)
	}
	if len(text) == 0 {
		return nil, emptyFile{refused{config.Say("undo file: %s is empty", "undo ファイル %s は空です").With(file)}} // cut off before its first line
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	var head journalHead
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Realm == "" {
		return nil, refused{config.Say("undo file: %s is none", "undo ファイルではありません: %s").With(file)}
	}
	if head.Realm != name {
		return nil, refused{config.Say("undo file: %s is about the realm %s, the configuration about %s",
			"undo ファイル %s はレルム %s のものですが、設定のレルムは %s です").With(file, head.Realm, name)}
	}
	var changes []realm.Change
	for n := 2; lines.Scan(); n++ {
		if !json.Valid(lines.Bytes()) {
			continue
		}
		c, err := readChange(lines.Bytes())
		if err != nil {
			return nil, refused{config.Say("undo file: %s: line %d: %v; undo it with the version of otpbridge that wrote it",
				"undo ファイル %s の %d 行目: %v（このファイルを書いた版の otpbridge で元に戻してください）").With(file, n, err)}
		}
		changes = append(changes, c)
	}
	return changes, lines.Err()
}

func readChange(line []byte) (c realm.Change, err error) {
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	if err = strict.Decode(&c); err == nil && !c.Kind.Known() {
		err = fmt.Errorf("kind: %q", c.Kind)
	}
	return c, err
}
