package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"otpbridge/bridge/bridgetest/phone"
)

// phones are the new phones: one for each person, empty until it is given a key. What they hold is written to a file, so
// that a kept state keeps them too.
type phones struct {
	file string

	mu   sync.Mutex
	keys map[string]string // by user name: the text that was typed
}

// openPhones reads the phones of an earlier run; none is fine.
func openPhones(file string) (*phones, error) {
	p := &phones{file: file, keys: map[string]string{}}
	text, err := os.ReadFile(filepath.Clean(file))
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the phones: %w", err)
	}
	if err := json.Unmarshal(text, &p.keys); err != nil {
		return nil, fmt.Errorf("read the phones: %s: %w", file, err)
	}
	return p, nil
}

// readKey reads what people type or paste: an otpauth link or the key itself.
func readKey(text string) (phone.Key, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(strings.ToLower(text), "otpauth:") {
		return phone.Scan(text)
	}
	return phone.FromBase32(text)
}

// set gives a person's new phone a key, "" empties it.
func (p *phones) set(name, text string) error {
	if text != "" {
		if _, err := readKey(text); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[name] = text
	kept, err := json.Marshal(p.keys)
	if err != nil {
		return fmt.Errorf("keep the phones: %w", err)
	}
	if err := os.WriteFile(p.file, kept, 0o600); err != nil {
		return fmt.Errorf("keep the phones: %w", err)
	}
	return nil
}

// get is the key of a person's new phone; ok is false while it is empty.
func (p *phones) get(name string) (k phone.Key, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys[name] == "" {
		return phone.Key{}, false
	}
	k, err := readKey(p.keys[name])
	return k, err == nil
}

// display is what a phone shows.
type display struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Left    int    `json:"left"` // seconds until the code changes
	Account string `json:"-"`
}

func show(id string, k phone.Key, at time.Time) *display {
	account := strings.Trim(k.Issuer+": "+k.Account, ": ")
	return &display{ID: id, Code: k.Code(at), Left: int(k.Left(at).Round(time.Second) / time.Second), Account: account}
}

// card is one person with both phones.
type card struct {
	person
	OldPhone, NewPhone *display // nil = there is none, or it is empty
	Typed              string   // what was typed and not understood
	Fault              bool
}

func (s *site) cards() []card {
	now := s.now()
	out := make([]card, 0, len(s.people))
	for _, p := range s.people {
		c := card{person: p}
		if k, err := readKey(p.Old); err == nil {
			c.OldPhone = show("old-"+p.Username, k, now)
		}
		if k, ok := s.phones.get(p.Username); ok {
			c.NewPhone = show("new-"+p.Username, k, now)
		}
		out = append(out, c)
	}
	return out
}

// GET /phones
func (s *site) showPhones(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusOK, "phones", page{Here: "phones", Title: "Phones", Refresh: true, Body: s.cards()})
}

// GET /phones/codes
func (s *site) codes(w http.ResponseWriter, _ *http.Request) {
	shown := []*display{}
	for _, c := range s.cards() {
		for _, d := range []*display{c.OldPhone, c.NewPhone} {
			if d != nil {
				shown = append(shown, d)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(shown) // the reader may be gone
}

// keyLimit bounds what a phone is given to read.
const keyLimit = 8 << 10

// POST /phones/{name} with the field "key"
func (s *site) takeKey(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, keyLimit)
	p, known := s.person(r.PathValue("name"))
	if !known {
		s.missing(w, r)
		return
	}
	typed := strings.TrimSpace(r.PostFormValue("key"))
	err := phone.ErrKey
	if typed != "" {
		err = s.phones.set(p.Username, typed)
	}
	switch {
	case errors.Is(err, phone.ErrKey):
		s.notUnderstood(w, p, typed)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		http.Redirect(w, r, "/phones#"+p.Username, http.StatusSeeOther)
	}
}

// notUnderstood shows the page again, with what was typed.
func (s *site) notUnderstood(w http.ResponseWriter, p person, typed string) {
	cards := s.cards()
	for i := range cards {
		if cards[i].Username == p.Username {
			cards[i].Typed, cards[i].Fault = typed, true
		}
	}
	s.show(w, http.StatusUnprocessableEntity, "phones", page{Here: "phones", Title: "Phones", Refresh: true, Body: cards})
}

// POST /phones/{name}/empty
func (s *site) emptyPhone(w http.ResponseWriter, r *http.Request) {
	p, known := s.person(r.PathValue("name"))
	if !known {
		s.missing(w, r)
		return
	}
	if err := s.phones.set(p.Username, ""); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/phones#"+p.Username, http.StatusSeeOther)
}
