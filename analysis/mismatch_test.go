package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	_ "github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

func cpuEngine(t testing.TB) engine.Engine {
	t.Helper()
	e, err := engine.Named("cpu")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func candidate(t testing.TB, policy string, shape window.Shape) Candidate {
	t.Helper()
	p, err := window.ParsePolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	return Candidate{Policy: p, Shape: shape, Fixed: p.Kind == window.Fixed}
}

// lone is one neuron at one step, u = w·x with x ~ N(0, 1), whose loss is the mean
// of (g·s − target)²: since s² = s it is c + (g² − 2·g·target)·P(u ≥ θ), of known
// slope. n samples are quantiles of x, so that they err less than random ones.
func lone(t testing.TB, w, gain, target float64, n int) Subject {
	t.Helper()
	m := model(t, "if", nil)
	b := graph.NewBuilder("lone")
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 1, W: 1, C: 1}, Coding: graph.Direct})
	x = b.Add("neuron", &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular}},
		b.Add("in", &graph.Linear{Out: 1}, x))
	b.Add("readout", &graph.Readout{}, b.Add("out", &graph.Linear{Out: 2}, x))
	net, err := graph.Check(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	s := Subject{
		Net: net, Engine: cpuEngine(t), Steps: 1, Threads: 2,
		Loss:   engine.Loss{Kind: engine.TET, Lambda: 1, Target: target},
		Params: net.Init(1),
		Batch:  engine.Batch{N: n, X: make([]float32, n), Y: make([]int32, n)},
	}
	s.Params[0].Data[0] = float32(w)
	s.Params[1].Data[0], s.Params[1].Data[1] = float32(gain), float32(gain)
	for i := range n {
		s.Batch.X[i] = float32(math.Sqrt2 * math.Erfinv(2*(float64(i)+.5)/float64(n)-1))
	}
	return s
}

// TestLoneNeuron is the case with a known answer: the true gradient of one neuron
// under Gaussian input is its density at θ times what a spike changes. Smoothed, it
// is the mean of that over the noise; the surrogate's is an integral of the window.
func TestLoneNeuron(t *testing.T) {
	const w, gain, target, share = .8, .6, 1.5, .1
	s := lone(t, w, gain, target, 3000)
	o := MismatchOptions{Pairs: 800, Average: 8, Blocks: 20, Noise: share, Seed: 3}
	weights, err := newWeights(s, share)
	if err != nil {
		t.Fatal(err)
	}
	crew, err := newCrew(context.Background(), s, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer crew.close()
	g := &gradients{crew, weights, s.Batch, o}
	c := candidate(t, "fixed:.5", window.Triangular)
	windows, err := c.windows(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	control, err := g.mean(windows)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := g.smoothed(control)
	if err != nil {
		t.Fatal(err)
	}
	var got jack
	got.loo = make([][]float64, 1)
	for _, b := range blocks {
		got.value += float64(b[0][0]) / float64(len(blocks))
	}
	for _, b := range blocks {
		n := float64(len(blocks))
		got.loo[0] = append(got.loo[0], (got.value*n-float64(b[0][0]))/(n-1))
	}
	// dP(u ≥ θ)/dw = θ/w · p(θ), and p(θ) = φ(θ/w)/w.
	slope := func(v float64) float64 { return (gain*gain - 2*gain*target) * normalPDF(1/v) / (v * v) }
	want := 0.
	for i := range 2001 { // over the noise
		z := 6 * (float64(i)/1000 - 1)
		want += slope(w*(1+share*z)) * normalPDF(z) * .006
	}
	e := got.estimate()
	if d := math.Abs(e.Value - want); d > 4*e.Error+.002*math.Abs(want) || e.Error > .01*math.Abs(want) {
		t.Errorf("true gradient %v ± %v, known: %v", e.Value, e.Error, want)
	}
	// E[h·∂L/∂s·x], with ∂L/∂s = 2g·(g·s − target).
	surrogate := 0.
	const cells = 4000
	for i := range cells {
		z := 8 * (2*(float64(i)+.5)/cells - 1)
		for j := range 201 { // over the noise
			e := 6 * (float64(j)/100 - 1)
			u := w * (1 + share*e) * z
			spike := 0.
			if u >= 1 {
				spike = 1
			}
			surrogate += window.Triangular.At(u-1, .5) * 2 * gain * (gain*spike - target) * z * normalPDF(z) * 16 / cells * normalPDF(e) * .06
		}
	}
	products := gram(blocks)
	matches, err := g.compare(crew.probers[0], windows, blocks, products)
	if err != nil {
		t.Fatal(err)
	}
	m := matches[1]
	if ratio := surrogate / want; math.Abs(m.NormRatio.Value-ratio) > 4*m.NormRatio.Error+.01 || m.NormRatio.Error > .1 {
		t.Errorf("norm ratio %v ± %v, known: %v", m.NormRatio.Value, m.NormRatio.Error, ratio)
	}
	if m.Matrix != "in.weight" || math.Abs(m.Averaged.Value-1) > 4*m.Averaged.Error+1e-3 {
		t.Errorf("%s: cosine of one number with another %+v", m.Matrix, m.Averaged)
	}
}

// small is a teacher's task of a size for tests.
func small(t testing.TB, samples int) Subject {
	t.Helper()
	task := DefaultTeacher
	m := model(t, "qif", nil)
	net, err := task.Net(zoo.Config{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Bandwidth, Value: 1000}, Shape: window.Triangular}})
	if err != nil {
		t.Fatal(err)
	}
	return Subject{
		Net: net, Engine: cpuEngine(t), Params: net.Init(1), Batch: task.Batch(0, samples), Steps: 4,
		Loss: engine.Loss{Kind: engine.CrossEntropy}, Threads: 1,
	}
}

// TestMismatchOfTeacher holds what a first measurement found: narrow windows are
// less biased and noisier, wide ones lose norm, layers compound both, and the
// matrix behind all neurons has its exact gradient.
func TestMismatchOfTeacher(t *testing.T) {
	cands := []Candidate{
		candidate(t, "bandwidth", window.Rectangular), candidate(t, "fixed:.25", window.Rectangular),
		candidate(t, "fixed:1", window.Rectangular), candidate(t, "fixed:4", window.Rectangular), candidate(t, "bandwidth", window.Gaussian),
	}
	o := MismatchOptions{Pairs: 600, Average: 8, Blocks: 20, Noise: .1, Seed: 1}
	var shares []float64
	m, err := MeasureMismatch(context.Background(), small(t, 1000), cands, o, func(done float64, phase string) { shares = append(shares, done) })
	if err != nil {
		t.Fatal(err)
	}
	if last := shares[len(shares)-1]; math.Abs(last-1) > 1e-9 {
		t.Errorf("progress ends at %v", last)
	}
	exact := m.Candidates[0].Matches[3]
	if !exact.Exact || math.Abs(exact.Averaged.Value-1) > 4*exact.Averaged.Error || exact.Averaged.Error > .1 {
		t.Errorf("the exact gradient's cosine: %+v", exact.Averaged)
	}
	for k := 1; k <= 2; k++ {
		of := func(i int) GradientMatch { return m.Candidates[i].Matches[k] }
		narrow, middle, wide, smooth := of(1), of(2), of(3), of(4)
		if !(narrow.Averaged.Value > middle.Averaged.Value && middle.Averaged.Value > wide.Averaged.Value) {
			t.Errorf("%s: bias does not grow with the width: %+v, %+v, %+v", narrow.Matrix, narrow.Averaged, middle.Averaged, wide.Averaged)
		}
		if !(narrow.Cosine.Value < middle.Cosine.Value && middle.Cosine.Value < smooth.Cosine.Value) {
			t.Errorf("%s: narrow, middle and smooth windows have cosines %+v, %+v, %+v", narrow.Matrix, narrow.Cosine, middle.Cosine, smooth.Cosine)
		}
		if !(narrow.NormRatio.Value > middle.NormRatio.Value && middle.NormRatio.Value > wide.NormRatio.Value) {
			t.Errorf("%s: norms %+v, %+v, %+v", narrow.Matrix, narrow.NormRatio, middle.NormRatio, wide.NormRatio)
		}
	}
	if one, two := m.Candidates[2].Matches[1], m.Candidates[2].Matches[2]; one.Averaged.Value >= two.Averaged.Value {
		t.Errorf("the first layer's cosine %+v is no lower than the second's %+v", one.Averaged, two.Averaged)
	}
	if m.BestFixed != 2 || m.Candidates[2].Matches[0].ToBest != nil || m.Candidates[0].Matches[0].ToBest == nil {
		t.Errorf("best fixed width %d, differences %+v and %+v", m.BestFixed, m.Candidates[2].Matches[0].ToBest, m.Candidates[0].Matches[0].ToBest)
	}
	if d := m.Candidates[0].Matches[0].ToBest; d.Error > .2*m.Candidates[0].Matches[0].Cosine.Error+.003 {
		t.Errorf("the paired difference %+v is hardly better known than the cosine %+v", d, m.Candidates[0].Matches[0].Cosine)
	}
	checkWritten(t, m, m.WriteText, "fc3.weight, behind all neurons", m.Exhibits())
}

// TestMismatchIsReproducible has equal bits for any number of threads.
func TestMismatchIsReproducible(t *testing.T) {
	cands := []Candidate{candidate(t, "bandwidth", window.Triangular), candidate(t, "fixed:1", window.Triangular)}
	o := MismatchOptions{Pairs: 40, Average: 2, Blocks: 4, Noise: .1, Seed: 1}
	measure := func(threads int) string {
		s := small(t, 200)
		s.Threads = threads
		m, err := MeasureMismatch(context.Background(), s, cands, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if one, three := measure(1), measure(3); one != three {
		t.Errorf("one thread leads to\n%s\nthree to\n%s", one, three)
	}
}

// TestControlVariate has less noise than without one, and the same mean.
func TestControlVariate(t *testing.T) {
	s := small(t, 500)
	o := MismatchOptions{Pairs: 400, Average: 4, Blocks: 20, Noise: .1, Seed: 1}
	w, err := newWeights(s, o.Noise)
	if err != nil {
		t.Fatal(err)
	}
	crew, err := newCrew(context.Background(), s, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer crew.close()
	g := &gradients{crew, w, s.Batch, o}
	windows, err := candidate(t, "bandwidth", window.Triangular).windows(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	control, err := g.mean(windows)
	if err != nil {
		t.Fatal(err)
	}
	// The noise of block estimates, from their squared norms, of which it makes
	// most, and their mean along the control variate.
	spread := func(c [][]float32) (noise float64, along *Estimate) {
		blocks, err := g.smoothed(c)
		if err != nil {
			t.Fatal(err)
		}
		j := jack{loo: grid(1, len(blocks))}
		for k, m := range gram(blocks) {
			noise -= crossMean(m, -1)
			for b := range m {
				noise += m[b][b] / float64(len(m))
				v := dot(blocks[b][k], control[k])
				j.value += v / float64(len(m))
				for without := range m {
					if without != b {
						j.loo[0][without] += v / float64(len(m)-1)
					}
				}
			}
		}
		return noise, j.estimate()
	}
	with, a := spread(control)
	without, b := spread(w.zeros())
	t.Logf("noise %.3g and mean %+v with the control variate, %.3g and %+v without", with, *a, without, *b)
	if with > .75*without || a.Error > .8*b.Error {
		t.Errorf("noise of %v with the control variate, %v without; errors %v and %v", with, without, a.Error, b.Error)
	}
	if d := math.Abs(a.Value - b.Value); d > 3*math.Hypot(a.Error, b.Error) {
		t.Errorf("means along the control variate: %+v and %+v", a, b)
	}
}

// TestCells holds histogram means against closed forms for normal potentials.
func TestCells(t *testing.T) {
	const n, theta, std = 1 << 18, 1., 1.3
	u := make([]float32, n)
	rng := stream(1, drawData, 0)
	for i := range u {
		u[i] = float32(std * rng.NormFloat64())
	}
	c := newCells(std)
	c.fill(u, n, theta)
	blocks, doubt := c.density(std)
	p := c.estimate(blocks, doubt)
	if want := normalPDF(theta/std) / std; math.Abs(p.Value-want) > 3*p.Error || p.Error > .02*want {
		t.Errorf("density %+v, known: %v", p, want)
	}
	for _, shape := range window.Shapes {
		m := c.meet(Candidate{Shape: shape, Policy: window.Policy{Kind: window.Fixed, Value: .8}}, shape, .8, blocks, doubt)
		direct, inside := 0., 0.
		for _, v := range u {
			direct += shape.At(float64(v)-theta, .8) / n
			if math.Abs(float64(v)-theta) < .4 {
				inside += 1. / n
			}
		}
		if math.Abs(m.Mean-direct) > 2e-3*direct || math.Abs(m.Coverage-inside) > 1e-3 {
			t.Errorf("%s: mean %v and coverage %v, counted one by one: %v and %v", shape, m.Mean, m.Coverage, direct, inside)
		}
	}
}

// TestBatchSweepFit recovers a power law from cosines made by it.
func TestBatchSweepFit(t *testing.T) {
	widths := []float64{.2, .25, .31, .39, .49, .61, .76, .95, 1.19, 1.49, 1.86, 2.3, 2.9, 3.6}
	var sizes []SweepSize
	rng := stream(1, drawData, 1)
	for _, n := range []int{64, 256, 1024, 4096} {
		best := math.Log(.9 * math.Pow(float64(n)/1000, -.2))
		cosines := grid(40, len(widths))
		for r := range cosines {
			level := .01 * rng.NormFloat64()
			for j, w := range widths {
				d := math.Log(w) - best
				cosines[r][j] = .8 - .05*d*d + .01*d*d*d + level + .0005*rng.NormFloat64()
			}
		}
		sizes = append(sizes, sweepSize(n, widths, cosines))
	}
	p := newSweepPart("all", sizes)
	if p.Exponent == nil || math.Abs(p.Exponent.Value+.2) > 3*p.Exponent.Error || p.Exponent.Error > .01 {
		t.Errorf("exponent %+v, made with −.2; sizes %+v", p.Exponent, sizes)
	}
	if math.Abs(p.Level-.9) > .02 {
		t.Errorf("width at 1000 is %v, made with .9", p.Level)
	}
	rising := grid(10, len(widths))
	for r := range rising {
		for j := range widths {
			rising[r][j] = float64(j)
		}
	}
	if s := sweepSize(64, widths, rising); s.Best != nil {
		t.Errorf("a maximum at the end of the sweep gives %+v", s.Best)
	}
}

func TestBatchSweep(t *testing.T) {
	s := small(t, 512)
	o := MismatchOptions{Pairs: 100, Average: 2, Blocks: 10, Noise: .1, Seed: 1}
	so := BatchSweepOptions{
		Shape: window.Triangular, Widths: []float64{.1, .2, .4, .8, 1.6, 3.2, 6.4, 12}, Sizes: []int{32, 64, 128}, Total: 1024,
		Draw: func(first, n int) engine.Batch { return DefaultTeacher.Batch(512+first, n) },
	}
	sweep, err := MeasureBatchSweep(context.Background(), s, so, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range sweep.Parts {
		if len(p.Sizes) != 3 {
			t.Fatalf("%s: %d sizes", p.Matrix, len(p.Sizes))
		}
		for j := range so.Widths {
			if small, large := p.Sizes[0].Cosine[j], p.Sizes[2].Cosine[j]; !(small < large) {
				t.Errorf("%s, width %v: cosine %v from 32 samples, %v from 128", p.Matrix, so.Widths[j], small, large)
			}
		}
	}
	checkWritten(t, sweep, sweep.WriteText, "Exponent", sweep.Exhibits())
	so.Own, o.Pairs, so.Sizes, so.Total = true, 150, []int{32, 48, 64}, 512
	own, err := MeasureBatchSweep(context.Background(), s, so, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Under narrow windows chance says most; without that of the batch it is less.
	for j, v := range own.Parts[0].Sizes[2].Cosine[:4] {
		if other := sweep.Parts[0].Sizes[1].Cosine[j]; !(v > other) {
			t.Errorf("width %v: cosine %v with the batch's own true gradient, %v with that of others", so.Widths[j], v, other)
		}
	}
}

func TestLayerSweep(t *testing.T) {
	o := MismatchOptions{Pairs: 1000, Average: 4, Blocks: 20, Noise: .1, Seed: 1}
	build := func(layers int) (Subject, error) {
		s := small(t, 400)
		task := DefaultTeacher
		task.Layers = layers
		net, err := task.Net(zoo.Config{Model: model(t, "qif", nil), Window: s.Net.Neurons()[0].Neuron.Window})
		s.Net, s.Params = net, net.Init(1)
		return s, err
	}
	sweep, err := MeasureLayerSweep(context.Background(), []int{1, 2}, build, []Candidate{candidate(t, "sigma:2", window.Rectangular)}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	shallow, deep := sweep.Stacks[0].Windows[0].Matches, sweep.Stacks[1].Windows[0].Matches
	if len(shallow) != 1 || len(deep) != 2 || !(deep[0].Cosine.Value < shallow[0].Cosine.Value) {
		t.Errorf("cosines of one layer %+v, of two %+v", shallow, deep)
	}
	checkWritten(t, sweep, sweep.WriteText, "sigma:2", sweep.Exhibits())
}

func TestMismatchRefuses(t *testing.T) {
	o := DefaultMismatchOptions
	for want, change := range map[string]func(*MismatchOptions){
		"pairs is 39":  func(o *MismatchOptions) { o.Pairs = 39 },
		"average is 1": func(o *MismatchOptions) { o.Average = 1 },
		"noise is NaN": func(o *MismatchOptions) { o.Noise = math.NaN() },
		"blocks is 1":  func(o *MismatchOptions) { o.Blocks = 1 },
	} {
		bad := o
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := MeasureMismatch(ctx, small(t, 50), []Candidate{candidate(t, "sigma:1", window.Triangular)}, o, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted, got %v", err)
	}
	s := small(t, 50)
	clear(s.Params[0].Data)
	if _, err := MeasureMismatch(context.Background(), s, []Candidate{candidate(t, "sigma:1", window.Triangular)}, o, nil); err == nil || !strings.Contains(err.Error(), "fc1.weight") {
		t.Errorf("a matrix of zeros: %v", err)
	}
}

// TestTeacher checks what the task promises: labels that a linear map explains,
// and the share of variance that is constant over time.
func TestTeacher(t *testing.T) {
	task := DefaultTeacher
	task.Rho, task.Steps = .6, 3
	b := task.Batch(5, 4000)
	if again := task.Batch(4, 2); again.X[1*task.Inputs] != b.X[0] || again.Y[1] != b.Y[0] {
		t.Error("sample 5 depends on the batch it is in")
	}
	variance, between := 0., 0.
	frame := b.N * task.Inputs
	for i := range frame {
		first, second := float64(b.X[i]), float64(b.X[frame+i])
		variance += first * first / float64(frame)
		between += first * second / float64(frame)
	}
	if math.Abs(variance-1) > .02 || math.Abs(between-.6) > .02 {
		t.Errorf("variance %v and covariance of frames %v, want 1 and .6", variance, between)
	}
	counts := make([]int, task.Classes)
	for _, y := range b.Y {
		counts[y]++
	}
	for c, n := range counts {
		if n < b.N/50 {
			t.Errorf("class %d has %d of %d samples", c, n, b.N)
		}
	}
}
