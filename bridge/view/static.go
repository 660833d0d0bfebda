package view

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Asset is one static file.
type Asset struct {
	Type string // content type
	Body []byte // not to be changed
}

// files are the static files by hashed name, and the hashed name by plain name.
type files struct {
	hashed map[string]Asset
	names  map[string]string
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

// loadFiles reads the folder static and adds the generated theme.
func loadFiles(all fs.FS, accent string) (*files, error) {
	f := &files{hashed: map[string]Asset{}, names: map[string]string{}}
	entries, err := fs.ReadDir(all, "static")
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	for _, e := range entries {
		body, err := fs.ReadFile(all, "static/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("read static file: %w", err)
		}
		if err := f.add(e.Name(), body); err != nil {
			return nil, err
		}
	}
	return f, f.add("theme.css", []byte(theme(accent)))
}

// add puts one file under NAME.HASH.EXT.
func (f *files) add(name string, body []byte) error {
	ext := path.Ext(name)
	kind, ok := contentTypes[ext]
	if !ok {
		return fmt.Errorf("static file %s: no content type for %q", name, ext)
	}
	sum := sha256.Sum256(body)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
	f.hashed[hashed] = Asset{Type: kind, Body: body}
	f.names[name] = hashed
	return nil
}

// url returns the address of a static file for a page.
func (f *files) url(name string) (string, error) {
	hashed, ok := f.names[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + hashed, nil
}

// Static returns the address of a static file by its plain name ("style.css"), "" when there is none.
func (v *View) Static(name string) string {
	u, err := v.files.url(name)
	if err != nil {
		return ""
	}
	return u
}

// Asset returns the static file with this hashed name, the part after /static/. Its content never changes under that name.
func (v *View) Asset(hashed string) (Asset, bool) {
	a, ok := v.files.hashed[hashed]
	return a, ok
}
