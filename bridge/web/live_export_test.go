package web

import "time"

// Pace makes the live pages of a server beat and keep their sessions alive more often.
func Pace(s *Server, beat, touch time.Duration) { s.streams.beat, s.streams.touch = beat, touch }
