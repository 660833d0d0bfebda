package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// addresses are the base URLs of the running parts.
type addresses struct {
	Bridge, Portal, IDP, Pages string
	Console                    string // administration console of a real Keycloak; "" = none
	Issuer                     string
}

// place is one line of the table of addresses.
type place struct{ Name, NameJA, URL, Note string }

func (a addresses) places() []place {
	out := []place{
		{Name: "Portal", NameJA: "学内ポータル", URL: a.Portal + "/", Note: "an application; asks for a one-time code"},
		{Name: "otpbridge", NameJA: "otpbridge", URL: a.Bridge + "/", Note: "where a lost authenticator is replaced"},
		{Name: "Mailbox", NameJA: "メール", URL: a.Pages + "/mail", Note: "every mail that is sent"},
		{Name: "Phones", NameJA: "スマートフォン", URL: a.Pages + "/phones", Note: "old and new authenticators, with codes"},
	}
	if a.Console != "" {
		out = append(out, place{Name: "Keycloak", NameJA: "Keycloak", URL: a.Console, Note: "administrator: admin, password: admin"})
	}
	return out
}

// step is one line of the script, in two languages.
type step struct{ EN, JA string }

// script tells a newcomer what to do with alice.
func (a addresses) script() []step {
	return []step{
		{
			"Open the portal " + a.Portal + "/ and sign in as alice, password alice-password. It asks for a one-time code, and her phone is gone.",
			"ポータル " + a.Portal + "/ を開き、alice、パスワード alice-password でログインします。ワンタイムパスワードを求められますが、電話はもうありません。",
		},
		{
			`Press "Lost your authenticator?", then "My authenticator app no longer works"; type the ID alice and sign in with the password alone.`,
			"「認証アプリを紛失した場合」から「認証アプリが使えなくなった」へ進み、ID に alice と入力し、パスワードだけでログインします。",
		},
		{
			`Choose a reason and start; open the mail at ` + a.Pages + `/mail, follow its link, press Continue, sign in with the password once more and continue.`,
			"理由を選んで手続きを始め、" + a.Pages + "/mail に届いたメールのリンクを開いて「続ける」を押し、もう一度パスワードでログインして先へ進みます。",
		},
		{
			`Copy the key (under "Cannot scan? Type the key") to Alice's new phone at ` + a.Pages + `/phones.`,
			"「読み取れないときは、キーを入力」の中のキーを " + a.Pages + "/phones の Alice の新しい電話に貼り付けます。",
		},
		{
			"Type the code that the new phone shows and confirm: the old authenticator is gone.",
			"新しい電話に表示されたコードを入力して確定します。古い認証アプリはこれで使えなくなります。",
		},
		{
			"Open the portal again as alice: the next code of the new phone opens it. Sign out, try the old phone's code: it is refused.",
			"もう一度ポータルを開き、新しい電話の次のコードで入れることを確かめます。ログアウトし、古い電話のコードが拒否されることも確かめます。",
		},
	}
}

// calls tells how to try the help desk. All browsers of the demo share this machine's address, so the product asks for two operators.
func (a addresses) calls() []step {
	return []step{
		{
			"Caller: as in steps 1 and 2, but as bob (he has no mail address), or as alice and choose \"By phone\". The page shows a call code; leave it open.",
			"電話をかける人: 手順 1・2 と同じように進みます。bob（メールアドレスなし）でログインするか、alice で「電話」を選びます。受付番号が表示されるので、そのまま開いておきます。",
		},
		{
			"Operator: open " + a.Bridge + "/desk in a private window (a browser keeps one person signed in here) and sign in as carol, password carol-password, with the code of her phone at " + a.Pages + "/phones.",
			"担当者: " + a.Bridge + "/desk をプライベートウィンドウで開き（同じウィンドウでは一人しかログインできません）、carol、パスワード carol-password と、" + a.Pages + "/phones にある Carol の電話のコードでログインします。",
		},
		{
			`Type the caller's ID and call code, press "I am calling back" and pick the words that the caller's page shows. That check is ticked then: type any ticket number and approve.`,
			"相手の ID と受付番号を入力し、「折り返しを始める」を押して、相手の画面に表示された合言葉を選んで「合言葉を確定する」を押します。この確認方法にはチェックが入るので、適当なチケット番号を入力して承認します。",
		},
		{
			"Caller and operators share this machine's address, so a second operator is asked for: sign carol out, sign in as dave in the same private window, and approve with the new code on the caller's page. That page turns into the QR code by itself.",
			"相手と担当者が同じ端末のアドレスを使うため、2人目の承認が必要です。carol をログアウトし、同じプライベートウィンドウで dave としてログインして、相手の画面の新しい受付番号で承認します。相手の画面は自動的に QR コードに変わります。",
		},
	}
}

// announce prints what is running and what to do with it.
func announce(out io.Writer, a addresses, people []person, kept string) error {
	places := [][]string{}
	for _, p := range a.places() {
		places = append(places, []string{p.Name, p.URL, p.Note})
	}
	who := [][]string{{"USER NAME", "PASSWORD", "MAIL", "AUTHENTICATOR", "NOTE"}}
	for _, p := range people {
		who = append(who, []string{p.Username, p.Password, or(p.Address, "none"), or(p.had(), "none"), p.Note})
	}
	text := &strings.Builder{}
	text.WriteString("\notpbridge demo: nothing here is real, and nothing is reachable from other machines.\n\n")
	text.WriteString(columns(places) + "\n" + columns(who) + "\nTry it, with all pages in one browser:\n")
	for i, s := range a.script() {
		fmt.Fprintf(text, "  %d. %s\n", i+1, s.EN)
	}
	text.WriteString("\nBy phone, with a private window beside:\n")
	for i, s := range a.calls() {
		fmt.Fprintf(text, "  %d. %s\n", i+1, s.EN)
	}
	fmt.Fprintf(text, "\nWith a phone that is only at home today: %s/, \"I do not have it with me today\" (as bob by phone). Addresses and authenticators: %s/settings.\n", a.Bridge, a.Bridge)
	fmt.Fprintf(text, "\nCtrl-C ends everything; %s.\n", kept)
	_, err := io.WriteString(out, text.String())
	return err
}

// columns lines up the cells of a table.
func columns(rows [][]string) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		_, _ = io.WriteString(table, "  "+strings.Join(row, "\t")+"\n") // into memory
	}
	_ = table.Flush()
	return text.String()
}

func or(value, unset string) string {
	if value == "" {
		return unset
	}
	return value
}
