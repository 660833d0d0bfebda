package service

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// countTime bounds what a scrape waits for the store.
const countTime = 2 * time.Second

// jobFigures counts durable work at a scrape. Kinds that cannot be counted are left out: the store's own figure says that it is away.
func (s *service) jobFigures(ctx context.Context, w io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	metrics.WriteMetadataIfNeeded(w, "otpbridge_jobs", "gauge")
	for _, work := range s.works() {
		n, err := s.store.Jobs.Count(ctx, work.Kind)
		if err != nil {
			continue
		}
		for state, count := range map[string]int{"waiting": n.Waiting, "parked": n.Parked} {
			fmt.Fprintf(w, "otpbridge_jobs{kind=%q,state=%q} %d\n", work.Kind, state, count)
		}
	}
}

// trailSize is how many bytes the audit trail has, for Prometheus; no number when that cannot be told.
func (s *service) trailSize() float64 {
	size, err := s.audit.Size()
	if err != nil {
		return math.NaN()
	}
	return float64(size)
}
