package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qif-snn/qif/engine"
)

// KernelOptions says which kernels are measured, and how.
type KernelOptions struct {
	Engine  engine.Engine
	Level   string        // of an engine.Leveled; "": the one in use
	Threads int           // 1 to so many at a time; 0: as many as GOMAXPROCS
	Match   string        // part of the names of the kernels wanted; empty: all
	Time    time.Duration // for each kernel and number of threads
	Observe func(Progress)

	clock clock // nil: together; tests have their own
}

// A clock runs functions n times each, side by side, and returns the time from
// the common start to the last end.
type clock func(runs []func(), n int) time.Duration

// KernelResult is what kernels reach.
type KernelResult struct {
	Engine      string   `json:"engine"`
	Threads     int      `json:"threads"`
	FMAPeak     float64  `json:"fma_peak_gflops"`        // with all threads
	CopySpeed   float64  `json:"copy_gbytes_per_second"` // with all threads, reads and writes
	Limits      []Limits `json:"limits"`                 // with 1, 2, … threads
	Kernels     []Kernel `json:"kernels"`
	Interrupted bool     `json:"interrupted,omitempty"`
}

// Limits is what the machine can do with a number of threads.
type Limits struct {
	Threads   int     `json:"threads"`
	FMAPeak   float64 `json:"fma_peak_gflops"`
	CopySpeed float64 `json:"copy_gbytes_per_second"`
}

// Kernel is one kernel's speed. Operations are counted as if every input were
// there, so a kernel that skips zeros can exceed the peak.
type Kernel struct {
	Name           string  `json:"name"`
	Shape          string  `json:"shape"`
	Rate           float64 `json:"rate"`
	Threads        int     `json:"threads"`
	GFLOPS         float64 `json:"gflops"`
	FractionOfPeak float64 `json:"fraction_of_peak"`
	GBytes         float64 `json:"gbytes_per_second"` // 0 where memory is not the limit
	FractionOfCopy float64 `json:"fraction_of_copy"`  // likewise
	Microseconds   float64 `json:"microseconds"`      // of one run in one thread
}

// Kernels measures the engine's kernels, each in as many goroutines as threads,
// which work on operands of their own. Speeds are the best of several rounds:
// what disturbs a kernel only slows it. If ctx ends it returns what was measured
// so far, or ErrNothingMeasured.
func Kernels(ctx context.Context, o KernelOptions) (*KernelResult, error) {
	e, ok := o.Engine.(engine.KernelBench)
	if !ok {
		return nil, fmt.Errorf("engine %s does not offer its kernels for measurement; qif bench step measures whole steps", o.Engine.Name())
	}
	n, most := threads(o.Threads), runtime.GOMAXPROCS(0)
	if n < 1 || n > most {
		return nil, fmt.Errorf("threads is %d, expected 1 to %d, which is what GOMAXPROCS allows", n, most)
	}
	if o.Time <= 0 {
		return nil, fmt.Errorf("time per kernel is %v, expected more than 0", o.Time)
	}
	restore, err := engine.UseLevel(e, o.Level)
	if err != nil {
		return nil, err
	}
	defer restore()
	cases := e.Kernels()
	if o.Match != "" {
		cases = slices.DeleteFunc(cases, func(c engine.KernelCase) bool { return !strings.Contains(c.Name, o.Match) })
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("engine %s has no kernel whose name contains %q", e.Name(), o.Match)
	}
	r := &KernelResult{Engine: engine.Signature(e), Threads: n}
	for k := 1; k <= n; k++ {
		o.report("measuring the machine's limits", (k-1)*2, n*2)
		r.Limits = append(r.Limits, o.limits(e, k))
	}
	last := r.Limits[n-1]
	r.FMAPeak, r.CopySpeed = last.FMAPeak, last.CopySpeed
	for i, c := range cases {
		for k := 1; k <= n; k++ {
			if r.Interrupted = ctx.Err() != nil; r.Interrupted {
				if len(r.Kernels) == 0 {
					return nil, ErrNothingMeasured
				}
				return r, nil
			}
			o.report(c.Name, i*n+k-1, len(cases)*n)
			r.Kernels = append(r.Kernels, o.kernel(c, r.Limits[k-1]))
		}
	}
	return r, nil
}

func (o KernelOptions) report(phase string, done, of int) {
	if o.Observe != nil {
		o.Observe(Progress{phase, float64(done) / float64(of), time.Duration(of-done) * o.Time})
	}
}

func (o KernelOptions) limits(e engine.KernelBench, k int) Limits {
	peak, copying := e.FMAPeak(), e.CopyBandwidth()
	return Limits{
		Threads: k, FMAPeak: peak.Flops / o.secondsPerRun(peak, k) / 1e9,
		CopySpeed: copying.Bytes / o.secondsPerRun(copying, k) / 1e9,
	}
}

func (o KernelOptions) kernel(c engine.KernelCase, l Limits) Kernel {
	s := o.secondsPerRun(c, l.Threads)
	r := Kernel{
		Name: c.Name, Shape: c.Shape, Rate: c.Rate, Threads: l.Threads,
		GFLOPS: c.Flops / s / 1e9, GBytes: c.Bytes / s / 1e9, Microseconds: 1e6 * s * float64(l.Threads),
	}
	r.FractionOfPeak, r.FractionOfCopy = r.GFLOPS/l.FMAPeak, r.GBytes/l.CopySpeed
	return r
}

// rounds is how often a kernel is measured; the best counts.
const rounds = 5

// secondsPerRun returns the time per run, taken by k goroutines together, in
// the best of several rounds that last o.Time in all.
func (o KernelOptions) secondsPerRun(c engine.KernelCase, k int) float64 {
	measure := o.clock
	if measure == nil {
		measure = together
	}
	runs := make([]func(), k)
	for i := range runs {
		runs[i] = c.New()
	}
	n, took := 1, measure(runs, 1) // the first touches memory and wakes the processor
	for took < o.Time/(4*rounds) {
		n *= 2
		took = measure(runs, n)
	}
	n = max(1, int(float64(n)*o.Time.Seconds()/rounds/took.Seconds()))
	best := math.Inf(1)
	for range rounds {
		best = min(best, measure(runs, n).Seconds())
	}
	return best / float64(n*k)
}

// together is the clock that measures: each function runs in a goroutine of its
// own.
func together(runs []func(), n int) time.Duration {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for _, run := range runs {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			for range n {
				run()
			}
		})
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return time.Since(start)
}
