package bridge

import "time"

// WithAddress and WithoutAddress are what attributes become by a change of the addresses.
func WithAddress(s *Settings, now map[string][]string, address string, at time.Time) map[string][]string {
	return s.withAddress(now, address, at)
}

// WithoutAddress is the other one.
func WithoutAddress(s *Settings, now map[string][]string, address string, at time.Time) map[string][]string {
	return s.withoutAddress(now, address, at)
}
