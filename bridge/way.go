package bridge

// Way is how the second channel is proven.
type Way string

// The two ways.
const (
	WayMail Way = "mail"
	WayDesk Way = "desk"
)

// Origin is where a request came from, as shown to people: no address, no fingerprint.
type Origin struct {
	Browser string // "Firefox", "" if unknown
	System  string // "Windows", "" if unknown
	Campus  bool   // from the campus network
}
