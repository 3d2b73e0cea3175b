package window

import (
	"context"
	"math"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

func TestSimulationDoesNotDependOnThreads(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	var want []Simulated
	for _, threads := range []int{1, 2, 5} {
		var most atomic.Int64
		o := Simulation{Steps: 3, Samples: 3*simulationTask + 17, Seed: 9, Threads: threads, Progress: func(n int) {
			for {
				was := most.Load()
				if int64(n) <= was || most.CompareAndSwap(was, int64(n)) {
					return
				}
			}
		}}
		got, err := Simulate(context.Background(), d, Input{Std: 1, Rho: .3}, o)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d threads: %+v, with one %+v", threads, got, want)
		}
		if most.Load() != int64(o.Samples) {
			t.Errorf("%d threads: progress ended at %d of %d", threads, most.Load(), o.Samples)
		}
	}
	other, err := Simulate(context.Background(), d, Input{Std: 1, Rho: .3}, Simulation{Steps: 3, Samples: 3*simulationTask + 17, Seed: 10})
	if err != nil || reflect.DeepEqual(other, want) {
		t.Errorf("another seed gives the same numbers (%v)", err)
	}
}

// One step from the reset value has known moments and known uncertainties.
func TestSimulatedStandardErrors(t *testing.T) {
	const n = 50_000
	got, err := Simulate(context.Background(), qif(.25, 0, .5, 1), Input{Mean: .2, Std: .8}, Simulation{Steps: 1, Samples: n, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, root := got[0], math.Sqrt(n)
	rate := normalMass(1, math.Inf(1))
	for _, c := range []struct {
		name                 string
		got, want, err, wide float64
	}{
		{"mean", s.Mean, .2, s.Errors.Mean, .8 / root},
		{"deviation", s.Std, .8, s.Errors.Std, .8 / math.Sqrt(2) / root},
		{"rate", s.Rate, rate, s.Errors.Rate, math.Sqrt(rate*(1-rate)) / root},
		{"density", s.Density, normalDensity(1) / .8, s.Errors.Density, 0}, // known given the reset value
	} {
		if math.Abs(c.err-c.wide) > .03*c.wide+1e-9 {
			t.Errorf("%s: standard error %v, want %v", c.name, c.err, c.wide)
		}
		if math.Abs(c.got-c.want) > 5*c.wide+1e-9 {
			t.Errorf("%s: %v, want %v ± %v", c.name, c.got, c.want, c.wide)
		}
	}
}

// Neurons that escape leave the moments to the others and are counted.
func TestSimulationCountsWhatEscapes(t *testing.T) {
	d := with(qif(.5, 0, .5, 1), func(d *neuron.Dynamics) { d.Soft = true })
	got, err := Simulate(context.Background(), d, Input{Std: 1}, Simulation{Steps: 12, Samples: 20_000, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for s, m := range got {
		if m.Escaped < last || !(m.Std < 3) {
			t.Errorf("step %d: %+v after %d escaped", s+1, m, last)
		}
		last = m.Escaped
	}
	if last == 0 {
		t.Error("none escaped")
	}
}

func TestSimulateRefuses(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	ended, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		ctx    context.Context
		in     Input
		o      Simulation
		reason string
	}{
		{context.Background(), Input{Std: 1}, Simulation{Steps: 1, Samples: 1}, "1 simulated neurons"},
		{context.Background(), Input{Std: 1}, Simulation{Steps: 0, Samples: 10}, "0 time steps"},
		{context.Background(), Input{Std: 1}, Simulation{Steps: 1, Samples: 10, Threads: -1}, "-1 threads"},
		{context.Background(), Input{Std: 1, Rho: 1.5}, Simulation{Steps: 1, Samples: 10}, "share 1.5"},
		{ended, Input{Std: 1}, Simulation{Steps: 1, Samples: 10}, "canceled"},
	} {
		if _, err := Simulate(c.ctx, d, c.in, c.o); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%+v: error %v, want one about %q", c.o, err, c.reason)
		}
	}
}

// What a million neurons over ten steps cost.
func BenchmarkSimulate(b *testing.B) {
	for b.Loop() {
		if _, err := Simulate(context.Background(), qif(.25, 0, .5, 1), Input{Std: 1}, Simulation{Steps: 10, Samples: 1e6}); err != nil {
			b.Fatal(err)
		}
	}
}
