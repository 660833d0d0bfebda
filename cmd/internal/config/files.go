package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/oidc"
)

// maxSecretFile is longer than any file that belongs here.
const maxSecretFile = 64 << 10

// digest holds the sum of each file that was read.
type digest map[string][sha256.Size]byte

// hash is one short sum of all values in force and of the files they name.
func (r *reader) hash() string {
	var all bytes.Buffer
	for _, row := range r.rows() {
		fmt.Fprintf(&all, "%s=%q %x\n", row.Key, row.text, r.digest[row.Key])
	}
	sum := sha256.Sum256(all.Bytes())
	return hex.EncodeToString(sum[:8])
}

// files reads what the configuration names: keys, secrets, certificates, holidays. Relative paths begin at the folder of the
// configuration file.
func (r *reader) files() {
	c := r.cfg
	r.clientAuth("sign_in", &c.SignIn.Auth)
	r.clientAuth("keycloak", &c.Keycloak.Auth)
	if text, ok := r.secretFile("keys_file", &c.KeysFile); ok {
		ring, err := store.ParseKeys(text)
		if err != nil {
			r.fault("keys_file", r.at("keys_file"), Words{"holds no sealing keys: " + err.Error(), "封印鍵として読めません: " + err.Error()},
				Words{"what `otpbridge keys new sealing FILE` makes", "`otpbridge keys new sealing ファイル` で作ったもの"})
		}
		c.Keys = ring
	}
	r.password("mail.password_file", &c.Mail.PasswordFile, &c.Mail.Password)
	if c.Store.Redis != nil {
		r.password("store.redis.password_file", &c.Store.Redis.PasswordFile, &c.Store.Redis.Password)
		r.password("store.redis.sentinel_password_file", &c.Store.Redis.SentinelFile, &c.Store.Redis.SentinelPassword)
	}
	r.certificate()
	r.holidays()
	r.defaultSocket()
	for _, path := range []*string{&c.Store.Bolt, &c.Audit.File, &c.ControlSocket} {
		r.resolve(path)
	}
}

// defaultSocket puts the socket beside the file that belongs to one process alone: the store's, or with Redis the audit trail's.
func (r *reader) defaultSocket() {
	const key = "control_socket"
	o := r.found[key]
	if o.kind != "default" {
		return
	}
	state := r.cfg.Store.Bolt
	if r.cfg.Store.Redis != nil {
		state = r.cfg.Audit.File
	}
	r.cfg.ControlSocket = strings.Replace(o.text, stateName, state, 1)
	o.text = r.cfg.ControlSocket
	r.found[key] = o
}

// resolve makes a path absolute in the sense that it no longer depends on the configuration's folder.
func (r *reader) resolve(path *string) {
	if *path != "" && !filepath.IsAbs(*path) {
		*path = filepath.Join(r.folder, *path)
	}
}

// readable reads a file that a key names. ok is false when there is nothing to say or it was said.
func (r *reader) readable(key string, path *string, secret bool) (text []byte, ok bool) {
	if *path == "" || r.wrong[key] {
		return nil, false
	}
	r.resolve(path)
	text, wrong := ReadSmall(*path, secret)
	if wrong != nil {
		allowed := Words{}
		if secret {
			allowed = Words{"a file of this service alone (mode 0600, or 0640 with its group)", "このサービスだけが読めるファイル（モード 0600、グループで読む場合は 0640）"}
		}
		r.fault(key, r.at(key), *wrong, allowed)
		return nil, false
	}
	r.digest[key], r.sizes[key] = sha256.Sum256(text), len(text)
	return text, true
}

func (r *reader) secretFile(key string, path *string) ([]byte, bool) {
	return r.readable(key, path, true)
}

// ReadSmall reads a regular file, which must have something in it; with secret, which others must not read.
func ReadSmall(path string, secret bool) ([]byte, *Words) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return nil, bad(Words{"names a file that does not exist", "のファイルが存在しません"})
	case err != nil:
		return nil, bad(Words{"names a file that cannot be reached", "のファイルにアクセスできません"})
	case !info.Mode().IsRegular():
		return nil, bad(Words{"names something that is no file", "が指すものはファイルではありません"})
	case secret && info.Mode().Perm()&(othersAny|groupWrite) != 0:
		return nil, bad(Words{"names a file with mode %04o, open to others", "のファイルのモードが %04o で、他者に開かれています"}.With(info.Mode().Perm()))
	case info.Size() > maxSecretFile:
		return nil, bad(Words{"names a file of more than %d bytes", "のファイルが %d バイトを超えています"}.With(maxSecretFile))
	}
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, bad(Words{"names a file that this user cannot read", "のファイルを現在のユーザーでは読めません"})
	case len(bytes.TrimSpace(text)) == 0:
		return nil, bad(Words{"names an empty file", "のファイルが空です"})
	}
	return text, nil
}

const (
	othersAny  fs.FileMode = 0o007
	groupWrite fs.FileMode = 0o020
)

// password reads a secret of one line; the last newline is no part of it.
func (r *reader) password(key string, path *string, into *bridge.Secret) {
	text, ok := r.secretFile(key, path)
	if !ok {
		return
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	r.sizes[key] = len(text)
	switch {
	case len(text) < minSecret:
		r.fault(key, r.at(key), Words{"names a file with fewer than %d bytes", "のファイルが %d バイト未満です"}.With(minSecret), Words{})
	case bytes.ContainsAny(text, "\x00\r\n") || !utf8.Valid(text):
		r.fault(key, r.at(key), Words{"names a file of several lines, or with bytes that are no text", "のファイルが複数行であるか、文字ではないバイトを含みます"}, Words{})
	}
	*into = bridge.Secret(text)
}

// clientAuth reads the key or the secret of a client.
func (r *reader) clientAuth(section string, a *ClientAuth) {
	r.password(section+".client_secret_file", &a.SecretFile, &a.Secret)
	key := section + ".client_key_file"
	text, ok := r.secretFile(key, &a.KeyFile)
	if !ok {
		return
	}
	keys, err := oidc.ParseKeySet(text)
	if err != nil {
		purpose := map[string]string{"sign_in": "login", "keycloak": "admin"}[section]
		r.fault(key, r.at(key), Words{"names a file without a private key set (JWK, ES256)", "のファイルに秘密鍵（JWK、ES256）がありません"},
			Words{"what `otpbridge keys new %s FILE` makes", "`otpbridge keys new %s ファイル` で作ったもの"}.With(purpose))
		return
	}
	a.Keys, a.KeyData = keys, bridge.Secret(text)
}

func (r *reader) certificate() {
	files := &r.cfg.TLS
	cert, okCert := r.readable("tls.cert_file", &files.CertFile, false)
	key, okKey := r.secretFile("tls.key_file", &files.KeyFile)
	if !okCert || !okKey {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		r.fault("tls.cert_file", r.at("tls.cert_file"), Words{"and tls.key_file are no certificate with its key", "と tls.key_file は証明書とその鍵の組ではありません"},
			Words{"PEM files", "PEM ファイル"})
	}
}

// holidays reads one date a line.
func (r *reader) holidays() {
	const key = "help_desk.holidays_file"
	text, ok := r.readable(key, &r.cfg.HelpDesk.HolidaysFile, false)
	if !ok {
		return
	}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := time.Parse(time.DateOnly, line); err != nil {
			r.fault(key, r.at(key), Words{"names a file whose line %d is no date", "のファイルの %d 行目は日付ではありません"}.With(n+1),
				Words{"dates like 2026-11-03", "2026-11-03 のような日付"})
			continue
		}
		r.cfg.HelpDesk.Holidays = append(r.cfg.HelpDesk.Holidays, line)
	}
}
