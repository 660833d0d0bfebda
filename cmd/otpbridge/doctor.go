package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/bridge/view"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
	"otpbridge/templates"
)

// doctorCmd is `otpbridge doctor`. It changes nothing but the note of what it saw.
type doctorCmd struct {
	configFlag
	AdminClient     string        `placeholder:"ID" help:"help_admin_client"`
	AdminSecretFile string        `placeholder:"FILE" help:"help_admin_secret_file"`
	AdminRealm      string        `placeholder:"REALM" help:"help_admin_realm"`
	LookOnly        bool          `help:"help_look_only"`
	JSON            bool          `help:"help_json"`
	Timeout         time.Duration `default:"30s" help:"help_timeout"`
}

// maxAdminSecret is longer than any secret of a client.
const maxAdminSecret = 4 << 10

// Run looks at everything and reports what it found.
func (c doctorCmd) Run(ctx context.Context, p process) error {
	if c.Timeout <= 0 {
		return usageError{errors.New(config.Say("--timeout: is no time above zero", "--timeout: 正の時間ではありません").In(p.lang))}
	}
	administrator, err := c.administrator(p)
	if err != nil {
		return err
	}
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	d := service.Doctor{Config: *cfg, Administrator: administrator, LookOnly: c.LookOnly, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	report, kept, err := d.Run(ctx, c.Timeout)
	if err != nil {
		return err
	}
	if kept != nil {
		say(p, "otpbridge: "+config.Say("what was seen could not be kept for the service: %s", "点検結果をサービスに渡せませんでした: %s").With(kept.Error()).In(p.lang))
	}
	if c.JSON {
		err = writeJSON(p.out, forMachines(report))
	} else {
		err = printReport(p, report)
	}
	if err == nil {
		err = verdict(report, p.lang)
	}
	return err
}

// verdict is what makes the exit code 1: a finding that is worse than worth knowing, or a check that got no answer, which may hide one.
func verdict(r doctor.Report, lang string) error {
	silent := 0
	for _, one := range r.Results {
		if one.Unanswered() {
			silent++
		}
	}
	switch n := serious(r); {
	case silent > 0:
		return errors.New(config.Say("%d findings, %d checks got no answer", "%d 件の問題、%d 件の応答なし").With(n, silent).In(lang))
	case n > 0:
		return errors.New(config.Say("%d findings", "%d 件の問題があります").With(n).In(lang))
	}
	return nil
}

// administrator is the client that may see more, if one is given.
func (c doctorCmd) administrator(p process) (*service.Administrator, error) {
	if (c.AdminClient == "") != (c.AdminSecretFile == "") {
		return nil, usageError{errors.New(config.Say("--admin-client and --admin-secret-file belong together",
			"--admin-client と --admin-secret-file は同時に指定してください").In(p.lang))}
	}
	if c.LookOnly && c.AdminClient == "" {
		return nil, usageError{errors.New(config.Say("--look-only says what becomes of what --admin-client sees, and is given with it",
			"--look-only は --admin-client の点検結果をサービスに渡さないための指定です。--admin-client と同時に指定してください").In(p.lang))}
	}
	if c.AdminClient == "" && c.AdminRealm != "" {
		return nil, usageError{errors.New(config.Say("--admin-realm needs --admin-client", "--admin-realm には --admin-client が必要です").In(p.lang))}
	}
	if c.AdminClient == "" {
		return nil, nil //nolint:nilnil // without one
	}
	secret, err := adminSecret(p, c.AdminSecretFile)
	if err != nil {
		return nil, err
	}
	return &service.Administrator{ID: c.AdminClient, Secret: secret, Realm: c.AdminRealm}, nil
}

// adminSecret reads the secret of a client that may manage the realm, from a file or, with -, from standard input. It is kept nowhere.
func adminSecret(p process, file string) (bridge.Secret, error) {
	var text []byte
	empty := config.Say("--admin-secret-file: is empty", "--admin-secret-file: 空です")
	if file == "-" {
		empty = config.Say("the secret of the administrator's client is read from standard input, which is empty; --admin-secret-file names a file",
			"管理者のクライアントのシークレットを標準入力から読みますが、空です。ファイルは --admin-secret-file で指定できます")
		if terminal(p.in) {
			say(p, config.Say("the secret of the administrator's client, then Enter and Ctrl-D; what is typed is shown (--admin-secret-file names a file):",
				"管理者のクライアントのシークレットを入力し、Enter と Ctrl-D を押してください。入力は画面に表示されます（ファイルは --admin-secret-file で指定できます）:").In(p.lang))
		}
		var err error
		if text, err = io.ReadAll(io.LimitReader(p.in, maxAdminSecret)); err != nil {
			return "", err
		}
	} else {
		var wrong *config.Words
		if text, wrong = config.ReadSmall(file, true); wrong != nil {
			return "", usageError{errors.New("--admin-secret-file: " + wrong.In(p.lang))}
		}
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", usageError{errors.New(empty.In(p.lang))}
	}
	return bridge.Secret(secret), nil
}

// terminal reports that somebody may be typing.
func terminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	nothing, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, nothing)
}

// doctorResult is what --json prints; it is stable and English.
type doctorResult struct {
	At        time.Time        `json:"at"`
	Findings  []bridge.Finding `json:"findings"`
	Unchecked []uncheckedJSON  `json:"unchecked"`
	Passed    []string         `json:"passed"`
}

type uncheckedJSON struct {
	Check string `json:"check"`
	Why   string `json:"why"`
	Needs string `json:"needs,omitempty"`
}

func forMachines(r doctor.Report) doctorResult {
	out := doctorResult{At: r.At, Findings: append([]bridge.Finding{}, r.Findings()...), Unchecked: []uncheckedJSON{}, Passed: []string{}}
	for _, one := range r.Unchecked() {
		out.Unchecked = append(out.Unchecked, uncheckedJSON{one.Check, one.Unchecked.Why, one.Unchecked.Needs})
	}
	for _, one := range r.Results {
		if one.Passed() {
			out.Passed = append(out.Passed, one.Check)
		}
	}
	return out
}

// serious counts the findings that are worse than worth knowing.
func serious(r doctor.Report) (n int) {
	for _, f := range r.Findings() {
		if f.Severity != bridge.Info {
			n++
		}
	}
	return n
}

// gathered makes one of all checks that wait for the same token: why there is none is a finding.
func gathered(unchecked []doctor.Result) (all []doctor.Result) {
	first := map[string]int{}
	for _, one := range unchecked {
		at, known := first[one.Unchecked.Needs]
		switch {
		case one.Unchecked.Why != bridge.UncheckedRefused:
		case known:
			all[at].Check += ", " + one.Check
			continue
		default:
			first[one.Unchecked.Needs] = len(all)
		}
		all = append(all, one)
	}
	return all
}

// printReport writes the worst first, then what was not checked, then how many passed.
func printReport(p process, r doctor.Report) error {
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, f := range r.Findings() {
		text := texts.Text(p.lang, f)
		fmt.Fprintf(&b, "[%s] %s: %s\n    %s: %s\n    %s: %s\n", texts.Word(p.lang, string(f.Severity)), f.ID, text.Title,
			texts.Word(p.lang, "means"), text.Means, texts.Word(p.lang, "mend"), text.Mend)
	}
	for _, one := range gathered(r.Unchecked()) {
		fmt.Fprintf(&b, "[%s] %s: ", texts.Word(p.lang, "unchecked"), one.Check)
		if name := texts.Check(p.lang, one.Check); name != one.Check { // not several
			b.WriteString(name + ": ")
		}
		fmt.Fprintln(&b, texts.Unchecked(p.lang, one.Unchecked))
	}
	fmt.Fprintln(&b, texts.Summary(p.lang, r.Findings(), len(r.Unchecked()), len(forMachines(r).Passed)))
	_, err = io.WriteString(p.out, b.String())
	return err
}
