package main

import (
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge/bridgetest/mailsink"
)

// entry is a mail with its number in the mailbox, counted from 1.
type entry struct {
	mailsink.Mail
	N int
}

// When is the time of arrival for people on this machine.
func (e entry) When() string { return e.At.Local().Format("15:04:05 MST") }

// mails is the page /mail: all mails or those to one address, the newest first.
type mails struct {
	To      string // "" = all
	Boxes   []box
	Entries []entry
	Count   int // of all mails
}

// box is one address and how much it got.
type box struct {
	Address, Name string
	Count         int
}

// GET /mail?to=ADDRESS
func (s *site) mails(w http.ResponseWriter, r *http.Request) {
	arrived := s.inbox.All()
	view := mails{To: r.URL.Query().Get("to"), Boxes: s.boxes(arrived), Count: len(arrived)}
	for i, m := range arrived {
		if view.To == "" || slices.Contains(m.To, view.To) {
			view.Entries = append(view.Entries, entry{m, i + 1})
		}
	}
	slices.Reverse(view.Entries)
	s.show(w, http.StatusOK, "mails", page{Here: "mail", Title: "Mailbox", Refresh: true, Body: view})
}

// GET /mail/count
func (s *site) mailCount(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(strconv.Itoa(len(s.inbox.All())))) // the reader may be gone
}

// boxes lists the people who have an address, and after them every other address that got mail.
func (s *site) boxes(arrived []mailsink.Mail) []box {
	var out []box
	for _, p := range s.people {
		if p.Address != "" {
			out = append(out, box{Address: p.Address, Name: p.First})
		}
	}
	for _, m := range arrived {
		for _, to := range m.To {
			at := slices.IndexFunc(out, func(b box) bool { return b.Address == to })
			if at < 0 {
				at, out = len(out), append(out, box{Address: to, Name: to})
			}
			out[at].Count++
		}
	}
	return out
}

// GET /mail/{n}
func (s *site) mail(w http.ResponseWriter, r *http.Request) {
	e, ok := s.entry(r)
	if !ok {
		s.missing(w, r)
		return
	}
	s.show(w, http.StatusOK, "mail", page{Here: "mail", Title: e.Subject(), Body: e})
}

func (s *site) entry(r *http.Request) (entry, bool) {
	n, err := strconv.Atoi(r.PathValue("n"))
	arrived := s.inbox.All()
	if err != nil || n < 1 || n > len(arrived) {
		return entry{}, false
	}
	return entry{arrived[n-1], n}, true
}

// mailPolicy lets the HTML part of a mail show itself and open its links in a tab of their own, and nothing more.
const mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// GET /mail/{n}/html
func (s *site) mailHTML(w http.ResponseWriter, r *http.Request) {
	e, ok := s.entry(r)
	body := e.HTML()
	if !ok || body == "" {
		s.missing(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	const tab = `<base target="_blank">`
	if !strings.Contains(body, "<head>") {
		body = "<head>" + body
	}
	_, _ = w.Write([]byte(strings.Replace(body, "<head>", "<head>"+tab, 1))) // foreign HTML on purpose, boxed in by mailPolicy
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"'()（）「」、。]+`)

// linked turns the web addresses in a plain text into links. Everything else is escaped.
func linked(text string) template.HTML {
	var out strings.Builder
	for text != "" {
		at := webAddress.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		address := strings.TrimRight(text[at[0]:at[1]], ".,;:!?")
		out.WriteString(template.HTMLEscapeString(text[:at[0]]))
		if address != "" {
			escaped := template.HTMLEscapeString(address)
			out.WriteString(`<a href="` + escaped + `" target="_blank" rel="noopener noreferrer">` + escaped + `</a>`)
		}
		text = text[at[0]+len(address):]
	}
	return template.HTML(out.String()) //nolint:gosec // every part is escaped above
}
