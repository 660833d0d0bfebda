package bridge

import "regexp"

// address is every address that people have, and none with a meaning for a mail server beyond it. Some phone companies have given out dots
// where RFC 5322 has none.
var address = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63}){0,8}$")

// Deliverable reports whether a mail can be sent to an address: the one answer for the rules and for the mails.
func Deliverable(value string) bool { return address.MatchString(value) }
