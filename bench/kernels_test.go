package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
)

// kernelOptions measure two kernels by a clock that says a millisecond of every
// run, of which each thread does one in that time.
func kernelOptions() bench.KernelOptions {
	o := bench.KernelOptions{
		Engine: &timed{cases: []engine.KernelCase{
			idle("conv", 5e5, 0),  // half of the peak
			idle("scan", 0, 75e4), // three quarters of the copy
		}},
		Threads: 2, Time: 50 * time.Millisecond,
	}
	o.SetClock(func(runs []func(), n int) time.Duration {
		for _, run := range runs {
			for range n {
				run()
			}
		}
		return time.Duration(n) * time.Millisecond
	})
	return o
}

// needThreads has the test run with at least two.
func needThreads(t *testing.T) {
	if n := runtime.GOMAXPROCS(0); n < 2 {
		runtime.GOMAXPROCS(2)
		t.Cleanup(func() { runtime.GOMAXPROCS(n) })
	}
}

func TestKernels(t *testing.T) {
	needThreads(t)
	r, err := bench.Kernels(context.Background(), kernelOptions())
	if err != nil {
		t.Fatal(err)
	}
	if r.Threads != 2 || r.Interrupted || len(r.Limits) != 2 || r.Limits[0].Threads != 1 || r.FMAPeak != r.Limits[1].FMAPeak || r.CopySpeed != r.Limits[1].CopySpeed {
		t.Errorf("got %+v", r)
	}
	near(t, "peak with two threads against one", r.Limits[1].FMAPeak/r.Limits[0].FMAPeak, 2)
	var names []string
	for _, k := range r.Kernels {
		names = append(names, k.Name)
		if k.Shape != "1×1" || k.Rate != .25 {
			t.Errorf("got %+v", k)
		}
		switch k.Name {
		case "conv":
			near(t, "conv's fraction of the peak", k.FractionOfPeak, .5)
			near(t, "conv's GFLOPS", k.GFLOPS, .5*r.Limits[k.Threads-1].FMAPeak)
			if k.GBytes != 0 || k.FractionOfCopy != 0 {
				t.Errorf("arithmetic counted as copying: %+v", k)
			}
		case "scan":
			near(t, "scan's fraction of the copy", k.FractionOfCopy, .75)
			if k.GFLOPS != 0 || k.FractionOfPeak != 0 {
				t.Errorf("copying counted as arithmetic: %+v", k)
			}
		}
		near(t, "microseconds of a run of a millisecond", k.Microseconds, 1000)
	}
	if got := strings.Join(names, " "); got != "conv conv scan scan" || r.Kernels[0].Threads != 1 || r.Kernels[1].Threads != 2 {
		t.Errorf("measured %s: %+v", got, r.Kernels)
	}
}

// near compares up to rounding.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got/want-1) > 1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Functions run side by side, each as often as asked, and the time is that of
// all their runs.
func TestKernelsRunTogether(t *testing.T) {
	meet, counts := make(chan struct{}), make([]int, 2)
	took := bench.Together([]func(){
		func() { meet <- struct{}{}; counts[0]++ }, // ends only while the other runs
		func() { <-meet; counts[1]++; time.Sleep(time.Millisecond) },
	}, 3)
	if counts[0] != 3 || counts[1] != 3 {
		t.Errorf("ran %v times, want 3 each", counts)
	}
	if took < 3*time.Millisecond {
		t.Errorf("three runs of a millisecond took %v", took)
	}
}

func TestKernelsAsJSON(t *testing.T) {
	o := kernelOptions()
	o.Threads, o.Match, o.Time = 1, "conv", 5*time.Millisecond
	r, err := bench.Kernels(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Peak    *float64         `json:"fma_peak_gflops"`
		Copy    *float64         `json:"copy_gbytes_per_second"`
		Kernels []map[string]any `json:"kernels"`
	}
	if err := json.Unmarshal(text, &got); err != nil || got.Peak == nil || got.Copy == nil || len(got.Kernels) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, key := range []string{"name", "shape", "rate", "threads", "gflops", "fraction_of_peak"} {
		if got.Kernels[0][key] == nil {
			t.Errorf("a kernel has no %q: %s", key, text)
		}
	}
}

func TestKernelRefusals(t *testing.T) {
	for want, change := range map[string]func(o *bench.KernelOptions){
		"engine cpu does not offer its kernels": func(o *bench.KernelOptions) { o.Engine = plain{} },
		"threads is 1000":                       func(o *bench.KernelOptions) { o.Threads = 1000 },
		`no kernel whose name contains "pool"`:  func(o *bench.KernelOptions) { o.Match = "pool" },
		"time per kernel is 0s":                 func(o *bench.KernelOptions) { o.Time = 0 },
	} {
		o := kernelOptions()
		o.Threads = 1
		change(&o)
		if _, err := bench.Kernels(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// plain is an engine without anything optional, whatever the CPU engine has.
type plain struct{ engine.Engine }

func (plain) Name() string { return cpu.Engine{}.Name() }

func TestKernelInterruption(t *testing.T) {
	o := kernelOptions()
	o.Threads, o.Time = 1, 5*time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	o.Observe = func(p bench.Progress) {
		if p.Phase == "conv" {
			cancel()
		}
	}
	if r, err := bench.Kernels(ctx, o); err != nil || !r.Interrupted || len(r.Kernels) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := bench.Kernels(ctx, o); !errors.Is(err, bench.ErrNothingMeasured) {
		t.Errorf("got error %v", err)
	}
}
