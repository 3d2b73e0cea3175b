package bench_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/zoo"
)

// options are those of a measurement that takes a moment.
func options(t *testing.T, form string, in graph.Shape) bench.Options {
	t.Helper()
	r := recipe.Default()
	r.Neuron = form
	member, err := zoo.Named("tiny")
	if err != nil {
		t.Fatal(err)
	}
	net, err := train.BuildMember(member, r, in, member.Use.Classes)
	if err != nil {
		t.Fatal(err)
	}
	return bench.Options{
		Engine: &timed{}, Net: net, Mode: bench.Train, Batch: 8, Steps: 3, Threads: 1, Seed: 1,
		Loss: r.Loss(), Optimizer: engine.Optimizer{Kind: engine.SGD}, LR: 1e-3, Warmup: 1, Repeat: 4,
	}
}

var square = graph.Shape{H: 12, W: 12, C: 3}

func step(t *testing.T, o bench.Options) *bench.StepResult {
	t.Helper()
	r, err := bench.Step(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStepReportsWhatItMeasured(t *testing.T) {
	for _, mode := range []string{bench.Train, bench.Infer} {
		o := options(t, "qif", square)
		o.Mode = mode
		var phases []string
		o.Observe = func(p bench.Progress) {
			if p.Done < 0 || p.Done > 1 || p.Left < 0 {
				t.Errorf("progress %+v", p)
			}
			if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
				phases = append(phases, p.Phase)
			}
		}
		r := step(t, o)
		if r.Net != "tiny" || r.Mode != mode || r.Batch != 8 || r.Steps != 3 || r.Threads != 1 || r.Precision != engine.FP32 ||
			r.Engine != engine.Signature(o.Engine) || r.Interrupted {
			t.Errorf("%s: %+v", mode, r)
		}
		if want := "embedded Fashion-MNIST, scaled from 28×28 to 12×12, repeated over 3 channels"; r.Images != want {
			t.Errorf("fed %q, want %q", r.Images, want)
		}
		if len(r.SecondsPerStep) != 4 || r.SamplesPerSecond != 8/bench.Median(r.SecondsPerStep) || r.PeakRSS < 1<<20 {
			t.Errorf("%s: %v, %v samples/s, %d bytes", mode, r.SecondsPerStep, r.SamplesPerSecond, r.PeakRSS)
		}
		if strings.Join(r.Layers, " ") != "neuron1 neuron2" || len(r.FiringRates) != 2 {
			t.Fatalf("%s: layers %v, rates %v", mode, r.Layers, r.FiringRates)
		}
		for i, l := range r.FiringRates {
			// Without statistics of its own a fresh network is silent in inference.
			if mean := average(l); len(l) != 3 || mean < .05 || mean > .5 {
				t.Errorf("%s: %s fires at %v", mode, r.Layers[i], l)
			}
		}
		if got := strings.Join(phases, ", "); !strings.HasSuffix(got, "warming up, measuring") {
			t.Errorf("phases: %s", got)
		}
	}
}

func average(v []float64) float64 {
	sum := 0.
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// Rates are forced for training and, through running statistics, for inference.
func TestForcedRates(t *testing.T) {
	for _, form := range []string{"lif", "qif"} {
		for _, mode := range []string{bench.Train, bench.Infer} {
			for _, want := range []float64{.05, .4, .8} {
				o := options(t, form, square)
				o.Mode, o.Rate, o.Batch, o.Repeat, o.LR = mode, want, 32, 4, 1e-6
				r := step(t, o)
				for i, l := range r.FiringRates {
					if got := average(l); math.Abs(got-want) > .05*want+.02 {
						t.Errorf("%s, %s: %s fires at %.3f, want %.2f", form, mode, r.Layers[i], got, want)
					}
				}
				if r.ForcedRate != want {
					t.Errorf("reported as forced to %v, want %v", r.ForcedRate, want)
				}
			}
		}
	}
}

// Layers behind a sum are moved through one of its branches.
func TestForcedRatesOfResidualBlocks(t *testing.T) {
	o := options(t, "lif", square)
	b := graph.NewBuilder("block")
	norm := func(name, in string) string { bn := graph.DefaultTDBN(.7, 1); return b.Add(name, &bn, in) }
	spike := o.Net.Neurons()[0].Neuron
	x := b.Add("input", &graph.Input{Shape: square, Coding: graph.Direct})
	x = b.Add("neuron1", spike, norm("norm1", b.Add("conv1", &graph.Conv{Out: 8, Kernel: 3, Stride: 1, Pad: 1}, x)))
	main := norm("norm2", b.Add("conv2", &graph.Conv{Out: 8, Kernel: 3, Stride: 1, Pad: 1}, x))
	x = b.Add("neuron2", spike, b.Add("sum", &graph.Add{}, x, main))
	x = b.Add("fc", &graph.Linear{Out: 10}, b.Add("flat", &graph.Flatten{}, x))
	b.Add("readout", &graph.Readout{}, x)
	var err error
	if o.Net, err = graph.Check(b.Graph()); err != nil {
		t.Fatal(err)
	}
	o.Rate, o.Batch, o.LR = .3, 32, 1e-6
	for _, l := range step(t, o).FiringRates {
		if got := average(l); math.Abs(got-.3) > .035 {
			t.Errorf("fires at %.3f, want .3", got)
		}
	}
}

// Nothing but a learning rate above 0 distinguishes the steps of a training
// from each other.
func TestStepsAreUpdates(t *testing.T) {
	o := options(t, "qif", square)
	o.LR, o.Repeat = .2, 12
	moved := step(t, o)
	o.LR = 1e-9
	still := step(t, o)
	if math.Abs(average(moved.FiringRates[1])-average(still.FiringRates[1])) < 1e-4 {
		t.Errorf("rates %v do not depend on the learning rate", moved.FiringRates)
	}
}

func TestFramesAreFedAsEvents(t *testing.T) {
	o := options(t, "qif", square)
	g := o.Net.Graph
	g.Nodes[0].Op = &graph.Input{Shape: square, Coding: graph.Frames}
	var err error
	if o.Net, err = graph.Check(g); err != nil {
		t.Fatal(err)
	}
	if r := step(t, o); !strings.HasSuffix(r.Images, "as random events of a probability that is the brightness") || average(r.FiringRates[0]) < .01 {
		t.Errorf("fed %q, fires at %v", r.Images, r.FiringRates)
	}
}

func TestPrecisionMemoryAndThreadsReachTheEngine(t *testing.T) {
	e := &timed{}
	o := options(t, "qif", square)
	o.Engine, o.Precision, o.Memory, o.Threads = e, engine.Mixed, engine.LowMemory, 2
	if r := step(t, o); r.Precision != engine.Mixed || r.Memory != engine.LowMemory || r.Threads != 2 ||
		e.train.Precision != engine.Mixed || e.train.Memory != engine.LowMemory || e.train.Threads != 2 {
		t.Errorf("%+v, compiled for %+v", r, e.train)
	}
	o.Mode, o.Memory = bench.Infer, ""
	step(t, o)
	if e.infer.Precision != engine.Mixed || e.infer.Threads != 2 || e.infer.Batch != 8 || e.infer.Steps != 3 {
		t.Errorf("compiled for %+v", e.infer)
	}
}

func TestInterruption(t *testing.T) {
	o := options(t, "qif", square)
	o.Repeat = 1000
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	o.Observe = func(p bench.Progress) {
		if p.Phase == "measuring" {
			if n++; n == 2 {
				cancel()
			}
		}
	}
	r, err := bench.Step(ctx, o)
	if err != nil || !r.Interrupted || len(r.SecondsPerStep) != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, mode := range []string{bench.Train, bench.Infer} {
		o.Mode, o.Rate = mode, .2
		if _, err := bench.Step(ctx, o); !errors.Is(err, bench.ErrNothingMeasured) {
			t.Errorf("%s, interrupted from the start: got error %v", mode, err)
		}
	}
}

func TestStepMeasuresForAWhile(t *testing.T) {
	o := options(t, "qif", square)
	o.Repeat, o.Time = 0, time.Nanosecond
	if r := step(t, o); len(r.SecondsPerStep) != 3 {
		t.Errorf("%d steps in no time, want 3", len(r.SecondsPerStep))
	}
	o.Time = 200 * time.Millisecond
	begin := time.Now()
	step(t, o)
	if took := time.Since(begin); took < o.Time {
		t.Errorf("measured for %v, want at least %v", took, o.Time)
	}
}

func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(o *bench.Options){
		`mode is "both", expected "train" or "infer"`:        func(o *bench.Options) { o.Mode = "both" },
		"rate is 1, expected within (0, 1)":                  func(o *bench.Options) { o.Rate = 1 },
		"rate is NaN":                                        func(o *bench.Options) { o.Rate = math.NaN() },
		`memory is "high", expected low or nothing`:          func(o *bench.Options) { o.Memory = "high" },
		`memory is "low", which has no effect on infe`:       func(o *bench.Options) { o.Mode, o.Memory = bench.Infer, engine.LowMemory },
		"warmup is -1":                                       func(o *bench.Options) { o.Warmup = -1 },
		"time is 0s":                                         func(o *bench.Options) { o.Repeat = 0 },
		"repeat is -2":                                       func(o *bench.Options) { o.Repeat = -2 },
		`precision is "fp16", expected fp32 or mixed`:        func(o *bench.Options) { o.Precision = "fp16" },
		"batch is 0":                                         func(o *bench.Options) { o.Batch = 0 },
		"layer neuron1 has no tdBN of its own before it who": func(o *bench.Options) { o.Rate, o.Net = .1, bare(t, o.Net) },
	} {
		o := options(t, "qif", square)
		change(&o)
		if _, err := bench.Step(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// bare returns the network with tdBN folded away.
func bare(t *testing.T, net *graph.Network) *graph.Network {
	t.Helper()
	folded, _, err := graph.Fold(net, net.Init(0))
	if err != nil {
		t.Fatal(err)
	}
	return folded
}

func TestProfile(t *testing.T) {
	o := options(t, "qif", square)
	o.Engine = &timed{spans: []engine.OpTime{
		{Layer: "conv1", Op: "winograd-of-the-test", Direction: engine.Forward, Seconds: .03, Calls: 1},
		{Layer: "conv2", Op: "scan", Direction: engine.Backward, Seconds: .001, Calls: 3},
	}}
	var file bytes.Buffer
	r, err := bench.Profile(context.Background(), o, &file)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Timed || len(r.Operations) != 2 || len(r.SecondsPerStep) != o.Repeat {
		t.Fatalf("got %+v", r)
	}
	scan, total := r.Operations[1], 0.
	for _, s := range r.SecondsPerStep {
		total += s
	}
	// Warm-up is not in it: per step, times and calls are those of one.
	if scan.Layer != "conv2" || scan.Op != "scan" || scan.Direction != engine.Backward || scan.Calls != 3 ||
		math.Abs(scan.Seconds-.001) > 1e-12 || math.Abs(scan.Share-.001*float64(o.Repeat)/total) > 1e-9 {
		t.Errorf("got %+v of steps of %v s", scan, r.SecondsPerStep)
	}
	raw, err := gzip.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := io.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"conv1", "winograd-of-the-test", "layer", "direction", "forward"} {
		if !bytes.Contains(profile, []byte(want)) {
			t.Errorf("the profile lacks the label %q", want)
		}
	}
}

func TestProfileOfAnEngineThatDoesNotTime(t *testing.T) {
	o := options(t, "qif", square)
	o.Mode = bench.Infer // the fake times training alone
	r, err := bench.Profile(context.Background(), o, nil)
	if err != nil || r.Timed || r.Operations == nil || len(r.Operations) != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, .25: 1.75, .5: 2.5, 1: 4} {
		if got := bench.Quantile(v, q); got != want {
			t.Errorf("quantile %v of %v is %v, want %v", q, v, got, want)
		}
	}
	if bench.Median(nil) != 0 || bench.Median([]float64{7}) != 7 || v[0] != 4 {
		t.Error("edge cases")
	}
}
