package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"otpbridge": main})
}

// TestScripts runs the command as people do. Each script names the requirements it proves.
func TestScripts(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../install/otpbridge.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("LANG", "C.UTF-8")
			return os.WriteFile(e.WorkDir+"/example.yaml", bytes.ReplaceAll(example, []byte("/etc/otpbridge/"), []byte("./")), 0o600)
		},
	})
}
