package fakekc

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Event is a saved user event, in Keycloak's form.
type Event struct {
	ID        string            `json:"id"`
	Time      int64             `json:"time"` // milliseconds
	Type      string            `json:"type"`
	RealmID   string            `json:"realmId"`
	ClientID  string            `json:"clientId,omitempty"`
	UserID    string            `json:"userId,omitempty"`
	SessionID string            `json:"sessionId,omitempty"`
	IPAddress string            `json:"ipAddress"`
	Error     string            `json:"error,omitempty"`
	Details   map[string]string `json:"details,omitempty"`
}

// AdminEvent is a saved admin event, in Keycloak's form.
type AdminEvent struct {
	ID            string            `json:"id"`
	Time          int64             `json:"time"`
	RealmID       string            `json:"realmId"`
	AuthDetails   map[string]string `json:"authDetails"`
	OperationType string            `json:"operationType"`
	ResourceType  string            `json:"resourceType"`
	ResourcePath  string            `json:"resourcePath"`
}

// record saves an event of a request now.
func (s *Server) record(r *http.Request, e Event) {
	e.IPAddress = clientAddress(r)
	s.save(e)
}

func (s *Server) save(e Event) {
	types, _ := s.realm["enabledEventTypes"].([]string)
	if s.realm["eventsEnabled"] == false || (len(types) > 0 && !slices.Contains(types, e.Type)) {
		return
	}
	if e.ID == "" {
		e.ID = newID()
	}
	if e.Time == 0 {
		e.Time = s.now().UnixMilli()
	}
	if e.RealmID == "" {
		e.RealmID = s.realmID
	}
	s.events = append(s.events, e)
}

// AddEvent saves an event as if it had happened; what is left empty (id, time, realm) is filled in.
func (s *Server) AddEvent(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.save(e)
}

// Events lists the saved events, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// GET /admin/realms/{realm}/events: newest first.
func (c *call) userEvents() reply {
	q := c.r.URL.Query()
	from, to, wrong := period(q)
	if wrong != "" {
		return c.fault(http.StatusBadRequest, "Invalid value for '"+wrong+"', expected format is yyyy-MM-dd or an Epoch timestamp")
	}
	out := []Event{}
	for _, e := range c.s.events {
		match := (len(q["type"]) == 0 || slices.Contains(q["type"], e.Type)) &&
			(q.Get("client") == "" || q.Get("client") == e.ClientID) &&
			(q.Get("user") == "" || q.Get("user") == e.UserID) &&
			(q.Get("ipAddress") == "" || q.Get("ipAddress") == e.IPAddress) && e.Time >= from && e.Time <= to
		if match {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return int(a.Time - b.Time) })
	if q.Get("direction") != "asc" {
		slices.Reverse(out)
	}
	return c.ok(page(q, out, 100))
}

// GET /admin/realms/{realm}/admin-events: newest first.
func (c *call) adminEvents() reply {
	q := c.r.URL.Query()
	from, to, wrong := period(q)
	if wrong != "" {
		return c.fault(http.StatusBadRequest, "Invalid value for '"+wrong+"', expected format is yyyy-MM-dd or an Epoch timestamp")
	}
	out := []AdminEvent{}
	for _, e := range slices.Backward(c.s.admin) {
		path := q.Get("resourcePath")
		if (path == "" || matchesPath(path, e.ResourcePath)) && e.Time >= from && e.Time <= to {
			out = append(out, e)
		}
	}
	return c.ok(page(q, out, 100))
}

func matchesPath(pattern, path string) bool { return matches([]string{pattern}, path) }

// period reads dateFrom and dateTo: milliseconds, or a day (UTC, the whole of it). It names the one that is wrong.
func period(q url.Values) (from, to int64, wrong string) {
	from, to = 0, 1<<62
	for name, into := range map[string]*int64{"dateFrom": &from, "dateTo": &to} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			*into = n
			continue
		}
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return 0, 0, name
		}
		if name == "dateTo" {
			day = day.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
		*into = day.UnixMilli()
	}
	return from, to, ""
}

// page cuts first and max out of a list.
func page[T any](q url.Values, all []T, standard int) []T {
	first, limit := 0, standard
	if n, err := strconv.Atoi(q.Get("first")); err == nil && n > 0 {
		first = n
	}
	if n, err := strconv.Atoi(q.Get("max")); err == nil && n >= 0 {
		limit = n
	}
	all = all[min(first, len(all)):]
	return all[:min(limit, len(all))]
}
