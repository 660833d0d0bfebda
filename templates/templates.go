// Package templates holds the files that pages and mails are made of: templates, texts in Japanese and English, static files.
// It has no code; package view parses and checks them.
package templates

import "embed"

// FS has the folders pages, mails, locales, findings (texts of the doctor) and static, and keycloak with the theme for Keycloak's own sign-in pages.
//
//go:embed pages mails locales findings static keycloak
var FS embed.FS
