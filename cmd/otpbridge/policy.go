package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
)

// policyCmd groups what looks at policies.
type policyCmd struct {
	Explain explainCmd `cmd:"" help:"help_policy_explain"`
}

// explainCmd is `otpbridge policy explain`. It reads Keycloak with the configured service account and changes nothing.
type explainCmd struct {
	configFlag
	User    string        `arg:"" help:"help_policy_user"`
	JSON    bool          `help:"help_json"`
	Timeout time.Duration `default:"30s" help:"help_timeout"`
}

// Run prints which policy rules for a person, and why.
func (c explainCmd) Run(ctx context.Context, p process) error {
	if c.Timeout <= 0 {
		return usageError{errors.New(config.Say("--timeout: is no time above zero", "--timeout: 正の時間ではありません").In(p.lang))}
	}
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	who, err := read(ctx, *cfg, c.User, p.lang)
	if err != nil {
		return err
	}
	e := explain(cfg.Rules(), who, time.Now())
	if c.JSON {
		err = writeJSON(p.out, e)
	} else {
		err = e.print(p)
	}
	if err == nil && len(e.HiddenGroups) > 0 {
		err = errors.New(config.Say("policies name groups that do not exist or that the service account may not view: %s",
			"存在しないか、サービスアカウントに閲覧権限のないグループがポリシーにあります: %s").With(strings.Join(e.HiddenGroups, ", ")).In(p.lang))
	}
	return err
}

// subject is what Keycloak says of a person, as far as a policy, and the ways beside it, depend on it.
type subject struct {
	account bridge.Account
	history bridge.History
	facts   bridge.RealmFacts
	hidden  []string // groups of policies that the service account does not see
}

// read asks Keycloak about a person. An error says which part did not answer.
func read(ctx context.Context, cfg config.Config, name, lang string) (s subject, err error) {
	kc, err := service.Keycloak(cfg, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return s, err
	}
	steps := []struct {
		part config.Words
		read func() error
	}{
		{config.Say("the realm", "レルム"), func() error { s.facts, err = kc.Realm(ctx); return err }},
		{config.Say("the account", "アカウント"), func() error { s.account, err = kc.ByName(ctx, name); return err }},
		{config.Say("the saved events", "保存されたイベント"), func() error {
			s.history, err = kc.History(ctx, s.account.ID, time.Now().Add(-cfg.Rules().LookBack()))
			return err
		}},
		{config.Say("the groups of the policies", "ポリシーのグループ"), func() error {
			s.hidden, _, err = kc.HiddenGroups(ctx, cfg.PolicyGroups())
			return err
		}},
	}
	var refused *keycloak.RefusedError
	for _, step := range steps {
		switch err := step.read(); {
		case bridge.CodeOf(err) == bridge.CodeGone:
			return s, errors.New(config.Say("nobody, or not exactly one person, whom the service account sees has this user name: not in keycloak.allowed_group (%s), or no such person",
				"サービスアカウントに見える人の中に、このユーザー名に当たる人がいないか、一人に決まりません。keycloak.allowed_group（%s）に入っていないか、そのような人がいません").With(cfg.Keycloak.AllowedGroup).In(lang))
		case errors.As(err, &refused):
			return s, errors.New(config.Say("Keycloak gives the service account %s no token (%s): otpbridge doctor says what mends that",
				"Keycloak がサービスアカウント %s にトークンを発行しません（%s）。対処は otpbridge doctor が示します").With(refused.Client, refused.Reason).In(lang))
		case err != nil:
			return s, fmt.Errorf("%s %s: %w", config.Say("Keycloak did not answer about", "Keycloak から応答がありません:").In(lang), step.part.In(lang), err)
		}
	}
	return s, nil
}

// print writes the explanation as lines of a name and what there is to say.
func (e explanation) print(p process) error {
	var table columns
	row := func(name config.Words, text string) { table.row(name.In(p.lang), text) }
	say := func(en, ja string, args ...any) string { return config.Say(en, ja).With(args...).In(p.lang) }
	row(config.Say("person", "対象者"), fmt.Sprintf("%s (%s)", e.User, e.ID))
	if e.Refusal != "" {
		row(config.Say("refused", "拒否"), because(e.Refusal, p.lang))
	}
	if e.Entry == 0 {
		row(config.Say("policy", "ポリシー"), say("%s: no policies are configured", "%s: ポリシーは設定されていません", e.Policy))
	} else {
		row(config.Say("policy", "ポリシー"), say("%s, entry %d", "%s（%d 番目）", e.Policy, e.Entry))
	}
	for _, m := range e.Matched {
		row(config.Say("matches", "一致"), m.text(p.lang))
	}
	if e.Everybody {
		row(config.Say("matches", "一致"), say("everybody", "全員"))
	}
	for _, o := range e.PassedOver {
		row(config.Say("passed over", "不一致"), fmt.Sprintf("%s: %s", o.Policy, strings.Join(o.Failed, ", ")))
	}
	row(config.Say("mail", "メール"), e.Mail.text(p.lang))
	row(config.Say("desk", "ヘルプデスク"), e.Desk.text(p.lang))
	if e.Desk.Open {
		var why []string
		for _, code := range e.ApprovalsWhy {
			why = append(why, because(code, p.lang))
		}
		row(config.Say("approvals", "承認"), fmt.Sprintf("%d: %s", e.Approvals, strings.Join(why, "; ")))
		row(config.Say("desk code", "一時コード"), e.DeskCode.text(p.lang))
		row(config.Say("checks", "確認"), say("%d for each approval", "承認ごとに %d 項目", e.Checks))
	}
	delay := e.Delay
	if delay == config.DurationText(0) {
		delay = say("none", "なし")
	}
	row(config.Say("delay", "待機"), delay)
	return table.write(p.out)
}

func (m matched) text(lang string) string {
	if m.Wanted == m.Has {
		return m.Condition + ": " + m.Has
	}
	return fmt.Sprintf("%s: %s (%s)", m.Condition, m.Wanted, config.Say("by %s", "%s による").With(m.Has).In(lang))
}

func (w wayState) text(lang string) string {
	if w.Open {
		return config.Say("open", "使える").In(lang)
	}
	return config.Say("closed: ", "使えない: ").In(lang) + because(w.Why, lang)
}

// because puts a code into words.
func because(code, lang string) string {
	words, ok := map[string]config.Words{
		whyPolicy:                          config.Say("the policy says so", "ポリシーの定め"),
		whyNotNamed:                        config.Say("the policy does not name this way", "ポリシーにこの方法がない"),
		whyDeskOff:                         config.Say("help_desk.enabled is not true", "help_desk.enabled が true ではない"),
		whyNoCode:                          config.Say("desk_temporary_codes of the policy is not true", "ポリシーの desk_temporary_codes が true ではない"),
		string(bridge.CodeNoAuthenticator): config.Say("has no authenticator to come back to", "戻るべき認証アプリがない"),
		string(bridge.CodePolicy):          config.Say("the policy refuses", "ポリシーが拒否する"),
		string(bridge.CodeDeskOnly):        config.Say("works at the help desk", "ヘルプデスクの担当者である"),
		string(bridge.CodeNoAddress):       config.Say("has no address that a link may go to", "リンクを送れるアドレスがない"),
		string(bridge.CodeDisabled):        config.Say("the account is disabled", "アカウントが無効である"),
		string(bridge.CodeLocked):          config.Say("the account is locked for now", "アカウントが一時的にロックされている"),
		string(bridge.CodePendingAction):   config.Say("Keycloak would ask for something else at the sign-in", "サインイン時に Keycloak が別の操作を求める"),
		string(bridge.CodeNotAllowed):      config.Say("is not in keycloak.allowed_group", "keycloak.allowed_group に属していない"),
		string(bridge.CodeAdministrator):   config.Say("holds a realm role that is not harmless", "無害ではないレルムロールを持つ"),
		string(bridge.CodePasswordRecent):  config.Say("the password is too young, or the mailbox gets new passwords", "パスワードが新しいか、宛先がパスワード再設定の送り先である"),
		string(bridge.CodeAddressUnproven): config.Say("the address was never confirmed", "アドレスが確認されていない"),
		string(bridge.CodeAddressCampus):   config.Say("the mailbox stands behind this sign-in", "メールボックスがこのサインインの内側にある"),
		string(bridge.CodeAddressChanged):  config.Say("the address was changed within 72 hours", "アドレスが 72 時間以内に変更された"),
		string(bridge.CodeRealmUnsafe):     config.Say("people could change the address themselves", "アドレスを本人が変更できる"),
	}[code]
	if !ok {
		return code
	}
	return words.In(lang)
}
