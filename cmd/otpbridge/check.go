package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// checkCmd is `otpbridge check`.
type checkCmd struct {
	configFlag
	Print bool `help:"${help_print}"`
	JSON  bool `name:"json" help:"${help_json}"`
}

// checkResult is what --json prints; it is stable and English.
type checkResult struct {
	File   string      `json:"file"`
	OK     bool        `json:"ok"`
	Hash   string      `json:"hash,omitempty"`
	Values []row       `json:"values,omitempty"`
	Faults []faultJSON `json:"faults,omitempty"`
}

type faultJSON struct {
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Variable string `json:"variable,omitempty"`
	Key      string `json:"key,omitempty"`
	What     string `json:"what"`
	Allowed  string `json:"allowed,omitempty"`
}

// Run reads the configuration and reports.
func (c checkCmd) Run(p process) error {
	cfg, r, err := loadConfig(c.Config, p.env)
	var faults *Faults
	if errors.As(err, &faults) && c.JSON {
		return errors.Join(writeJSON(p.out, checkResult{File: c.Config, Faults: faults.forJSON()}), errReported)
	}
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		result := checkResult{File: c.Config, OK: true, Hash: cfg.Hash}
		if c.Print {
			result.Values = r.rows()
		}
		return writeJSON(p.out, result)
	}
	if c.Print {
		if err := table(p.out, r.rows()); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(p.out, words{"%s: no faults, configuration %s", "%s: 問題なし、設定 %s"}.with(c.Config, cfg.Hash).in(p.lang))
	return err
}

func (f *Faults) forJSON() []faultJSON {
	out := make([]faultJSON, 0, len(f.list))
	for _, one := range f.list {
		out = append(out, faultJSON{one.place.line, one.col, one.env, one.key, one.what.en, one.allowed.en})
	}
	return out
}

func table(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", r.Key, r.Value, r.Origin); err != nil {
			return err
		}
	}
	return w.Flush()
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
