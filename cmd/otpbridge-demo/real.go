package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"otpbridge/bridge/bridgetest/realkc"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/templates"
)

// startReal starts a real Keycloak and makes the realm in it, or takes the one that a kept state holds.
func (d *demo) startReal(ctx context.Context) error {
	if err := d.held.idp.Close(); err != nil { // Keycloak opens the port itself
		return fmt.Errorf("give the port to Keycloak: %w", err)
	}
	themes, err := d.writeTheme()
	if err != nil {
		return err
	}
	server, err := realkc.Start(ctx, realkc.Config{
		Version: d.keycloak, Dir: d.file("keycloak"), HTTPPort: d.ports.idp, ThemeDir: themes,
		Progress: func(message string) { d.say(message) },
	})
	if err != nil {
		return err
	}
	d.atEnd(server.Stop)
	o := realm.Options{
		Keycloak: server.URL, AppURL: d.Bridge, PortalURL: d.Portal, LoginKeys: true, AdminJWKS: d.keys.admin.PublicJWKS(),
		PasswordSet: passwordsSet(), LoginTheme: loginTheme,
	}
	r, err := realm.Open(ctx, server.Admin(), o)
	if realkc.IsStatus(err, http.StatusNotFound) {
		d.say("making the realm campus")
		r, err = d.makeRealm(ctx, server.Admin(), o)
	}
	if err != nil {
		return err
	}
	d.Issuer, d.Console, d.campus = r.Issuer, server.URL+"/admin/", &campus{adminClient: r.AdminClient, gateGroup: r.GateGroup}
	return nil
}

// loginTheme puts the link for people without their authenticator on Keycloak's page.
const loginTheme = "otp-recovery"

// writeTheme writes the theme where Keycloak reads it, afresh, and returns the directory of themes.
func (d *demo) writeTheme() (string, error) {
	dir := d.file("themes")
	themes, err := fs.Sub(templates.FS, "keycloak")
	if err == nil {
		err = errors.Join(os.RemoveAll(dir), os.CopyFS(dir, themes))
	}
	if err != nil {
		return "", fmt.Errorf("write the theme: %w", err)
	}
	return dir, nil
}

// makeRealm makes the realm and says "demo" over Keycloak's own pages.
func (d *demo) makeRealm(ctx context.Context, admin realm.Admin, o realm.Options) (*realm.Realm, error) {
	r, err := realm.Make(ctx, admin, o)
	if err != nil {
		return nil, err
	}
	const said = "Demo: nothing here is real"
	name := map[string]string{"displayName": said, "displayNameHtml": said}
	if err := r.Do(ctx, "PUT ", name, nil); err != nil {
		return nil, fmt.Errorf("name the realm: %w", err)
	}
	return r, d.putNumbers(ctx, r)
}

// putNumbers adds the number on record, and the marks of the addresses, to the realm's profile, for administrators to edit, and the number to the people who have one.
func (d *demo) putNumbers(ctx context.Context, r *realm.Realm) error {
	profile := map[string]any{}
	if err := r.Do(ctx, "GET /users/profile", nil, &profile); err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	list, _ := profile["attributes"].([]any)
	for _, name := range []string{numberAttribute, marksAttribute} {
		list = append(list, map[string]any{
			"name": name, "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}, "validations": map[string]any{},
			"multivalued": name == marksAttribute,
		})
	}
	profile["attributes"] = list
	if err := r.Do(ctx, "PUT /users/profile", profile, nil); err != nil {
		return fmt.Errorf("change the profile: %w", err)
	}
	for _, p := range d.people {
		if p.Number == "" {
			continue
		}
		user, path := map[string]any{}, "/users/"+r.Users[p.Username]
		if err := r.Do(ctx, "GET "+path, nil, &user); err != nil {
			return fmt.Errorf("read %s: %w", p.Username, err)
		}
		attributes, _ := user["attributes"].(map[string]any)
		if attributes == nil {
			attributes = map[string]any{}
		}
		attributes[numberAttribute] = []string{p.Number}
		user["attributes"] = attributes
		if err := r.Do(ctx, "PUT "+path, user, nil); err != nil {
			return fmt.Errorf("number of %s: %w", p.Username, err)
		}
	}
	return nil
}
