package rig

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
)

// Directory is a real OpenLDAP server on a port of its own. Its people, uid=NAME below ou=people, have the password realm.Password(NAME) and
// the address NAME@example.net.
type Directory struct {
	t        *testing.T
	config   string
	port     int
	password string // of the account that Keycloak reads with
}

// Names inside the directory.
const (
	directoryRoot   = "dc=example,dc=net"
	directoryPeople = "ou=people," + directoryRoot
	directoryReader = "cn=reader," + directoryRoot
)

// NewDirectory starts a server with these people. It ends with the test.
func NewDirectory(t *testing.T, people ...string) *Directory {
	t.Helper()
	dir := t.TempDir()
	d := &Directory{t: t, config: filepath.Join(dir, "slapd.conf"), port: FreePort(t), password: rand.Text()}
	entries := filepath.Join(dir, "people.ldif")
	d.write(d.config, fmt.Sprintf(directoryConfig, dir, directoryRoot, directoryReader, d.password))
	var text strings.Builder
	fmt.Fprintf(&text, "dn: %s\nobjectClass: domain\ndc: example\n\ndn: %s\nobjectClass: organizationalUnit\nou: people\n", directoryRoot, directoryPeople)
	for _, name := range people {
		fmt.Fprintf(&text, "\ndn: uid=%[1]s,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\ngivenName: %[1]s\nsn: Example\nmail: %[1]s@example.net\n"+
			"userPassword: %[3]s\n", name, directoryPeople, realm.Password(name))
	}
	d.write(entries, text.String())
	if out, err := d.program("slapadd", "-f", d.config, "-l", entries).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v %s", err, out)
	}
	d.start()
	return d
}

const directoryConfig = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/slapd.pid
database mdb
directory %[1]s
suffix "%[2]s"
rootdn "%[3]s"
rootpw %[4]s
`

func (d *Directory) write(file, text string) {
	d.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// program is one of OpenLDAP's programs, which are not on everybody's path.
func (d *Directory) program(name string, args ...string) *exec.Cmd {
	return exec.CommandContext(context.WithoutCancel(d.t.Context()), "/usr/sbin/"+name, args...)
}

func (d *Directory) start() {
	d.t.Helper()
	cmd := d.program("slapd", "-d", "0", "-h", d.url()+"/", "-f", d.config)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		d.t.Fatalf("%v (run: .ci/setup packages)", err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // its end is waited for
		_ = cmd.Wait()
		if d.t.Failed() {
			d.t.Logf("slapd printed:\n%s", &log)
		}
	})
	Eventually(d.t, "slapd answers", func() bool {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(d.t.Context(), "tcp", strings.TrimPrefix(d.url(), "ldap://"))
		return err == nil && conn.Close() == nil
	})
}

func (d *Directory) url() string { return fmt.Sprintf("ldap://127.0.0.1:%d", d.port) }

// Text is all that the directory holds, its own notes on who changed what and when among it.
func (d *Directory) Text() string {
	d.t.Helper()
	out, err := d.program("slapcat", "-f", d.config).Output()
	if err != nil {
		d.t.Fatalf("slapcat: %v", err)
	}
	return string(out)
}

// Federate makes a realm read its people from the directory as well, without a right to write, until the test ends, and lets those people recover. Their
// mail is their notification address. Keycloak keeps an account of its own for each, unless they stay in the directory.
func (d *Directory) Federate(r *realm.Realm, stay bool, people ...string) {
	d.t.Helper()
	d.add(r, map[string]any{
		"name": "directory", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider", "config": map[string][]string{
			"editMode": {"READ_ONLY"}, "importEnabled": {strconv.FormatBool(!stay)}, "enabled": {"true"}, "vendor": {"other"}, "usernameLDAPAttribute": {"uid"},
			"rdnLDAPAttribute": {"uid"}, "uuidLDAPAttribute": {"entryUUID"}, "userObjectClasses": {"inetOrgPerson"}, "connectionUrl": {d.url()},
			"usersDn": {directoryPeople}, "authType": {"simple"}, "bindDn": {directoryReader}, "bindCredential": {d.password}, "searchScope": {"1"},
			"pagination": {"true"}, "priority": {"0"},
		},
	})
	var found []struct{ ID string }
	d.do(r, "GET /components?name=directory", nil, &found)
	if len(found) != 1 {
		d.t.Fatalf("%d components", len(found))
	}
	storage := found[0].ID
	d.t.Cleanup(func() {
		if err := r.Do(context.WithoutCancel(d.t.Context()), "DELETE /components/"+storage, nil, nil); err != nil {
			d.t.Error(err)
		}
	})
	d.add(r, map[string]any{
		"name": "notification address", "providerId": "user-attribute-ldap-mapper", "parentId": storage,
		"providerType": "org.keycloak.storage.ldap.mappers.LDAPStorageMapper", "config": map[string][]string{
			"ldap.attribute": {"mail"}, "user.model.attribute": {realm.Notification}, "read.only": {"true"}, "always.read.value.from.ldap": {"false"},
			"is.mandatory.in.ldap": {"false"},
		},
	})
	if stay { // in the groups that the directory's mapper says: Keycloak has no others for them
		d.add(r, map[string]any{
			"name": "may recover", "providerId": "hardcoded-ldap-group-mapper", "parentId": storage,
			"providerType": "org.keycloak.storage.ldap.mappers.LDAPStorageMapper", "config": map[string][]string{"group": {"/" + realm.Recoverable}},
		})
	} else {
		d.do(r, "POST /user-storage/"+storage+"/sync?action=triggerFullSync", nil, nil)
	}
	for _, name := range people {
		id, err := r.ID(d.t.Context(), name)
		if err != nil {
			d.t.Fatal(err)
		}
		r.Users[name] = id
		if stay {
			continue
		}
		d.do(r, "PUT /users/"+id+"/groups/"+r.Allowed, nil, nil)
	}
}

// Kerberos lets the directory's people sign in to a realm with a ticket, whose principal is their mail. Keycloak then asks every browser for one; nobody here
// has any.
func (d *Directory) Kerberos(r *realm.Realm) {
	d.t.Helper()
	d.change(r, map[string]string{
		"allowKerberosAuthentication": "true", "kerberosRealm": "EXAMPLE.NET", "serverPrincipal": "HTTP/localhost@EXAMPLE.NET", "krbPrincipalAttribute": "mail",
		"keyTab": filepath.Join(filepath.Dir(d.config), "http.keytab"),
	})
}

// Unsynced makes a realm keep for itself what is changed of the directory's people, who are imported.
func (d *Directory) Unsynced(r *realm.Realm) {
	d.t.Helper()
	d.change(r, map[string]string{"editMode": "UNSYNCED"})
}

// change sets some of what a realm knows of the directory.
func (d *Directory) change(r *realm.Realm, settings map[string]string) {
	d.t.Helper()
	var found []map[string]any
	d.do(r, "GET /components?name=directory", nil, &found)
	config, _ := found[0]["config"].(map[string]any)
	for name, value := range settings {
		config[name] = []string{value}
	}
	d.do(r, fmt.Sprintf("PUT /components/%v", found[0]["id"]), found[0], nil)
}

func (d *Directory) add(r *realm.Realm, component map[string]any) {
	d.t.Helper()
	d.do(r, "POST /components", component, nil)
}

func (d *Directory) do(r *realm.Realm, call string, body, out any) {
	d.t.Helper()
	if err := r.Do(d.t.Context(), call, body, out); err != nil {
		d.t.Fatal(err)
	}
}
