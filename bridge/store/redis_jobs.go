package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// jobKeys are the keys of one kind; the braces put them into one slot of a cluster.
func (s *redisStore) jobKeys(kind string) []string {
	names := []string{"due", "at", "payload", "tries", "fence", "again", "parked", "seq"}
	for i, n := range names {
		names[i] = s.prefix + "{jobs-" + kind + "}" + n
	}
	return names
}

func (s *redisStore) addJob(ctx context.Context, j Job, now time.Time) error {
	err := s.run(ctx, scriptAdd, s.jobKeys(j.Kind),
		j.ID, j.At.UnixMilli(), j.Payload, now.UnixMilli(), s.channel(), "jobs/"+j.Kind).Err()
	if err != nil {
		return broken("add job "+j.Kind, err)
	}
	return nil
}

// parkedText is what stands in the parked hash: since when, and the sealed reason.
func parkedText(now time.Time, reason []byte) string {
	return strconv.FormatInt(now.UnixMilli(), 10) + " " + string(reason)
}

func (s *redisStore) claimJob(ctx context.Context, kind string, now, leaseEnd time.Time) (c Claimed, err error) {
	reply, err := s.run(ctx, scriptClaim, s.jobKeys(kind),
		now.UnixMilli(), leaseEnd.UnixMilli(), MaxTries, parkedText(now, nil)).Slice()
	if err != nil {
		return c, broken("claim "+kind, err)
	}
	if len(reply) == 0 {
		return c, absent("claim", "job")
	}
	r := replyReader{rest: reply}
	c = Claimed{Job: Job{Kind: kind, ID: r.text()}, Fence: r.number(), Tries: int(r.number())}
	c.At, c.Payload = time.UnixMilli(r.number()), []byte(r.text())
	if r.bad {
		return c, broken("claim "+kind, errReply)
	}
	return c, nil
}

func (s *redisStore) settleJob(ctx context.Context, c Claimed, v verdict) error {
	answer, err := s.run(ctx, scriptSettle, s.jobKeys(c.Kind),
		c.ID, c.Fence, v.verb, v.until.UnixMilli(), MaxTries, parkedText(v.now, v.reason)).Int()
	if err != nil {
		return broken("settle "+c.Kind, err)
	}
	if answer != answerOK {
		return conflict(v.verb, "job")
	}
	return nil
}

func (s *redisStore) removeJob(ctx context.Context, kind, id string) error {
	if err := s.run(ctx, scriptRemove, s.jobKeys(kind), id).Err(); err != nil {
		return broken("remove job "+kind, err)
	}
	return nil
}

func (s *redisStore) listJobs(ctx context.Context, kind string, limit int) ([]Listed, error) {
	var list []Listed
	err := s.each(ctx, scriptList, listing{kind, limit}, func(r *replyReader) {
		l := Listed{Job: Job{Kind: kind, ID: r.text()}, Due: time.UnixMilli(r.number())}
		l.At, l.Tries, l.Leased = time.UnixMilli(r.number()), int(r.number()), r.number() != 0
		l.Payload = []byte(r.text())
		list = append(list, l)
	})
	return list, err
}

func (s *redisStore) listParked(ctx context.Context, kind string, limit int) ([]Parked, error) {
	var list []Parked
	err := s.each(ctx, scriptParked, listing{kind, limit}, func(r *replyReader) {
		p := Parked{Kind: kind, ID: r.text(), Tries: int(r.number())}
		since, reason, _ := strings.Cut(r.text(), " ")
		ms, err := strconv.ParseInt(since, 10, 64)
		r.bad = r.bad || err != nil
		p.Since, p.Reason = time.UnixMilli(ms), reason
		list = append(list, p)
	})
	return list, err
}

type listing struct {
	kind  string
	limit int
}

// each calls see for every row that a listing script answers.
func (s *redisStore) each(ctx context.Context, script *redis.Script, l listing, see func(*replyReader)) error {
	if l.limit <= 0 {
		return nil
	}
	rows, err := s.run(ctx, script, s.jobKeys(l.kind), l.limit).Slice()
	if err != nil {
		return broken("list "+l.kind, err)
	}
	for _, row := range rows {
		cells, _ := row.([]any)
		r := replyReader{rest: cells}
		see(&r)
		if r.bad {
			return broken("list "+l.kind, errReply)
		}
	}
	return nil
}

func (s *redisStore) countJobs(ctx context.Context, kind string) (Counts, error) {
	reply, err := s.run(ctx, scriptCount, s.jobKeys(kind)).Slice()
	if err != nil {
		return Counts{}, broken("count "+kind, err)
	}
	r := replyReader{rest: reply}
	n := Counts{Waiting: int(r.number()), Parked: int(r.number())}
	if r.bad {
		return Counts{}, broken("count "+kind, errReply)
	}
	return n, nil
}

var errReply = errors.New("the server answered in another form than expected")

// replyReader takes the parts of a reply one by one; bad remembers that one was not as expected.
type replyReader struct {
	rest []any
	bad  bool
}

func (r *replyReader) next() any {
	if len(r.rest) == 0 {
		r.bad = true
		return nil
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

func (r *replyReader) text() string {
	s, ok := r.next().(string)
	r.bad = r.bad || !ok
	return s
}

func (r *replyReader) number() int64 {
	n, err := strconv.ParseInt(fmt.Sprint(r.next()), 10, 64)
	r.bad = r.bad || err != nil
	return n
}
