package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"otpbridge/bridge/realm"
	"otpbridge/cmd/internal/config"
)

// journal is the file that a change of the realm can be taken back from: one JSON object a line, the first says of which realm, each other one is a
// change, written before it is made. A second apply goes on at its end.
type journal struct{ *os.File }

// journalHead says which realm a file is about. The id decides: two servers may each have a realm of that name, and one server several addresses.
type journalHead struct {
	Realm  string `json:"undo_of_realm"`
	ID     string `json:"realm_id"` // Keycloak's
	Server string `json:"server"`   // where it was when the file began, for whoever reads it
}

// emptyFile: there is nothing in the file yet.
type emptyFile struct{ refused }

func (e emptyFile) Unwrap() error { return e.refused }

// openJournal opens a file for what is changed in a realm. A new one begins with the head, one that is there with what readJournal returns of it.
func openJournal(file string, about journalHead) (j *journal, began journalHead, err error) {
	began, _, err = readJournal(file, about)
	_, empty := errors.AsType[emptyFile](err)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !empty {
		return nil, began, err
	}
	f, openErr := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if openErr != nil {
		return nil, began, fmt.Errorf("undo file: %w", openErr)
	}
	j = &journal{f}
	if err != nil { // it is new, or as good as new
		began, err = about, j.write(about)
	} else {
		err = j.endLine()
	}
	if err != nil {
		return nil, began, errors.Join(err, f.Close())
	}
	return j, began, nil
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

// readJournal reads the head and the changes of a file about a realm. A line that is cut off was not made and is left out. One that says what this program does
// not know, since another version wrote it, is refused: what is left out would not be taken back.
func readJournal(file string, about journalHead) (head journalHead, changes []realm.Change, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, syscall.EISDIR) {
		return head, nil, refused{notUndo().With(file)}
	}
	if err != nil {
		return head, nil, fmt.Errorf("undo file: %w", err)
	}
	if len(text) == 0 {
		return head, nil, emptyFile{refused{config.Say("undo file: %s is empty", "undo ファイル %s は空です").With(file)}} // cut off before its first line
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Realm == "" {
		return head, nil, refused{notUndo().With(file)}
	}
	if err := head.isOf(about, file); err != nil {
		return head, nil, err
	}
	for n := 2; lines.Scan(); n++ {
		if !json.Valid(lines.Bytes()) {
			continue
		}
		c, err := readChange(lines.Bytes())
		if err != nil {
			return head, nil, refused{config.Say("undo file: %s: line %d: %v; undo it with the version of otpbridge that wrote it",
				"undo ファイル %s の %d 行目: %v（このファイルを書いた版の otpbridge で元に戻してください）").With(file, n, err)}
		}
		changes = append(changes, c)
	}
	return head, changes, lines.Err()
}

// notUndo says of what is no undo file which one is wanted.
func notUndo() config.Words {
	return config.Say("undo file: %s was not written by otpbridge realm apply; name the file that its last line named",
		"undo ファイル: %s は otpbridge realm apply が書いたものではありません。apply が最後に示したファイルを指定してください")
}

// isOf refuses a file about another realm than the one that is looked at. One without an id may be about any of that name: people have to say so.
func (h journalHead) isOf(about journalHead, file string) error {
	switch {
	case h.Realm != about.Realm:
		return refused{config.Say("undo file: %s is about the realm %s, the configuration about %s",
			"undo ファイル %s はレルム %s のものですが、設定のレルムは %s です").With(file, h.Realm, about.Realm)}
	case about.ID == "":
		return refused{config.Say("undo file: whether %s is about this realm %s cannot be seen; give the client the role realm-admin",
			"undo ファイル %s がこのレルム %s のものか確認できません。クライアントに realm-admin ロールを与えてください").With(file, about.Realm)}
	case h.ID == "":
		line, err := json.Marshal(about)
		if err != nil {
			return err
		}
		return refused{config.Say("undo file: %s does not say at which server its realm %s is, since an older otpbridge wrote it. If that was %s, put this in the place of its first line; if not, use that server's file, or name another with --undo-file:\n%s",
			"undo ファイル %s は古い版の otpbridge が書いたもので、レルム %s がどのサーバーのものか記録されていません。%s のものであれば、1 行目を次の行に置き換えてください。違う場合は、このサーバーのファイルを使うか、--undo-file で別の名前を指定してください:\n%s").
			With(file, about.Realm, about.Server, line)}
	case h.ID != about.ID:
		return refused{config.Say("undo file: %s is about another realm %s: it began at %s, and the one at %s has another id, since it is another server's or was made anew. Use the file of this one, or name another with --undo-file",
			"undo ファイル %s は同じ名前の別のレルム %s のものです。%s で記録を始めましたが、%s のレルムは ID が異なります（別のサーバーか、作り直されたレルムです）。このレルムのファイルを使うか、--undo-file で別の名前を指定してください").
			With(file, about.Realm, h.Server, about.Server)}
	}
	return nil
}

func readChange(line []byte) (c realm.Change, err error) {
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	if err = strict.Decode(&c); err == nil && !c.Kind.Known() {
		err = fmt.Errorf("kind: %q", c.Kind)
	}
	return c, err
}
