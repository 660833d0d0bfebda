package service

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otpbridge/bridge/store"
)

// countTime bounds what a scrape waits for the store.
const countTime = 2 * time.Second

// jobFigures counts durable work at each scrape. Kinds that cannot be counted are left out: the store's own figure says that it is away.
type jobFigures struct {
	jobs interface {
		Count(ctx context.Context, kind string) (store.Counts, error)
	}
	kinds []string
	desc  *prometheus.Desc
}

func newJobFigures(jobs *store.Jobs, kinds []string) *jobFigures {
	return &jobFigures{jobs, kinds, prometheus.NewDesc("otpbridge_jobs", "Durable work by kind; parked: given up after ten tries.", []string{"kind", "state"}, nil)}
}

// Describe implements prometheus.Collector.
func (f *jobFigures) Describe(out chan<- *prometheus.Desc) { out <- f.desc }

// Collect implements prometheus.Collector.
func (f *jobFigures) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	for _, kind := range f.kinds {
		n, err := f.jobs.Count(ctx, kind)
		if err != nil {
			continue
		}
		out <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, float64(n.Waiting), kind, "waiting")
		out <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, float64(n.Parked), kind, "parked")
	}
}
