package store

// Rediser is what redis_rate needs of a client.
type Rediser = rediser

// Rates returns what the limiter of s counts on.
func Rates(s *Store) Rediser { return s.raw.rates() }
