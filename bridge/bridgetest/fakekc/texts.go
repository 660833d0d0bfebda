package fakekc

// labels of the pages, by language.
var labels = map[string]map[string]string{
	"en": {
		"provider": "Demo identity provider", "signIn": "Sign in to your account", "name": "Username or email", "password": "Password",
		"code": "One-time code", "send": "Sign In", "restart": "Restart login", "lost": "Lost your authenticator?", "other": "日本語",
		"sorry": "We are sorry...", "action": "You need to do this first", "device": "Device name", "unnamed": "Authenticator", "out": "You are logged out",
		"leave": "Logging out", "leaveAsk": "Do you want to log out?", "leaveSend": "Logout", "otherLang": "ja",
	},
	"ja": {
		"provider": "デモ用の認証基盤", "signIn": "アカウントにサインイン", "name": "ユーザー名またはメールアドレス", "password": "パスワード",
		"code": "ワンタイムコード", "send": "サインイン", "restart": "最初からやり直す", "lost": "認証アプリを紛失した場合", "other": "English",
		"sorry": "申し訳ございません。", "action": "先に必要な手続きがあります", "device": "端末の名前", "unnamed": "認証アプリ", "out": "ログアウトしました",
		"leave": "ログアウト", "leaveAsk": "ログアウトしますか?", "leaveSend": "ログアウト", "otherLang": "en",
	},
}

var japanese = map[string]string{
	textWrongPassword: "無効なユーザー名またはパスワードです。",
	textWrongCode:     "コードが正しくありません。",
	textDisabled:      "アカウントは無効です。管理者に連絡してください。",
	textDenied:        "アクセスが拒否されました",
	textAgain:         "続けるには、もう一度サインインしてください",
	textExpired:       "操作の期限が切れました。サインインを続けてください。",
	textOtherUser:     "このブラウザーでは別の利用者がすでにサインインしています。先にサインアウトしてください。",
	textNoCookie:      "サインインを続けるための Cookie がありません。期限が切れたか、Cookie が無効になっています。",
	textBroken:        "サインインの処理中に問題が起きました。",
	textOut:           "ログアウトしました",
	textLeave:         "ログアウトしますか?",
}

// translate shows a text of the server in a language; what has no translation stays as it is.
func translate(language, text string) string {
	if language == "ja" && japanese[text] != "" {
		return japanese[text]
	}
	return text
}
