package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set when a release is built (-ldflags "-X main.version=…").
var version = "unknown"

// versionCmd is `otpbridge version`.
type versionCmd struct {
	JSON bool `help:"help_json"`
}

type versionResult struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints what this program was built from.
func (v versionCmd) Run(_ context.Context, p process) error {
	result := versionResult{version, commit(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if v.JSON {
		return writeJSON(p.out, result)
	}
	_, err := fmt.Fprintf(p.out, "otpbridge %s\ncommit %s\n%s %s\n", result.Version, result.Commit, result.Go, result.Platform)
	return err
}

// commit is the revision that the build tool has seen, "unknown" if it saw none.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " (modified)"
		}
	}
	return revision + dirty
}
