package main

import (
	"strings"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/control"
)

// What a recovery says by codes, in words; --json prints the codes.
var (
	statesWords = map[string]config.Words{
		string(bridge.Waiting): config.Say("waiting", "本人確認待ち"),
		string(bridge.Proven):  config.Say("proven", "本人確認済み"),
		string(bridge.Writing): config.Say("writing", "書き込み中"),
		string(bridge.Done):    config.Say("done", "完了"),
		string(bridge.Ended):   config.Say("ended", "終了"),
		"lost":                 config.Say("lost", "ストアから消失"),
		control.Locked:         config.Say("locked", "利用停止中"),
		control.TemporaryCode:  config.Say("temporary code", "一時コード"),
	}
	endsWords = map[string]config.Words{
		string(bridge.EndCancelled):  config.Say("cancelled by the person", "本人が中止"),
		string(bridge.EndVetoed):     config.Say("stopped by an objection", "異議により中止"),
		string(bridge.EndDenied):     config.Say("not approved by the help desk", "ヘルプデスクが不承認"),
		string(bridge.EndExpired):    config.Say("its time was up", "期限切れ"),
		string(bridge.EndSuperseded): config.Say("replaced by a newer one", "新しい手続きに交代"),
		string(bridge.EndTooMany):    config.Say("too many wrong codes", "コードの誤りが上限に到達"),
		string(bridge.EndRefused):    config.Say("refused", "拒否"),
		string(bridge.EndStopped):    config.Say("stopped by an administrator", "管理者が中止"),
		string(bridge.EndTemporary):  config.Say("a temporary code was made", "一時コードを発行"),
	}
	waysWords = map[string]config.Words{
		string(bridge.WayMail): config.Say("mail", "メール"),
		string(bridge.WayDesk): config.Say("desk", "ヘルプデスク"),
	}
	reasonsWords = map[string]config.Words{
		string(bridge.ReasonChanged): config.Say("changed, broken or deleted", "機種変更、故障、アプリの削除"),
		string(bridge.ReasonLost):    config.Say("lost", "紛失"),
		string(bridge.ReasonStolen):  config.Say("stolen", "盗難"),
		string(bridge.ReasonToday):   config.Say("not at hand: a temporary code is asked for", "手元にない（一時コードの希望）"),
	}
	stepsWords = map[string]config.Words{
		"add credential":    config.Say("add credential", "認証情報の追加"),
		"move credential":   config.Say("move credential", "認証情報の並べ替え"),
		"remove credential": config.Say("remove credential", "認証情報の削除"),
		"end sessions":      config.Say("end sessions", "セッションの終了"),
		"read credentials":  config.Say("read credentials", "認証情報の読み取り"),
		"read person":       config.Say("read person", "アカウントの読み取り"),
	}
)

// worded is a code in words; one that is not known is shown as it is.
func worded(words map[string]config.Words, code, lang string) string {
	if w, ok := words[code]; ok {
		return w.In(lang)
	}
	return plain(code)
}

// stateOf says where a recovery stands, how it ended, and that its account is locked.
func stateOf(r control.Recovery, lang string) string {
	said := []string{worded(statesWords, r.State, lang)}
	if r.End != "" {
		said = append(said, worded(endsWords, r.End, lang))
	}
	if !r.Locked.IsZero() && r.State != control.Locked {
		said = append(said, worded(statesWords, control.Locked, lang))
	}
	return strings.Join(said, config.Say(", ", "・").In(lang))
}

func wayOf(r control.Recovery, lang string) string    { return worded(waysWords, r.Way, lang) }
func reasonOf(r control.Recovery, lang string) string { return worded(reasonsWords, r.Reason, lang) }
func stepOf(r control.Recovery, lang string) string   { return worded(stepsWords, r.Step, lang) }

func yesOrNo(yes bool, lang string) string {
	if yes {
		return config.Say("yes", "はい").In(lang)
	}
	return config.Say("no", "いいえ").In(lang)
}

// attention says why an administrator has to act, "-" when there is no need.
func attention(r control.Recovery, lang string) string {
	words, ok := map[bridge.Code]config.Words{
		bridge.CodeGone:             config.Say("the account is gone, or out of the service account's sight", "アカウントが存在しないか、サービスアカウントから見えない"),
		bridge.CodeRefusedByAccount: config.Say("Keycloak refuses a step; its log and ours say which", "Keycloak が操作を拒否した（双方のログに記録がある）"),
		bridge.CodeKeycloakAway: config.Say("Keycloak does not carry out a step, for more than ten minutes; our log says which",
			"Keycloak が10分以上にわたって操作を実行できない（otpbridge のログに記録がある）"),
		bridge.CodeInternal: config.Say("a fault of ours; the log says which", "otpbridge 側の問題（ログに記録がある）"),
	}[bridge.Code(r.Attention)]
	said := r.Attention
	if ok {
		said = words.In(lang)
	}
	switch {
	case said == "":
		return "-"
	case r.State == control.Locked:
		return config.Say("the tombstone was taken away and cannot be written again: ", "利用停止用の認証情報が削除され、再び書き込むことができない：").In(lang) + said
	case r.State == control.TemporaryCode:
		return config.Say("a temporary code still works: ", "一時コードを削除できない：").In(lang) + said
	case r.Objected && r.State != string(bridge.Writing) && !r.Locking:
		return config.Say("sessions not ended after an objection: ", "異議の申し立て後、セッションを終了できない：").In(lang) + said
	case r.Locking:
		return config.Say("not locked yet: ", "利用停止が未完了：").In(lang) + said
	case r.Unlocked:
		return config.Say("not locked after a theft: ", "盗難後に利用停止できなかった：").In(lang) + said
	}
	return said
}
