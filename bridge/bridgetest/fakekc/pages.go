package fakekc

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed pages.html
var pagesText string

// pages are parsed once: they depend on nothing.
var pages = template.Must(template.New("page").Parse(pagesText))

// pageView is everything a page shows.
type pageView struct {
	ID       string // data-page-id, as in Keycloak
	Language string
	Realm    string
	Banner   string
	Heading  string
	Message  string
	Faulty   bool // the message is a fault
	Form     string
	Action   string
	User     string // name in the field
	Fixed    bool   // the name cannot be changed
	Restart  string
	Tiles    []tile
	Selected string
	Lost     string            // URL of the recovery
	Other    string            // URL of the same page in the other language
	Text     map[string]string // labels
	Token    string
}

type tile struct{ ID, Label string }

func (s *Server) page(status int, v pageView) reply {
	v.Realm, v.Banner, v.Text = s.opts.Realm, s.opts.Banner, labels[v.Language]
	v.Message = translate(v.Language, v.Message)
	var out bytes.Buffer
	if err := pages.Execute(&out, v); err != nil {
		panic(err) // our own page
	}
	return reply{status: status, body: out.Bytes(), header: http.Header{
		"Content-Type": {"text/html;charset=utf-8"}, "Content-Language": {v.Language}, "Cache-Control": {"no-store, must-revalidate, max-age=0"},
		"X-Frame-Options": {"SAMEORIGIN"}, "Content-Security-Policy": {"frame-src 'self'; frame-ancestors 'self'; object-src 'none';"},
	}}
}

// form completes the view of a tab's form and gives it a new address.
func (s *Server) form(t *tab, v pageView) reply {
	t.code = randomText()
	other := "ja"
	if t.language == "ja" {
		other = "en"
	}
	v.Language, v.Action = t.language, s.formURL(t)
	v.Restart, v.Other = s.tabURL(t, "restart"), s.tabURL(t, "authenticate")+"&"+url.Values{"kc_locale": {other}}.Encode()
	return s.page(http.StatusOK, v)
}

func (s *Server) passwordPage(t *tab, message string) reply {
	v := pageView{ID: "login-login", Form: "kc-form-login", Heading: labels[t.language]["signIn"], Message: message, Faulty: message != "", User: t.tried}
	if t.known != nil {
		v.Fixed, v.User = true, t.known.username
		if message == "" {
			v.Message = textAgain
		}
	}
	return s.form(t, v)
}

func (s *Server) otpPage(t *tab, message string) reply {
	v := pageView{
		ID: "login-login-otp", Form: "kc-otp-login-form", Heading: labels[t.language]["signIn"], Message: message, Faulty: message != "",
		Fixed: true, User: t.user.username, Lost: s.opts.Recovery,
	}
	for _, c := range t.user.byType("otp") {
		v.Tiles = append(v.Tiles, tile{c.id, c.label})
	}
	v.Selected = v.Tiles[0].ID
	for _, one := range v.Tiles {
		if one.ID == t.credential {
			v.Selected = one.ID
		}
	}
	return s.form(t, v)
}

// actionPages are the pages of required actions. But for CONFIGURE_TOTP they go nowhere: nobody is to get past them.
var actionPages = map[string]string{
	configureTOTP: "login-login-config-totp", "UPDATE_PROFILE": "login-login-update-profile", "VERIFY_PROFILE": "login-login-update-profile",
	"UPDATE_PASSWORD": "login-login-update-password", "VERIFY_EMAIL": "login-login-verify-email",
	"CONFIGURE_RECOVERY_AUTHN_CODES": "login-login-recovery-authn-code-config", "recovery-authn-codes": "login-login-recovery-authn-code-input",
}

func (s *Server) actionPage(t *tab, action string) reply {
	t.action = action
	if action == configureTOTP {
		return s.enrolmentPage(t, "")
	}
	id, known := actionPages[action]
	if !known {
		id = "login-login-" + strings.ToLower(action)
	}
	return s.form(t, pageView{ID: id, Heading: labels[t.language]["action"], Message: action, Fixed: true, User: t.user.username})
}

func (s *Server) errorPage(status int, language, message string) reply {
	return s.page(status, pageView{ID: "login-error", Language: language, Heading: labels[language]["sorry"], Message: message, Faulty: true})
}

// languages of the realm, the standard one first.
var languages = []string{"en", "ja"}

// supported returns the first language of a list ("ja en", "ja-JP,en;q=0.5") that the realm has, or the standard one.
func supported(list string) string {
	for _, part := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		tag, _, _ := strings.Cut(part, ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		for _, have := range languages {
			if tag == have {
				return have
			}
		}
	}
	return languages[0]
}

// chooseLanguage takes the language chosen on a page, then the client's wish, then the browser's.
func chooseLanguage(r *http.Request, wish string) string {
	for _, list := range []string{cookieValue(r, cookieLanguage), wish} {
		if list != "" {
			return supported(list)
		}
	}
	return supported(r.Header.Get("Accept-Language"))
}
