package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
)

// Collected is what files say that somebody else may have collected: the trail itself, or what came of its copy on standard output.
type Collected struct {
	Open    []Intent // what was begun, without how it ended
	Unknown int      // lines that are neither records nor lines of our log
}

// ErrNoTrail says that a file has something in it, and no record of the trail.
var ErrNoTrail = errors.New("is no audit trail")

// Unfinished returns what Intents does, of a file that another process may be writing to, or that holds the collected output of one: there a record
// may have what collectors put in front of a line, or stand in their wrapper. ErrNoTrail: the file, or what it was rotated to, holds no record at all.
func Unfinished(ctx context.Context, path string) (Collected, error) {
	c := collector{scanner: newScanner(), parts: map[string][]byte{}}
	names, err := family(path)
	for i := 0; err == nil && i < len(names); i++ {
		if err = ctx.Err(); err == nil {
			err = c.file(names[i])
		}
		if errors.Is(err, fs.ErrNotExist) && names[i] != path {
			err = nil // moved away meanwhile
		}
	}
	if err == nil && c.records == 0 && c.others > 0 {
		err = fmt.Errorf("%s: %w", path, ErrNoTrail)
	}
	if err != nil {
		return Collected{}, fmt.Errorf("audit trail: %w", err)
	}
	return Collected{Open: c.intents(), Unknown: c.unknown}, nil
}

// collector reads lines that others may have passed on.
type collector struct {
	scanner
	parts                    map[string][]byte // lines that were cut in pieces so far, by what stands in front of the pieces beside their time
	records, others, unknown int               // others: lines that are no record; unknown: those of them that are no line of our log either
}

// collectedLine is the longest line that is looked at: a record in a wrapper that doubles what it escapes is shorter by far.
const collectedLine = 1 << 20

func (c *collector) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	r := bufio.NewReaderSize(f, collectedLine)
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if first {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			for line = []byte("too long"); errors.Is(err, bufio.ErrBufferFull); {
				_, err = r.ReadSlice('\n')
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		c.line(bytes.TrimSpace(line))
		if err != nil {
			return nil
		}
	}
}

// line looks at one line without what ends it.
func (c *collector) line(text []byte) {
	if len(text) == 0 {
		return
	}
	if l, ok := whole(text); ok {
		c.note(l)
		c.records++
		return
	}
	source, part, text := bare(text)
	text = unwrapped(text)
	if part == "P" || len(c.parts[source]) > 0 {
		text = append(c.parts[source], text...)
		delete(c.parts, source)
		if part == "P" && len(text) < collectedLine {
			c.parts[source] = text
			return
		}
	}
	if l, ok := whole(text); ok {
		c.note(l)
		c.records++
		return
	}
	c.others++
	if !logged(text) {
		c.unknown++
	}
}

// eventName is what the name of an event looks like, whether this release knows it or not.
var eventName = regexp.MustCompile(`^[a-z_]+\.[a-z_.]+$`)

// whole reads a text that is a record from end to end.
func whole(text []byte) (l Line, ok bool) {
	if _, ok := record(text); !ok || json.Unmarshal(text, &l) != nil {
		return Line{}, false
	}
	return l, eventName.MatchString(l.Event)
}

// inFront is what kubectl, Docker Compose, a container runtime (CRI) and syslog put before a line. Nothing else may stand before a record: of a line of
// another log, in which something stands that somebody else chose, its end is not taken for one.
var inFront = regexp.MustCompile(`^(` +
	`(?:\[[a-z]+/[\w./-]+\] |[\w.-]+ +\| )?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,:Z+-]* )?(?:(stdout) ([PF]) )?` +
	`|(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d.:Z+-]+) [\w.:-]+ otpbridge[\w.-]*(?:\[\d+\])?: ` +
	`)\{`)

var passedOn = regexp.MustCompile(`^(\[[a-z]+/[\w./-]+\] |[\w.-]+ +\| )?\d{4}-\d\d-\d\d[T ][\d.,:Z+-]+ (stdout|stderr) ([PF]) `)

// bare takes away what stands in front of a line: source is whose line it is, and part is "P" of one that goes on in the next line of that source.
func bare(text []byte) (source, part string, rest []byte) {
	if m := passedOn.FindSubmatch(text); m != nil {
		return string(m[1]) + string(m[2]), string(m[3]), text[len(m[0]):]
	}
	if m := inFront.FindSubmatch(text); m != nil {
		return "", "", text[len(m[1]):]
	}
	return "", "", text
}

// unwrapped returns the line that stands as "log" in a JSON object, as Docker keeps it; any other line as it is.
func unwrapped(text []byte) []byte {
	var wrapper map[string]json.RawMessage
	var line string
	if text[0] != '{' || json.Unmarshal(text, &wrapper) != nil || wrapper["msg"] != nil || json.Unmarshal(wrapper["log"], &line) != nil {
		return text
	}
	return bytes.TrimSpace([]byte(line))
}

// logText is how a line of our log begins where log.format is text.
var logText = regexp.MustCompile(`^(?:\S+ )*?time=\S+ level=[A-Z]+\S* msg=`)

// logged reports a line of our log.
func logged(text []byte) bool {
	var l struct{ Level, Msg *string }
	return logText.Match(text) || json.Unmarshal(text, &l) == nil && l.Level != nil && l.Msg != nil
}
