package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"otpbridge/bridge"
)

// Times of the worker. A claim is renewed long before its lease ends; a job that failed because something is away comes again soon
// enough that a swap goes on within ten seconds.
const (
	WorkLease  = bridge.WorkLease
	renewEvery = 2 * time.Second
	pollEvery  = time.Second
	awayPause  = 3 * time.Second
	faultPause = 30 * time.Second
)

// Handle does one job. next is when the job is wanted again, zero when it is done. An error brings the job back: soon and uncounted when
// the store or Keycloak is away, later and counted otherwise. ctx ends when another worker has taken the job over, and when the claim could
// not be renewed for as long as its lease: another worker may have taken the job over then.
type Handle func(ctx context.Context, c Claimed) (next time.Time, err error)

// Work is what a Worker does about one kind of job.
type Work struct {
	Kind     string
	Parallel int // how many at once in this process
	Handle   Handle
}

// Worker carries out jobs. Several processes may run one on the same store.
type Worker struct {
	Jobs   *Jobs
	KV     KV // signals new jobs
	Works  []Work
	Now    func() time.Time
	Log    *slog.Logger
	Parked func(kind, id string) // a job was given up; may be nil
}

// Run works until ctx ends, then lets what is under way come to its end within drain, and returns.
func (w *Worker) Run(ctx context.Context, drain time.Duration) {
	began := w.Now()
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var all sync.WaitGroup
	for _, work := range w.Works {
		all.Go(func() { w.loop(ctx, working, work, began) })
	}
	<-ctx.Done()
	timer := time.AfterFunc(drain, cancel)
	defer timer.Stop()
	all.Wait()
}

// loop claims jobs of one kind while ctx lives and does them under working, as many at once as it may. One looks for all of them: each look costs the
// store something, and most are in vain.
func (w *Worker) loop(ctx, working context.Context, work Work, began time.Time) {
	h := hands{busy: make(chan struct{}, work.Parallel), freed: make(chan struct{}, 1)}
	defer h.all.Wait()
	for ctx.Err() == nil {
		changed, err := w.KV.Watch(ctx, "jobs/"+work.Kind)
		if err != nil {
			w.pause(ctx, began, nil, nil)
			continue
		}
		for ctx.Err() == nil && changed != nil {
			if w.one(ctx, working, work, &h) {
				continue
			}
			if !w.pause(ctx, began, changed, h.freed) {
				changed = nil
			}
		}
	}
}

// hands are those that carry out the jobs of one kind.
type hands struct {
	busy  chan struct{} // holds one for each job under way
	freed chan struct{} // has one when a job came to its end: it may be due again at once
	all   sync.WaitGroup
}

// pause waits for a new job, for the end of one, for the next look, or for the end. It returns false when the channel was closed. All kinds are looked
// at in the same moments, each of which wakes a process that has nothing else to do.
func (w *Worker) pause(ctx context.Context, began time.Time, changed, freed <-chan struct{}) bool {
	t := time.NewTimer(pollEvery - w.Now().Sub(began)%pollEvery)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-freed:
	case _, ok := <-changed:
		return ok
	}
	return true
}

// one has one job done as soon as there is a hand for it; false means that none is due.
func (w *Worker) one(ctx, working context.Context, work Work, h *hands) bool {
	select {
	case <-ctx.Done():
		return false
	case h.busy <- struct{}{}:
	}
	held, cancel := context.WithCancel(working)
	lease := time.AfterFunc(WorkLease, cancel) // before the claim: it ends with the store's, or earlier
	c, err := w.Jobs.Claim(ctx, []string{work.Kind}, w.Now(), WorkLease)
	if err != nil {
		lease.Stop()
		cancel()
		<-h.busy
		if !errors.Is(err, ErrAbsent) && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "no job can be claimed", "kind", work.Kind, "err", err)
		}
		return false
	}
	h.all.Go(func() {
		next, err := w.carryOut(held, cancel, work, c, lease)
		w.settle(context.WithoutCancel(working), c, next, err)
		<-h.busy
		select {
		case h.freed <- struct{}{}:
		default:
		}
	})
	return true
}

// carryOut does a job that is claimed until lease, under held, which it cancels.
func (w *Worker) carryOut(held context.Context, cancel context.CancelFunc, work Work, c Claimed, lease *time.Timer) (time.Time, error) {
	var renewing sync.WaitGroup
	renewing.Go(func() { w.renew(held, cancel, c, lease) })
	next, err := work.Handle(held, c)
	cut := held.Err() != nil
	cancel()
	renewing.Wait()
	if err != nil && cut { // by us: the job is not at fault
		err = broken("work on "+c.Kind, err)
	}
	return next, err
}

// renew keeps the claim until ctx ends. It cancels when the claim is lost, and lease cancels when no renewal succeeds for its length.
func (w *Worker) renew(ctx context.Context, cancel context.CancelFunc, c Claimed, lease *time.Timer) {
	t := time.NewTicker(renewEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			lease.Stop()
			return
		case <-t.C:
		}
		next := time.AfterFunc(WorkLease, cancel)
		err := w.Jobs.Renew(ctx, c, WorkLease)
		if err != nil {
			next.Stop()
		} else {
			lease.Stop()
			lease = next
		}
		if errors.Is(err, ErrConflict) {
			cancel()
		}
	}
}

func (w *Worker) settle(ctx context.Context, c Claimed, next time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var told error
	switch code := bridge.CodeOf(err); {
	case err == nil && next.IsZero():
		told = w.Jobs.Done(ctx, c)
	case err == nil:
		told = w.Jobs.Defer(ctx, c, next)
	case code == bridge.CodeKeycloakAway || code == bridge.CodeStoreAway || code == bridge.CodeAuditFull:
		w.Log.WarnContext(ctx, "job waits", "kind", c.Kind, "code", code, "err", err)
		told = w.Jobs.Defer(ctx, c, w.Now().Add(bridge.PauseOf(err, awayPause)))
	default:
		w.Log.ErrorContext(ctx, "job failed", "kind", c.Kind, "tries", c.Tries, "err", err)
		told = w.Jobs.Retry(ctx, c, w.Now().Add(faultPause), string(code))
		if c.Tries >= MaxTries && w.Parked != nil {
			w.Parked(c.Kind, c.ID)
		}
	}
	if told != nil && !errors.Is(told, ErrConflict) {
		w.Log.WarnContext(ctx, "the store was not told about a job; it comes again", "kind", c.Kind, "err", told)
	}
}
