// Package mail queues and sends mails that are rendered already. It writes the bytes of a mail itself, because their form is a promise
// (encoded words, folding, no host name, no program name) that go-mail's message type does not keep; go-mail speaks SMTP, TLS and AUTH.
package mail
