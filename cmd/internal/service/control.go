package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/control"
)

// maxListed bounds what one listing reads of each kind of job.
const maxListed = 10_000

// cancelWait is how long an administrator waits for the worker to decide about a swap.
const cancelWait = 10 * time.Second

// maxReport is far more than all findings of a realm with thousands of clients.
const maxReport = 8 << 20

// controlHandler serves the administrator's socket. Whoever can open that is the service's own user: there is no sign-in.
func (s *service) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /recoveries", func(w http.ResponseWriter, r *http.Request) {
		all, err := s.recoveries(r.Context(), r.FormValue(control.Whose))
		s.answer(w, r, all, err)
	})
	mux.HandleFunc("GET /checks/{name}", func(w http.ResponseWriter, r *http.Request) {
		all := []bridge.Check{s.store.Check(), s.gate.Check(), replicasCheck(s.store, s.cfg.Base(), s.opts.Now)}
		asked := slices.DeleteFunc(all, func(c bridge.Check) bool { return c.Name != r.PathValue("name") })
		s.answer(w, r, doctor.Run(r.Context(), asked, guardLimit, s.opts.Now), nil)
	})
	mux.HandleFunc("POST /checks", func(w http.ResponseWriter, r *http.Request) {
		var report doctor.Report
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReport)).Decode(&report)
		of := r.URL.Query().Get(control.Of)
		if err == nil && of != seenIn(s.cfg) {
			err = bridge.Fault(bridge.CodeAbsent, "this service looks at another realm than "+of, nil)
		}
		if err == nil {
			err = remember(r.Context(), s.store, of, report)
		}
		s.guard.wake()
		s.answer(w, r, struct{}{}, err)
	})
	mux.HandleFunc("POST /looks", func(w http.ResponseWriter, r *http.Request) {
		s.guard.wake()
		s.answer(w, r, struct{}{}, nil)
	})
	mux.HandleFunc("POST /recoveries/{id}/{do}", func(w http.ResponseWriter, r *http.Request) {
		one, err := s.administer(r.Context(), r.PathValue("id"), r.FormValue(control.Whose), bridge.ActionName(r.PathValue("do")))
		s.answer(w, r, one, err)
	})
	return mux
}

func (s *service) answer(w http.ResponseWriter, r *http.Request, v any, err error) {
	status := http.StatusOK
	if err != nil {
		code := bridge.CodeOf(err)
		s.log.WarnContext(r.Context(), "an administrator's request was not carried out", "path", r.URL.Path, "err", err)
		status = map[bridge.Code]int{bridge.CodeAbsent: http.StatusNotFound, bridge.CodeInternal: http.StatusInternalServerError}[code]
		if status == 0 {
			status = http.StatusConflict
		}
		v = control.Failure{Code: code}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}

// recoveries lists what is open and what is marked, the oldest first; and that of one person, unless whose is "".
func (s *service) recoveries(ctx context.Context, whose string) ([]control.Recovery, error) {
	rows, marked := map[string]*control.Recovery{}, map[string]bool{}
	for _, kind := range []string{bridge.JobExpiry, bridge.JobCall, bridge.JobDelay, bridge.JobSwap, bridge.JobLock, bridge.JobAttention} {
		jobs, err := s.store.Jobs.List(ctx, kind, maxListed)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			row := rowOf(rows, j.ID)
			marked[j.ID] = marked[j.ID] || kind == bridge.JobAttention
			if kind == bridge.JobSwap || kind == bridge.JobLock {
				row.Tries, row.Next = j.Tries, j.Due
			}
		}
	}
	for _, kind := range []string{bridge.JobSwap, bridge.JobLock} {
		parked, err := s.store.Jobs.Parked(ctx, kind, maxListed)
		if err != nil {
			return nil, err
		}
		for _, j := range parked {
			row := rowOf(rows, j.ID)
			row.Parked, row.Tries = true, j.Tries
			marked[j.ID] = true
		}
	}
	out := []control.Recovery{}
	for person, row := range rows {
		shown, err := s.fill(ctx, person, marked[person], row)
		if err != nil {
			return nil, err
		}
		if shown {
			out = append(out, *row)
		}
	}
	lost, err := s.lost(ctx, out)
	out = append(out, lost...)
	slices.SortFunc(out, func(a, b control.Recovery) int { return a.Started.Compare(b.Started) })
	if err != nil {
		return nil, err
	}
	return s.beside(ctx, whose, out)
}

// beside adds to what is open whose account is locked, what temporary codes are stuck and, unless whose is "", what there is of that person.
func (s *service) beside(ctx context.Context, whose string, out []control.Recovery) ([]control.Recovery, error) {
	locked, err := s.locked(ctx, out)
	if err != nil {
		return nil, err
	}
	out = append(out, locked...)
	stuck, err := s.stuckTemporaries(ctx)
	if err != nil {
		return nil, err
	}
	if out, err = s.also(ctx, whose, append(out, stuck...)); err == nil {
		s.tombstones(ctx, whose, out)
	}
	return out, err
}

// also adds the recovery of a person of whom nothing is listed: the store may lose a job and keep the record.
func (s *service) also(ctx context.Context, whose string, rows []control.Recovery) ([]control.Recovery, error) {
	if whose == "" || slices.ContainsFunc(rows, func(r control.Recovery) bool { return r.Meant(whose) }) {
		return rows, nil
	}
	person := whose
	named, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	if a, err := s.flow.Accounts.ByName(named, whose); err == nil { // else it is an id, or nobody is found
		person = a.ID
	}
	var row control.Recovery
	shown, err := s.fill(ctx, person, false, &row)
	if shown && err == nil {
		rows = append(rows, row)
	}
	return rows, err
}

// stuckTemporaries lists the temporary codes that cannot be taken away.
func (s *service) stuckTemporaries(ctx context.Context) (out []control.Recovery, err error) {
	jobs, err := s.store.Jobs.List(ctx, bridge.JobTemporary, maxListed)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		t, found, err := s.flow.Temporary(ctx, j.ID)
		if err != nil {
			return nil, err
		}
		if found && t.Stuck != "" {
			out = append(out, control.Recovery{
				ID: t.ID, User: t.Username, Person: t.Person, State: control.TemporaryCode, Started: t.StartedAt, Expires: t.Expires,
				Attention: string(t.Stuck), Tries: j.Tries, Next: j.Due,
			})
		}
	}
	return out, nil
}

func rowOf(rows map[string]*control.Recovery, person string) *control.Recovery {
	if rows[person] == nil {
		rows[person] = &control.Recovery{}
	}
	return rows[person]
}

// fill reads the recovery of a row; shown is false when it is over and nobody has to act.
func (s *service) fill(ctx context.Context, person string, marked bool, row *control.Recovery) (shown bool, err error) {
	r, err := s.flow.Recoveries.Get(ctx, person)
	if errors.Is(err, bridge.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r = r.At(s.opts.Now())
	describe(r, row)
	why, needed := r.Attention()
	switch {
	case marked && needed:
		row.Attention = string(why)
	case row.Parked && (r.State == bridge.Writing || r.Locking()):
		row.Attention = string(bridge.CodeInternal)
	}
	return r.Open() || r.Locking() || row.Attention != "", nil
}

// describe puts what an administrator may see of a recovery into a row.
func describe(r bridge.Recovery, row *control.Recovery) {
	row.ID, row.User, row.Person, row.State, row.Way = r.ID, r.Username, r.Person, string(r.State), string(r.Way)
	row.Started, row.Writing, row.End, row.Field, row.Asked = r.StartedAt, r.WritingAt, string(r.End), r.Field, r.Unwanted
	if r.State == bridge.Waiting || r.State == bridge.Proven {
		row.Expires = r.Expires
	}
	if _, needed := r.Attention(); needed && r.UnsaidWhy == "" {
		row.Step = r.Step
	}
	row.Reference, row.Reason = r.Reference, string(r.Reason)
	row.Locking, row.Unlocked, row.Objected = r.Locking(), r.Unlocked(), r.UnsaidWhy != ""
	if r.State != bridge.Writing && !row.Locking {
		row.Parked, row.Tries, row.Next = false, 0, time.Time{}
	}
	if r.Swap != nil {
		row.Swap = &control.Swap{
			Added: r.Swap.New.ID, Removed: append([]string{}, r.Swap.Remove...), Sent: r.Swap.Sent, SessionsEnded: r.Swap.SessionsEnded,
		}
	}
}

// administer carries out an action on the recovery with this id, of this person, and waits for the worker when it is the one to decide.
func (s *service) administer(ctx context.Context, id, person string, do bridge.ActionName) (control.Recovery, error) {
	all, err := s.recoveries(ctx, person)
	if err != nil {
		return control.Recovery{}, err
	}
	i := slices.IndexFunc(all, func(r control.Recovery) bool { return r.ID == id })
	if i < 0 || do != bridge.AdminRetry && do != bridge.AdminCancel {
		return control.Recovery{}, bridge.Fault(bridge.CodeAbsent, "administer", nil)
	}
	row := all[i]
	switch {
	case row.Lost != "":
		return s.administerLost(ctx, row, do)
	case row.State == control.Locked:
		return s.unwatch(ctx, row, do)
	}
	r, err := s.flow.Administer(ctx, row.Person, id, do)
	for end := s.opts.Now().Add(cancelWait); err == nil && r.Unwanted && s.opts.Now().Before(end) && sleep(ctx, 50*time.Millisecond); {
		var now bridge.Recovery
		if now, err = s.flow.Recoveries.Get(ctx, row.Person); now.ID != id { // a newer one took its place
			r.Unwanted = false
			break
		}
		r = now
	}
	if err != nil {
		return control.Recovery{}, err
	}
	row.Attention = ""
	if why, needed := r.Attention(); needed {
		row.Attention = string(why)
	}
	describe(r, &row)
	return row, nil
}
