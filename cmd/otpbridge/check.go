package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"otpbridge/cmd/internal/config"
)

// checkCmd is `otpbridge check`.
type checkCmd struct {
	configFlag
	Print bool `help:"help_print"`
	JSON  bool `help:"help_json"`
}

// checkResult is what --json prints; it is stable and English.
type checkResult struct {
	File   string         `json:"file"`
	OK     bool           `json:"ok"`
	Hash   string         `json:"hash,omitempty"`
	Values []config.Value `json:"values,omitempty"`
	Faults []faultJSON    `json:"faults,omitempty"`
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
func (c checkCmd) Run(_ context.Context, p process) error {
	cfg, values, err := config.Explain(c.Config, p.env)
	var faults *config.Faults
	if errors.As(err, &faults) && c.JSON {
		return errors.Join(writeJSON(p.out, checkResult{File: c.Config, Faults: forJSON(faults)}), errReported)
	}
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		result := checkResult{File: c.Config, OK: true, Hash: cfg.Hash}
		if c.Print {
			result.Values = values
		}
		return writeJSON(p.out, result)
	}
	if c.Print {
		if err := table(p.out, values); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(p.out, config.Say("%s: no faults, configuration %s", "%s: 問題なし、設定 %s").With(c.Config, cfg.Hash).In(p.lang))
	return err
}

func forJSON(faults *config.Faults) []faultJSON {
	list := faults.List()
	out := make([]faultJSON, 0, len(list))
	for _, f := range list {
		out = append(out, faultJSON{f.Line, f.Column, f.Variable, f.Key, f.What.EN, f.Allowed.EN})
	}
	return out
}

func table(out io.Writer, rows []config.Value) error {
	var lines columns
	for _, r := range rows {
		lines.row(r.Key, r.Value, r.Origin)
	}
	return lines.write(out)
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
