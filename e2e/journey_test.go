package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// words are what the main journey clicks and reads, in one language.
type words struct {
	lost, id, next, signIn, start, sent, linkTitle, linkGo, askedGo, enrol, code, every, confirm, done string
	password                                                                                           string
}

var languages = map[string]words{
	"en": {
		lost: "My authenticator app no longer works", id: "Campus ID", next: "Continue", signIn: "Sign In", password: "password", start: "Start", sent: "Mail sent.",
		linkTitle: "Continue your re-registration?", linkGo: "Continue", askedGo: "Continue", enrol: "Register your new authenticator app",
		code: "One-time password shown in the app (6 digits)", every: "It changes every 30 seconds.", confirm: "Confirm and register", done: "Your one-time password is set up.",
	},
	"ja": {
		lost: "認証アプリが使えなくなった", id: "全学ID", next: "次へ", signIn: "サインイン", password: "password", start: "手続きを始める", sent: "メールを送信しました。",
		linkTitle: "再登録の手続きを続けますか", linkGo: "続ける", askedGo: "続ける", enrol: "新しい認証アプリを登録してください",
		code: "アプリに表示されたワンタイムパスワード（6桁）", every: "30秒ごとに変わります。", confirm: "確認して登録する", done: "ワンタイムパスワード認証の設定が完了しました。",
	},
}

// The main journey on real parts: the link in the mail is opened in the browser that asked, the QR code is read from the screenshot, and the
// sample application opens with the new code and refuses the old one.
func TestJourneyByMail(t *testing.T) {
	t.Parallel()
	for _, tt := range ways() {
		t.Run(tt.String(), func(t *testing.T) {
			campus, w := rig.NewCampus(t), languages[tt.look.Language]
			if tt.uncommon {
				w = uncommonPolicy(t, campus, w)
			}
			setup := rig.Setup{Campus: campus, Mailbox: rig.NewMailbox(t)}
			if tt.redis {
				setup.Redis, setup.Replicas = rig.NewRedis(t), 2
			}
			j := &journey{t: t, campus: campus, mailbox: setup.Mailbox, bridge: rig.StartBridge(t, setup), w: w}
			j.page = rig.NewPage(t, tt.look)
			j.recover("alice", "alice@example.net")
			if said := strings.HasSuffix(j.uri, "&algorithm=SHA256&digits=8&period=60"); said != tt.uncommon {
				t.Errorf("the key's URI tells of another algorithm: %t", said)
			}
			j.mustHaveEndedItsOwnSessions()
			j.mustOpenPortalWithNewCodeOnly("alice")
		})
	}
}

// uncommonPolicy gives the realm one-time passwords that are others than apps take for granted (ENR-02), and returns what the page says then.
func uncommonPolicy(t *testing.T, campus *rig.Campus, w words) words {
	t.Helper()
	policy := map[string]any{"otpPolicyType": "totp", "otpPolicyAlgorithm": "HmacSHA256", "otpPolicyDigits": 8, "otpPolicyPeriod": 60, "otpPolicyLookAheadWindow": 1}
	if err := campus.Do(t.Context(), "PUT ", policy, nil); err != nil {
		t.Fatal(err)
	}
	w.code, w.every = strings.Replace(w.code, "6", "8", 1), strings.Replace(w.every, "30", "60", 1)
	return w
}

// way is how a journey is made.
type way struct {
	redis    bool // two replicas on Redis, else one on its own file
	uncommon bool // see uncommonPolicy
	look     rig.Look
}

func (w way) String() string {
	words := []string{w.look.Language, "bbolt"}
	if w.redis {
		words[1] = "two replicas on Redis"
	}
	if w.uncommon {
		words = append(words, "SHA256, 8 digits, 60 s")
	}
	if w.look.NoScript {
		words = append(words, "no script")
	}
	if w.look.Width > 0 {
		words = append(words, fmt.Sprint(w.look.Width, " px"))
	}
	if w.look.Dark {
		words = append(words, "dark")
	}
	return strings.Join(words, ", ")
}

// ways are half of all combinations of language, store and scripts, so that every two of these meet; FULL=1: all. Each is tried on a wide and on a
// narrow screen, and some in a realm with a policy of its own for one-time passwords.
func ways() []way {
	var chosen []way
	for _, language := range []string{"ja", "en"} {
		for _, redis := range []bool{false, true} {
			for _, noScript := range []bool{false, true} {
				first := noScript == (redis == (language == "ja"))
				w := way{redis, redis && !noScript, rig.Look{Language: language, NoScript: noScript, Dark: redis && !noScript}}
				if redis == first {
					w.look.Width = 320
				}
				if first || full() {
					chosen = append(chosen, w)
				}
			}
		}
	}
	return chosen
}

// journey is one person's way from a lost authenticator to a new one.
type journey struct {
	t       *testing.T
	campus  *rig.Campus
	mailbox *rig.Mailbox
	bridge  *rig.Bridge
	page    *rig.Page
	w       words
	uri     string     // what the QR code said
	phone   *rig.Phone // the new one, which took it
}

// signIn types the ID on our page and the password on the campus page.
func (j *journey) signIn(name string) {
	j.t.Helper()
	from := j.page.See(j.w.id).URL() // says what the sign-in is for
	typeID := func() { j.page.Fill(j.w.id, name).Click(j.w.next).See(j.w.signIn) }
	typeID()
	awaitGate(j.t, j.campus, name, func() {
		j.page.Go(from).See(j.w.id)
		typeID()
	})
	j.page.Fill(j.w.password, realm.Password(name)).Click(j.w.signIn)
}

// awaitGate waits at the campus page until a person's gate is open; typeID leads there from our page with the ID.
func (j *journey) awaitGate(name string, typeID func()) {
	j.t.Helper()
	awaitGate(j.t, j.campus, name, func() {
		j.page.Go(j.bridge.URL + "/start").See(j.w.id)
		typeID()
	})
}

// ask goes from the start page to the waiting page.
func (j *journey) ask(name string) {
	j.t.Helper()
	j.page.Go(j.bridge.URL).See(j.w.lost).Screenshot("01-start")
	j.page.MustBeAccessible().Click(j.w.lost)
	j.page.See(j.w.id).MustBeAccessible().Screenshot("02-id")
	j.signIn(name)
	j.page.See(j.w.start).MustBeAccessible().Screenshot("03-request")
	j.page.Click(j.w.start).See(j.w.sent).MustBeAccessible().Screenshot("04-sent")
}

// follow opens the mailed link and proves the recovery.
func (j *journey) follow(name, link string) {
	j.t.Helper()
	j.page.Go(link).See(j.w.linkTitle)
	if got := j.page.URL(); got != j.bridge.URL+"/link" {
		j.t.Fatalf("the address bar shows %s", got) // TOK-09
	}
	j.page.MustBeAccessible().Screenshot("05-link")
	j.page.Click(j.w.linkGo)
	j.page.See(j.w.id)
	j.signIn(name)
	j.page.SeeURL(j.bridge.URL + "/link").See(j.w.askedGo).MustBeAccessible().Screenshot("06-asked")
	j.page.Click(j.w.askedGo).See(j.w.enrol).MustBeAccessible()
}

// enrol reads the QR code from the screen and types one code.
func (j *journey) enrol() {
	j.t.Helper()
	j.uri = j.page.See(j.w.every).QR("07-enrol")
	j.phone = rig.ScanPhone(j.t, j.uri)
	j.page.Fill(j.w.code, j.phone.Code()).Click(j.w.confirm)
	j.page.See(j.w.done).MustBeAccessible().Screenshot("08-done")
	j.page.Reload().See(j.w.done)
}

func (j *journey) recover(name, address string) {
	j.t.Helper()
	j.ask(name)
	link := j.mailbox.Wait(address, 1).Link(j.t, j.bridge.URL+"/link/")
	j.follow(name, link)
	j.enrol()
}

// mustOpenPortalWithNewCodeOnly signs in at the sample application in fresh browsers.
func (j *journey) mustOpenPortalWithNewCodeOnly(name string) {
	j.t.Helper()
	s := &site{t: j.t, campus: j.campus, mailbox: j.mailbox, bridge: j.bridge}
	s.mustHaveOnly(name, j.phone)
	if log := j.bridge.Replicas[0].LogText(); len(j.bridge.Replicas) == 1 && !strings.Contains(log, `"route":"/enrol"`) {
		j.t.Error("the log does not name the route /enrol")
	}
}
