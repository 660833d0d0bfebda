module otpbridge/e2e

go 1.26.0

require (
	github.com/emersion/go-smtp v0.25.1
	github.com/go-jose/go-jose/v4 v4.1.4
	golang.org/x/net v0.60.0
	otpbridge v0.0.0-00010101000000-000000000000
)

require github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect

replace otpbridge => ../
