package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

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
			return os.WriteFile(e.WorkDir+"/example.yaml", inFolder(example, "."), 0o600)
		},
	})
}
