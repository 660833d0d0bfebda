package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/mail"
	"otpbridge/bridge/realm"
	"otpbridge/bridge/store"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/control"
	"otpbridge/oidc"
)

// Administrator is a client with more rights than the service account, for one run.
type Administrator struct {
	ID     string
	Secret bridge.Secret
	Realm  string // that it belongs to; "": the one that is looked at
}

// Doctor looks at everything that a configuration stands on, from outside a running service.
type Doctor struct {
	Config        config.Config
	Administrator *Administrator // nil: what the service account may not see is not checked
	LookOnly      bool           // what the administrator's client saw is handed to nobody, and the report says so
	Resolver      mail.Resolver  // nil: the system's
	Now           func() time.Time
	Log           *slog.Logger
}

// parts are what the checks look through.
type parts struct {
	cfg   config.Config
	kc    *keycloak.Client // the service account
	admin *keycloak.Client // whoever sees most: the administrator, or the service account
	party *oidc.RelyingParty
	look  func(context.Context) error // discovery
	state func(context.Context) (*realm.State, error)
	now   func() time.Time

	administrator string // whose client admin is, "" for the service account's
}

// Run carries out all checks, each within limit, and makes the guard of the service that runs here look again. What an administrator's client saw is remembered
// where `serve` finds it; kept says whether that could be done.
func (d Doctor) Run(ctx context.Context, limit time.Duration) (report doctor.Report, kept, err error) {
	p, err := d.open()
	if err != nil {
		return report, nil, err
	}
	queue, err := mail.New(mailConfig(d.Config, d.Now, d.Log))
	if err != nil {
		return report, nil, err
	}
	if d.Resolver == nil {
		d.Resolver = net.DefaultResolver
	}
	held, closeStore := d.openStore(ctx)
	defer func() { err = errors.Join(err, closeStore()) }()
	checks := slices.Concat(p.realmChecks(), p.peopleChecks(), p.kc.Checks(p.asked()), p.lockChecks(), p.fileChecks(), queue.Checks(d.Resolver), held.checks(),
		[]bridge.Check{{Name: "base-url", Run: p.checkBase}})
	if d.Administrator != nil {
		checks = append(checks, realm.PlanCheck(keycloak.RealmCalls{Client: p.admin}, p.admin.Version, p.realmAsked()))
	}
	report = doctor.Run(ctx, checks, limit, d.Now)
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	switch {
	case d.LookOnly:
		report.Results = append(report.Results, doctor.Result{Check: "doctor", Findings: []bridge.Finding{bridge.Found(bridge.FindDoctorLooked, "")}})
	case d.Administrator != nil:
		kept = held.remember(keep, report)
		of := doctor.Result{Check: "doctor"}
		if kept != nil {
			of.Findings = []bridge.Finding{bridge.Found(bridge.FindDoctorUnkept, "")}
		}
		report.Results = append(report.Results, of)
	case held.service != nil:
		_ = held.service.Look(keep) // every so often it does so by itself
	}
	return report, kept, nil
}

func (d Doctor) open() (p parts, err error) {
	p = parts{cfg: d.Config, now: d.Now}
	if p.kc, err = Keycloak(d.Config, d.Now, d.Log); err != nil {
		return p, err
	}
	p.admin = p.kc
	if a := d.Administrator; a != nil {
		c := keycloakConfig(d.Config, d.Now, d.Log)
		p.administrator = a.ID
		c.ClientID, c.Secret, c.Keys, c.Administrator, c.TokenRealm = a.ID, a.Secret, nil, true, a.Realm
		if p.admin, err = keycloak.New(c); err != nil {
			return p, err
		}
	}
	if p.party, err = relyingParty(d.Config, d.Now, d.Log); err != nil {
		return p, err
	}
	p.look, p.state = once(p.party.Look), p.reading()
	return p, nil
}

// once makes all checks share one look. The first one's context counts: they begin together and have the same limit.
func once(look func(context.Context) error) func(context.Context) error {
	var do sync.Once
	var err error
	return func(ctx context.Context) error {
		do.Do(func() { err = look(ctx) })
		return err
	}
}

func (p parts) asked() keycloak.Asked {
	return keycloak.Asked{GateGroup: p.cfg.SignIn.GateGroup, PolicyGroups: p.cfg.PolicyGroups(), Administrator: p.admin}
}

// realmChecks look at the realm, which is read once for all of them.
func (p parts) realmChecks() []bridge.Check { return realm.Checks(p.state, p.realmAsked()) }

// peopleChecks look at who holds what, which may take long in a large realm.
func (p parts) peopleChecks() []bridge.Check {
	return realm.PeopleChecks(keycloak.RealmCalls{Client: p.admin}, p.state, p.realmAsked())
}

// reading reads the realm once for all checks.
func (p parts) reading() func(context.Context) (*realm.State, error) {
	var s *realm.State
	read := once(func(ctx context.Context) error {
		s = realm.ReadInUse(ctx, keycloak.RealmCalls{Client: p.admin}, p.cfg.WantedRealm())
		return nil
	})
	return func(ctx context.Context) (*realm.State, error) {
		err := read(ctx)
		return s, err
	}
}

func (p parts) realmAsked() realm.Asked {
	c := p.cfg
	return realm.Asked{
		Administrator: p.administrator, Wanted: c.WantedRealm(), Reset: c.Keycloak.Reset, Codes: c.Recovery.Codes, EventTypes: keycloak.EventTypes(),
		LookBack: c.Rules().LookBack(), Local: bridge.Loopback(c.BaseURL.Hostname()),
	}
}

// lockChecks look at discovery, and try what Keycloak has to refuse.
func (p parts) lockChecks() []bridge.Check {
	try := func(name string, id bridge.FindingID, attempt func(context.Context) (oidc.Attempt, error)) bridge.Check {
		return bridge.Check{Name: name, Deadly: true, Run: func(ctx context.Context) ([]bridge.Finding, error) {
			if err := p.look(ctx); err != nil {
				return nil, err
			}
			switch got, err := attempt(ctx); {
			case err != nil:
				return p.refusal(ctx, err)
			case got == oidc.Unclear:
				return nil, bridge.NotChecked(bridge.UncheckedUnknown, accountConsole)
			case got == oidc.Taken:
				return []bridge.Finding{bridge.Found(id, objectOf(id))}, nil
			}
			return nil, nil
		}}
	}
	redirect := p.cfg.SignIn.Issuer + "/account/"
	return []bridge.Check{
		{Name: "discovery", Run: p.checkDiscovery},
		try("par-plain", bridge.FindParPlain, p.party.AttemptUnpushed),
		try("par-extra", bridge.FindParExtra, p.party.AttemptExtra),
		try("par-scope", bridge.FindParScope, func(ctx context.Context) (oidc.Attempt, error) {
			return p.party.AttemptScope(ctx, accountConsole, redirect)
		}),
	}
}

// refusal says why our own request was refused, where that can be told: Keycloak refuses the client itself, or does not know the recovery scope, which the
// safe flow's conditions rest on and the service account cannot see.
func (p parts) refusal(ctx context.Context, refusal error) ([]bridge.Finding, error) {
	if code := oidc.ClientRefused(refusal); code != "" {
		return []bridge.Finding{bridge.Found(bridge.FindLoginRefused, p.cfg.SignIn.ClientID, "code", code, "realm", p.cfg.Keycloak.Realm)},
			bridge.NotChecked(bridge.UncheckedRefused, p.cfg.SignIn.ClientID+": "+code)
	}
	if oidc.CodeOf(refusal) != oidc.CodePush {
		return nil, refusal
	}
	if lacks, err := p.party.LacksScope(ctx); err != nil || !lacks {
		return nil, refusal
	}
	return []bridge.Finding{bridge.Found(bridge.FindScopeMissing, p.cfg.SignIn.RecoveryScope)}, nil
}

// accountConsole is a client that every realm has.
const accountConsole = "account-console"

func objectOf(id bridge.FindingID) string {
	if id == bridge.FindParScope {
		return accountConsole
	}
	return ""
}

func (p parts) checkDiscovery(ctx context.Context) ([]bridge.Finding, error) {
	err := p.look(ctx)
	switch e, _ := errors.AsType[*oidc.Error](err); {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case oidc.Foreign(err) != "":
		return []bridge.Finding{bridge.Found(bridge.FindIssuerForeign, p.cfg.SignIn.Issuer, "answer", oidc.Foreign(err), "realm", p.cfg.Keycloak.Realm)}, nil
	case e != nil && e.Code == oidc.CodeIssuer:
		return []bridge.Finding{bridge.Found(bridge.FindIssuerDiffers, "", "issuer", p.cfg.SignIn.Issuer)}, nil
	}
	return []bridge.Finding{bridge.Found(bridge.FindIssuerAway, "")}, nil
}

// storePatience is how long the store may take to keep what was seen.
const storePatience = 5 * time.Second

// holder is the way to the store: through the service that runs here, or by opening it.
type holder struct {
	service *control.Client // nil: none runs here
	store   *store.Store    // nil: it could not be opened
	err     error           // why not
	cfg     config.Config
	now     func() time.Time
}

// openStore asks the service that runs here, or opens the store. A file that does not exist is not made.
func (d Doctor) openStore(ctx context.Context) (h holder, closing func() error) {
	nothing := func() error { return nil }
	h.cfg, h.now = d.Config, d.Now
	client := control.NewClient(d.Config.ControlSocket)
	if _, err := client.Check(ctx, "store"); err == nil {
		h.service = client
		return h, nothing
	}
	if d.Config.Store.Redis == nil && !exists(d.Config.Store.Bolt) {
		h.err = bridge.NotChecked(bridge.UncheckedRights, "serve")
		return h, nothing
	}
	c := storeConfig(d.Config, d.Now, d.Log)
	c.Look = true
	h.store, h.err = store.Open(ctx, c)
	if h.err != nil {
		return h, nothing
	}
	return h, h.store.Close
}

// checks are those for which the store is needed.
func (h holder) checks() []bridge.Check {
	if h.service != nil {
		return h.remote("store", "gate-members", "replicas")
	}
	serves := func(name string) bridge.Check {
		return bridge.Check{Name: name, Run: func(context.Context) ([]bridge.Finding, error) {
			return nil, bridge.NotChecked(bridge.UncheckedRights, "serve")
		}}
	}
	if h.store != nil {
		return []bridge.Check{h.store.Check(), serves("gate-members"), replicasCheck(h.store, h.cfg.Base(), h.now)}
	}
	return []bridge.Check{serves("gate-members"), serves("replicas"), {Name: "store", Run: func(context.Context) ([]bridge.Finding, error) {
		if errors.Is(h.err, store.ErrLocked) {
			return nil, bridge.NotChecked(bridge.UncheckedUnknown, "store")
		}
		if u, ok := errors.AsType[*bridge.Unchecked](h.err); ok {
			return nil, u
		}
		return []bridge.Finding{bridge.Found(bridge.FindStoreAway, "")}, nil
	}}}
}

// remote are checks that the service carries out.
func (h holder) remote(names ...string) (checks []bridge.Check) {
	for _, name := range names {
		checks = append(checks, bridge.Check{Name: name, Run: func(ctx context.Context) ([]bridge.Finding, error) {
			report, err := h.service.Check(ctx, name)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(report.Results, func(r doctor.Result) bool { return r.Check == name })
			if i < 0 {
				return nil, fmt.Errorf("the service does not know the check %s", name)
			}
			if r := report.Results[i]; r.Unchecked != nil {
				return r.Findings, r.Unchecked
			}
			return report.Results[i].Findings, nil
		}})
	}
	return checks
}

// remember keeps what was seen with an administrator's rights.
func (h holder) remember(ctx context.Context, report doctor.Report) error {
	switch {
	case h.service != nil:
		return h.service.Remember(ctx, seenIn(h.cfg), report)
	case h.store != nil:
		return remember(ctx, h.store, seenIn(h.cfg), report)
	}
	return errors.New("neither a running service nor a store")
}

// seenLife is how long the last report with an administrator's rights is kept.
const seenLife = 400 * 24 * time.Hour

// seenIn is the issuer that such a report is about, under which it is kept: it says nothing of another one that a changed configuration leads to. Whoever asks
// may know Keycloak by another address.
func seenIn(cfg config.Config) string { return cfg.SignIn.Issuer }

func seen(s *store.Store) *store.Typed[doctor.Report] {
	return store.NewTyped[doctor.Report](s.KV, store.Kind{Name: "doctor", Version: 1})
}

// remember keeps what was seen in a realm, beside what a run that saw less had seen before.
func remember(ctx context.Context, s *store.Store, of string, report doctor.Report) error {
	_, err := seen(s).Update(ctx, of, seenLife, func(before doctor.Report, _ bool) (doctor.Report, error) {
		return report.Keep(before), nil
	})
	return err
}
