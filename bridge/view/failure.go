package view

import (
	"html/template"
	"time"

	"otpbridge/bridge"
)

// Failure is the page for an error: every code of bridge and of this package has its words here. The status is the caller's.
type Failure struct {
	Frame
	Code      bridge.Code
	Until     time.Time // too_many, slow_down: from when it works again; zero: not said
	KeptUntil time.Time // keycloak_away, store_away, mail_away: until when the open recovery is kept; zero: not said
	Again     string    // path for "try again"; empty: the page itself (Frame.Path), or the start page
	Owner     bool      // link_invalid: the signed-in owner has an open request, the button sends a new link at once
	Paused    string    // paused: the administrator's own words in the page's language; empty: ours
}

func (Failure) template() string { return "failure" }

// action is what the button of an error page does.
type action int

const (
	actHome     action = iota // to the start page
	actAgain                  // the same page again
	actStart                  // begin again: the ID page
	actSignOut                // POST /signout
	actLink                   // a new link: POST do=resend for the owner, else the ID page
	actRequest                // GET /recovery
	actDesk                   // GET /desk
	actSettings               // GET /settings
)

// failure is an error in words.
type failure struct {
	title, text string
	act         action
	button      string
	desk        bool // the help desk is the way on: said in so many words
}

var (
	away    = failure{"error.upstream.title", "error.upstream.text", actAgain, "error.upstream.action", false}
	refused = func(text string) failure {
		return failure{"request.refused.title", text, actHome, "common.home", true}
	}
)

// failures has the words for every code that can end on an error page.
var failures = map[bridge.Code]failure{
	bridge.CodeInternal:     {"error.generic.title", "error.generic.text", actAgain, "error.generic.action", false},
	bridge.CodeAbsent:       {"error.notfound.title", "error.notfound.text", actHome, "error.notfound.action", false},
	bridge.CodeKeycloakAway: away,
	bridge.CodeStoreAway:    {"error.store.title", "error.store.text", actAgain, "error.upstream.action", false},
	bridge.CodeMailAway:     {"error.mail.title", "error.mail.text", actAgain, "error.upstream.action", false},
	bridge.CodeAuditFull:    {"error.audit.title", "error.audit.text", actAgain, "error.upstream.action", false},
	bridge.CodeTooMany:      {"error.many.title", "error.many.text", actHome, "common.home", false},
	bridge.CodeSlowDown:     {"error.many.title", "error.many.text", actAgain, "error.upstream.action", false},

	bridge.CodeGone:             refused("refused.gone"),
	bridge.CodeDisabled:         refused("refused.disabled"),
	bridge.CodeLocked:           refused("refused.locked"),
	bridge.CodePendingAction:    refused("refused.pending_action"),
	bridge.CodeNotAllowed:       refused("request.refused.text"),
	bridge.CodeAdministrator:    refused("request.refused.text"),
	bridge.CodeDeskOnly:         refused("refused.desk_only"),
	bridge.CodeNoAddress:        refused("refused.no_address"),
	bridge.CodeAddressUnproven:  refused("refused.address_unproven"),
	bridge.CodeAddressCampus:    refused("refused.address_campus"),
	bridge.CodeAddressChanged:   refused("refused.address_changed"),
	bridge.CodePasswordRecent:   refused("refused.password_recent"),
	bridge.CodeWrongCodes:       refused("refused.wrong_codes"),
	bridge.CodeTooManyBad:       refused("refused.too_many_codes"),
	bridge.CodeRefusedByAccount: refused("refused.by_account"),
	bridge.CodePasswordChanged:  {"refused.password_changed.title", "refused.password_changed.text", actStart, "error.login.action", false},
	bridge.CodeLoggedOut:        {"error.session.title", "refused.logged_out", actStart, "error.session.action", false},
	bridge.CodeRealmUnsafe:      {"error.unsafe.title", "error.unsafe.text", actHome, "common.home", true},
	bridge.CodeOTPPolicy:        {"error.unsafe.title", "error.unsafe.text", actHome, "common.home", true},
	bridge.CodeNoAuthenticator:  {"temp.none.title", "temp.none.authenticator", actHome, "common.home", true},
	bridge.CodeRecovered:        {"error.recovered.title", "error.recovered.text", actSettings, "common.check_now", false},
	bridge.CodeTemporary:        {"error.temporary.title", "temp.blocked.text", actHome, "common.home", true},
	bridge.CodePaused:           {"error.paused.title", "error.paused.text", actHome, "common.home", true},

	bridge.CodeStaleSignIn: {"error.stale.title", "error.stale.text", actStart, "error.login.action", false},
	bridge.CodeWrongPerson: {"error.person.title", "error.person.text", actSignOut, "error.person.action", false},
	bridge.CodeActive:      {"request.active.title", "error.active.text", actRequest, "error.active.action", false},
	bridge.CodeNotOpen:     {"error.notopen.title", "error.notopen.text", actRequest, "common.continue", false},
	bridge.CodeNotHolder:   {"sent.elsewhere.title", "error.notholder.text", actRequest, "common.check_now", false},
	bridge.CodeExpired:     {"ended.expired.title", "ended.expired.text", actStart, "error.again.action", false},
	bridge.CodeLinkInvalid: {"error.link.title", "error.link.text", actLink, "error.link.action", false},
	bridge.CodeTooLate:     {"error.late.title", "error.late.text", actRequest, "common.check_now", true},
	bridge.CodeKeyStopped:  {"enrol.stopped.title", "enrol.stopped.text", actRequest, "common.continue", false},

	bridge.CodeChangeOpen:   {"error.change.title", "error.change.text", actSettings, "common.check_now", false},
	bridge.CodeAddressFixed: {"settings.refused.title", "address.error.fixed", actSettings, "common.check_now", true},
	CodeNoFactor:            {"error.factor.title", "error.factor.text", actSettings, "error.login.action", false},

	bridge.CodePolicy:       refused("refused.policy"),
	bridge.CodeNotOperator:  {"error.forbidden.title", "error.operator.text", actHome, "common.home", false},
	bridge.CodeCaseClosed:   {"case.closed.title", "case.closed.text", actDesk, "case.next", false},
	bridge.CodeSelf:         {"case.refused.title", "case.refused.self", actDesk, "case.next", false},
	bridge.CodeSameOperator: {"case.refused.title", "case.refused.same", actDesk, "case.next", false},
	bridge.CodeDeskLocked:   {"desk.locked.title", "desk.locked.text", actDesk, "common.check_now", false},

	CodeSession:     {"error.session.title", "error.session.text", actStart, "error.session.action", false},
	CodeCookies:     {"error.cookies.title", "error.cookies.text", actStart, "error.cookies.action", false},
	CodeForbidden:   {"error.forbidden.title", "error.forbidden.text", actHome, "common.home", false},
	CodeFormExpired: {"error.form.title", "error.form.text", actAgain, "error.upstream.action", false},
	CodeNotFound:    {"error.notfound.title", "error.notfound.text", actHome, "error.notfound.action", false},
	CodeMethod:      {"error.method.title", "error.method.text", actHome, "error.notfound.action", false},
	CodeTooLarge:    {"error.large.title", "error.large.text", actAgain, "error.upstream.action", false},
	CodeMisdirected: {"error.misdirected.title", "error.misdirected.text", actHome, "", false},
	CodeNotReady:    {"error.notready.title", "error.notready.text", actAgain, "error.upstream.action", false},
	CodeSignIn:      {"error.login.title", "error.login.text", actStart, "error.login.action", false},
	CodeOtherPerson: {"error.other.title", "error.other.text", actStart, "error.again.action", false},
}

// timed are the texts that say from when on something works, and what is said instead when that is not known.
var timed = map[string]string{
	"error.many.text": "error.many.later", "enrol.error.slow": "error.many.later", "desk.locked.text": "desk.locked.later",
	"error.recovered.text": "error.recovered.later",
}

// words returns what to say for the page's code; an unknown code is a fault of ours.
func (p Failure) words() failure {
	f, ok := failures[p.Code]
	if !ok {
		return failures[bridge.CodeInternal]
	}
	switch {
	case p.Console:
		return p.toOperator(f)
	case p.Own:
		return p.toOwner(f)
	case p.Code == bridge.CodeChangeOpen: // somewhere else, where something waits for a change in the settings
		f.act = actAgain
	}
	return f
}

// toOwner says to somebody in front of their settings what f says to whoever re-registers.
func (p Failure) toOwner(f failure) failure {
	if f.act == actStart {
		f.act = actSettings
	}
	switch p.Code {
	case bridge.CodePasswordChanged:
		f.text = "settings.password_changed"
	case bridge.CodeRealmUnsafe, bridge.CodeOTPPolicy:
		f.title = "settings.unsafe"
	case bridge.CodeDeskOnly, bridge.CodeNotAllowed, bridge.CodeAdministrator, bridge.CodePolicy:
		f.text = "settings.desk_only"
	}
	if f.title == "request.refused.title" {
		f.title = "settings.refused.title"
	}
	return f
}

// toOperator says to an operator what f says to the person.
func (p Failure) toOperator(f failure) failure {
	switch {
	case p.Code == bridge.CodeLocked:
		return failure{"case.refused.title", "case.refused.locked", actDesk, "case.next", false}
	case f.title == "request.refused.title":
		return failure{"case.refused.title", "case.refused.account", actDesk, "case.next", false}
	case p.Code == bridge.CodePasswordChanged || p.Code == bridge.CodeLoggedOut:
		return failure{"case.closed.title", "case.changed.text", actDesk, "case.next", false}
	case f.act == actHome && p.Code != bridge.CodeNotOperator:
		f.act, f.button, f.desk = actDesk, "case.next", false
	}
	return f
}

func (p Failure) heading(l *locale) string { return l.text(p.words().title) }

// problemView is an error page as its template sees it.
type problemView struct {
	Text   template.HTML
	Kept   bool   // KeptUntil is said
	Hint   string // under the button
	Button string
	Post   string // form action; empty: a link
	Do     string // value of "do" in the form
	Href   string
	Desk   bool
}

// problem lays a Failure out.
func (l *locale) problem(p Failure) (problemView, error) {
	w := p.words()
	v := problemView{Kept: !p.KeptUntil.IsZero() && (w.act == actAgain), Desk: w.desk}
	if w.button != "" {
		v.Button = l.text(w.button)
	}
	var err error
	if v.Text, err = l.problemText(p, w); err != nil {
		return v, err
	}
	switch w.act {
	case actHome:
		v.Href = "/"
	case actStart:
		v.Href = "/start"
	case actRequest:
		v.Href = "/recovery"
	case actDesk:
		v.Href = "/desk"
	case actSettings:
		v.Href = "/settings"
	case actAgain:
		v.Href = first(p.Again, p.Path, "/")
	case actSignOut:
		v.Post = "/signout"
	case actLink:
		v.Href = "/start"
		if p.Owner {
			v.Post, v.Do = "/recovery", "resend"
		} else {
			v.Hint = l.text("error.link.action_hint")
		}
	}
	return v, nil
}

// problemText is the first sentence of the page.
func (l *locale) problemText(p Failure, w failure) (template.HTML, error) {
	switch {
	case p.Code == bridge.CodePaused && p.Paused != "":
		return template.HTML(escape(p.Paused)), nil //nolint:gosec // escaped
	case p.Until.IsZero() && timed[w.text] != "":
		return l.html(timed[w.text])
	case timed[w.text] != "":
		return l.html(w.text, "time", l.timeTag(p.Until, l.clocktime(p.Now, p.Until)))
	}
	return l.html(w.text)
}

// first returns the first argument that is not empty.
func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}
