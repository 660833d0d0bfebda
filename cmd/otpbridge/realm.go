package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
	"otpbridge/cmd/internal/adminapi"
	"otpbridge/cmd/internal/config"
)

// realmCmd groups what prepares the realm.
type realmCmd struct {
	Plan  realmPlanCmd  `cmd:"" help:"help_realm_plan"`
	Apply realmApplyCmd `cmd:"" help:"help_realm_apply"`
	Undo  realmUndoCmd  `cmd:"" help:"help_realm_undo"`
}

// realmFlags say who changes the realm and how it is shown.
type realmFlags struct {
	configFlag
	AdminClient     string        `required:"" placeholder:"ID" help:"help_realm_client"`
	AdminSecretFile string        `default:"-" placeholder:"FILE" help:"help_realm_secret"`
	AdminRealm      string        `default:"master" placeholder:"REALM" help:"help_realm_realm"`
	Format          string        `enum:"text,json" default:"text" help:"help_realm_format"`
	Timeout         time.Duration `default:"30s" help:"help_timeout"`
}

// wantFlags say what the realm is to be like beyond the configuration.
type wantFlags struct {
	Theme       string `placeholder:"NAME" help:"help_realm_theme"`
	ManageUsers bool   `help:"help_realm_manage_users"`
}

// session is one look at a realm, and what is to be done to it.
type session struct {
	process
	flags  realmFlags
	client *adminapi.Client
	wanted realm.Wanted
	state  *realm.State
}

// open reads the configuration, the secret and the realm.
func (f realmFlags) open(ctx context.Context, p process, want wantFlags) (*session, error) {
	if f.Timeout <= 0 {
		return nil, usageError{errors.New(config.Say("--timeout: is no time above zero", "--timeout: 正の時間ではありません").In(p.lang))}
	}
	cfg, err := config.LoadForRealm(f.Config, p.env)
	if err != nil {
		return nil, usageError{err}
	}
	secret, err := adminSecret(p, f.AdminSecretFile)
	if err != nil {
		return nil, err
	}
	s := &session{process: p, flags: f, wanted: cfg.WantedRealm()}
	s.wanted.Theme, s.wanted.ManageUsers = want.Theme, want.ManageUsers
	s.client = &adminapi.Client{
		URL: cfg.Keycloak.URL, Realm: cfg.Keycloak.Realm, ID: f.AdminClient, Secret: secret, AdminRealm: f.AdminRealm, Limit: f.Timeout, Now: time.Now,
	}
	if want.ManageUsers {
		s.say(wideRights())
	}
	server, err := s.client.Server(ctx)
	if e, ok := errors.AsType[*adminapi.RefusedError](err); ok {
		return nil, errors.New(config.Say("Keycloak gives client %s of realm %s no token (%s): look at --admin-client, --admin-secret-file and --admin-realm",
			"Keycloak がクライアント %s（レルム %s）にトークンを発行しません（%s）。--admin-client、--admin-secret-file、--admin-realm を確認してください").With(e.ID, e.AdminRealm, e.Reason).In(p.lang))
	}
	if err != nil {
		return nil, s.unread(err)
	}
	s.wanted.Version, s.wanted.Themes = server.Version, server.Themes
	if s.wanted.Version == "" {
		s.wanted.Version = cfg.Keycloak.Version
	}
	if bridge.Newest.Before(bridge.ParseRelease(s.wanted.Version)) {
		s.say(config.Say("Keycloak %s is newer than any that this program was tried with", "Keycloak %s は、動作確認済みの版より新しいものです").With(s.wanted.Version))
	}
	return s, s.read(ctx)
}

func (s *session) read(ctx context.Context) (err error) {
	s.state, err = realm.Read(ctx, s.client, s.wanted)
	return s.unread(err)
}

// unread is why nothing can be read, in the reader's language where that is what happens most; what a system or Keycloak says of it stays as it says that.
func (s *session) unread(err error) error {
	if away, ok := errors.AsType[*adminapi.AwayError](err); ok {
		return errors.New(config.Say("nothing answers at %s: look at keycloak.url, DNS, the certificate and what stands between (%v)",
			"%s から応答がありません。keycloak.url、DNS、証明書、途中の経路を確認してください（%v）").With(s.client.URL, away.Err).In(s.lang))
	}
	if said, ok := errors.AsType[*adminapi.StatusError](err); ok {
		words := config.Say("%s fails to answer: look at its log (%v)", "%s が正しく応答しません。サーバーのログを確認してください（%v）").With(s.client.URL, err)
		if said.Status == http.StatusNotFound {
			words = config.Say("%s does not know realm %s, or not all of it: look at keycloak.url and keycloak.realm (%v)",
				"%s にレルム %s、またはその一部がありません。keycloak.url と keycloak.realm を確認してください（%v）").With(s.client.URL, s.client.Realm, err)
		}
		return errors.New(words.In(s.lang))
	}
	return err
}

// about is the realm that is looked at, as an undo file names it.
func (s *session) about() journalHead {
	return journalHead{s.wanted.Realm, s.state.Setting("id"), s.client.URL}
}

// plan compares the realm with a safe one, and says when no administrator would get in. A realm is finished when the doctor finds nothing deadly.
func (s *session) plan(ctx context.Context, lockOut bool) (plan realm.Plan, err error) {
	plan = s.state.Plan(s.wanted)
	if plan.Empty() {
		plan.Obstacles, err = s.state.Leftover(ctx, s.client, s.wanted)
		return plan, err
	}
	if !plan.LocksOut || lockOut || len(plan.Obstacles) > 0 {
		return plan, nil
	}
	people, err := realm.Administrators(ctx, s.client)
	if err != nil {
		return plan, err
	}
	left := len(people) == 0 // they sign in at another realm
	names := ""
	for _, a := range people {
		left = left || a.GetsIn(plan.SecondFactors)
		names += " " + a.Name
	}
	if !left {
		plan.Obstacles = append(plan.Obstacles, realm.Obstacle{Kind: realm.ObstacleAdministrators, What: names[1:]})
	}
	return plan, nil
}

// realmPlanCmd is `otpbridge realm plan`.
type realmPlanCmd struct {
	realmFlags
	wantFlags
}

// errDiffers is the end of a plan that is not empty; what it says stands in the result.
var errDiffers = errors.New("differs")

// Run shows how the realm differs from a safe one.
func (c realmPlanCmd) Run(ctx context.Context, p process) error {
	s, err := c.open(ctx, p, c.wantFlags)
	if err != nil {
		return err
	}
	plan, err := s.plan(ctx, false)
	if err != nil {
		return err
	}
	if err := s.show(plan); err != nil {
		return err
	}
	if !plan.Empty() {
		return errDiffers
	}
	return s.sayGate()
}

// realmApplyCmd is `otpbridge realm apply`.
type realmApplyCmd struct {
	realmFlags
	wantFlags
	UndoFile                         string `placeholder:"FILE" help:"help_realm_undo_file"`
	WithoutAdministratorSecondFactor bool   `help:"help_realm_lock_out"`
}

// Run makes the realm safe.
func (c realmApplyCmd) Run(ctx context.Context, p process) error {
	s, err := c.open(ctx, p, c.wantFlags)
	if err != nil {
		return err
	}
	plan, err := s.plan(ctx, c.WithoutAdministratorSecondFactor)
	if err != nil {
		return err
	}
	if err := s.show(plan); err != nil {
		return err
	}
	if len(plan.Obstacles) > 0 {
		return errDiffers
	}
	if !plan.Empty() {
		if err := c.change(ctx, s, plan); err != nil {
			return err
		}
	}
	return s.sayGate()
}

// change does what the plan says, and looks whether that was enough.
func (c realmApplyCmd) change(ctx context.Context, s *session, plan realm.Plan) (err error) {
	file := c.UndoFile
	if file == "" {
		file = "otpbridge-undo-" + s.wanted.Realm + ".jsonl"
	}
	j, began, err := openJournal(file, s.about())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	s.sayElsewhere(file, began)
	if err := s.run(j.note).Do(ctx, plan.Changes()); err != nil {
		return errors.Join(err, errors.New(config.Say("what came before is done and stands in %s: run apply again, or undo it", "それより前の変更は完了し、%s に記録されています。もう一度 apply を実行するか、undo で元に戻してください").
			With(file).In(s.lang)))
	}
	s.say(config.Say("the former values stand in %s: otpbridge realm undo %s", "変更前の値は %s にあります: otpbridge realm undo %s").With(file, file))
	if err := s.read(ctx); err != nil {
		return err
	}
	left, err := s.plan(ctx, true)
	if err != nil {
		return err
	}
	if !left.Empty() {
		return errors.Join(errors.New(config.Say("after that the realm still differs:", "変更後も差分が残っています:").In(s.lang)), s.show(left))
	}
	return nil
}

// realmUndoCmd is `otpbridge realm undo`.
type realmUndoCmd struct {
	realmFlags
	File string `arg:"" help:"help_realm_undo_from"`
	Yes  bool   `help:"help_yes"`
}

// Run takes back what apply did, the last change first.
func (c realmUndoCmd) Run(ctx context.Context, p process) error {
	s, err := c.open(ctx, p, wantFlags{})
	if err != nil {
		return err
	}
	began, noted, err := readJournal(c.File, s.about())
	if err != nil {
		return err
	}
	s.sayElsewhere(c.File, began)
	undo, kept := s.state.Undo(noted, s.wanted)
	if err := s.showUndo(undo, kept); err != nil {
		return err
	}
	if len(undo) == 0 {
		return nil
	}
	if !c.Yes {
		s.say(config.Say("nothing was changed; --yes does it", "何も変更していません。実行するには --yes を付けてください"))
		return errDiffers
	}
	return s.run(func(realm.Change) error { return nil }).Do(ctx, undo)
}
