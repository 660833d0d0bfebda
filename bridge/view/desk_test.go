package view_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// page renders one sample.
func page(t *testing.T, lang, name string) doc {
	t.Helper()
	all := samples("Hanako")
	i := slices.IndexFunc(all, func(s sample) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no sample %q", name)
	}
	body, err := newView(t, site()).Render(lang, all[i].Page)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, body)
}

// dos are the values of "do" that a page can post to a route, sorted.
func (d doc) dos(route string) []string {
	found := map[string]bool{}
	for _, n := range d.all("button", "input") {
		f := within(n, "form")
		if f != nil && attr(f, "action") == route && attr(n, "name") == "do" {
			found[attr(n, "value")] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Every page posts what its struct's comment says.
func TestPagesPostWhatTheHandlersTake(t *testing.T) {
	for name, want := range map[string]string{
		"call": "cancel extendcall mailinstead renew", "call-last": "cancel renew", "checking": "cancel cutoff extendcall", "callback": "cancel cutoff extendcall", "delay": "cancel",
		"active-desk": "restart", "active": "check restart", "sent-live": "cancel deskinstead resend", "sent": "cancel resend",
	} {
		if got := strings.Join(page(t, "en", name).dos("/recovery"), " "); got != want {
			t.Errorf("%s posts %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"case": "approve callback deny keep release suspicious", "case-runs": "approve callback deny keep pick release suspicious",
		"case-matched": "approve deny keep release suspicious", "case-self": "deny keep release suspicious", "case-same": "deny keep release suspicious"} {
		if got := strings.Join(page(t, "en", name).dos("/desk/case"), " "); got != want {
			t.Errorf("%s posts %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"permit": "look", "permit-found": "give", "permit-mine": "", "permit-open": ""} {
		if got := strings.Join(page(t, "en", name).dos("/desk/permit"), " "); got != want {
			t.Errorf("%s posts %q, want %q", name, got, want)
		}
	}
}

// HD-03: the call code and the user name are on the caller's page, for the eye and, sign by sign, for the ear.
func TestCallCodeCanBeReadOut(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		body := text(page(t, lang, "call").all("main")[0])
		for _, want := range []string{"4829 1735", "4 8 2 9, 1 7 3 5", "a0123456Hanako", "a 0 1 2 3 4 5 6 H"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", lang, want)
			}
		}
		for _, name := range []string{"call-expired", "checking", "callback"} {
			if strings.Contains(text(page(t, lang, name).all("main")[0]), "4829") {
				t.Errorf("%s: %s shows a code that is of no use", lang, name)
			}
		}
	}
}

// HD-12: the waiting page warns of callers who ask for the code.
func TestCallPagesWarnOfCallers(t *testing.T) {
	for lang, want := range map[string]string{"ja": "ヘルプデスクから先に電話をかけることはありません", "en": "The help desk never calls first"} {
		for _, name := range []string{"call", "call-live", "call-second", "call-closed", "checking"} {
			if !strings.Contains(text(page(t, lang, name).root), want) {
				t.Errorf("%s: %s does not warn", lang, name)
			}
		}
	}
}

// HD-14: no operator page shows match words before the call-back runs; then it shows the six, none preset. The caller's page shows its one
// pair in both languages.
func TestMatchWordsAreTheCallersUntilTheCallBackRuns(t *testing.T) {
	v := newView(t, site())
	c := view.Case{Frame: frame("Hanako"), About: about("Hanako"), Choices: []int{3, 0, 14, 70, 25, 36}}
	for _, state := range []view.CallBackState{view.CallBackNone, view.CallBackRuns, view.CallBackMatched} {
		c.CallBack = state
		body, err := v.Render("en", c)
		if err != nil {
			t.Fatal(err)
		}
		d := parse(t, body)
		for _, i := range c.Choices {
			shown := strings.Contains(text(d.root), view.MatchWords("en", i)) && strings.Contains(text(d.root), view.MatchWords("ja", i))
			if shown != (state == view.CallBackRuns) {
				t.Errorf("state %q: pair %d shown: %t", state, i, shown)
			}
		}
		for _, in := range d.all("input") {
			if _, preset := find(in, "checked"); preset && attr(in, "name") == "words" {
				t.Errorf("state %q: a pair is preset", state)
			}
		}
	}
	for _, lang := range []string{"ja", "en"} {
		body := text(page(t, lang, "callback").all("main")[0])
		if !strings.Contains(body, "桜・灯台") || !strings.Contains(body, "cherry · lighthouse") || strings.Contains(body, view.MatchWords(lang, 1)) {
			t.Errorf("%s: %s", lang, body)
		}
	}
}

// The list of match words is long enough, and no thing is in it twice.
func TestMatchWordsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for i := range view.MatchWordCount {
		for lang, sep := range map[string]string{"ja": "・", "en": " · "} {
			things := strings.Split(view.MatchWords(lang, i), sep)
			if len(things) != 2 {
				t.Errorf("%s %d: %q", lang, i, things)
			}
			for _, thing := range things {
				if thing == "" || seen[lang+thing] {
					t.Errorf("%s %d: %q is empty or there twice", lang, i, thing)
				}
				seen[lang+thing] = true
			}
		}
	}
	if view.MatchWordCount < 60 || view.MatchWords("en", -1) != "" || view.MatchWords("ja", view.MatchWordCount) != "" {
		t.Errorf("%d pairs", view.MatchWordCount)
	}
}

// HD-12: addresses and what the configuration masks are never whole on the case page.
func TestCasePageMasks(t *testing.T) {
	body := text(page(t, "en", "case").all("main")[0])
	for _, want := range []string{"H•••@example.com", "s•••@example.ac.jp", "•••12", "•••56"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, reject := range []string{"Hanako@example.com", "second@", "075-111", "A0123456"} {
		if strings.Contains(body, reject) {
			t.Errorf("the page shows %q", reject)
		}
	}
	if whole := text(page(t, "en", "case-second-look").all("main")[0]); !strings.Contains(whole, "075-111-2212") {
		t.Error("a number that is configured whole is not shown whole")
	}
	for value, want := range map[string]string{"075-111-2212": "•••12", "123456": "•••56", "12345": "•••", "": "•••", "髙𠮷髙𠮷髙𠮷": "•••髙𠮷", "a\u202e12345": "•••45"} {
		if got := view.MaskValue(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

// HD-03: the console has its own frame, no list of people, and a way only to what exists; somebody who is no operator is not led into it.
func TestConsoleHasItsOwnFrame(t *testing.T) {
	tabs := func(d doc) (hrefs []string, current string) {
		for _, a := range d.all("a") {
			if nav := within(a, "nav"); nav != nil && attr(nav, "class") == "tabs" {
				hrefs = append(hrefs, attr(a, "href"))
				if attr(a, "aria-current") == "page" {
					current = attr(a, "href")
				}
			}
		}
		return hrefs, current
	}
	for name, want := range map[string]string{"desk": "/desk", "case": "/desk", "case-approved": "/desk", "permit": "/desk/permit", "deskfailure-case_closed": ""} {
		d := page(t, "en", name)
		hrefs, current := tabs(d)
		if current != want || strings.Join(hrefs, " ") != "/desk /desk/permit" {
			t.Errorf("%s: tabs %q, current %q", name, hrefs, current)
		}
		if title := text(d.all("title")[0]); !strings.Contains(title, "Help-desk console") {
			t.Errorf("%s: title %q", name, title)
		}
	}
	for _, name := range []string{"notoperator-role", "request"} {
		if hrefs, _ := tabs(page(t, "en", name)); len(hrefs) > 0 {
			t.Errorf("%s leads to %q", name, hrefs)
		}
	}
}

// An operator is never told about an account in words that speak to its holder.
func TestRefusalsSpeakToTheOperator(t *testing.T) {
	v := newView(t, site())
	for _, code := range bridge.Codes() {
		body, err := v.Render("en", view.Failure{Frame: view.Frame{Console: true}, Code: code})
		if err != nil {
			t.Fatal(err)
		}
		d := parse(t, body)
		lede := text(d.all("p")[slices.IndexFunc(d.all("p"), func(n *html.Node) bool { return attr(n, "class") == "lede" })])
		if strings.HasPrefix(lede, "Your account") || strings.HasPrefix(lede, "For your account") || strings.Contains(lede, "contact the help desk") {
			switch code {
			case bridge.CodeRealmUnsafe, bridge.CodeOTPPolicy, bridge.CodePaused: // about the service
			default:
				t.Errorf("%s: %s", code, lede)
			}
		}
	}
}

// A11Y-03, A11Y-05: a page that moves on by itself has its status line from the start, says what it compares, and can be stopped; any other
// page has no such script.
func TestLivePagesAnnounceAndCanBePaused(t *testing.T) {
	live := 0
	eachPage(t, "Hanako", func(d doc, _ string, _ sample) {
		main := d.all("main")[0]
		loads := slices.ContainsFunc(d.all("script"), func(n *html.Node) bool { return strings.Contains(attr(n, "src"), "/live.") })
		if loads != (attr(main, "data-live") == "/recovery/events") || loads != (attr(main, "data-step") != "") {
			d.Errorf("script: %t, data-live %q, data-step %q", loads, attr(main, "data-live"), attr(main, "data-step"))
		}
		if !loads {
			return
		}
		live++
		status, pause := d.ids["status"], d.ids["pause"]
		if status == nil || attr(status, "role") != "status" || text(status) == "" || status.FirstChild.Data != "span" {
			d.Error("no status line")
		}
		if pause == nil || attr(pause, "data-resume") == "" {
			d.Error("the page cannot be stopped from moving on")
		}
		check := slices.ContainsFunc(d.all("a"), func(n *html.Node) bool { return attr(n, "href") == "/recovery" })
		if !check {
			d.Error(`no "check now"`)
		}
	})
	if live < 16 {
		t.Errorf("%d live pages", live)
	}
}

// A11Y-04: the page with the call code says when it ends and lets that be put off; near the end that comes first.
func TestCallCanBeKeptOpen(t *testing.T) {
	call := view.Call{Frame: frame("Hanako"), ID: "a1", Code: "48291735", CodeUntil: at(14, 15), Until: at(15, 5), Extend: true}
	if got := []int{call.RenewIn(), call.WarnIn(), call.CodeEndsIn()}; got[0] != 580 || got[1] != 50*60 || got[2] != 600 {
		t.Errorf("renews and warns after %d seconds", got)
	}
	call.Now = at(16, 0)
	if call.RenewIn() != 0 || call.WarnIn() != 0 || !call.Expired() || !call.Soon() {
		t.Error("a page of yesterday counts on")
	}
	call.Now = call.CodeUntil.Add(-time.Second)
	if call.Expired() {
		t.Error("the code has expired early")
	}
	if call.Now = call.CodeUntil; !call.Expired() {
		t.Error("the code works after its end")
	}
	d := page(t, "en", "call-soon")
	note := slices.IndexFunc(d.nodes, func(n *html.Node) bool { return attr(n, "value") == "extendcall" })
	code := slices.IndexFunc(d.nodes, func(n *html.Node) bool { return attr(n, "id") == "callcode" })
	if note < 0 || note > code {
		t.Error("the way to more time does not come first")
	}
}

// HD-11: the announcement to the help desk is in the site's language and holds neither name nor code; the notices of the desk's way name
// what happened.
func TestDeskNoticesAreRendered(t *testing.T) {
	v := newView(t, site())
	n := bridge.Notice{Kind: bridge.NoticeCall, Language: "en", Name: "Hanako", At: at(14, 5), Objection: "492018"}
	msg, err := v.Notice(n)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(msg.Text, "利用者の表示言語：英語") || strings.Contains(msg.Text, "Hanako") || strings.Contains(msg.Text, "492018") {
		t.Errorf("announcement:\n%s", msg.Text)
	}
	n.NotBefore, n.Way = at(38, 0), bridge.WayDesk
	for kind, want := range map[bridge.NoticeKind]string{bridge.NoticeApproved: "confirmed your identity", bridge.NoticeDenied: "could not complete",
		bridge.NoticeDelay: "from 4 December 2026, 14:00 JST"} {
		n.Kind = kind
		if msg, err = v.Notice(n); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(msg.Text, want) || !strings.Contains(msg.Text, "Hanako") || strings.Contains(msg.Text, "/veto/") {
			t.Errorf("%s:\n%s", kind, msg.Text)
		}
	}
	n.Kind, n.Veto = bridge.NoticeDelay, "8sYxWcPq7LkDfJ2nRaUe5gTiVoXz4CbE6hQ3vZ0t1mB"
	if msg, err = v.Notice(n); err != nil || !strings.Contains(msg.Text, "\n"+vetoURL+"\n") || !strings.Contains(msg.Text, "Objection number: 492018") {
		t.Errorf("a delay that can be stopped (%v):\n%s", err, msg.Text)
	}
}

// An operator types at once where a call begins; after a fault the focus is for the summary.
func TestTheConsoleBeginsInItsFirstField(t *testing.T) {
	for name, want := range map[string]string{"desk": "name", "permit": "name", "desk-pair": "", "desk-error": "", "desk-locked": "", "permit-gone": "", "permit-found": "", "case": "", "call": ""} {
		got := ""
		for _, in := range page(t, "en", name).all("input") {
			if _, focused := find(in, "autofocus"); focused {
				got += attr(in, "name")
			}
		}
		if got != want {
			t.Errorf("%s begins in %q, want %q", name, got, want)
		}
	}
}
