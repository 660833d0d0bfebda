package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"otpbridge/bridge/audit"
	"otpbridge/cmd/internal/config"
)

// auditCmd groups what reads the audit trail on disk; nothing has to run for that.
type auditCmd struct {
	Open auditOpenCmd `cmd:"" help:"help_audit_open"`
}

// auditOpenCmd is `otpbridge audit open`.
type auditOpenCmd struct {
	configFlag
	File string `placeholder:"FILE" help:"help_audit_file"`
	JSON bool   `help:"help_json"`
}

// openIntent is a beginning without an end, as JSON; the names are those of the trail.
type openIntent struct {
	Time     time.Time `json:"time"`
	Event    string    `json:"event"`
	Target   string    `json:"target"`
	Recovery string    `json:"recovery"`
	Way      string    `json:"way,omitempty"`
	Change   string    `json:"change,omitempty"`
	Added    string    `json:"added,omitempty"`
	Removed  []string  `json:"removed,omitempty"`
	Stuck    time.Time `json:"stuck,omitzero"`
}

// Run lists what the trail says was begun, without how it ended; if there is anything, the exit code says so.
func (a auditOpenCmd) Run(ctx context.Context, p process) error {
	path := a.File
	if path == "" {
		cfg, err := a.load(p)
		if err != nil {
			return err
		}
		path = cfg.Audit.File
	}
	found, err := audit.Unfinished(ctx, path)
	if errors.Is(err, audit.ErrNoTrail) {
		return refused{noTrail().With(path)}
	}
	if err != nil {
		return err
	}
	if found.Unknown > 0 {
		say(p, config.Say("otpbridge: %d lines are not understood: neither records of the trail nor lines of the log",
			"otpbridge: 読み取れない行が %d 行あります（監査記録でもログでもない行）").With(found.Unknown).In(p.lang))
	}
	all := make([]openIntent, 0, len(found.Open)) // [] as JSON, too
	for _, i := range found.Open {
		all = append(all, openIntent{
			Time: i.Time, Event: string(i.What) + ".intended", Target: i.Person, Recovery: i.Recovery, Way: i.Way, Change: string(i.Change),
			Added: i.Added, Removed: i.Removed, Stuck: i.Stuck,
		})
	}
	switch {
	case a.JSON:
		err = writeJSON(p.out, all)
	case len(all) == 0:
		_, err = fmt.Fprintln(p.out, config.Say("none", "ありません").In(p.lang))
	default:
		err = listedIntents(p, all)
	}
	if err == nil && len(all) > 0 {
		err = errors.New(config.Say("%d without an end", "終了の記録がないもの: %d 件").With(len(all)).In(p.lang))
	}
	return err
}

// noTrail says what to do with a file that holds no record.
func noTrail() config.Words {
	return config.Say("%s is no audit trail: no line of it is a record. Name the file of audit.file, or what the service wrote to standard output, not compressed, a record a line, with nothing in front of it but what kubectl, Docker or syslog puts there",
		"%s は監査記録ではありません（記録が 1 行もありません）。audit.file のファイル、またはサービスの標準出力を集めたファイルを指定してください。圧縮を解き、1 行に 1 件とし、行頭には kubectl、Docker、syslog が付けるもの以外がないようにしてください")
}

func listedIntents(p process, all []openIntent) error {
	var t columns
	heads := config.Say("BEGUN\tEVENT\tPERSON\tRECOVERY\tADDED\tREMOVED\tSTUCK SINCE", "開始\tイベント\t対象者\t手続き\t追加\t削除\t停滞")
	t.row(strings.Split(heads.In(p.lang), "\t")...)
	for _, i := range all {
		cells := []string{clock(i.Time), strings.TrimSpace(i.Event + " " + i.Change), i.Target, i.Recovery, i.Added, strings.Join(i.Removed, ", "), clock(i.Stuck)}
		for n, text := range cells {
			cells[n] = cmp.Or(plain(text), "-")
		}
		t.row(cells...)
	}
	return t.write(p.out)
}
