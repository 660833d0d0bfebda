package main

import "otpbridge/cmd/internal/config"

// helpTexts are the texts of --help, by name.
func helpTexts() map[string]config.Words {
	return map[string]config.Words{
		"help": config.Say("Takes people who lost their one-time-password authenticators to a working new one, beside Keycloak.",
			"ワンタイムパスワードの認証アプリを失った人が、新しい認証アプリを使えるようにします（Keycloak と連携）。"),
		"help_help":    config.Say("Show context-sensitive help.", "このヘルプを表示します。"),
		"help_lang":    config.Say("Language of messages; by default that of the locale.", "メッセージの言語。既定はロケールに従います。"),
		"help_serve":   config.Say("Serve the pages.", "サービスを起動します。"),
		"help_check":   config.Say("Read the configuration and say everything that is wrong with it.", "設定を読み、誤りをすべて示します。"),
		"help_keys":    config.Say("Make and show keys.", "鍵を作成・表示します。"),
		"help_version": config.Say("Print version, commit and Go release.", "バージョン・コミット・Go の版を表示します。"),
		"help_config":  config.Say("The configuration file; by default /etc/otpbridge/otpbridge.yaml.", "設定ファイル。既定は /etc/otpbridge/otpbridge.yaml。"),
		"help_policy":  config.Say("Look at policies.", "ポリシーを調べます。"),
		"help_policy_explain": config.Say("Print which policy rules for a person, and why. Reads Keycloak; changes nothing.",
			"ある人にどのポリシーが適用されるかと理由を表示します（Keycloak を読むだけで、何も変更しません）。"),
		"help_policy_user": config.Say("The person's user name.", "対象者のユーザー名。"),
		"help_recoveries":  config.Say("See and act on recoveries of a running service.", "動作中のサービスの手続きを確認・操作します。"),
		"help_recoveries_list": config.Say("List the recoveries that are open, or that need an administrator.",
			"進行中、または管理者の対応が必要な手続きを一覧します。"),
		"help_recoveries_show": config.Say("Show how far one recovery has come.", "一つの手続きの状態を表示します。"),
		"help_recoveries_retry": config.Say("Go on with a swap or a lock now, after what stood in its way was mended. Shows what it would do; --yes does it.",
			"原因を取り除いたあと、書き込みを直ちに再試行します。内容を表示するだけで、実行には --yes が必要です。"),
		"help_recoveries_cancel": config.Say("End a recovery. Never takes an authenticator away: where the new one stands already, it goes on instead. Shows what it would do; --yes does it.",
			"手続きを終了します。認証アプリが使えなくなることはなく、新しいものが登録済みなら書き込みを続けます。内容を表示するだけで、実行には --yes が必要です。"),
		"help_recoveries_which": config.Say("A user name, or an id from the list.", "ユーザー名、または一覧の ID。"),
		"help_recoveries_stuck": config.Say("Only those that need an administrator.", "管理者の対応が必要なものだけ。"),
		"help_socket":           config.Say("The service's socket; by default control_socket of the configuration.", "サービスのソケット。既定は設定の control_socket。"),
		"help_yes":              config.Say("Do it.", "実行します。"),
		"help_timeout":          config.Say("How long to wait for other servers.", "ほかのサーバーの応答を待つ時間。"),
		"help_print":            config.Say("Print each value in force and where it comes from; secrets as their size only.", "有効な値とその出所を表示します（秘密は大きさだけ）。"),
		"help_json":             config.Say("Print the result as JSON.", "結果を JSON で出力します。"),
		"help_theme": config.Say("Write the theme that puts the link \"Lost your authenticator?\" on Keycloak's one-time password page.",
			"Keycloak のワンタイムパスワード画面に「認証アプリを紛失した場合」のリンクを加えるテーマを書き出します。"),
		"help_theme_target": config.Say("A directory of themes (Keycloak's themes/), or the name of a .jar file for providers/.",
			"テーマのディレクトリー（Keycloak の themes/）、または providers/ に置く .jar ファイルの名前。"),
		"help_theme_parent": config.Say("The theme whose pages it builds on.", "土台にするテーマ。"),
		"help_theme_themes": config.Say("The directory where the parent lies, if that is none of Keycloak's own themes; by default the target. Its footer is kept.",
			"土台のテーマがあるディレクトリー（Keycloak 標準のテーマでない場合）。既定は <target>。そのフッターは残ります。"),
		"help_theme_name": config.Say("The theme's name, as the realm settings will list it.", "テーマの名前（レルムの設定に表示されます）。"),
		"help_force":      config.Say("Replace files that exist.", "既存のファイルを置き換えます。"),
		"help_keys_new": config.Say("Make a key and write it to a new file of mode 0600.",
			"鍵を作成し、モード 0600 の新しいファイルに書きます。"),
		"help_keys_show": config.Say("Print what is public of a keys file: a JWK set to paste into Keycloak, or the names of sealing keys.",
			"鍵ファイルの公開部分を表示します（Keycloak に登録する JWK Set、または封印鍵の名前）。"),
		"help_keys_purpose": config.Say("sealing (the store), login (the client that people sign in with), admin (the client of the Admin REST API).",
			"sealing（ストア用）、login（サインイン用クライアント）、admin（Admin REST API 用クライアント）。"),
		"help_keys_file": config.Say("The keys file.", "鍵ファイル。"),
		"help_keys_new_file": config.Say("The file to write; - writes to standard output.",
			"書き込むファイル。- なら標準出力に書きます。"),
		"help_keys_add": config.Say("Put the new key in front of those in the file. Clients keep one old key, sealing keys are all kept.",
			"ファイルの先頭に新しい鍵を加えます。クライアントは古い鍵を一つ、封印鍵はすべて残します。"),
	}
}

// doctorTexts are those of the doctor.
func doctorTexts() map[string]config.Words {
	return map[string]config.Words{
		"help_doctor": config.Say("Look at everything that the service stands on, and say what is wrong, what it means and what mends it. Changes nothing.",
			"サービスの土台をすべて点検し、問題とその影響・対処を示します（何も変更しません）。"),
		"help_admin_client": config.Say("A client that may manage the realm, for this run: sees what the service account may not.",
			"レルムを管理できるクライアント（この実行だけに使用）。サービスアカウントに見えない項目も点検します。"),
		"help_admin_realm":       config.Say("The realm that this client belongs to; by default keycloak.realm.", "そのクライアントが属するレルム。既定は keycloak.realm。"),
		"help_look_only":         config.Say("Hand what that client saw to no service: for a place that reaches none. All other findings count as ever.", "そのクライアントで点検した結果をサービスに渡しません。サービスに届かない場所で使います。ほかの問題の扱いは変わりません。"),
		"help_admin_secret_file": config.Say("File with its secret; - reads standard input. Never stored.", "そのシークレットのファイル。- なら標準入力。保存しません。"),
	}
}

// realmHelpTexts are those of `otpbridge realm`.
func realmHelpTexts() map[string]config.Words {
	return map[string]config.Words{
		"help_realm": config.Say("Prepare the realm.", "レルムを準備します。"),
		"help_realm_plan": config.Say("Show how the realm differs from a safe one. Changes nothing; exit code 1 when it differs.",
			"安全なレルムとの差分を表示します（何も変更しません）。差分があれば終了コードは 1。"),
		"help_realm_apply": config.Say("Make the realm safe: shows the plan and does it. May be repeated.", "レルムを安全にします（計画を表示して実行）。繰り返し実行できます。"),
		"help_realm_undo":  config.Say("Take back what apply did. Shows it; --yes does it.", "apply による変更を元に戻します。内容を表示するだけで、実行には --yes が必要です。"),
		"help_realm_client": config.Say("A client that may change the realm: one of the realm (--admin-realm) with the role realm-admin, or one of master by `kc.sh bootstrap-admin service`, which wants every Keycloak node stopped.",
			"レルムを変更できるクライアント。そのレルムに作成して realm-admin ロールを付けたもの（--admin-realm でレルムを指定）、または kc.sh bootstrap-admin service で master に作成したもの（Keycloak の全ノードの停止が必要）。"),
		"help_realm_secret":       config.Say("File with that client's secret; - is standard input.", "そのクライアントの秘密のファイル。- なら標準入力。"),
		"help_realm_realm":        config.Say("The realm that this client belongs to; by default master.", "そのクライアントが属するレルム。既定は master。"),
		"help_realm_theme":        config.Say("Use this login theme (see otpbridge theme), with its link to otpbridge.", "このログインテーマ（otpbridge theme を参照）を使い、otpbridge へのリンクを設定します。"),
		"help_realm_manage_users": config.Say("Give the service account manage-users instead of fine-grained permissions: it can then change every user.", "細かな権限の代わりに manage-users を与えます（すべてのユーザーを変更できてしまいます）。"),
		"help_realm_format":       config.Say("How the result is printed: text or json.", "結果の形式: text または json。"),
		"help_realm_undo_file":    config.Say("Where the former values are written; by default otpbridge-undo-REALM.jsonl here.", "変更前の値を書くファイル。既定はこのフォルダーの otpbridge-undo-レルム名.jsonl。"),
		"help_realm_undo_from":    config.Say("The file that apply wrote.", "apply が書いたファイル。"),
		"help_realm_lock_out":     config.Say("Go on although no administrator of the realm has a second factor.", "レルムの管理者が誰も二段階目を持たなくても続けます。"),
	}
}

// auditHelpTexts are those of `otpbridge audit`.
func auditHelpTexts() map[string]config.Words {
	return map[string]config.Words{
		"help_audit": config.Say("Read the audit trail.", "監査記録を読みます。"),
		"help_audit_open": config.Say("List what the audit trail says was begun and not how it ended. Exit code 1 if there is anything. Reads files only.",
			"監査記録に開始だけがあり、終了がないものを一覧します。あれば終了コードは 1（ファイルを読むだけです）。"),
		"help_audit_file": config.Say("The file; by default audit.file of the configuration.", "ファイル。既定は設定の audit.file。"),
	}
}

func helpText(name, lang string) string {
	if text, ok := usageText(name, lang); ok {
		return text
	}
	for _, texts := range []map[string]config.Words{doctorTexts(), realmHelpTexts(), auditHelpTexts()} {
		if text, ok := texts[name]; ok {
			return text.In(lang)
		}
	}
	return helpTexts()[name].In(lang)
}
