// Package memory keeps records, jobs and the audit trail in the memory of a test: the ports of package bridge without a store.
package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"otpbridge/bridge"
)

// Records is bridge.Records. Values go in and out as JSON, so nobody shares memory with it.
type Records[T any] struct {
	Now func() time.Time // nil: the real time

	mu     sync.Mutex
	values map[string]value
	fault  error
}

type value struct {
	text []byte
	ends time.Time // zero: never
}

func (r *Records[T]) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Break makes every call fail with err from now on; nil mends.
func (r *Records[T]) Break(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = err
}

// Get implements bridge.Records.
func (r *Records[T]) Get(_ context.Context, key string) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, found, err := r.read(key)
	if err == nil && !found {
		err = fmt.Errorf("record: %w", bridge.ErrAbsent)
	}
	return value, err
}

func (r *Records[T]) read(key string) (out T, found bool, err error) {
	if r.fault != nil {
		return out, false, r.fault
	}
	v, found := r.values[key]
	if !found || !v.ends.IsZero() && !r.now().Before(v.ends) {
		return out, false, nil
	}
	err = json.Unmarshal(v.text, &out)
	return out, true, err
}

// Update implements bridge.Records.
func (r *Records[T]) Update(_ context.Context, key string, ttl time.Duration, change func(old T, found bool) (T, error)) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, found, err := r.read(key)
	if err != nil {
		return old, err
	}
	next, err := change(old, found)
	if err != nil {
		return next, err
	}
	v := value{}
	if v.text, err = json.Marshal(next); err != nil {
		return next, err
	}
	if ttl > 0 {
		v.ends = r.now().Add(ttl)
	}
	if r.values == nil {
		r.values = map[string]value{}
	}
	r.values[key] = v
	return next, nil
}

// Delete implements bridge.Records.
func (r *Records[T]) Delete(_ context.Context, key string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.values, key)
	return r.fault
}

// Jobs is bridge.Jobs; nobody does them.
type Jobs struct {
	mu   sync.Mutex
	list []bridge.Job
}

// Add implements bridge.Jobs.
func (j *Jobs) Add(_ context.Context, job bridge.Job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.remove(job.Kind, job.ID)
	j.list = append(j.list, job)
	return nil
}

// Remove implements bridge.Jobs.
func (j *Jobs) Remove(_ context.Context, kind, id string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.remove(kind, id)
	return nil
}

func (j *Jobs) remove(kind, id string) {
	j.list = slices.DeleteFunc(j.list, func(o bridge.Job) bool { return o.Kind == kind && o.ID == id })
}

// List returns the jobs of a kind, in the order in which they were added.
func (j *Jobs) List(kind string) []bridge.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.list), func(o bridge.Job) bool { return o.Kind != kind })
}

// IDs returns the ids of the jobs of a kind.
func (j *Jobs) IDs(kind string) []string {
	var ids []string
	for _, job := range j.List(kind) {
		ids = append(ids, job.ID)
	}
	return ids
}

// Audit is bridge.Audit.
type Audit struct {
	mu     sync.Mutex
	events []bridge.AuditEvent
	fault  error
}

// Break makes Record fail with err from now on; nil mends.
func (a *Audit) Break(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = err
}

// Record implements bridge.Audit.
func (a *Audit) Record(_ context.Context, e bridge.AuditEvent) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fault == nil {
		a.events = append(a.events, e)
	}
	return a.fault
}

// Events returns what was recorded under a name, in order; "" = everything.
func (a *Audit) Events(name string) []bridge.AuditEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.events), func(e bridge.AuditEvent) bool { return name != "" && e.Event != name })
}
