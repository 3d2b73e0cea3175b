package train

import (
	"context"
	"fmt"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// EarlyExit is how a network does on a set of images if it ends with each as
// soon as its largest class probability exceeds the second by a margin.
type EarlyExit struct {
	Margin           float64 `json:"margin"`
	Accuracy         float64 `json:"accuracy"`
	MeanSteps        float64 `json:"mean_steps"`         // per sample
	Steps            []int   `json:"samples_per_steps"`  // [T], samples that took 1, 2, … T steps
	SamplesPerSecond float64 `json:"samples_per_second"` // of the engine alone
}

// RunEarly is Run with early exit.
func (e *Evaluator) RunEarly(ctx context.Context, params []graph.Tensor, samples data.Samples, indices []int, margin float64) (*EarlyExit, error) {
	if err := e.Load(params); err != nil {
		return nil, err
	}
	run, err := e.early(margin)
	if err != nil {
		return nil, err
	}
	k, seen, right := e.net.Classes(), 0, 0
	mean := make([]float64, k)
	x := &EarlyExit{Margin: margin, Steps: make([]int, e.opts.Steps)}
	spent, err := e.eachBatch(ctx, samples, indices, run, func(b *data.Batch) {
		for i, label := range b.Y {
			widen(mean, e.logits[i*k:])
			if engine.Argmax(mean) == int(label) {
				right++
			}
			x.Steps[e.taken[i]-1]++
			x.MeanSteps += float64(e.taken[i])
		}
		seen += b.N
	})
	if err != nil {
		return nil, err
	}
	x.Accuracy, x.MeanSteps = float64(right)/float64(seen), x.MeanSteps/float64(seen)
	x.SamplesPerSecond = float64(seen) / spent.Seconds()
	return x, nil
}

// early returns what runs a batch with early exit: mean logits go to e.logits,
// [N, K], and how many steps were taken to e.taken, [N].
func (e *Evaluator) early(margin float64) (func(engine.Batch) error, error) {
	if err := engine.CheckMargin(margin); err != nil {
		return nil, err
	}
	r, ok := e.runner.(engine.EarlyRunner)
	if !ok {
		return nil, fmt.Errorf("engine %s has no early exit: it always runs all steps", e.engine)
	}
	if e.taken == nil {
		e.taken = make([]int32, e.opts.Batch)
	}
	return func(b engine.Batch) error {
		return r.RunEarly(b, margin, e.logits[:b.N*e.net.Classes()], e.taken[:b.N])
	}, nil
}

// widen copies numbers into dst.
func widen(dst []float64, src []float32) {
	for i := range dst {
		dst[i] = float64(src[i])
	}
}
