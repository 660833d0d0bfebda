// Package totp makes keys for authenticators, shows them as otpauth URI and QR code, and judges typed codes. It computes codes with
// pquerna/otp and nothing more of it: windows, steps and the form of a code are judged here. It stores nothing; which steps are used up
// is the caller's to know.
package totp
