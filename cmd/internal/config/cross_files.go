package config

import (
	"os"
	"path/filepath"
	"slices"
)

// crossFiles wants what the service writes in files of their own: an audit line in the midst of keys, of the store or of the configuration destroys them.
func (r *reader) crossFiles() {
	itself := namedFile{"", r.cfg.Path}
	read := []namedFile{itself}
	for _, key := range []string{
		"keys_file", "sign_in.client_key_file", "sign_in.client_secret_file", "keycloak.client_key_file", "keycloak.client_secret_file", "tls.cert_file",
		"tls.key_file", "mail.password_file", "store.redis.password_file", "store.redis.sentinel_password_file", "help_desk.holidays_file",
	} {
		if r.set(key) {
			read = append(read, namedFile{key, r.found[key].text})
		}
	}
	written := []namedFile{{"audit.file", r.cfg.Audit.File}, {"control_socket", r.cfg.ControlSocket}}
	if r.cfg.Store.Redis == nil {
		written = append(written, namedFile{"store.bolt", r.cfg.Store.Bolt})
	}
	for i, w := range written {
		for _, other := range slices.Concat(read, written[:i]) {
			if r.wrong[w.key] || r.wrong[other.key] || !r.sameFile(w.path, other.path) {
				continue
			}
			what := Words{"is the file of %s", "が %s と同じファイルです"}.With(other.key)
			if other == itself {
				what = Words{"is the configuration itself", "が設定ファイルそのものです"}
			}
			r.against(w.key, what, Words{"a file of its own", "専用のファイル"})
		}
	}
}

// namedFile is a file and the key that names it.
type namedFile struct{ key, path string }

// sameFile reports that two paths lead to one file, or will when it is made.
func (r *reader) sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	a, b = r.lead(a), r.lead(b)
	if a == b {
		return true
	}
	isA, errA := os.Stat(a)
	isB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(isA, isB)
}

// lead is where a path leads, as far as that can be told: its folder without symbolic links.
func (r *reader) lead(path string) string {
	if path != r.cfg.Path {
		r.resolve(&path)
	}
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	return path
}
