package fakekc

import (
	"net/http"
	"strconv"
	"time"
)

// Settings of brute-force protection, as in the realm file.
const (
	failureFactor = 5
	lockStep      = time.Minute
	quickWindow   = time.Second
	lockMax       = 15 * time.Minute
)

type failures struct {
	count, second, lockouts int
	last, until             time.Time
	address                 string
}

func (s *Server) locked(u *user) bool { return s.now().Before(u.failures.until) }

// fail counts a failed password, code or denied sign-in, and locks for a while after the fifth or after two within a second.
func (s *Server) fail(r *http.Request, u *user, second bool) {
	now, f := s.now(), &u.failures
	quick := !s.opts.Calm && !f.last.IsZero() && now.Sub(f.last) < quickWindow
	f.count++
	if second {
		f.second++
	}
	f.last, f.address = now, clientAddress(r)
	wait := min(lockStep*time.Duration(f.count/failureFactor), lockMax)
	if f.count%failureFactor != 0 {
		wait = 0
	}
	if quick {
		wait = max(wait, lockStep)
	}
	if wait == 0 {
		return
	}
	f.until = now.Add(wait)
	f.lockouts++
	s.record(r, Event{Type: "USER_DISABLED_BY_TEMPORARY_LOCKOUT", UserID: u.id, Details: map[string]string{
		"reason": "brute_force_attack detected", "num_failures": strconv.Itoa(f.count), "not_before": f.until.UTC().Format("2006-01-02T15:04:05"),
	}})
}

// GET /admin/realms/{realm}/attack-detection/brute-force/users/{id}
func (c *call) bruteForce() reply {
	f := c.user.failures
	out := map[string]any{
		"failedLoginNotBefore": 0, "numFailures": f.count, "numTemporaryLockouts": f.lockouts, "disabled": c.s.locked(c.user),
		"numSecondaryAuthFailures": f.second, "lastIPFailure": "n/a", "lastFailure": 0,
	}
	if f.address != "" {
		out["lastIPFailure"] = f.address
		out["lastFailure"] = f.last.UnixMilli()
	}
	if !f.until.IsZero() {
		out["failedLoginNotBefore"] = f.until.Unix()
	}
	return c.ok(out)
}

// DELETE /admin/realms/{realm}/attack-detection/brute-force/users/{id}
func (c *call) clearBruteForce() reply {
	if c.user.failures.count > 0 {
		c.record("DELETE", "USER_LOGIN_FAILURE", "attack-detection/brute-force/users/"+c.user.id)
	}
	c.user.failures = failures{}
	return c.done()
}
