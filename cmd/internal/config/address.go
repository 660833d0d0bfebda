package config

import (
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// Patterns of addresses, for whoever reads a value without being able to parse it: they take whatever the parsers take.
const (
	hostForm = `[^\s/?#@]+`
	webForm  = `(https://` + hostForm + `|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?)`
	pathForm = `(/[^\s?#]*)?`
	linkForm = webForm + `([/?#].*)?`
	// realmForm is the end of an issuer.
	realmForm = realmsPath + `/[^\s/?#]+`
	mailForm  = `[^\s<>]+@[^\s<>]+`
)

// realmsPath is where Keycloak has its realms.
const realmsPath = "/realms"

// urlRule says which addresses a key takes.
type urlRule struct {
	schemes []string
	path    bool // may have a path
	user    bool // may have a user name, never a password
}

var (
	notAddress = Words{"is no complete address", "は完全なアドレスではありません"}
	hasMore    = Words{"has a query or a fragment", "にクエリまたはフラグメントがあります"}
	hasUser    = Words{"has a user", "にユーザー名があります"}
	hasSecret  = Words{"has a password in it, which belongs into a file", "にパスワードが含まれています。パスワードはファイルに置いてください"}
	plainHTTP  = Words{"is not https, which only a loopback address may do without", "は https ではありません（http はループバックアドレスだけで使えます）"}
	hasPath    = Words{"has a path other than /", "に / 以外のパスがあります"}
)

// parse reads an address; http is taken for loopback only, where https is among the schemes.
func (r urlRule) parse(s string) (*url.URL, *Words) {
	if _, wrong := oneLine(s); wrong != nil {
		return nil, wrong
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.Contains(s, " ") {
		return nil, bad(notAddress)
	}
	_, password := u.User.Password()
	switch {
	case password:
		return nil, bad(hasSecret)
	case u.User != nil && !r.user:
		return nil, bad(hasUser)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return nil, bad(hasMore)
	case !r.path && u.Path != "" && u.Path != "/":
		return nil, bad(hasPath)
	}
	return u, r.scheme(u)
}

func (r urlRule) scheme(u *url.URL) *Words {
	for _, scheme := range r.schemes {
		if u.Scheme == scheme {
			return nil
		}
	}
	if r.schemes[0] != "https" || u.Scheme != "http" {
		return bad(Words{"begins with another scheme", "のスキームが違います"})
	}
	if !bridge.Loopback(u.Hostname()) {
		return bad(plainHTTP)
	}
	return nil
}

func baseURL() parser[*url.URL] {
	allowed := Words{"https://HOST without a path; http for loopback only", "パスのない https://ホスト名（http はループバックだけ）"}
	return parser[*url.URL]{allowed: allowed, form: form{pattern: "^" + webForm + "/?$"}, parse: func(s string) (*url.URL, *Words) {
		u, wrong := urlRule{schemes: []string{"https"}}.parse(s)
		if wrong != nil {
			return nil, wrong
		}
		return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
	}}
}

// brokerOrigin is a server as it stands in a security policy, where other signs would mean something.
func brokerOrigin() parser[string] {
	base := baseURL()
	return parser[string]{allowed: base.allowed, form: base.form, parse: func(s string) (string, *Words) {
		u, wrong := base.parse(s)
		if wrong == nil && strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
			wrong = bad(notAddress)
		}
		if wrong != nil {
			return "", wrong
		}
		return u.String(), nil
	}}
}

func issuerURL() parser[string] {
	allowed := Words{"https://HOST/realms/REALM; http for loopback only", "https://ホスト名/realms/レルム名（http はループバックだけ）"}
	return parser[string]{allowed: allowed, form: form{pattern: "^" + webForm + pathForm + realmForm + "$"}, parse: func(s string) (string, *Words) {
		u, wrong := urlRule{schemes: []string{"https"}, path: true}.parse(s)
		if wrong == nil && realmOf(u) == "" {
			wrong = bad(Words{"does not end with a realm", "の末尾にレルム名がありません"})
		}
		return s, wrong
	}}
}

// realmOf is the realm that an issuer ends with, "" for none.
func realmOf(issuer *url.URL) string {
	i := strings.LastIndex(issuer.Path, "/")
	if i < 0 || !strings.HasSuffix(issuer.Path[:i], realmsPath) {
		return ""
	}
	return issuer.Path[i+1:]
}

func serverURL() parser[string] {
	allowed := Words{"https://HOST; http for loopback only", "https://ホスト名（http はループバックだけ）"}
	return parser[string]{allowed: allowed, form: form{pattern: "^" + webForm + pathForm + "$"}, parse: func(s string) (string, *Words) {
		u, wrong := urlRule{schemes: []string{"https"}, path: true}.parse(s)
		if wrong == nil && strings.Contains(u.Path+"/", realmsPath+"/") {
			wrong = bad(Words{"has a realm in it, which belongs into keycloak.realm", "にレルムが含まれています。レルムは keycloak.realm に書いてください"})
		}
		return strings.TrimRight(s, "/"), wrong
	}}
}

// webLink is a page that people are sent to; it may have a query.
func webLink() parser[string] {
	return parser[string]{allowed: Words{"an https address", "https のアドレス"}, form: form{pattern: "^" + linkForm + "$"}, parse: func(s string) (string, *Words) {
		if _, wrong := oneLine(s); wrong != nil {
			return "", wrong
		}
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.User != nil {
			return "", bad(notAddress)
		}
		if u.Scheme == "https" || u.Scheme == "http" && bridge.Loopback(u.Hostname()) {
			return s, nil
		}
		return "", bad(plainHTTP)
	}}
}

func contactURL() parser[string] {
	allowed := Words{"an https or mailto address", "https または mailto のアドレス"}
	return parser[string]{allowed: allowed, form: form{pattern: "^(" + linkForm + "|mailto:" + mailForm + ")$"}, parse: func(s string) (string, *Words) {
		to, isMail := strings.CutPrefix(s, "mailto:")
		if !isMail {
			return webLink().parse(s)
		}
		_, wrong := mailbox().parse(to)
		return s, wrong
	}}
}

func mailbox() parser[string] {
	return parser[string]{allowed: Words{"one mail address", "メールアドレス一つ"}, form: form{pattern: "^" + mailForm + "$"}, parse: func(s string) (string, *Words) {
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s || !strings.Contains(s, "@") {
			return "", bad(Words{"is no mail address", "はメールアドレスではありません"})
		}
		return s, nil
	}}
}

func sender() parser[*mail.Address] {
	allowed := Words{`"Name <name@example.ac.jp>"`, `"名前 <name@example.ac.jp>"`}
	return parser[*mail.Address]{allowed: allowed, form: form{pattern: "^(.*<" + mailForm + ">|" + mailForm + ")$"}, parse: func(s string) (*mail.Address, *Words) {
		if _, wrong := oneLine(s); wrong != nil {
			return nil, wrong
		}
		a, err := mail.ParseAddress(s)
		if err != nil {
			return nil, bad(Words{"is no sender", "は差出人として使えません"})
		}
		return a, nil
	}}
}

func smtpURL() parser[SMTPServer] {
	allowed := Words{"smtps://USER@HOST:465 or smtp://USER@HOST:587", "smtps://ユーザー@ホスト:465 または smtp://ユーザー@ホスト:587"}
	return parser[SMTPServer]{allowed: allowed, form: form{pattern: `^smtps?://([^\s/?#:]+@)?` + hostForm + `/?$`}, parse: func(s string) (SMTPServer, *Words) {
		u, wrong := urlRule{schemes: []string{"smtps", "smtp"}, user: true}.parse(s)
		if wrong != nil {
			return SMTPServer{}, wrong
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"smtps": "465", "smtp": "587"}[u.Scheme]
		}
		n, wrong := portNumber(port)
		return SMTPServer{
			Host: u.Hostname(), Port: n, User: u.User.Username(), Implicit: u.Scheme == "smtps", Plain: u.Scheme == "smtp" && bridge.Loopback(u.Hostname()),
		}, wrong
	}}
}

func portNumber(s string) (int, *Words) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, bad(Words{"has no port from 1 to 65535", "に 1〜65535 のポート番号がありません"})
	}
	return int(n), nil
}

// listenAddress is a bind address; the host may be left out, port 0 takes any free one.
func listenAddress() parser[string] {
	allowed := Words{"HOST:PORT or :PORT", "ホスト:ポート または :ポート"}
	return parser[string]{allowed: allowed, parse: func(s string) (string, *Words) {
		host, port, err := net.SplitHostPort(s)
		if err != nil || strings.ContainsAny(host, " /@") {
			return "", bad(Words{"is no bind address", "は待ち受けアドレスではありません"})
		}
		if port == "0" {
			return s, nil
		}
		_, wrong := portNumber(port)
		return s, wrong
	}}
}

// hostPort is an address to call.
func hostPort() parser[string] {
	return parser[string]{allowed: Words{"HOST:PORT", "ホスト:ポート"}, form: form{pattern: `^(\[[^\]\s/@]+\]|[^\s/@:]+):[0-9]{1,5}$`}, parse: func(s string) (string, *Words) {
		host, port, err := net.SplitHostPort(s)
		if err != nil || host == "" || strings.ContainsAny(host, " /@") {
			return "", bad(Words{"is no address of a server", "はサーバーのアドレスではありません"})
		}
		_, wrong := portNumber(port)
		return s, wrong
	}}
}
