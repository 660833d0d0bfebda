package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"otpbridge/bridge"
)

// redis returns the Redis server, which exists as soon as one of its keys is set.
func (c *Config) redis() *RedisServer {
	if c.Store.Redis == nil {
		c.Store.Redis = &RedisServer{}
	}
	return c.Store.Redis
}

// cross looks at values that depend on one another. Nothing is said about a key that has a fault already.
func (r *reader) cross() {
	r.crossService()
	r.crossLanguages()
	r.crossClients()
	r.crossPeople()
	r.crossStore()
	r.crossMail()
	r.crossDesk()
	r.crossPolicies()
	r.crossFiles()
}

// set tells whether a key has a value without a fault.
func (r *reader) set(key string) bool {
	o, ok := r.found[key]
	return ok && !r.wrong[key] && (o.kind != "default" || o.text != "")
}

// against reports a key whose value does not go with another's.
func (r *reader) against(key string, what, allowed Words) {
	if !r.wrong[key] {
		r.fault(key, r.at(key), what, allowed)
	}
}

// together reports that one of two keys stands alone.
func (r *reader) together(a, b string) {
	hasA, hasB := r.set(a), r.set(b)
	if hasA == hasB || r.wrong[a] || r.wrong[b] {
		return
	}
	if hasB {
		a, b = b, a
	}
	r.against(a, Words{"stands without %s", "だけがあり、%s がありません"}.With(b), Words{"both or neither", "両方を書くか、どちらも書かない"})
}

func (r *reader) crossService() {
	r.together("tls.cert_file", "tls.key_file")
	if r.cfg.Listen == r.cfg.AdminListen && r.set("listen") && !strings.HasSuffix(r.cfg.Listen, ":0") {
		r.against("admin_listen", Words{"is the address of listen", "が listen と同じアドレスです"}, Words{"another one", "別のアドレス"})
	}
}

// crossLanguages wants every text in every language of the pages; the university's name has to be given.
func (r *reader) crossLanguages() {
	if r.wrong["languages"] {
		return
	}
	if len(r.cfg.Languages) == 0 {
		r.against("languages", Words{"is an empty list", "が空のリストです"}, Words{"ja, en", "ja, en"})
	}
	texts := map[string]map[string]string{
		"pause_text": r.cfg.PauseText, "sign_in.account_name": r.cfg.SignIn.AccountName, "help_desk.counter": r.cfg.HelpDesk.Counter,
	}
	for i, c := range r.cfg.HelpDesk.Contacts {
		key := fmt.Sprintf("help_desk.contacts[%d]", i)
		r.translated(key+".label", c.Label, true)
		if c.URL == "" {
			r.missing(key+".url", contactURL().allowed)
		}
	}
	for key, text := range texts {
		r.translated(key, text, false)
	}
	r.translated("organisation.name", r.cfg.Organisation.Name, true)
}

func (r *reader) translated(key string, text map[string]string, needed bool) {
	if len(text) == 0 && !needed {
		return
	}
	for _, lang := range r.cfg.Languages {
		if text[lang] == "" {
			r.missing(key+"."+lang, line().allowed)
		}
	}
}

// crossClients: two clients, each with one way to prove itself, and never one key for both.
func (r *reader) crossClients() {
	login, admin := &r.cfg.SignIn, &r.cfg.Keycloak
	r.oneProof("sign_in", login.Issuer, "sign_in.issuer")
	r.oneProof("keycloak", admin.URL, "keycloak.url")
	r.oneRealm()
	if login.ClientID == admin.ClientID && login.ClientID != "" {
		r.against("keycloak.client_id", Words{"is the client of sign_in", "が sign_in と同じクライアントです"}, Words{"a client of its own", "別のクライアント"})
	}
	if shareKey(login.Auth.Keys.PublicJWKS(), admin.Auth.Keys.PublicJWKS()) {
		r.against("keycloak.client_key_file", Words{"holds a key of sign_in.client_key_file", "に sign_in.client_key_file と同じ鍵があります"},
			Words{"keys of its own", "専用の鍵"})
	}
	if s := login.Auth.Secret; s != "" && s == admin.Auth.Secret {
		r.against("keycloak.client_secret_file", Words{"holds the secret of sign_in.client_secret_file", "に sign_in.client_secret_file と同じ秘密があります"},
			Words{"a secret of its own", "専用の秘密"})
	}
}

// oneRealm wants people to sign in at the realm whose accounts are changed. Its server may have another name from inside.
func (r *reader) oneRealm() {
	const here, there = "keycloak.realm", "sign_in.issuer"
	issuer, err := url.Parse(r.cfg.SignIn.Issuer)
	if r.set(here) && r.set(there) && err == nil && realmOf(issuer) != r.cfg.Keycloak.Realm {
		r.against(here, Words{"is another realm than the one that %s ends with", "が %s の末尾のレルムと異なります"}.With(there),
			Words{"the name behind /realms/ in %s; only the server's may differ", "%s の /realms/ に続く名前（サーバー名は異なっていてもかまいません）"}.With(there))
	}
}

// oneProof wants a key or a secret, and the secret on loopback only.
func (r *reader) oneProof(section, address, addressKey string) {
	key, secret := section+".client_key_file", section+".client_secret_file"
	hasKey, hasSecret := r.set(key) || r.wrong[key], r.set(secret) || r.wrong[secret]
	u, err := url.Parse(address)
	away := !r.wrong[addressKey] && err == nil && !bridge.Loopback(u.Hostname())
	switch {
	case hasKey && hasSecret:
		r.against(secret, Words{"stands beside %s", "と %s の両方があります"}.With(key), Words{"one of them", "どちらか一つ"})
	case hasSecret && away:
		r.against(secret, Words{"is a shared secret, and %s is not on loopback", "は共有の秘密ですが、%s がループバックではありません"}.With(addressKey),
			Words{"%s", "%s"}.With(key))
	case !hasKey && !hasSecret:
		r.missing(key, r.index[key].allowed)
	}
}

// shareKey tells whether two public key sets have a point in common, whatever its id.
func shareKey(a, b []byte) bool {
	points := func(set []byte) (xs []string) {
		var keys struct {
			Keys []struct {
				X string `json:"x"`
			} `json:"keys"`
		}
		if json.NewDecoder(bytes.NewReader(set)).Decode(&keys) != nil {
			return nil
		}
		for _, k := range keys.Keys {
			xs = append(xs, k.X)
		}
		return xs
	}
	others := points(b)
	return slices.ContainsFunc(points(a), func(x string) bool { return slices.Contains(others, x) })
}

// crossPeople: where links may go, and to whom.
func (r *reader) crossPeople() {
	k := &r.cfg.Keycloak
	if o := r.found["keycloak.harmless_roles"]; o.kind == "default" {
		o.text = strings.ReplaceAll(o.text, realmName, strings.ToLower(k.Realm))
		r.found["keycloak.harmless_roles"] = o
		for i, role := range k.HarmlessRoles {
			k.HarmlessRoles[i] = strings.ReplaceAll(role, realmName, strings.ToLower(k.Realm))
		}
	}
	if len(k.Addresses) == 0 {
		r.missing("keycloak.addresses", Words{"a list of {attribute: NAME} or {email: verified}", "{attribute: 属性名} または {email: verified} のリスト"})
	}
	for i, a := range k.Addresses {
		key := fmt.Sprintf("keycloak.addresses[%d]", i)
		if (a.Attribute == "") == !a.VerifiedEmail && !r.wrong[key+".attribute"] && !r.wrong[key+".email"] {
			r.against(key, Words{"needs one of attribute and email", "には attribute か email のどちらか一つが必要です"},
				Words{"{attribute: NAME} or {email: verified}", "{attribute: 属性名} または {email: verified}"})
		}
	}
	r.resetMailbox()
	r.crossSettings()
	for _, role := range []string{"help_desk.role", "help_desk.auditor_role", "admin_role"} {
		if o := r.found[role]; r.set(role) && slices.Contains(k.HarmlessRoles, o.text) {
			r.against(role, Words{"is one of keycloak.harmless_roles", "が keycloak.harmless_roles に含まれています"}, Words{"a role that few hold", "一部の人だけが持つロール"})
		}
	}
	own := func(role, value, other string) {
		if o := r.found[other]; value != "" && r.set(other) && value == o.text {
			r.against(role, Words{"is " + other, "が " + other + " と同じです"}, Words{"a role of its own", "別のロール"})
		}
	}
	own("help_desk.auditor_role", r.cfg.HelpDesk.AuditorRole, "help_desk.role")
	own("admin_role", r.cfg.AdminRole, "help_desk.role")
	own("admin_role", r.cfg.AdminRole, "help_desk.auditor_role")
	if len(r.cfg.HelpDesk.Contacts) == 0 {
		r.missing("help_desk.contacts", Words{"at least one {label, url} that needs no voice", "音声によらない連絡先 {label, url} を一つ以上"})
	}
}

// crossSettings wants a place for the addresses that people set, and one of its own for their marks.
func (r *reader) crossSettings() {
	k := &r.cfg.Keycloak
	if r.cfg.Settings.Enabled && len(k.Addresses) > 0 && r.cfg.AddressAttribute() == "" {
		r.against("settings.enabled", Words{"is true, but keycloak.addresses names no attribute", "が true ですが、keycloak.addresses に属性がありません"},
			Words{"{attribute: NAME} in keycloak.addresses", "keycloak.addresses に {attribute: 属性名}"})
	}
	same := func(a bridge.AddressSource) bool { return a.Attribute == r.cfg.Settings.Marks && a.Attribute != "" }
	if slices.ContainsFunc(k.Addresses, same) {
		r.against("settings.marks_attribute", Words{"is in keycloak.addresses", "が keycloak.addresses に含まれています"}, Words{"an attribute of its own", "別の属性"})
	}
}

// resetMailbox refuses a configuration in which no link could go anywhere: the mailbox that gets new passwords is the only source.
func (r *reader) resetMailbox() {
	k := &r.cfg.Keycloak
	if k.Reset != bridge.ResetMail || len(k.Addresses) == 0 {
		return
	}
	same := func(a bridge.AddressSource) bool {
		return a.Attribute == k.ResetAttribute || a.VerifiedEmail && k.ResetAttribute == "email"
	}
	if !slices.ContainsFunc(k.Addresses, func(a bridge.AddressSource) bool { return !same(a) }) {
		r.against("keycloak.password_reset", Words{"names the only address, which then never receives a link", "の宛先が唯一のアドレスであり、リンクの送り先がなくなります"},
			Words{"another attribute in keycloak.addresses", "keycloak.addresses に別の属性"})
	}
}

func (r *reader) crossStore() {
	if !r.given("store.redis") {
		return
	}
	if o, ok := r.found["store.bolt"]; ok && o.kind != "default" {
		r.against("store.bolt", Words{"stands beside store.redis", "と store.redis の両方があります"}, Words{"one of them", "どちらか一つ"})
	}
	s := r.cfg.redis()
	const addresses, master, cluster = "store.redis.addresses", "store.redis.master", "store.redis.cluster"
	switch {
	case len(s.Addresses) == 0:
		r.missing(addresses, r.index[addresses].allowed)
	case len(s.Addresses) > 1 && s.Master == "" && !s.Cluster:
		r.against(addresses, Words{"has several servers, but neither master nor cluster is given", "に複数のサーバーがありますが、master も cluster もありません"},
			Words{"one server, or store.redis.master or store.redis.cluster", "サーバー一つ、または store.redis.master か store.redis.cluster"})
	case s.Master != "" && s.Cluster:
		r.against(cluster, Words{"stands beside store.redis.master", "と store.redis.master の両方があります"}, Words{"one of them", "どちらか一つ"})
	case s.Cluster && s.Database != 0:
		r.against("store.redis.database", Words{"is not 0 in a cluster", "がクラスターなのに 0 ではありません"}, Words{"0", "0"})
	}
	if r.set("store.redis.username") {
		r.together("store.redis.username", "store.redis.password_file")
	}
	if r.set("store.redis.sentinel_username") {
		r.together("store.redis.sentinel_username", "store.redis.sentinel_password_file")
	}
	for _, key := range []string{"store.redis.sentinel_username", "store.redis.sentinel_password_file"} {
		if r.set(key) && s.Master == "" {
			r.against(key, Words{"stands without %s", "だけがあり、%s がありません"}.With(master), Words{})
		}
	}
}

func (r *reader) crossMail() {
	if r.wrong["mail.smtp"] || !r.set("mail.smtp") {
		return
	}
	user, file := r.cfg.Mail.SMTP.User != "", r.set("mail.password_file") || r.wrong["mail.password_file"]
	switch {
	case user && !file:
		r.missing("mail.password_file", Words{"the password of the user in mail.smtp", "mail.smtp のユーザーのパスワード"})
	case !user && file:
		r.against("mail.password_file", Words{"is given, but mail.smtp names no user", "がありますが、mail.smtp にユーザーがありません"},
			Words{"smtps://USER@HOST", "smtps://ユーザー@ホスト"})
	}
}
