package config

import (
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the image has no zones of its own
	"unicode"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

const (
	envPrefix = "OTPBRIDGE_"
	realmName = "REALM" // stands for the realm in the default of harmless_roles
	stateName = "STATE" // stands for the file of the state in the default of control_socket
	maxIssuer = 20
	minSecret = 8
	maxText   = 1000
)

func languages() []string { return []string{"ja", "en"} }

// line takes one line of text.
func line() parser[string] {
	return parser[string]{allowed: Words{"text of one line", "1行の文字列"}, form: form{pattern: `^\S(.*\S)?$`}, parse: oneLine}
}

func oneLine(s string) (string, *Words) {
	switch {
	case strings.TrimSpace(s) == "":
		return "", bad(Words{"is empty", "が空です"})
	case len(s) > maxText:
		return "", bad(Words{"is longer than %d bytes", "が %d バイトを超えています"}.With(maxText))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return "", bad(Words{"has control characters or broken UTF-8", "に制御文字または不正な UTF-8 があります"})
	case strings.TrimSpace(s) != s:
		return "", bad(Words{"has blanks at its begin or end", "の前後に空白があります"})
	}
	return s, nil
}

// matching takes one line that a pattern describes.
func matching(pattern string, allowed Words) parser[string] {
	re := regexp.MustCompile(pattern)
	return parser[string]{allowed: allowed, form: form{pattern: pattern}, parse: func(s string) (string, *Words) {
		if _, wrong := oneLine(s); wrong != nil {
			return "", wrong
		}
		if !re.MatchString(s) {
			return "", bad(Words{"is not written that way", "の書き方が正しくありません"})
		}
		return s, nil
	}}
}

// word takes a name.
func word() parser[string] {
	return matching(`^[^\s,]+$`, Words{"a name without blanks and commas", "空白とコンマを含まない名前"})
}

func scope() parser[string] {
	p := matching(`^[!#-\[\]-~]+$`, Words{"one scope other than openid and offline_access", "openid と offline_access 以外のスコープ一つ"})
	return p.but(func(s string) *Words {
		if s == "openid" || s == "offline_access" {
			return bad(Words{"is a scope of OpenID Connect itself", "は OpenID Connect 自身のスコープです"})
		}
		return nil
	})
}

// but refuses more than p does.
func (p parser[T]) but(refuse func(T) *Words) parser[T] {
	inner := p.parse
	p.parse = func(s string) (T, *Words) {
		v, wrong := inner(s)
		if wrong == nil {
			wrong = refuse(v)
		}
		return v, wrong
	}
	return p
}

func colour() parser[string] {
	return matching(`^#[0-9a-fA-F]{6}$`, Words{`a colour like "#17508f", in quotes`, `"#17508f" のような色（引用符で囲む）`})
}

func issuerName() parser[string] {
	allowed := Words{"1 to %d ASCII characters without a colon", "コロンを含まない ASCII 文字 1〜%d 字"}.With(maxIssuer)
	return matching(`^[ -9;-~]{1,`+strconv.Itoa(maxIssuer)+`}$`, allowed)
}

func groupID() parser[string] {
	p := matching(`^[^\s,]{1,64}$`, Words{"the group's id, as its page in Keycloak's address bar shows it", "グループの ID（Keycloak のグループ画面の URL にあります）"})
	return p.but(func(s string) *Words {
		if strings.HasPrefix(s, "/") {
			return bad(Words{"is a path, not an id", "は ID ではなくパスです"})
		}
		if s == realm.Gate {
			return bad(Words{"is the group's name, not its id", "は ID ではなくグループ名です"})
		}
		return nil
	})
}

func groupPath() parser[string] {
	return matching(`^(/[^/]+)+$`, Words{"a full path like /otp-recoverable", "/otp-recoverable のような完全なパス"})
}

func domain() parser[string] {
	return matching(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`,
		Words{"a domain in small letters, like example.ac.jp", "example.ac.jp のような小文字のドメイン名"})
}

func redisPrefix() parser[string] {
	return matching(`^[A-Za-z0-9:._-]{1,64}$`, Words{"1 to 64 letters, digits, colons, dots, dashes, underscores", "英数字とコロン・ドット・ハイフン・下線 1〜64 字"})
}

func phone() parser[string] {
	return matching(`^\+?[0-9][0-9 ()-]{2,30}$`, Words{"digits, blanks, dashes and brackets, like 075-000-0000", "075-000-0000 のような数字・空白・ハイフン・括弧"})
}

func path() parser[string] {
	return parser[string]{allowed: Words{"path of a file", "ファイルのパス"}, parse: oneLine}
}

// secretPath names a file that holds a secret.
func secretPath() parser[string] {
	p := path()
	p.secret, p.allowed = true, Words{"path of a file that only the service can read", "このサービスだけが読めるファイルのパス"}
	return p
}

func openingHours() parser[string] {
	const day, clock = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun)`, `([01]\d|2[0-3]):[0-5]\d`
	p := matching(`^`+day+`(-`+day+`)? (`+clock+`)-(`+clock+`|24:00)$`, Words{`like "Mon-Fri 09:00-17:00"`, `"Mon-Fri 09:00-17:00" のように書きます`})
	return p.but(func(s string) *Words {
		from, to, _ := strings.Cut(s[strings.LastIndexByte(s, ' ')+1:], "-")
		if from >= to {
			return bad(Words{"ends before it begins", "の終了が開始より前です"})
		}
		return nil
	})
}

// choice takes one of a few words.
func choice(options ...string) parser[string] {
	list := strings.Join(options, ", ")
	return parser[string]{allowed: Words{list, list}, form: form{options: options}, parse: func(s string) (string, *Words) {
		if !slices.Contains(options, s) {
			return "", bad(Words{"is none of the words allowed", "は使えない値です"})
		}
		return s, nil
	}}
}

func level() parser[slog.Level] {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	p := choice("debug", "info", "warn", "error")
	return parser[slog.Level]{allowed: p.allowed, form: p.form, parse: func(s string) (slog.Level, *Words) {
		name, wrong := p.parse(s)
		return levels[name], wrong
	}}
}

func yesNo() parser[bool] {
	p := choice("true", "false")
	return parser[bool]{shape: boolean, allowed: p.allowed, parse: func(s string) (bool, *Words) {
		v, wrong := p.parse(s)
		return v == "true", wrong
	}}
}

func verified() parser[bool] {
	p := choice("verified")
	return parser[bool]{allowed: p.allowed, form: p.form, parse: func(s string) (bool, *Words) {
		_, wrong := p.parse(s)
		return wrong == nil, wrong
	}}
}

func zone() parser[*time.Location] {
	return parser[*time.Location]{allowed: Words{"an IANA name, like Asia/Tokyo", "Asia/Tokyo のような IANA 名"}, parse: func(s string) (*time.Location, *Words) {
		loc, err := time.LoadLocation(s)
		if err != nil || s == "" || s == "Local" {
			return nil, bad(Words{"is no time zone", "はタイムゾーンではありません"})
		}
		return loc, nil
	}}
}

func prefix() parser[netip.Prefix] {
	allowed := Words{"a network like 10.0.0.0/8 or 2001:db8::/32, or one address", "10.0.0.0/8 や 2001:db8::/32 のようなネットワーク、または単独のアドレス"}
	const four = `([0-9]{1,3}\.){3}[0-9]{1,3}(/([1-9]|[12][0-9]|3[0-2]))?`
	const six = `[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(/([1-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?`
	return parser[netip.Prefix]{allowed: allowed, form: form{pattern: "^(" + four + "|" + six + ")$"}, parse: func(s string) (netip.Prefix, *Words) {
		if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
			return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil || p.Addr().Is4In6():
			return p, bad(Words{"is no network", "はネットワークではありません"})
		case p.Bits() == 0:
			return p, bad(Words{"is the whole internet", "はインターネット全体です"})
		case p.Masked() != p:
			return p, bad(Words{"has bits behind its length; write %s", "の長さより後ろにビットがあります。%s と書いてください"}.With(p.Masked()))
		}
		return p, nil
	}}
}

var durationPattern = regexp.MustCompile(`^(\d{1,9}[hms]){1,3}$`)

// duration describes a key with a length of time within the bounds of its figure.
func duration(key string, target func(*Config) *time.Duration) *field {
	fig, ok := figureOf(key)
	if !ok {
		panic("otpbridge: " + key + " has no figure")
	}
	allowed := Words{"a time with units like 30m or 1h30m, ", "30m や 1h30m のような単位つきの時間、"}
	p := parser[time.Duration]{allowed: Words{allowed.EN + fig.bounds().EN, allowed.JA + fig.bounds().JA}, parse: func(s string) (time.Duration, *Words) {
		d, err := time.ParseDuration(s)
		if err != nil || !durationPattern.MatchString(s) {
			return 0, bad(Words{"is no time with units h, m, s", "は単位 h・m・s のついた時間ではありません"})
		}
		return d, fig.refuse(int64(d))
	}}
	return one(key, p, target)
}

// whole describes a key with a whole number within the bounds of its figure.
func whole(key string, target func(*Config) *int) *field {
	fig, ok := figureOf(key)
	if !ok {
		panic("otpbridge: " + key + " has no figure")
	}
	p := parser[int]{shape: number, allowed: Words{"a whole number, " + fig.bounds().EN, "整数、" + fig.bounds().JA}, parse: func(s string) (int, *Words) {
		n, err := strconv.Atoi(s)
		if err != nil || strconv.Itoa(n) != s {
			return 0, bad(Words{"is no whole number", "は整数ではありません"})
		}
		return n, fig.refuse(int64(n))
	}}
	return one(key, p, target)
}

// passwordReset describes the key that says how people get a new password: one word, or mail and an attribute.
func passwordReset(key string) *field {
	type reset struct {
		how       bridge.PasswordReset
		attribute string
	}
	parse := func(s string) (reset, *Words) {
		how, attribute, _ := strings.Cut(s, ":")
		switch {
		case s == "none" || s == "desk":
			return reset{bridge.PasswordReset(s), ""}, nil
		case how == "mail" && attribute == "":
			return reset{}, bad(Words{"does not say to which attribute the mail goes", "にメール送信先の属性がありません"})
		case how != "mail":
			return reset{}, bad(Words{"is none of the words allowed", "は使えない値です"})
		}
		if _, wrong := word().parse(attribute); wrong != nil {
			return reset{}, wrong
		}
		return reset{bridge.ResetMail, attribute}, nil
	}
	allowed := Words{"none, desk, mail:ATTRIBUTE", "none、desk、mail:属性名"}
	f := one(key, parser[reset]{allowed: allowed, form: form{pattern: `^(none|desk|mail:[^\s,]+)$`}, parse: parse}, func(*Config) *reset { return new(reset) })
	f.set = func(c *Config, pieces []piece) []problem {
		v, wrong := parse(pieces[0].text)
		if wrong != nil {
			return []problem{{pieces[0].at, *wrong}}
		}
		c.Keycloak.Reset, c.Keycloak.ResetAttribute = v.how, v.attribute
		return nil
	}
	return f
}

// release takes a version of Keycloak.
func release() parser[string] {
	return matching(`^[0-9]+\.[0-9]+\.[0-9]+$`, Words{"a release such as 26.7.4", "26.7.4 のような版"})
}
