// Package templates holds the files that pages and mails are made of: templates, texts in Japanese and English, static files.
// It has no code; package view parses and checks them.
package templates

import "embed"

// FS has the folders pages, mails, locales and static.
//
//go:embed pages mails locales static
var FS embed.FS
