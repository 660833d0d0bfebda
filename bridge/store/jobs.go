package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"otpbridge/bridge"
)

// MaxTries is how often a job is claimed before it is parked.
const MaxTries = 10

// Job is bridge.Job: durable work, known by kind and id.
type Job = bridge.Job

// Claimed is a job in the hands of one worker. Fence grows with every claim of a kind; an older one is refused.
type Claimed struct {
	Job
	Fence int64
	Tries int // with this one
}

// Listed is a job as seen by List. Due is when it can be claimed next: its time, or the end of its lease.
type Listed struct {
	Job
	Due    time.Time
	Tries  int
	Leased bool
}

// Parked is a job that was given up. Its payload is erased.
type Parked struct {
	Kind, ID string
	Since    time.Time
	Tries    int
	Reason   string // what Retry said; empty when no worker ever reported back
}

// Counts are the figures of one kind.
type Counts struct{ Waiting, Parked int }

// Jobs is durable work: done at least once, by one worker at a time, in the order of its time. Adding a kind's job signals
// Watch("jobs/"+kind).
type Jobs struct {
	raw  jobBackend
	keys *KeyRing
	now  func() time.Time
}

// verdict is what a worker says about its claim.
type verdict struct {
	verb   string // "renew", "done", "retry", "defer"
	until  time.Time
	reason []byte // sealed
	now    time.Time
}

// jobBackend is Jobs without sealing. Errors as in KV; settle and claim are atomic.
type jobBackend interface {
	addJob(ctx context.Context, j Job, now time.Time) error
	// claimJob returns ErrAbsent when nothing of the kind is due.
	claimJob(ctx context.Context, kind string, now, leaseEnd time.Time) (Claimed, error)
	// settleJob returns ErrConflict when the fence is not the job's.
	settleJob(ctx context.Context, c Claimed, v verdict) error
	removeJob(ctx context.Context, kind, id string) error
	listJobs(ctx context.Context, kind string, limit int) ([]Listed, error)
	listParked(ctx context.Context, kind string, limit int) ([]Parked, error)
	countJobs(ctx context.Context, kind string) (Counts, error)
}

func jobName(kind, id string) string { return "jobs/" + kind + "/" + id }

// Add stores the job. The same kind and id again replaces it and gives it new tries; if a worker has it just then, the replacement is
// due after that worker has reported or lost its lease.
func (j *Jobs) Add(ctx context.Context, job Job) error {
	if job.Kind == "" || job.ID == "" {
		return errors.New("store: add job: kind and id must be given")
	}
	job.Payload = j.keys.Seal(jobName(job.Kind, job.ID), job.Payload)
	return j.raw.addJob(ctx, job, j.now())
}

// Claim gives the caller the job that is due first, for the length of lease; the kinds are asked in their order. ErrAbsent: nothing is
// due. A job whose payload cannot be unsealed is an error, and no longer in the way until its lease ends.
func (j *Jobs) Claim(ctx context.Context, kinds []string, now time.Time, lease time.Duration) (Claimed, error) {
	if lease <= 0 {
		return Claimed{}, errors.New("store: claim job: the lease must be positive")
	}
	for _, kind := range kinds {
		c, err := j.raw.claimJob(ctx, kind, now, now.Add(lease))
		if errors.Is(err, ErrAbsent) {
			continue
		}
		if err != nil {
			return Claimed{}, err
		}
		c.Payload, err = j.keys.Open(jobName(c.Kind, c.ID), c.Payload)
		return c, err
	}
	return Claimed{}, absent("claim", "job")
}

// Renew keeps the claim for another lease, beginning now. ErrConflict: another worker has the job, or it is gone; stop.
func (j *Jobs) Renew(ctx context.Context, c Claimed, lease time.Duration) error {
	return j.settle(ctx, c, verdict{verb: "renew", until: j.now().Add(lease)})
}

// Done removes the job, or makes its replacement due. ErrConflict as in Renew.
func (j *Jobs) Done(ctx context.Context, c Claimed) error {
	return j.settle(ctx, c, verdict{verb: "done"})
}

// Retry gives the job back until at, and parks it for the reason after MaxTries claims. ErrConflict as in Renew.
func (j *Jobs) Retry(ctx context.Context, c Claimed, at time.Time, reason string) error {
	return j.settle(ctx, c, verdict{verb: "retry", until: at, reason: j.keys.Seal(jobName(c.Kind, c.ID)+" reason", []byte(reason))})
}

// Defer gives the job back until at without counting this try: the job is not at fault (Keycloak is away).
func (j *Jobs) Defer(ctx context.Context, c Claimed, at time.Time) error {
	return j.settle(ctx, c, verdict{verb: "defer", until: at})
}

func (j *Jobs) settle(ctx context.Context, c Claimed, v verdict) error {
	v.now = j.now()
	if err := j.raw.settleJob(ctx, c, v); err != nil {
		return fmt.Errorf("store: job %s %s: %w", c.Kind, v.verb, err)
	}
	return nil
}

// Remove forgets a job, waiting, claimed or parked; an absent one is fine.
func (j *Jobs) Remove(ctx context.Context, kind, id string) error {
	return j.raw.removeJob(ctx, kind, id)
}

// List returns up to limit jobs of a kind that are not parked, those due first first.
func (j *Jobs) List(ctx context.Context, kind string, limit int) ([]Listed, error) {
	jobs, err := j.raw.listJobs(ctx, kind, limit)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		if jobs[i].Payload, err = j.keys.Open(jobName(kind, jobs[i].ID), jobs[i].Payload); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// Parked returns up to limit jobs of a kind that were given up.
func (j *Jobs) Parked(ctx context.Context, kind string, limit int) ([]Parked, error) {
	jobs, err := j.raw.listParked(ctx, kind, limit)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		if jobs[i].Reason == "" {
			continue
		}
		reason, err := j.keys.Open(jobName(kind, jobs[i].ID)+" reason", []byte(jobs[i].Reason))
		if err != nil {
			return nil, err
		}
		jobs[i].Reason = string(reason)
	}
	return jobs, nil
}

// Count returns how many jobs of a kind wait (claimed ones too) and how many are parked.
func (j *Jobs) Count(ctx context.Context, kind string) (Counts, error) {
	return j.raw.countJobs(ctx, kind)
}
