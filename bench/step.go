package bench

import (
	"context"
	"errors"
	"time"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/train"
)

// ErrNothingMeasured is returned when the context ends before the first step
// that counts.
var ErrNothingMeasured = errors.New("interrupted before anything was measured")

// StepResult is what a step of a network costs.
type StepResult struct {
	Net       string `json:"net"`
	Mode      string `json:"mode"`
	Batch     int    `json:"batch"`
	Steps     int    `json:"steps"`               // T
	Precision string `json:"precision"`           // asked for
	Effective string `json:"effective_precision"` // computed in
	Memory    string `json:"memory,omitempty"`
	Threads   int    `json:"threads"`
	Engine    string `json:"engine"` // with its variant
	Images    string `json:"images"` // what was fed

	SamplesPerSecond float64     `json:"samples_per_second"` // at the median
	MedianSeconds    float64     `json:"median_seconds_per_step"`
	SecondsPerStep   []float64   `json:"seconds_per_step"`
	PeakRSS          int64       `json:"peak_rss_bytes"`
	ForcedRate       float64     `json:"forced_rate,omitempty"` // as asked for; FiringRates are what was reached
	Layers           []string    `json:"layers"`
	FiringRates      [][]float64 `json:"firing_rates"` // [layer][T], mean over the steps that count
	Interrupted      bool        `json:"interrupted,omitempty"`
}

// leastSteps are measured however long they take.
const leastSteps = 3

// Step measures whole steps. If ctx ends it returns what was measured so far,
// or ErrNothingMeasured.
func Step(ctx context.Context, o Options) (*StepResult, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.measure(ctx, o, func() {})
}

// measure warms up, calls begin and measures.
func (s *session) measure(ctx context.Context, o Options, begin func()) (*StepResult, error) {
	r := &StepResult{
		Net: o.Net.Graph.Name, Mode: o.Mode, Batch: o.Batch, Steps: o.Steps, Precision: o.Precision, Memory: o.Memory,
		Threads: threads(o.Threads), Engine: engine.Signature(o.Engine), Images: s.feed.how, ForcedRate: o.Rate,
	}
	if r.Precision == "" {
		r.Precision = engine.FP32
	}
	r.Effective = engine.PrecisionOf(s.compiled, r.Precision)
	for i := range o.Warmup {
		o.report("warming up", float64(i)/float64(o.Warmup), 0)
		if ctx.Err() != nil {
			return nil, ErrNothingMeasured
		}
		if _, err := s.once(); err != nil {
			return nil, err
		}
	}
	begin()
	start := time.Now()
	for !o.enough(len(r.SecondsPerStep), time.Since(start)) {
		if r.Interrupted = ctx.Err() != nil; r.Interrupted {
			break
		}
		before := time.Now()
		acts, err := s.once()
		if err != nil {
			return nil, err
		}
		r.add(time.Since(before).Seconds(), acts)
		o.report("measuring", o.share(len(r.SecondsPerStep), time.Since(start)), o.left(len(r.SecondsPerStep), time.Since(start)))
	}
	if len(r.SecondsPerStep) == 0 {
		return nil, ErrNothingMeasured
	}
	r.finish()
	return r, nil
}

// enough says whether to stop after n steps.
func (o Options) enough(n int, spent time.Duration) bool {
	if o.Repeat > 0 {
		return n >= o.Repeat
	}
	return n >= leastSteps && spent >= o.Time
}

// share is how much of the measurement is done after n steps.
func (o Options) share(n int, spent time.Duration) float64 {
	if o.Repeat > 0 {
		return float64(n) / float64(o.Repeat)
	}
	return min(1, float64(n)/leastSteps, spent.Seconds()/o.Time.Seconds())
}

// left estimates the time that remains after n steps.
func (o Options) left(n int, spent time.Duration) time.Duration {
	if share := o.share(n, spent); share > 0 {
		return seconds(spent.Seconds() * (1 - share) / share)
	}
	return 0
}

func (r *StepResult) add(seconds float64, acts []engine.Activity) {
	r.SecondsPerStep = append(r.SecondsPerStep, seconds)
	if r.Layers == nil {
		for _, a := range acts {
			r.Layers = append(r.Layers, a.Node)
			r.FiringRates = append(r.FiringRates, make([]float64, len(a.Rate)))
		}
	}
	for i, a := range acts {
		for t, v := range a.Rate {
			r.FiringRates[i][t] += v
		}
	}
}

func (r *StepResult) finish() {
	r.MedianSeconds = Median(r.SecondsPerStep)
	r.SamplesPerSecond = float64(r.Batch) / r.MedianSeconds
	r.PeakRSS = train.PeakRSS()
	for _, l := range r.FiringRates {
		for t := range l {
			l[t] /= float64(len(r.SecondsPerStep))
		}
	}
}
