package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// MAIL-11: two choices, none of them preset; the number is asked for and stands neither on the page nor in the address.
func TestTheVetoPageAsksForAChoiceAndANumber(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	newPerson(t, c).ask("alice")
	mail := lastLink(t, c)
	p := newPerson(t, c)
	p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
	p.at("/veto")
	if strings.Contains(p.Body, mail.Objection) || strings.Contains(mail.Veto.Reveal(), mail.Objection) || strings.Contains(p.Body, "alice") {
		t.Error("the page or the address tells the number, or whose it is")
	}
	doc, err := html.Parse(strings.NewReader(p.Body))
	p.must(err)
	choices, numbers := 0, 0
	for n := range doc.Descendants() {
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
		}
		_, checked := attrs["checked"]
		switch {
		case attrs["name"] == "choice" && attrs["type"] == "radio" && !checked:
			choices++
		case attrs["name"] == "number" && attrs["value"] == "":
			numbers++
		case checked, attrs["type"] == "hidden" && attrs["name"] == "number":
			t.Errorf("preset: %v", attrs)
		}
	}
	if choices != 2 || numbers != 1 {
		t.Errorf("%d choices, %d numbers", choices, numbers)
	}
	p.open("/veto/"+bridge.NewToken().Reveal(), http.StatusOK)
	if !strings.Contains(p.Body, `name="number"`) {
		t.Error("an unknown veto link has another page")
	}
}

// MAIL-11, POL-05: what stops a request and what does not; nobody signs in for it.
func TestWhatAVetoNeeds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, choice string
		number       func(right string) string
		status       int
		vetoed       bool
	}{
		{"right", "stop", func(s string) string { return s }, http.StatusOK, true},
		{"right, spaced and wide", "stop", func(s string) string { return " " + wide(s[:3]) + "-" + s[3:] }, http.StatusOK, true},
		{"kept", "keep", func(s string) string { return s }, http.StatusOK, false},
		{"no choice", "", func(s string) string { return s }, http.StatusUnprocessableEntity, false},
		{"another choice", "STOP", func(s string) string { return s }, http.StatusUnprocessableEntity, false},
		{"no number", "stop", func(string) string { return "" }, http.StatusUnprocessableEntity, false},
		{"wrong number", "stop", wrongNumber, http.StatusUnprocessableEntity, false},
		{"too many digits", "stop", func(s string) string { return s + "0" }, http.StatusUnprocessableEntity, false},
		{"part of it", "stop", func(s string) string { return s[:5] }, http.StatusUnprocessableEntity, false},
		{"letters", "stop", func(string) string { return "abcdef" }, http.StatusUnprocessableEntity, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			holder := newPerson(t, c)
			holder.ask("alice")
			mail := lastLink(t, c)
			holder.redeem("alice")
			p := newPerson(t, c)
			p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
			p.send("/veto", test.status, "choice", test.choice, "number", test.number(mail.Objection))
			r := recovery(t, c, "alice")
			if vetoed := r.State == bridge.Ended && r.End == bridge.EndVetoed; vetoed != test.vetoed || (!vetoed && r.State != bridge.Proven) {
				t.Errorf("the recovery is %s %s", r.State, r.End)
			}
			if test.status == http.StatusUnprocessableEntity && !strings.Contains(p.Body, "<title>Error:") {
				t.Error("the title does not say that something is wrong")
			}
			if !test.vetoed {
				holder.finish()
				return
			}
			a := post("/enrol", holder.session(), holder.token(), "do", "confirm", "code", "123456").to(t, c)
			if a.status != http.StatusConflict || strings.Contains(get("/enrol", holder.session()).to(t, c).body, "otpauth") {
				t.Errorf("the holder goes on: %d", a.status)
			}
			if len(c.Mails(bridge.NoticeCancelled)) == 0 {
				t.Error("nobody was told")
			}
		})
	}
}

func wide(digits string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, digits)
}

func wrongNumber(right string) string {
	return right[1:] + string('0'+(right[0]-'0'+1)%10)
}

// The number cannot be guessed: five wrong ones, in however many browsers at once, end the veto link of that mail; the owner is not kept out.
func TestTheObjectionNumberCannotBeGuessed(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, func(t *testing.T, c *campus.Campus) {
		owner := guessesTheNumber(t, c)
		owner.redeem("alice")
		owner.finish()
	})
}

// The next mail has its own number and count.
func TestEachMailHasItsOwnObjectionNumber(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	owner := guessesTheNumber(t, c)
	c.Clock.Add(61 * time.Second)
	owner.send("/recovery", http.StatusOK, "do", "resend")
	next := lastLink(t, c)
	p := newPerson(t, c)
	p.open("/veto/"+next.Veto.Reveal(), http.StatusOK)
	p.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", wrongNumber(next.Objection))
	owner.redeem("alice")
	owner.finish()
}

// guessesTheNumber is somebody who asked for a link, and whose objection number others guess, twenty at once.
func guessesTheNumber(t *testing.T, c *campus.Campus) *person {
	t.Helper()
	owner := newPerson(t, c)
	owner.ask("alice")
	mail := lastLink(t, c)
	wrong := wrongNumber(mail.Objection)
	answered := map[int]int{}
	results := make(chan int)
	const guesses = 20
	for range guesses {
		p := newPerson(t, c)
		p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
		q := post("/veto", p.session(), p.token(), "choice", "stop", "number", wrong)
		go func() {
			a, _ := q.try(t.Context(), c)
			results <- a.status
		}()
	}
	for range guesses {
		answered[<-results]++
	}
	if answered[http.StatusUnprocessableEntity] != bridge.MaxObjections || answered[http.StatusNotFound] != guesses-bridge.MaxObjections {
		t.Errorf("answers %v", answered)
	}
	return owner
}
