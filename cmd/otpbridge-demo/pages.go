package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"otpbridge/bridge/bridgetest/mailsink"
)

//go:embed pages/* settings.yaml
var files embed.FS

// banner stands over every page of the demo that is not otpbridge's own.
const banner = "Demo: nothing here is real. Do not type real passwords. デモ: すべて架空です。本物のパスワードを入力しないでください。"

// site is the small web site beside the product: what is running, the mailbox, the phones.
type site struct {
	people    []person
	addresses addresses
	inbox     inbox
	phones    *phones
	now       func() time.Time

	views map[string]*template.Template
}

// inbox is where mail arrives: all mails in the order of their arrival. None is ever taken out.
type inbox interface{ All() []mailsink.Mail }

// newSite parses the pages. The fault would be one of our own.
func newSite(s site) (*site, error) {
	s.views = map[string]*template.Template{}
	for _, name := range []string{"home", "mails", "mail", "phones", "missing"} {
		view, err := template.New("layout.html").Funcs(template.FuncMap{"linked": linked}).ParseFS(files, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		s.views[name] = view
	}
	return &s, nil
}

// handler answers:
//
//	/                     what is running, who is who, and the script
//	/mail  /mail/{n}      the mailbox; /mail/{n}/html is the HTML part alone, boxed in
//	/mail/count           how many mails there are, for the script that keeps the page fresh
//	/phones               old and new authenticators; POST /phones/{name} gives the new one a key
//	/phones/codes         the codes for the script that keeps the page fresh
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /mail", s.mails)
	mux.HandleFunc("GET /mail/count", s.mailCount)
	mux.HandleFunc("GET /mail/{n}", s.mail)
	mux.HandleFunc("GET /mail/{n}/html", s.mailHTML)
	mux.HandleFunc("GET /phones", s.showPhones)
	mux.HandleFunc("GET /phones/codes", s.codes)
	mux.HandleFunc("POST /phones/{name}", s.takeKey)
	mux.HandleFunc("POST /phones/{name}/empty", s.emptyPhone)
	mux.HandleFunc("GET /style.css", static)
	mux.HandleFunc("GET /demo.js", static)
	mux.HandleFunc("GET /", s.missing)
	return headers(http.NewCrossOriginProtection().Handler(mux))
}

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// page is what every page shows; Body is its own part.
type page struct {
	Banner  string
	Here    string // "home", "mail" or "phones", for the bar
	Title   string
	Refresh bool // the script keeps the page fresh
	Body    any
}

func (s *site) show(w http.ResponseWriter, status int, view string, p page) {
	p.Banner = banner
	var out bytes.Buffer
	if err := s.views[view].Execute(&out, p); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader may be gone
}

// GET /style.css, GET /demo.js
func static(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages"+r.URL.Path)
}

func (s *site) missing(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusNotFound, "missing", page{Title: "Not found"})
}

// home is the page /.
type home struct {
	Places []place
	Script []step
	Calls  []step
	People []person
}

// GET /
func (s *site) home(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusOK, "home", page{Here: "home", Title: "The demo", Body: home{s.addresses.places(), s.addresses.script(), s.addresses.calls(), s.people}})
}

func (s *site) person(name string) (p person, known bool) {
	for _, p := range s.people {
		if p.Username == name {
			return p, true
		}
	}
	return person{}, false
}
