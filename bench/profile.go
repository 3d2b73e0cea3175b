package bench

import (
	"context"
	"fmt"
	"io"
	"runtime/pprof"

	"github.com/qif-snn/qif/engine"
)

// ProfileResult is where the time of a step goes.
type ProfileResult struct {
	*StepResult
	// Timed reports whether the engine times its operations. If it does not,
	// Operations is empty and the CPU profile is all there is.
	Timed      bool     `json:"operations_timed"`
	Operations []OpCost `json:"operations"` // in the order in which they first ran
}

// OpCost is an operation's part in one step.
type OpCost struct {
	Layer     string  `json:"layer"`
	Op        string  `json:"op"`
	Direction string  `json:"direction"`
	Seconds   float64 `json:"seconds"` // per step
	Calls     float64 `json:"calls"`   // per step
	Share     float64 `json:"share"`   // of the step
}

// Profile measures as Step does and writes a CPU profile of the steps that
// count to w, in the format of pprof, unless w is nil.
func Profile(ctx context.Context, o Options, w io.Writer) (*ProfileResult, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	profiled, ok := s.compiled.(engine.Profiled)
	var failed error
	step, err := s.measure(ctx, o, func() {
		if w != nil {
			failed = pprof.StartCPUProfile(w)
		}
		if ok {
			profiled.StartProfile()
		}
	})
	if w != nil && failed == nil {
		pprof.StopCPUProfile() // of no consequence if it was not begun
	}
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("CPU profile: %w", failed)
	}
	r := &ProfileResult{StepResult: step, Timed: ok, Operations: []OpCost{}}
	if ok {
		r.share(profiled.StopProfile())
	}
	return r, nil
}

// share converts times over all steps to costs of one step.
func (r *ProfileResult) share(times []engine.OpTime) {
	n, total := float64(len(r.SecondsPerStep)), 0.
	for _, s := range r.SecondsPerStep {
		total += s
	}
	for _, t := range times {
		r.Operations = append(r.Operations, OpCost{
			Layer: t.Layer, Op: t.Op, Direction: t.Direction,
			Seconds: t.Seconds / n, Calls: float64(t.Calls) / n, Share: t.Seconds / total,
		})
	}
}
