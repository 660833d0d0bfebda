package web_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

var shownRevision = regexp.MustCompile(`data-revision="([^"]+)"`)

// revision is that of the waiting page.
func (p *person) revision() string {
	p.t.Helper()
	p.open("/recovery", http.StatusOK)
	m := shownRevision.FindStringSubmatch(p.Body)
	if m == nil {
		p.t.Fatalf("no revision on %s\n%s", p.URL, p.Body)
	}
	return m[1]
}

// HD-02, HD-14: other match words and another call code are told although the step stays the same; what the page shows anew is what was told.
func TestALivePageHearsOfOtherWordsAndCodes(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	mine := listens(t, c, c.URL, p.session())
	told := map[string]bool{}
	tells := func(step bridge.Step) {
		t.Helper()
		mine.tells(step)
		mark := <-mine.marks
		if told[mark+string(step)] {
			t.Errorf("%s %s was told before", step, mark)
		}
		told[mark+string(step)] = true
		if shown := p.revision(); shown != mark {
			t.Errorf("the page shows %s of %s, told was %s", shown, step, mark)
		}
	}
	tells(bridge.StepCall)
	p.send("/recovery", http.StatusOK, "do", "renew")
	tells(bridge.StepCall)
	carol.looksUp("somebody", p.reads())
	tells(bridge.StepChecking)
	for range 3 {
		carol.send("/desk/case", http.StatusOK, "do", "callback")
		tells(bridge.StepCallBack)
	}
	p.send("/recovery", http.StatusOK, "do", "cancel")
	p.open("/recovery", http.StatusOK)
	tells(bridge.StepEnded)
	first := p.revision()
	p.calls("somebody")
	if p.revision() == first {
		t.Error("another request has the revision of the one before")
	}
}

// A page that waits for its mail hears that it is delayed, was given up, or went out after all; of a mail that goes well it hears nothing.
func TestALivePageHearsWhatBecameOfItsMail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	mail := c.Mails(bridge.NoticeLink)[0]
	mine := listens(t, c, c.URL, p.session())
	mine.tells(bridge.StepWait)
	shown := <-mine.marks
	for _, step := range []struct {
		outcome bridge.MailOutcome
		says    string
		told    bool
	}{
		{bridge.MailHanded, "Mail sent.", false},
		{bridge.MailDelayed, "The mail is delayed", true},
		{bridge.MailDropped, "The mail was not sent", true},
		{bridge.MailHanded, "Mail sent.", true},
	} {
		if err := c.Flow.Mailed(t.Context(), mail.Person, mail.Link.Hash(), step.outcome); err != nil {
			t.Fatal(err)
		}
		if step.told {
			mine.tells(bridge.StepWait)
			if mark := <-mine.marks; mark == shown {
				t.Errorf("%s: %s was told before", step.outcome, mark)
			} else {
				shown = mark
			}
		}
		if now := p.revision(); now != shown {
			t.Errorf("%s: the page shows %s, told was %s", step.outcome, now, shown)
		}
		p.says(step.says)
	}
}

// SWAP-09: a page that waits for a swap or a lock says by itself that it takes longer than usual.
func TestALivePageHearsThatItTakesLonger(t *testing.T) {
	t.Parallel()
	for step, begin := range map[bridge.Step]func(t *testing.T) (*campus.Campus, *person, string){
		bridge.StepWriting: func(t *testing.T) (*campus.Campus, *person, string) {
			t.Helper()
			c := campus.Open(t)
			p := proven(t, c, member(c, "somebody"))
			key := p.scan()
			c.StopWork()
			p.confirm(p.code(key), http.StatusOK)
			return c, p, "somebody"
		},
		bridge.StepLocking: func(t *testing.T) (*campus.Campus, *person, string) {
			t.Helper()
			c, p, name, _ := lockBegun(t)
			return c, p, name
		},
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			c, p, name := begin(t)
			r := recovery(t, c, name)
			began := map[bridge.Step]time.Time{bridge.StepWriting: r.WritingAt, bridge.StepLocking: r.ProvenAt}[step]
			c.Clock.Stop()
			c.Clock.Add(began.Add(10*time.Second - time.Millisecond).Sub(c.Clock.Now()))
			s := listens(t, c, c.URL, p.session())
			s.tells(step)
			if now := p.revision(); now != <-s.marks {
				t.Error("the page shows another revision")
			}
			c.Clock.Add(time.Second)
			s.tells(step)
			if now := p.revision(); now != <-s.marks {
				t.Error("the page shows another revision when it takes longer")
			}
			p.says("It takes longer than usual. It goes on by itself, even if you close this page.")
		})
	}
}

// HD-10: a page that comes again takes the place of its earlier line, which may be dead without a word; other pages and other sessions keep theirs.
func TestAPageThatComesAgainTakesItsOwnPlace(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p, other, carol := caller(t, c, "bob"), caller(t, c, "alice"), operator(t, c, "carol")
	code := p.reads()
	page := func(session, tab string) *stream {
		t.Helper()
		s := follows(t, c, c.URL+"/recovery/events?tab="+tab, session)
		s.tells(bridge.StepCall)
		return s
	}
	theirs, second := page(other.session(), "one"), page(p.session(), "two")
	first := page(p.session(), "one")
	for range 3 {
		next := page(p.session(), "one")
		first.ends("the same page has another line")
		first = next
	}
	if a := get("/recovery/events?tab=three", p.session()).to(t, c); a.status != http.StatusTooManyRequests {
		t.Errorf("a third page: %d", a.status)
	}
	carol.looksUp("bob", code)
	first.tells(bridge.StepChecking)
	second.tells(bridge.StepChecking)
	carol.looksUp("alice", other.reads())
	theirs.tells(bridge.StepChecking)
}

// What ends a request is told: an operator's no, and the objection of somebody who got a notice.
func TestALivePageHearsOfTheEnd(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"deny", "suspicious", "veto"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			p := caller(t, c, "somebody")
			code := p.reads()
			s := listens(t, c, c.URL, p.session())
			s.tells(bridge.StepCall)
			if how == "veto" {
				n := c.Mails(bridge.NoticeRequest)[0]
				owner := newPerson(t, c)
				owner.open("/veto/"+n.Veto.Reveal(), http.StatusOK)
				owner.send("/veto", http.StatusOK, "choice", "stop", "number", n.Objection)
			} else {
				carol := operator(t, c, "carol")
				carol.looksUp("somebody", code)
				s.tells(bridge.StepChecking)
				carol.decides(http.StatusOK, how, "T-1")
			}
			s.tells(bridge.StepEnded)
		})
	}
}
