package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/control"
)

// recoveriesCmd groups what an administrator does to recoveries of a running `serve`.
type recoveriesCmd struct {
	List   recoveriesListCmd   `cmd:"" help:"help_recoveries_list"`
	Show   recoveriesShowCmd   `cmd:"" help:"help_recoveries_show"`
	Retry  recoveriesRetryCmd  `cmd:"" help:"help_recoveries_retry"`
	Cancel recoveriesCancelCmd `cmd:"" help:"help_recoveries_cancel"`
}

// socketFlags say which running process is meant, and how to print what it answers.
type socketFlags struct {
	configFlag
	Socket  string        `placeholder:"FILE" help:"help_socket"`
	JSON    bool          `help:"help_json"`
	Timeout time.Duration `default:"30s" help:"help_timeout"`
}

type recoveriesListCmd struct {
	socketFlags
	Stuck bool `help:"help_recoveries_stuck"`
}

type recoveriesShowCmd struct {
	socketFlags
	Which string `arg:"" help:"help_recoveries_which"`
}

type recoveriesRetryCmd struct {
	socketFlags
	Which string `arg:"" help:"help_recoveries_which"`
	Yes   bool   `help:"help_yes"`
}

type recoveriesCancelCmd struct {
	socketFlags
	Which string `arg:"" help:"help_recoveries_which"`
	Yes   bool   `help:"help_yes"`
}

// with connects to the socket that flag or configuration name and carries out act within the time limit.
func (s socketFlags) with(ctx context.Context, p process, act func(context.Context, *control.Client) error) error {
	if s.Timeout <= 0 {
		return usageError{errors.New(config.Say("--timeout: is no time above zero", "--timeout: 正の時間ではありません").In(p.lang))}
	}
	path := s.Socket
	if path == "" {
		cfg, err := s.load(p)
		if err != nil {
			return err
		}
		path = cfg.ControlSocket
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return inWords(act(ctx, control.NewClient(path)), path, p.lang)
}

// inWords puts what a socket or the service behind it answered into words.
func inWords(err error, path, lang string) error {
	var say config.Words
	switch code := bridge.CodeOf(err); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		say = config.Say("no otpbridge serves on %s: start otpbridge serve with this configuration, or name another process's control_socket by --socket; otpbridge audit open needs no running one",
			"%s で動作中の otpbridge がありません。この設定で otpbridge serve を起動するか、別のプロセスの control_socket を --socket で指定してください（otpbridge audit open は停止中でも使えます）").With(path)
	case errors.Is(err, fs.ErrPermission):
		say = config.Say("%s: only the user that otpbridge runs as may open it", "%s を開けるのは otpbridge を実行しているユーザーだけです").With(path)
	case errors.Is(err, context.DeadlineExceeded):
		say = config.Say("the service on %s did not answer in time", "%s のサービスが時間内に応答しません").With(path)
	case code == bridge.CodeAbsent:
		say = config.Say("there is no such recovery any more", "該当する手続きはもうありません")
	case code == bridge.CodeTooLate:
		say = config.Say("not possible in this state", "この状態では実行できません")
	case code == bridge.CodeNotOpen:
		say = config.Say("it moved on meanwhile: look again", "その間に進みました。もう一度確認してください")
	case code == bridge.CodeStoreAway:
		say = config.Say("the store does not answer; nothing was changed", "ストアが応答しません。何も変更されていません")
	case code == bridge.CodeAuditFull:
		say = config.Say("the audit trail cannot be written; nothing was changed", "監査記録に書き込めません。何も変更されていません")
	default:
		return err
	}
	return errors.New(say.In(lang))
}

// Run lists recoveries.
func (c recoveriesListCmd) Run(ctx context.Context, p process) error {
	return c.with(ctx, p, func(ctx context.Context, service *control.Client) error {
		all, err := service.List(ctx)
		if err != nil {
			return err
		}
		if c.Stuck {
			all = slices.DeleteFunc(all, func(r control.Recovery) bool { return r.Attention == "" })
		}
		if c.JSON {
			return writeJSON(p.out, all)
		}
		return listed(p, all)
	})
}

func listed(p process, all []control.Recovery) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(p.out, config.Say("none", "ありません").In(p.lang))
		return err
	}
	var t columns
	heads := config.Say("RECOVERY\tREFERENCE\tUSER\tSTATE\tWAY\tSTARTED\tNEEDS", "手続き\t番号\tユーザー\t状態\t方法\t開始\t要対応")
	t.row(strings.Split(heads.In(p.lang), "\t")...)
	for _, r := range all {
		t.row(r.ID, cmp.Or(r.Reference, "-"), plain(r.User), stateOf(r, p.lang), wayOf(r, p.lang), clock(r.Started), attention(r, p.lang))
	}
	return t.write(p.out)
}

// plain makes a name that came from elsewhere harmless for a terminal and a table.
func plain(name string) string {
	var b strings.Builder
	for name != "" {
		r, size := utf8.DecodeRuneInString(name)
		if shown := name[:size]; strconv.IsGraphic(r) && utf8.ValidString(shown) {
			b.WriteString(shown)
		} else {
			quoted := strconv.QuoteToGraphic(shown)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		name = name[size:]
	}
	return b.String()
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// find returns the one recovery that an id, a person's id or a user name means.
func find(ctx context.Context, p process, service *control.Client, which string) (control.Recovery, error) {
	all, err := service.ListWith(ctx, which)
	if err != nil {
		return control.Recovery{}, err
	}
	i := slices.IndexFunc(all, func(r control.Recovery) bool { return r.Meant(which) })
	if i < 0 {
		none := config.Say("nobody of the name or id %s has a recovery that is open or needs somebody", "%s という名前または ID で、進行中または要対応の手続きはありません")
		return control.Recovery{}, errors.New(none.With(plain(which)).In(p.lang))
	}
	return all[i], nil
}

// Run shows one recovery.
func (c recoveriesShowCmd) Run(ctx context.Context, p process) error {
	return c.with(ctx, p, func(ctx context.Context, service *control.Client) error {
		r, err := find(ctx, p, service, c.Which)
		if err != nil {
			return err
		}
		return shown(p, c.JSON, r)
	})
}

func shown(p process, asJSON bool, r control.Recovery) error {
	if asJSON {
		return writeJSON(p.out, r)
	}
	var t columns
	row := func(en, ja, text string) {
		if text != "" && text != "-" {
			t.row(config.Say(en, ja).In(p.lang), text)
		}
	}
	row("recovery", "手続き", r.ID)
	row("reference", "お問い合わせ番号", r.Reference)
	row("user", "ユーザー", plain(r.User))
	row("person", "対象者", r.Person)
	row("state", "状態", stateOf(r, p.lang))
	row("reason", "理由", reasonOf(r, p.lang))
	row("way", "方法", wayOf(r, p.lang))
	row("started", "開始", clock(r.Started))
	row("expires", "期限", clock(r.Expires))
	row("writing since", "書き込み開始", clock(r.Writing))
	row("locked since", "利用停止", clock(r.Locked))
	row("tombstone", "利用停止用の認証情報", strings.Join(r.Tombstone, ", "))
	row("next try", "次の試行", clock(r.Next))
	if r.Tries > 0 {
		row("tries", "試行回数", strconv.Itoa(r.Tries))
	}
	if r.Swap != nil {
		row("new credential", "新しい認証情報", r.Swap.Added)
		row("sent", "送信済み", yesOrNo(r.Swap.Sent, p.lang))
		row("to be removed", "削除対象", strings.Join(r.Swap.Removed, ", "))
	}
	row("needs", "要対応", attention(r, p.lang))
	row("refused step", "拒否された操作", stepOf(r, p.lang))
	row("profile field", "プロフィール項目", plain(r.Field))
	return t.write(p.out)
}

// Run tells a swap or a lock to go on.
func (c recoveriesRetryCmd) Run(ctx context.Context, p process) error {
	plan := config.Say("retry: the swap or lock of %s is tried again now", "再試行: %s の書き込みまたは利用停止を直ちに再試行します")
	return c.with(ctx, p, func(ctx context.Context, service *control.Client) error {
		r, err := find(ctx, p, service, c.Which)
		if err != nil {
			return err
		}
		if r.State == control.TemporaryCode {
			return errors.New(config.Say("a temporary code is tried again by itself, every eight seconds", "一時コードの削除は、8秒ごとに自動で再試行されます").In(p.lang))
		}
		if r.Objected && r.State != string(bridge.Writing) && !r.Locking {
			return errors.New(config.Say("what an objection asks for is tried again by itself, every minute", "異議に対する処理は、1分ごとに自動で再試行されます").In(p.lang))
		}
		if r.State != string(bridge.Writing) && !r.Locking && r.Lost == "" {
			return errors.New(config.Say("there is no swap to go on with: the person starts again", "再試行できる書き込みがありません。本人がやり直します").In(p.lang))
		}
		return c.apply(ctx, p, service, request{r, bridge.AdminRetry, plan, c.Yes})
	})
}

// Run ends a recovery.
func (c recoveriesCancelCmd) Run(ctx context.Context, p process) error {
	plan := config.Say("cancel: the recovery of %s ends; authenticators stay as they are", "中止: %s の手続きを終了します（認証アプリはそのままです）")
	return c.with(ctx, p, func(ctx context.Context, service *control.Client) error {
		r, err := find(ctx, p, service, c.Which)
		if err != nil {
			return err
		}
		switch state := bridge.State(r.State); {
		case r.State == control.Locked:
			plan = config.Say("cancel: the locked account of %s is not watched any more. The tombstone stays until you take it away in Keycloak; whoever else does is not noticed then",
				"中止: 利用停止中のアカウント %s の監視を終了します。利用停止用の認証情報は、Keycloak で削除するまで残ります。以後は、ほかの人が削除しても検知されません")
		case r.Lost != "":
			plan = config.Say("cancel: what was begun for %s is closed on record as it stands. Look at the account in Keycloak first: old and new authenticators may both work",
				"中止: %s について開始された処理を、現状のまま終了として記録します。先に Keycloak でアカウントを確認してください。古い認証アプリと新しい認証アプリの両方が使える場合があります")
		case state == bridge.Writing:
			plan = config.Say("cancel: the recovery of %s ends, unless the new authenticator stands already: then the swap goes on",
				"中止: %s の手続きを終了します。新しい認証アプリがすでに登録されている場合は、書き込みを続けます")
		case state == bridge.Ended:
			plan = config.Say("cancel: the recovery of %s has ended and leaves this list", "中止: %s の手続きは終了済みです。一覧から外します")
		}
		return c.apply(ctx, p, service, request{r, bridge.AdminCancel, plan, c.Yes})
	})
}

// request is what an administrator wants done, and what it is called.
type request struct {
	recovery control.Recovery
	do       bridge.ActionName
	plan     config.Words
	yes      bool
}

// apply shows the plan, or with --yes carries it out and shows how the recovery stands then.
func (s socketFlags) apply(ctx context.Context, p process, service *control.Client, r request) error {
	say(p, r.plan.With(plain(r.recovery.User)+" ("+r.recovery.ID+")").In(p.lang))
	if !r.yes {
		say(p, config.Say("nothing was changed; --yes does it", "何も変更していません。実行するには --yes を付けてください").In(p.lang))
		return shown(p, s.JSON, r.recovery)
	}
	after, err := service.Do(ctx, r.recovery, r.do)
	if err != nil {
		return err
	}
	if err := shown(p, s.JSON, after); err != nil {
		return err
	}
	switch {
	case r.do != bridge.AdminCancel && after.Lost != "" && after.State != string(bridge.Ended):
		return errors.New(config.Say("not finished yet; it is tried again by itself", "まだ完了していません。自動的に再試行されます").In(p.lang))
	case r.do != bridge.AdminCancel || after.State == string(bridge.Ended):
		return nil
	case after.Asked:
		return errors.New(config.Say("not decided yet: Keycloak cannot be read; it is decided as soon as it can", "まだ決まっていません。Keycloak を読み取れるようになり次第、判断されます").In(p.lang))
	}
	return errors.New(config.Say("not cancelled: the new authenticator stands, and the swap goes on", "中止していません。新しい認証アプリが登録済みのため、書き込みを続けます").In(p.lang))
}
