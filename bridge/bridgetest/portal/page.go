package portal

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed page.html style.css
var files embed.FS

// pages are parsed once: they depend on nothing.
var pages = template.Must(template.ParseFS(files, "page.html"))

// page is everything a page shows.
type page struct {
	Title   string
	Banner  string
	In, Out bool
	Who     signedIn
	Fault   string
}

func (a *app) show(w http.ResponseWriter, status int, p page) {
	p.Banner = a.o.Banner
	var out bytes.Buffer
	if err := pages.Execute(&out, p); err != nil {
		panic(err) // our own page
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader may be gone
}

// GET /style.css
func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "style.css") }
