package config

import (
	"fmt"
	"strconv"
	"time"

	"otpbridge/bridge"
)

// figure is one number that the product rests on: its default, its bounds and why they stand where they stand. A figure whose Key is
// set can be configured within its bounds; the others are fixed. This table feeds the parser and docs/configuration.md.
type figure struct {
	Name    string
	Key     string // of the configuration; empty: fixed
	Default int64
	Floor   int64
	Cap     int64
	Unit    unit
	Reason  string
}

// unit says what a figure counts.
type unit string

const (
	nanoseconds unit = "duration"
	count       unit = "count"
	octets      unit = "bytes"
)

func span(d time.Duration) int64 { return int64(d) }

// An answer of Keycloak about the realm counts for as long as GuardMisses looks of the realm guard take, and for GuardLasts at least.
const (
	GuardMisses = 3
	GuardLasts  = time.Minute
)

// figures returns the table.
func figures() []figure {
	return append(configurable(), fixed()...)
}

func configurable() []figure {
	return []figure{
		{"link life", "recovery.link_life", span(30 * time.Minute), span(5 * time.Minute), span(24 * time.Hour), nanoseconds,
			"Mail is often minutes late; a link in a mailbox is worth stealing, so it dies within a day."},
		{"key life", "recovery.key_life", span(bridge.ProofLife), span(5 * time.Minute), span(bridge.ProofLife), nanoseconds,
			"A proven recovery that nobody finishes is an open door; one press gives the same time again."},
		{"time between two looks of the realm guard", "guard_every", span(5 * time.Minute), span(5 * time.Second), span(5 * time.Minute), nanoseconds,
			"A look is some thirty calls to Keycloak; longer than this an unsafe realm would stand open."},
		{"password age", "keycloak.password_age", span(72 * time.Hour), span(24 * time.Hour), span(720 * time.Hour), nanoseconds,
			"Whoever had the password reset may be a thief: the owner gets days to notice."},
		{"Redis database", "store.redis.database", 0, 0, 15, count,
			"A server has 16 databases unless it is told otherwise."},
		{"approvals", "policies[].approvals", 1, 1, 2, count,
			"Two people who know each other's work catch what one overlooks; a third would only be waited for."},
		{"checks of one approval", "policies[].checks", 1, 1, 5, count,
			"At least one thing was done to know the person; more than a few are ticked without looking."},
		{"delay of a policy", "policies[].delay", 0, 0, span(72 * time.Hour), nanoseconds,
			"Time for the owner to read a notice and to object; longer than a weekend keeps people from their work."},
	}
}

func fixed() []figure {
	same := func(name string, n int64, u unit, reason string) figure { return figure{name, "", n, n, n, u, reason} }
	return []figure{
		same("looks of the realm guard without an answer", GuardMisses, count, "What was seen before, and more than 1m ago, counts no more: new recoveries wait. Keycloak starts anew in less."),
		same("wait after the link", span(bridge.WaitAfterLink), nanoseconds, "A link opened in its last minute can still be followed to the end."),
		same("sign-in life", span(bridge.SignInLife), nanoseconds, "No recovery starts from, no link is redeemed by, and no key is shown to an older sign-in."),
		same("tries for one key", bridge.KeyTries, count, "Five wrong codes discard a key; with a window of three steps a guess hits three times in a million."),
		same("extensions of one proof", bridge.MaxExtensions, count, "WCAG 2.2.1 asks for at least ten."),
		same("sign-ins in 24 h beside ten failed direct grants", bridge.MaxResets, count, "Of a direct grant Keycloak does not say which was wrong. So often a recovery with a second try gets through although somebody types wrong passwords there; after that the gate stays shut."),
		same("wrong second factors in 24 h", bridge.MaxWrongCodes, count, "From here on the gate stays shut: a password-only sign-in resets Keycloak's own counters."),
		same("life of a temporary code", span(bridge.TemporaryLife), nanoseconds, "From today to tomorrow morning; a session that it opened is ended then, too."),
		same("temporary codes in a week", int64(bridge.LimitTemporary.Count), count, "Whoever needs more needs a second authenticator; each one is a chance for whoever has the password and reads the mail."),
		same("memory of address and password changes", span(bridge.HistorySpan), nanoseconds, "An address changed since then gets no link."),
		same("call code life", span(bridge.CallCodeLife), nanoseconds, "Long enough to be read out on the telephone; then the page shows another one."),
		same("digits of a call code", bridge.CallCodeDigits, count, "NIST asks for at least six; two groups of four are read out easily."),
		same("life of a request at the help desk", span(bridge.DeskLife), nanoseconds, "One press adds the same again."),
		same("longest life of a request at the help desk", span(bridge.DeskMax), nanoseconds, "One working day."),
		same("idle case of an operator", span(bridge.CaseIdle), nanoseconds, "A desk that was left shows nobody's data for long."),
		same("wrong call codes that end a request", bridge.MaxWrongCalls, count, "By at least two operators, so that no caller ends somebody else's request with one of them."),
		same("pairs of match words to pick from", bridge.MatchChoices, count, "Somebody who only guesses is right once in six times, and a wrong pick ends the call-back. After two no call-back counts for the person for a day, in a new request neither."),
		same("presses at the ID page, per client address and minute", int64(bridge.LimitAddress.Count), count, "A campus behind one address gets through; a program does not get far."),
		same("presses at the ID page, of all and per minute", int64(bridge.LimitService.Count), count, "Each may cost Keycloak a handful of calls."),
		same("user names that nobody signed in with, per client address and hour", bridge.NewNames, count, "A finished sign-in is taken off again: people behind one address do not count, whoever tries out names does."),
		same("the same in `campus_networks`", bridge.CampusNames, count, "A whole building may stand behind one address, or behind one /64 of IPv6."),
		same("sign-in that opens the settings", span(bridge.SettingsLife), nanoseconds, "Whoever finds a browser that was left open reads and changes nothing there. What was begun goes on after another sign-in, for as long as it lasts by itself."),
		same("notification addresses of a person", bridge.MaxAddresses, count, "One to lose, one to keep, one for a change; each is a way in that somebody has to look after."),
		same("life of a confirmation number", span(bridge.AddressAskLife), nanoseconds, "Mail that is late can still be confirmed tomorrow."),
		same("tries for one confirmation number", bridge.AddressTries, count, "Of a hundred million numbers, five are nothing; another mail begins anew, and mails are limited."),
		same("lines of a person's history", bridge.JournalMost, count, "Of what changed something, and as many of what did not: attempts, for which the password is enough, drive out nothing else."),
		same("age of a line of a person's history", span(bridge.JournalLife), nanoseconds, "A year shows what nobody noticed when it happened; what is older is in the audit trail."),
		same("password in a file", minSecret, octets, "A shorter one is a mistake or can be guessed."),
		same("name in the authenticator app", maxIssuer, count, "The name is part of the QR code, which grows with it."),
	}
}

// figureOf returns the figure of a key; ok is false when the key has none.
func figureOf(key string) (f figure, ok bool) {
	for _, f := range configurable() {
		if f.Key == key {
			return f, true
		}
	}
	return figure{}, false
}

// text writes n in the figure's unit, as the configuration would.
func (f figure) text(n int64) string {
	switch f.Unit {
	case nanoseconds:
		return DurationText(time.Duration(n))
	case octets:
		return strconv.FormatInt(n, 10) + " bytes"
	default:
		return strconv.FormatInt(n, 10)
	}
}

// bounds says in words what is allowed.
func (f figure) bounds() Words {
	return Words{"%s to %s", "%s から %s まで"}.With(f.text(f.Floor), f.text(f.Cap))
}

// refuse says why n is outside the bounds, nil when it is not.
func (f figure) refuse(n int64) *Words {
	switch {
	case n < f.Floor:
		return bad(Words{"is below the floor of %s", "は下限 %s より小さい値です"}.With(f.text(f.Floor)))
	case n > f.Cap:
		return bad(Words{"is above the cap of %s", "は上限 %s を超えています"}.With(f.text(f.Cap)))
	}
	return nil
}

// DurationText writes a duration without parts that are zero: 30m, 1h30m, 72h.
func DurationText(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	out := ""
	for _, part := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / part.size; n > 0 {
			out += fmt.Sprintf("%d%s", n, part.name)
			d -= n * part.size
		}
	}
	return out
}
