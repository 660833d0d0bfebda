package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
	"otpbridge/bridge/view"
	"otpbridge/cmd/internal/config"
	"otpbridge/templates"
)

// planJSON is what --format json prints; it is stable and English.
type planJSON struct {
	Realm     string           `json:"realm"`
	Safe      bool             `json:"safe"`
	Obstacles []realm.Obstacle `json:"obstacles"`
	Steps     []stepJSON       `json:"steps"`
	Unclear   []realm.Unclear  `json:"unclear"`
	GateGroup string           `json:"gate_group,omitempty"`
}

type stepJSON struct {
	realm.Step
	Diff []string `json:"diff"`
}

// undoJSON is likewise for undo.
type undoJSON struct {
	Realm   string         `json:"realm"`
	Changes []realm.Change `json:"changes"`
	Kept    []realm.Change `json:"kept"`
}

func (s *session) say(w config.Words) { say(s.process, w.In(s.lang)) }

// show prints a plan, grouped by reason.
func (s *session) show(plan realm.Plan) error {
	if s.flags.Format == "json" {
		out := planJSON{Realm: s.wanted.Realm, Safe: plan.Empty(), Obstacles: append([]realm.Obstacle{}, plan.Obstacles...), Steps: []stepJSON{}, Unclear: append([]realm.Unclear{}, plan.Unclear...)}
		for _, step := range plan.Steps {
			out.Steps = append(out.Steps, stepJSON{step, step.Lines()})
		}
		if g := s.state.Group(s.state.GateGroup(s.wanted)); g != nil {
			out.GateGroup = g.ID
		}
		return writeJSON(s.out, out)
	}
	if was := plan.Replaces(); was != "" {
		s.say(config.Say("the login theme %s makes way for %s; its looks stay where that was made with otpbridge theme --parent %s",
			"ログインテーマ %s を %s に置き換えます。見た目を保つには otpbridge theme --parent %s で作成してください").With(plain(was), s.wanted.Theme, plain(was)))
	}
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		return err
	}
	for _, u := range plan.Unclear {
		s.say(config.Say("not judged, since it is not Keycloak's own; look whom it mails what: %s: %s",
			"Keycloak 標準のものではないため判定していません。誰に何を送るか確認してください: %s: %s").With(texts.Check(s.lang, u.Check), plain(u.Needs)))
	}
	var text bytes.Buffer
	fmt.Fprintln(&text, s.heading(plan).In(s.lang))
	s.writeObstacles(&text, texts, plan.Obstacles)
	for _, reason := range realm.Reasons() {
		said := false
		for _, step := range plan.Steps {
			if step.Reason != reason {
				continue
			}
			if !said {
				fmt.Fprintf(&text, "\n%s\n", s.because(reason))
			}
			said = true
			s.writeChange(&text, step.Change)
		}
	}
	_, err = s.out.Write(text.Bytes())
	return err
}

// writeObstacles writes what stands in the way, those of a kind below one heading.
func (s *session) writeObstacles(text *bytes.Buffer, texts *view.Findings, all []realm.Obstacle) {
	for i, o := range all {
		what := o.What
		switch {
		case o.Kind == realm.ObstacleUnread:
			what = texts.Part(s.lang, what)
		case s.lang == "ja" && o.Say.Name != "":
			what = o.Say.In(detailsInJapanese()[o.Say.Name])
		}
		if i == 0 || all[i-1].Kind != o.Kind {
			fmt.Fprintln(text, obstacleWords()[o.Kind].In(s.lang))
		}
		fmt.Fprintf(text, "  %s\n", plain(what))
	}
}

// heading says what a plan is about.
func (s *session) heading(plan realm.Plan) config.Words {
	if plan.Empty() {
		return config.Say("realm %s: nothing to do", "レルム %s: 変更の必要はありません").With(s.wanted.Realm)
	}
	return config.Say("realm %s at %s:", "レルム %s（%s）:").With(s.wanted.Realm, s.client.URL)
}

// because says why something is changed.
func (s *session) because(reason realm.Reason) string {
	if reason == realm.ReasonRights && s.wanted.ManageUsers {
		return wideRights().In(s.lang)
	}
	return reasonWords()[reason].In(s.lang)
}

// wideRights say what --manage-users means.
func wideRights() config.Words {
	return config.Say("With --manage-users whoever has the service account's key can change every user, administrators included, and through them the realm; without it only the people of the allowed group.",
		"--manage-users を付けると、サービスアカウントの鍵を持つ人が、管理者を含むすべてのユーザーを、ひいてはレルム全体を変更できるようになります。付けなければ、変更できるのは許可グループの人だけです。")
}

// title names what is changed, in the language of the run.
func (s *session) title(c realm.Change) string {
	names := slices.DeleteFunc([]string{kindWords()[c.Kind].In(s.lang), c.Of, c.Name}, func(name string) bool { return name == "" })
	return plain(strings.Join(names, " "))
}

// writeChange writes what is and what will be, indented.
func (s *session) writeChange(text *bytes.Buffer, c realm.Change) {
	fmt.Fprintf(text, "  %s\n", s.title(c))
	for _, line := range c.Lines() {
		fmt.Fprintf(text, "    %s\n", plain(line))
	}
}

// showUndo prints what would be taken back.
func (s *session) showUndo(undo, kept []realm.Change) error {
	if s.flags.Format == "json" {
		return writeJSON(s.out, undoJSON{s.wanted.Realm, append([]realm.Change{}, undo...), append([]realm.Change{}, kept...)})
	}
	var text bytes.Buffer
	for _, c := range undo {
		s.writeChange(&text, c)
	}
	if len(undo) == 0 {
		fmt.Fprintln(&text, config.Say("nothing to undo", "元に戻すものはありません").In(s.lang))
	}
	for _, c := range kept {
		if c.SwitchesPermissionsOff() {
			s.say(config.Say("left as it is, since Keycloak before %s would answer 500 to whoever may manage or view users and is no full administrator: %s; without permissions it gives nobody anything. On later releases switch it off in the realm's settings",
				"Keycloak %s より前では、ユーザーの管理や閲覧だけができる人への応答が 500 になるため、そのままにします: %s（権限が残っていないので、誰にも何も与えません）。それ以降の版では、レルムの設定で無効にしてください").With(bridge.SwitchRelease, s.title(c)))
			continue
		}
		s.say(config.Say("left as it is, since somebody changed it: %s", "後から変更されているため、そのままにします: %s").With(s.title(c)))
	}
	_, err := s.out.Write(text.Bytes())
	return err
}

// sayKept says what stays, and what uses it.
func (s *session) sayKept(c, by realm.Change) {
	if by.Kind == realm.KindRefusal {
		s.say(config.Say("left as it is, since Keycloak does not remove it: %s: %s", "Keycloak が削除を受け付けないため、そのままにします: %s: %s").With(s.title(c), plain(by.Name)))
		return
	}
	s.say(config.Say("left as it is: %s is used by: %s", "使用中のため、そのままにします: %s（使用元: %s）").With(s.title(c), s.title(by)))
}

// sayElsewhere says when an undo file began at another address: of the same server, or of a copy of the realm, which has the same id.
func (s *session) sayElsewhere(file string, began journalHead) {
	if began.Server != s.client.URL {
		s.say(config.Say("undo file: %s began at %s, this is %s: one server with two addresses, or a copy of the realm; a copy wants a file of its own",
			"undo ファイル %s は %s で記録を始めましたが、いまの接続先は %s です。同じサーバーの別のアドレスならそのまま使えますが、レルムの複製であれば別のファイルが必要です").
			With(file, plain(began.Server), s.client.URL))
	}
}

// run makes changes and says each.
func (s *session) run(note func(realm.Change) error) realm.Run {
	return realm.Run{
		Caller: s.client, Wanted: s.wanted, Note: note, Kept: s.sayKept,
		Made: func(c realm.Change) { s.say(config.Say("done: %s", "完了: %s").With(s.title(c))) },
	}
}

// sayGate says what the configuration has to say about the gate group.
func (s *session) sayGate() error {
	g := s.state.Group(s.state.GateGroup(s.wanted))
	if g == nil || g.ID == s.wanted.GateGroup {
		return nil
	}
	s.say(config.Say("write into the configuration, below sign_in:  gate_group: %s", "設定の sign_in の下に書いてください:  gate_group: %s").With(g.ID))
	return nil
}

// reasonWords say why something is changed.
func reasonWords() map[realm.Reason]config.Words {
	return map[realm.Reason]config.Words{
		realm.ReasonEvents: config.Say("Events are saved: wrong codes are counted from them, and a stolen key is seen in them.",
			"イベントを保存します。誤ったコードの回数を数え、鍵の盗用に気付くために使います。"),
		realm.ReasonGuessing: config.Say("Guessing of passwords and codes is slowed down.", "パスワードやコードの総当たりを抑えます。"),
		realm.ReasonLevels:   config.Say("A full sign-in has a name, so that staff pages can insist on it.", "二段階のサインインに名前を付け、職員用の画面で必須にできるようにします。"),
		realm.ReasonDesk:     config.Say("Roles of the help desk.", "ヘルプデスクのロールです。"),
		realm.ReasonGate: config.Say("The gate: only its members, for minutes, sign in with the password only; who may recover is a group of its own.",
			"ゲート: メンバーだけが、数分間、パスワードのみでサインインできます。再設定を利用できる人は別のグループで決めます。"),
		realm.ReasonScope:   config.Say("Only otpbridge's own client may ask for a sign-in without the second factor.", "二段階目を省くサインインを求められるのは otpbridge のクライアントだけにします。"),
		realm.ReasonProfile: config.Say("What decides about people is for administrators to edit.", "判断のもとになる属性は管理者だけが編集できるようにします。"),
		realm.ReasonBrokers: config.Say("Sign-ins by an identity provider end in the gate and the second factor, and no account is linked by its mailbox. Who has no second factor is refused.",
			"外部 IdP からのサインインにもゲートと二段階目を求め、メールだけでのアカウント連携を止めます。二段階目を持たない人は拒否されます。"),
		realm.ReasonReset: config.Say("A mail for a forgotten password leads to a new password only: it signs nobody in and replaces no authenticator.",
			"パスワード再設定メールでは新しいパスワードを決めるだけにします。サインインや認証アプリの置き換えはできません。"),
		realm.ReasonFlow: config.Say("Every sign-in asks for the second factor, whatever the session did before. Who has none is refused until they enrol one through otpbridge.",
			"どのサインインでも二段階目を求めます。二段階目を持たない人は、otpbridge で登録するまで拒否されます。"),
		realm.ReasonPassword: config.Say("A recovery asks for the password where something else stood for it. Applications take that as before, and the second factor is asked for as before.",
			"再登録の手続きでは、代わりになっていた手順を使わず、パスワードを求めます。アプリケーションでは、これまでどおりその手順と二段階目でサインインします。"),
		realm.ReasonTicket: config.Say("A recovery asks for the password where a Kerberos ticket stood for it. Applications take the ticket as before, and the second factor is asked for as before.",
			"再登録の手続きでは、Kerberos チケットの代わりにパスワードを求めます。アプリケーションでは、これまでどおりチケットと二段階目でサインインします。"),
		realm.ReasonOverride: config.Say("No client has a flow of its own that counts as a full sign-in without a second factor.",
			"二段階目なしで二段階のサインインとみなす、クライアント独自のフローを外します。"),
		realm.ReasonLock:    config.Say("The lock: at otpbridge's client only parameters count that it pushed itself.", "ロック: otpbridge のクライアントでは、自らプッシュしたパラメーターだけを有効にします。"),
		realm.ReasonLogin:   config.Say("The client that people sign in with.", "利用者がサインインするクライアントです。"),
		realm.ReasonAccount: config.Say("The client of the Admin REST API; its public keys stand in Keycloak.", "Admin REST API のクライアントです。公開鍵は Keycloak に登録します。"),
		realm.ReasonRights:  config.Say("Its account may do what it needs, and nothing else.", "そのアカウントには必要な権限だけを与えます。"),
		realm.ReasonTheme:   config.Say("The link \"Lost your authenticator?\" on the sign-in page.", "サインイン画面の「認証アプリを紛失した場合」のリンクです。"),
	}
}

// kindWords name the kinds of things that are changed.
func kindWords() map[realm.Kind]config.Words {
	return map[realm.Kind]config.Words{
		realm.KindSetting:       config.Say(string(realm.KindSetting), "レルムの設定"),
		realm.KindAttribute:     config.Say(string(realm.KindAttribute), "レルムの属性"),
		realm.KindRole:          config.Say(string(realm.KindRole), "ロール"),
		realm.KindGroup:         config.Say(string(realm.KindGroup), "グループ"),
		realm.KindGroupRole:     config.Say(string(realm.KindGroupRole), "グループのロール"),
		realm.KindScope:         config.Say(string(realm.KindScope), "クライアントスコープ"),
		realm.KindRealmScope:    config.Say(string(realm.KindRealmScope), "新規クライアントに付くクライアントスコープ"),
		realm.KindClient:        config.Say(string(realm.KindClient), "クライアント"),
		realm.KindClientSetting: config.Say(string(realm.KindClientSetting), "クライアントの設定"),
		realm.KindClientScope:   config.Say(string(realm.KindClientScope), "クライアントのスコープ割り当て"),
		realm.KindMapper:        config.Say(string(realm.KindMapper), "クライアントのマッパー"),
		realm.KindClientRole:    config.Say(string(realm.KindClientRole), "クライアントのトークンに入るロール"),
		realm.KindAccountRole:   config.Say(string(realm.KindAccountRole), "クライアントのサービスアカウントの権限"),
		realm.KindAccountGroup:  config.Say(string(realm.KindAccountGroup), "クライアントのサービスアカウントのグループ"),
		realm.KindProfile:       config.Say(string(realm.KindProfile), "ユーザー属性"),
		realm.KindUnmanaged:     config.Say(string(realm.KindUnmanaged), "ユーザープロファイルにない属性の扱い"),
		realm.KindClientProfile: config.Say(string(realm.KindClientProfile), "クライアントプロファイル"),
		realm.KindClientPolicy:  config.Say(string(realm.KindClientPolicy), "クライアントポリシー"),
		realm.KindFlow:          config.Say(string(realm.KindFlow), "認証フロー"),
		realm.KindProvider:      config.Say(string(realm.KindProvider), "外部 IdP"),
		realm.KindAccessRule:    config.Say(string(realm.KindAccessRule), "権限のポリシー"),
		realm.KindPermission:    config.Say(string(realm.KindPermission), "きめ細かな権限"),
		realm.KindText:          config.Say(string(realm.KindText), "テキスト"),
		realm.KindUser:          config.Say(string(realm.KindUser), "ユーザー"),
	}
}

// obstacleWords say what stands in the way.
func obstacleWords() map[realm.ObstacleKind]config.Words {
	return map[realm.ObstacleKind]config.Words{
		realm.ObstacleUnread:   config.Say("The client may not see this part of the realm; give it the role realm-admin:", "クライアントにはレルムのこの部分が見えません。realm-admin ロールを与えてください:"),
		realm.ObstacleVersion:  config.Say("This Keycloak is too old; 26.4 or later is needed:", "この Keycloak は古すぎます。26.4 以降が必要です:"),
		realm.ObstacleFlow:     config.Say("This flow is not understood, so nothing is built out of it; make it simpler or bind another one:", "このフローは解釈できないため、変更しません。単純にするか、別のフローを割り当ててください:"),
		realm.ObstaclePostFlow: config.Say("This identity provider has a flow of its own after the sign-in, which would be lost; take it out:", "この IdP には独自のサインイン後フローがあり、失われてしまいます。先に外してください:"),
		realm.ObstacleName:     config.Say("This name is something else in the realm; rename it, or configure another:", "この名前はレルムで別のものに使われています。名前を変えるか、設定を変えてください:"),
		realm.ObstacleScope:    config.Say("This client scope of Keycloak's own is missing; restore it:", "Keycloak 標準のクライアントスコープがありません。元に戻してください:"),
		realm.ObstacleSecret: config.Say("This client has another secret than the configuration, and keeps it; put it (Clients → Credentials) into the file that the configuration names:",
			"このクライアントのシークレットは設定と異なり、変更しません。クライアントの Credentials タブにある値を、設定で指定したファイルに書いてください:"),
		realm.ObstacleTheme: config.Say("Keycloak has no login theme of this name; write it there first (otpbridge theme), or look at the name:",
			"この名前のログインテーマは Keycloak にありません。先に otpbridge theme で配置するか、名前を確認してください:"),
		realm.ObstacleAdministrators: config.Say("Nobody who administers this realm could sign in afterwards: give one of them a second factor first, or say --without-administrator-second-factor:",
			"変更後、このレルムの管理者が誰もサインインできなくなります。先に一人が二段階目を登録するか、--without-administrator-second-factor を付けてください:"),
		realm.ObstacleLevels: config.Say("These names of levels (acr.loa.map) are not overwritten; write each with a number that can be read, the full level with 2 or more, and in the flows with the same:",
			"レベル名の割り当て (acr.loa.map) は上書きしません。それぞれに読み取れる数値を、完全なサインインのレベルには 2 以上を指定し、フローも同じ数値にしてください:"),
		realm.ObstacleFinding: config.Say("The doctor finds this, and no change of apply mends it; docs/doctor.md says what does:",
			"doctor が検出する問題ですが、apply では直せません。対処は docs/doctor.md をご覧ください:"),
	}
}

func detailsInJapanese() map[string]string {
	return map[string]string{
		"flow_absent":  "%[1]s: 見つかりません",
		"flow_nobody":  "%[1]s: 本人が誰かを尋ねる手順がありません",
		"flow_ticket":  "%[1]s: Kerberos チケット以外の手順がありません",
		"flow_typed":   "%[1]s: 全員にパスワードを求める手順がありません",
		"flow_untyped": "%[1]s: %[2]s では、パスワードを入力せずに先へ進めます",
		"flow_tickets": "%[1]s: %[3]s で %[2]s が必須になっており、チケットのない人は先に進めません",
		"flow_parts":   "%[1]s: %[2]s は複数の部分からなるフォームです",
		"flow_beside":  "%[1]s: %[3]s で %[2]s が他の手順と並んでいます",
		"flow_depends": "%[1]s: %[2]s の二段階目が %[3]s に左右されます",
		"flow_scoped":  "%[1]s: %[2]s の %[3]s が再登録用クライアントスコープに左右されますが、plan の想定と異なる形です",
		"name_client":  "クライアント %[1]s: %[2]s",
		"name_scope":   "クライアントスコープ %[1]s: %[2]s",
	}
}
