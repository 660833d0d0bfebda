package view_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

var update = flag.Bool("update", false, "rewrite the golden mails in testdata")

const (
	linkURL = "https://otp.example.ac.jp/link/hQ3vZ0t1mB8sYxWcPq7LkDfJ2nRaUe5gTiVoXz4CbE6"
	vetoURL = "https://otp.example.ac.jp/veto/8sYxWcPq7LkDfJ2nRaUe5gTiVoXz4CbE6hQ3vZ0t1mB"
)

// mails are all kinds of mail; name stands in every string that comes from outside.
func mails(name string) map[string]view.Mail {
	asked := view.Asked{When: at(14, 5), From: origin(""), Way: bridge.WayMail}
	phoned := view.Asked{When: at(14, 5), From: origin(""), Way: bridge.WayDesk}
	return map[string]view.Mail{
		"link": view.LinkMail{Name: name, Link: linkURL, Until: at(14, 35), Asked: asked, Veto: vetoURL, Objection: "492018",
			Reference: "7Q4M01JD"},
		"request":         view.RequestMail{Name: name, Asked: asked, Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"completed":       view.CompletedMail{Name: name, Asked: asked, Label: name, Receipt: "main/812/4fd2", Reference: "7Q4M01JD"},
		"completed-short": view.CompletedMail{Asked: asked},
		"locked":          view.LockedMail{Name: name, Asked: asked, Page: "https://otp.example.ac.jp/", Reference: "7Q4M01JD"},
		"locked-kept":     view.LockedMail{Name: name, Asked: asked, Kept: 2, Page: "https://otp.example.ac.jp/", Reference: "7Q4M01JD"},
		"locked-kept-one": view.LockedMail{Name: name, Asked: asked, Kept: 1, Page: "https://otp.example.ac.jp/", Reference: "7Q4M01JD"},
		"codes":           view.CodesMail{Name: name, At: at(14, 7), Reference: "7Q4M01JD"},
		"codes-back":      view.CodesMail{Name: name, At: at(14, 17), Back: true, Reference: "7Q4M01JD"},
		"address":         view.AddressCodeMail{Code: "49201837", Until: at(38, 5), Reference: "7Q4M01JD"},
		"changed-address": view.ChangedMail{Name: name, At: at(14, 7), Kind: bridge.ChangeAddAddress, Address: "hanako@example.net", Reference: "7Q4M01JD"},
		"changed-gone":    view.ChangedMail{Name: name, At: at(14, 7), Kind: bridge.ChangeDropAddress, Address: "hanako@example.net", Reference: "7Q4M01JD"},
		"changed-some":    view.ChangedMail{Name: name, At: at(14, 7), Kind: bridge.ChangeDropAddress, Reference: "7Q4M01JD"},
		"changed-app":     view.ChangedMail{Name: name, At: at(14, 7), Kind: bridge.ChangeAddOTP, Label: name, Reference: "7Q4M01JD"},
		"changed-appgone": view.ChangedMail{Name: name, At: at(14, 7), Kind: bridge.ChangeDropOTP, Label: name, Reference: "7Q4M01JD"},
		"cancelled":       view.CancelledMail{Name: name, At: at(14, 10), Reference: "7Q4M01JD"},
		"gate":            view.GateMail{Name: name, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-vetoed":     view.DeskMail{Kind: view.DeskVetoed, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-objected":   view.DeskMail{Kind: view.DeskObjected, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-one":        view.DeskMail{Kind: view.DeskOneAddr, At: at(14, 10), Reference: "7Q4M01JD"},
		"call":            view.CallMail{At: at(14, 5), Language: "ja", Console: "https://otp.example.ac.jp/desk", Reference: "7Q4M01JD"},
		"approved":        view.ApprovedMail{Name: name, Asked: phoned, Reference: "7Q4M01JD"},
		"approved-veto":   view.ApprovedMail{Name: name, Asked: phoned, Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"denied":          view.DeniedMail{Name: name, Asked: phoned, Reference: "7Q4M01JD"},
		"permit":          view.PermitMail{Name: name, At: at(14, 5), Until: at(14, 15), Reference: "7Q4M01JD"},
		"delay":           view.DelayMail{Name: name, Asked: phoned, NotBefore: at(38, 0), Reference: "7Q4M01JD"},
		"delay-veto":      view.DelayMail{Name: name, Asked: phoned, NotBefore: at(38, 0), Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"temporary": view.TemporaryMail{Name: name, Code: "84755224", Until: at(38, 5), Asked: asked, Veto: vetoURL, Objection: "492018",
			Reference: "7Q4M01JD"},
		"request-today":           view.RequestMail{Name: name, Today: true, Asked: asked, Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"cancelled-today":         view.CancelledMail{Name: name, Today: true, At: at(14, 10), Reference: "7Q4M01JD"},
		"call-today":              view.CallMail{Today: true, At: at(14, 5), Language: "ja", Console: "https://otp.example.ac.jp/desk", Reference: "7Q4M01JD"},
		"approved-today":          view.ApprovedMail{Name: name, Today: true, Asked: phoned, Reference: "7Q4M01JD"},
		"denied-today":            view.DeniedMail{Name: name, Today: true, Asked: phoned, Reference: "7Q4M01JD"},
		"temporary-shown":         view.TemporaryAskedMail{Name: name, Shown: true, Until: at(38, 5), Asked: asked, Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"temporary-asked":         view.TemporaryAskedMail{Name: name, Until: at(38, 5), Asked: asked, Veto: vetoURL, Objection: "492018", Reference: "7Q4M01JD"},
		"temporary-back":          view.TemporaryBackMail{Name: name, At: at(14, 20), Outcome: bridge.TemporaryOutcome{Undone: true, Gone: true}, Reference: "7Q4M01JD"},
		"temporary-back-kept":     view.TemporaryBackMail{Name: name, At: at(14, 20), Outcome: bridge.TemporaryOutcome{Kept: true}, Reference: "7Q4M01JD"},
		"temporary-back-locked":   view.TemporaryBackMail{Name: name, At: at(14, 20), Outcome: bridge.TemporaryOutcome{Undone: true, Locked: true}, Reference: "7Q4M01JD"},
		"temporary-back-password": view.TemporaryBackMail{Name: name, At: at(14, 20), Outcome: bridge.TemporaryOutcome{Password: true}, Reference: "7Q4M01JD"},
		"temporary-back-veto":     view.TemporaryBackMail{Name: name, At: at(14, 20), Outcome: bridge.TemporaryOutcome{Vetoed: true}, Reference: "7Q4M01JD"},
		"desk-first":              view.DeskMail{Kind: view.DeskFirst, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-code":               view.DeskMail{Kind: view.DeskCode, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-today":              view.DeskMail{Kind: view.DeskToday, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-temporary":          view.DeskMail{Kind: view.DeskTemp, At: at(14, 10), Reference: "7Q4M01JD"},
		"desk-gate":               view.DeskMail{Kind: view.DeskGate, At: at(14, 10), Reference: "7Q4M01JD"},
	}
}

var mailLanguages = map[string][]string{"ja": {"ja"}, "en": {"en"}, "both": {"ja", "en"}}

// MAIL-02, I18N-03: the words of every mail, in Japanese, English and both.
func TestMailsReadAsAgreed(t *testing.T) {
	v := newView(t, site())
	for tag, languages := range mailLanguages {
		name := "髙橋 𠮷子"
		if tag == "en" {
			name = "Yoshiko Takahashi"
		}
		for kind, m := range mails(name) {
			msg, err := v.Mail(languages, m)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", kind+"."+tag+".txt"), "Subject: "+msg.Subject+"\n\n"+msg.Text)
			golden(t, filepath.Join("testdata", kind+"."+tag+".html"), msg.HTML)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		write(t, file, []byte(got))
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

var (
	urls     = regexp.MustCompile(`https?://[^\s"<]+`)
	external = regexp.MustCompile(`(?i)<(img|link|script|iframe|object)|\bsrc=|url\(`)
	anchors  = regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`)
)

// MAIL-06: text and HTML hold the same URLs, each alone on its line and shown as it is, of one host; nothing is loaded.
func TestMailLinksStandAloneAndShowTheirAddress(t *testing.T) {
	v := newView(t, site())
	for tag, languages := range mailLanguages {
		for kind, m := range mails("Hanako") {
			msg, err := v.Mail(languages, m)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range urls.FindAllString(msg.Text, -1) {
				if !strings.HasPrefix(u, "https://otp.example.ac.jp") {
					t.Errorf("%s.%s: other host in %s", kind, tag, u)
				}
				if !strings.Contains("\n"+msg.Text, "\n"+u+"\n") {
					t.Errorf("%s.%s: %s is not alone on its line", kind, tag, u)
				}
				if !strings.Contains(msg.HTML, u) {
					t.Errorf("%s.%s: HTML has no %s", kind, tag, u)
				}
			}
			if hit := external.FindString(msg.HTML); hit != "" {
				t.Errorf("%s.%s: HTML loads something: %s", kind, tag, hit)
			}
			for _, a := range anchors.FindAllStringSubmatch(msg.HTML, -1) {
				if a[1] != a[2] {
					t.Errorf("%s.%s: link shows %q, leads to %q", kind, tag, a[2], a[1])
				}
			}
		}
	}
}

// MAIL-11: the link mail has both links, the objection number stands in the mail and in no URL; the notice "finished" has no link.
func TestLinkMailCarriesVetoLinkAndObjectionNumber(t *testing.T) {
	v := newView(t, site())
	notice := bridge.Notice{Kind: bridge.NoticeLink, Language: "en", Name: "Hanako", At: at(14, 5), Expires: at(14, 35), Way: bridge.WayMail,
		Link: "hQ3vZ0t1mB8sYxWcPq7LkDfJ2nRaUe5gTiVoXz4CbE6", Veto: "8sYxWcPq7LkDfJ2nRaUe5gTiVoXz4CbE6hQ3vZ0t1mB", Objection: "492018"}
	msg, err := v.Notice(notice)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n" + linkURL + "\n", "\n" + vetoURL + "\n", "Objection number: 492018", "3 December 2026, 14:35 JST"} {
		if !strings.Contains(msg.Text, want) {
			t.Errorf("text lacks %q:\n%s", want, msg.Text)
		}
	}
	notice.Kind, notice.Link, notice.Veto = bridge.NoticeCompleted, "", ""
	if msg, err = v.Notice(notice); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(msg.Text, "/veto/") || strings.Contains(msg.Text, "/link/") {
		t.Errorf("the finished notice has a link that acts:\n%s", msg.Text)
	}
	if _, err := v.Notice(bridge.Notice{Kind: "unknown"}); err == nil {
		t.Error("an unknown kind of notice is rendered")
	}
	if _, err := v.Notice(bridge.Notice{Kind: bridge.NoticeLink}); err == nil {
		t.Error("a link mail without a link is rendered")
	}
}

// MAIL-10: an unknown language gets all languages, Japanese first.
func TestMailInUnknownLanguageIsInBoth(t *testing.T) {
	v := newView(t, site())
	for locale, want := range map[string][]string{"": {"ja", "en"}, "fr": {"ja", "en"}, "ja": {"ja"}, "en-GB": {"en"}, "??": {"ja", "en"}} {
		if diff := cmp.Diff(want, v.MailLanguages(locale)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", locale, diff)
		}
	}
}

// MAIL-09: what comes from outside adds no line, no heading and nothing that a mail program turns into a link.
func TestNamesCannotShapeAMail(t *testing.T) {
	v := newView(t, site())
	for _, name := range []string{"a\r\nBcc: x", "a\u2028b", "http://evil.test/x", "see evil.test", "www.evil", "x@evil.test", "\u202egnp"} {
		for kind, m := range mails(name) {
			msg, err := v.Mail([]string{"ja", "en"}, m)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(msg.Subject, "\r\n") || strings.ContainsAny(msg.Text, "\r\u2028\u202e") {
				t.Errorf("%s: control character of %q in the mail", kind, name)
			}
			if strings.Contains(msg.Text, "\nBcc") || strings.Contains(msg.Text, "evil") {
				t.Errorf("%s: %q is in the mail:\n%s", kind, name, msg.Text)
			}
		}
	}
}
