package cpu

import (
	"context"
	"runtime/pprof"
	"time"

	"github.com/qif-snn/qif/engine"
)

// profiler times operations.
type profiler struct {
	times []engine.OpTime
	index map[engine.OpTime]int // by layer, operation and direction
}

// StartProfile implements engine.Profiled.
func (p *plan) StartProfile() {
	p.profile = &profiler{index: map[engine.OpTime]int{}}
}

// StopProfile implements engine.Profiled.
func (p *plan) StopProfile() []engine.OpTime {
	if p.profile == nil {
		return nil
	}
	times := p.profile.times
	p.profile = nil
	return times
}

// timed calls fn, which does part of a layer's work, and notes how long it takes
// if a profile is wanted.
func (p *plan) timed(layer, direction string, kind func() string, fn func()) {
	if p.profile == nil {
		fn()
		return
	}
	labels := pprof.Labels(engine.LabelLayer, layer, engine.LabelOp, kind(), engine.LabelDirection, direction)
	pprof.Do(context.Background(), labels, func(ctx context.Context) {
		p.pool.label(ctx)
		start := time.Now()
		fn()
		p.profile.add(engine.OpTime{Layer: layer, Op: kind(), Direction: direction}, time.Since(start).Seconds())
		p.pool.label(context.Background())
	})
}

func (f *profiler) add(key engine.OpTime, seconds float64) {
	i, ok := f.index[key]
	if !ok {
		i = len(f.times)
		f.index[key] = i
		f.times = append(f.times, key)
	}
	f.times[i].Seconds += seconds
	f.times[i].Calls++
}
