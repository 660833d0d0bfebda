// Package view turns typed pages and mails into HTML and text, in every configured language.
//
// It owns the catalogue of texts, the templates, the static files with their hashed names, the choice of a language and the
// masking of addresses. It knows nothing of HTTP, sessions or the flow: whoever calls it decides which page is due. Everything is
// parsed and checked by New; a View is immutable and safe for concurrent use.
package view
