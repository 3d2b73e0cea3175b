package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
)

// Random networks, computed in two ways. Rounding may decide whether a neuron
// fires if its potential lies next to the threshold, and what one spike changes
// spreads. So comparisons are exact, up to rounding, until a neuron fires on one
// side alone. That is forgiven if its potential is within nearThreshold of the
// threshold, and no more is compared behind it than how many neurons fire.

const (
	nearThreshold = 1e-3
	roundings     = 2e-4 // relative, of potentials and logits
	// tooLarge is where a potential that runs away, as a quadratic neuron's does,
	// has no more digits to compare.
	tooLarge = 1e4
)

// sight is what a pass shows of a layer of neurons: potentials before firing and
// spikes, [T, N, H, W, C].
type sight struct {
	name  string
	theta float64
	u, s  []float64
}

// sights shows the last forward pass of a trainer.
func (tr *trainer) sights() []sight {
	var all []sight
	for _, n := range tr.scan {
		size := tr.n * n.y.shape.Size()
		u := make([]float32, tr.t*size)
		for step := range tr.t {
			n.observe(u[step*size:][:size], step)
		}
		all = append(all, sight{n.name, float64(n.kern.Theta), widen(u), widen(spikesOf(n))})
	}
	return all
}

// agreement compares layers of neurons in the network's order and reports
// whether all of them fired alike.
func agreement(t *testing.T, what string, got, want []sight, steps int) bool {
	t.Helper()
	for i, w := range want {
		if alike := firedAlike(t, what, got[i], w, len(w.u)/steps); !alike {
			for k, w := range want[i:] {
				checkCounts(t, what, got[i+k], w)
			}
			return false
		}
	}
	return true
}

// thin reports whether a channel of a normalisation deviates so little from its
// mean that float32, which adds up squares, does not have the digits.
func thin(tr *trainer) bool {
	for _, n := range tr.norm {
		for c, v := range n.biasedVar {
			if v+n.op.Eps < 1e-3*n.mean[c]*n.mean[c] {
				return true
			}
		}
	}
	return false
}

// firedAlike compares a layer step by step, up to the first at which neurons
// fired differently.
func firedAlike(t *testing.T, what string, got, want sight, size int) bool {
	t.Helper()
	alike := true
	for i, w := range want.u {
		if i%size == 0 && !alike {
			return false
		}
		if !(math.Abs(w) < tooLarge) {
			return false
		}
		if d := math.Abs(got.u[i] - w); !(d <= roundings*(1+math.Abs(w))) {
			t.Fatalf("%s: potential %d of %s is %v, want %v", what, i, want.name, got.u[i], w)
		}
		if got.s[i] != want.s[i] {
			if math.Abs(w-want.theta) > nearThreshold {
				t.Fatalf("%s: neuron %d of %s at a potential of %v fires %v, want %v", what, i, want.name, w, got.s[i], want.s[i])
			}
			alike = false
		}
	}
	return alike
}

// checkCounts compares how many neurons fire.
func checkCounts(t *testing.T, what string, got, want sight) {
	t.Helper()
	a, b := 0., 0.
	for i, s := range want.s {
		a, b = a+got.s[i], b+s
	}
	n := float64(len(want.s))
	if math.Abs(a-b) > .1*n+10 {
		t.Errorf("%s: %v of %v neurons of %s fire, want about %v", what, a, n, want.name, b)
	}
}

// closeTo compares numbers relative to the largest, which is taken to be at least
// a hundredth of scale.
func closeTo(t *testing.T, what string, got, want []float32, tolerance, scale float64) {
	t.Helper()
	largest := scale / 100
	for _, w := range want {
		largest = math.Max(largest, math.Abs(float64(w)))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - float64(w)); !(d <= tolerance*largest+1e-6) {
			t.Fatalf("%s: element %d is %v, want %v (largest %.3g)", what, i, got[i], w, largest)
		}
	}
}

// tally counts networks that were compared to the end; of those that were not,
// rounding decided about a spike or a normalisation. It requires that most were.
type tally struct{ whole, all int }

func (c *tally) add(whole bool) {
	c.all++
	if whole {
		c.whole++
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	if 2*c.whole < c.all {
		t.Errorf("of %d networks only %d were compared to the end", c.all, c.whole)
	}
	t.Logf("%d of %d networks compared to the end", c.whole, c.all)
}

func TestRandomForward(t *testing.T) {
	var c tally
	for seed := range uint64(trials(60, 400)) {
		c.add(checkForward(t, fmt.Sprint("seed ", seed), drawn(t, seed, false)))
	}
	c.check(t)
}

// checkForward compares a training pass with the reference at every level.
func checkForward(t *testing.T, what string, r *trial) bool {
	t.Helper()
	var trace *ref.Trace
	whole := true
	for i, alike := range eachLevel(func() bool {
		tr := r.compile(t, packedSpikes, engine.FP32)
		tr.pass(r.b, true)
		if trace == nil {
			trace = r.reference(t, tr.mask)
		}
		var want []sight
		got := tr.sights()
		for _, g := range got {
			want = append(want, sight{g.name, g.theta, trace.Potentials[g.name], trace.Outputs[g.name]})
		}
		alike := !thin(tr) && agreement(t, what, got, want, r.steps)
		if alike {
			near(t, what+": logits", tr.out.data[:len(trace.Logits)], trace.Logits)
		}
		return alike
	}) {
		whole = whole && alike
		if t.Failed() {
			t.Fatalf("%s: level %d", what, i)
		}
	}
	return whole
}

func (r *trial) reference(t *testing.T, mask func(string, int, int) float64) *ref.Trace {
	t.Helper()
	trace, err := ref.Forward(r.net, ref.Float64(r.tensors), widen(r.b.X), r.b.N, r.steps, nil, ref.Options{Train: true, DropoutMask: mask})
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestRandomGradients compares the gradient of the smoothed network with
// differences of the reference's loss along a random direction in each tensor.
func TestRandomGradients(t *testing.T) {
	var c tally
	for seed := range uint64(trials(25, 200)) {
		c.add(checkSlopes(t, fmt.Sprint("seed ", seed), drawn(t, seed, false)))
	}
	c.check(t)
}

// checkSlopes reports whether potentials stayed within what can be compared.
func checkSlopes(t *testing.T, what string, r *trial) bool {
	t.Helper()
	var slopes *slopes
	return allOf(eachLevel(func() bool {
		tr := r.compile(t, smoothSpikes, engine.FP32)
		loss := r.gradients(tr)
		if slopes == nil {
			slopes = r.newSlopes(t, tr.mask)
		}
		if slopes == nil || thin(tr) {
			return false
		}
		if math.Abs(loss-slopes.loss) > 1e-4*(1+slopes.loss) {
			t.Fatalf("%s: loss %v, want %v", what, loss, slopes.loss)
		}
		total := norm(tr)
		for i, p := range tr.params {
			if p.grad == nil {
				continue
			}
			got, want := dot(p.grad, slopes.direction[i]), slopes.slope[i]
			size := math.Sqrt(dot(p.grad, p.grad)) + math.Abs(want)
			if !(math.Abs(got-want) <= 5e-3*size+1e-4*total+1e-6) {
				t.Errorf("%s: the slope of the loss along a direction of %s is %v, want %v (gradient %.3g)", what, p.spec.Name, got, want, size)
			}
		}
		return true
	}))
}

func allOf(all []bool) bool {
	for _, ok := range all {
		if !ok {
			return false
		}
	}
	return true
}

// dot is a's product with b, zero for what has no gradient.
func dot(a, b []float32) float64 {
	sum := 0.
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// slopes are those of the smoothed network's loss along one direction for each
// tensor, by the float64 reference.
type slopes struct {
	loss      float64
	direction [][]float32 // of unit length, per tensor
	slope     []float64
}

// newSlopes returns nil if potentials run away.
func (r *trial) newSlopes(t *testing.T, mask func(string, int, int) float64) *slopes {
	t.Helper()
	windows, err := r.net.WindowsOf(r.tensors, r.steps)
	if err != nil {
		t.Fatal(err)
	}
	x, params := widen(r.b.X), ref.Float64(r.tensors)
	o := ref.Options{Train: true, Smooth: true, DropoutMask: mask}
	loss := func() (float64, *ref.Trace) {
		trace, err := ref.Forward(r.net, params, x, r.b.N, r.steps, windows, o)
		if err != nil {
			t.Fatal(err)
		}
		return ref.NetworkLoss(r.net, trace.Logits, r.b.Y, r.steps, r.b.N, r.loss), trace
	}
	rules, err := r.net.WindowRules(r.steps)
	if err != nil {
		t.Fatal(err)
	}
	s := &slopes{direction: make([][]float32, len(r.net.Params)), slope: make([]float64, len(r.net.Params))}
	var trace *ref.Trace
	s.loss, trace = loss()
	o.FrozenReset = map[string][]float64{}
	for _, l := range r.net.Neurons() {
		if l.Neuron.Model.Detach {
			o.FrozenReset[l.Name] = trace.Outputs[l.Name]
		}
		for _, u := range trace.Potentials[l.Name] {
			if !(math.Abs(u) < 100) {
				return nil
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 5))
	for i, p := range r.net.Params {
		if !p.Trainable() {
			continue
		}
		d := make([]float32, p.Size())
		for j := range d {
			d[j] = float32(rng.NormFloat64())
		}
		length := math.Sqrt(dot(d, d))
		for j := range d {
			d[j] /= float32(length)
		}
		const h = 1e-5
		at := params[p.Name]
		moved := func(by float64) float64 {
			params[p.Name] = make([]float64, len(at))
			for j, v := range at {
				params[p.Name][j] = v + by*float64(d[j])
			}
			if p.Role == graph.WindowWidth { // which moves windows; to others they are constants
				k := slices.IndexFunc(rules, func(r graph.WindowRule) bool { return p.Name == r.Start.Node+"."+graph.LogWidth })
				was := windows[k]
				defer func() { windows[k] = was }()
				windows[k] = rules[k].At(func(string) float64 { return params[p.Name][0] })
			}
			l, _ := loss()
			return l
		}
		s.direction[i], s.slope[i] = d, (moved(h)-moved(-h))/(2*h)
		params[p.Name] = at
	}
	return s
}

// TestRandomTraining trains with packed spikes and with spikes as numbers, which
// take other ways through every kernel, and compares each step as long as the
// same neurons fire.
func TestRandomTraining(t *testing.T) {
	var c tally
	for seed := range uint64(trials(8, 50)) {
		r := drawn(t, seed, false)
		c.add(allOf(eachLevel(func() bool { return checkTraining(t, fmt.Sprint("seed ", seed), r, 10) })))
	}
	c.check(t)
}

func checkTraining(t *testing.T, what string, r *trial, updates int) bool {
	t.Helper()
	packed, wide := r.compile(t, packedSpikes, engine.FP32), r.compile(t, wideSpikes, engine.FP32)
	for i := range updates {
		r.b = randomBatch(r.net, r.b.N, r.steps, uint64(i))
		packed.pass(r.b, true)
		wide.pass(r.b, true)
		what := fmt.Sprintf("%s, step %d", what, i)
		if thin(wide) || !agreement(t, what, packed.sights(), wide.sights(), r.steps) {
			return false
		}
		got, err := packed.Step(r.b, .005)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		want, err := wide.Step(r.b, .005)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if math.Abs(got.Loss-want.Loss) > 1e-3*(1+want.Loss) {
			t.Fatalf("%s: loss %v, want %v", what, got.Loss, want.Loss)
		}
		for k, p := range packed.params {
			if p.grad != nil {
				closeTo(t, what+": gradient of "+p.spec.Name, p.grad, wide.params[k].grad, 2e-3, want.GradNorm)
			}
			closeTo(t, what+": "+p.spec.Name, p.data, wide.params[k].data, 1e-3, 1)
		}
		if err := wide.Restore(packed.Snapshot()); err != nil { // differences do not add up
			t.Fatal(err)
		}
	}
	return true
}

// TestRandomMixed trains a step in both precisions, with weights that bfloat16
// holds exactly, and so do sums of few spikes: the same neurons fire, and
// gradients point the same way.
func TestRandomMixed(t *testing.T) {
	var c tally
	for seed := range uint64(trials(10, 100)) {
		r := drawn(t, seed, true)
		c.add(allOf(eachLevel(func() bool { return checkMixed(t, fmt.Sprint("seed ", seed), r) })))
	}
	c.check(t)
}

func checkMixed(t *testing.T, what string, r *trial) bool {
	t.Helper()
	for i, p := range r.net.Params {
		if p.Role == graph.Bias {
			for j, v := range r.tensors[i].Data {
				r.tensors[i].Data[j] = float32(math.Round(float64(8*v)) / 8)
			}
		}
	}
	full, mixed := r.compile(t, packedSpikes, engine.FP32), r.compile(t, packedSpikes, engine.Mixed)
	exact(t, full)
	exact(t, mixed)
	var fired [2][]sight
	for i, tr := range []*trainer{full, mixed} {
		tr.pass(r.b, true)
		fired[i] = tr.sights()
		if _, err := tr.Step(r.b, 0); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if thin(full) || !agreement(t, what, fired[1], fired[0], r.steps) {
		return false
	}
	total := norm(full)
	for k, p := range full.params {
		if p.grad == nil {
			continue
		}
		got := mixed.params[k].grad
		// Sums that cancel in float32 leave their rounding behind in bfloat16: a
		// part of the whole gradient, however little is left of them.
		apart := make([]float32, len(got))
		for i, v := range got {
			apart[i] = v - p.grad[i]
		}
		if d, size := math.Sqrt(dot(apart, apart)), math.Sqrt(dot(p.grad, p.grad)); d > .05*size+.01*total {
			t.Errorf("%s: gradient of %s, of length %v, is %v away from that in float32 (of all: %v)", what, p.spec.Name, size, d, total)
		}
	}
	return true
}

// norm is that of the gradient of all parameters.
func norm(tr *trainer) float64 {
	sum := 0.
	for _, p := range tr.params {
		sum += dot(p.grad, p.grad)
	}
	return math.Sqrt(sum)
}

// FuzzGraph holds networks of any size against the reference, and packed spikes
// against numbers.
func FuzzGraph(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(1), uint8(1))
	f.Add(uint64(2), uint8(8), uint8(5), uint8(5))
	f.Add(uint64(3), uint8(5), uint8(3), uint8(4))
	f.Fuzz(func(t *testing.T, seed uint64, layers, batch, steps uint8) {
		r := newTrial(t, seed, int(layers%12), 1+int(batch%9), 1+int(steps%7), seed%4 == 0)
		checkForward(t, "forward", r)
		checkTraining(t, "training", r, 2)
		checkSlopes(t, "gradient", r)
	})
}
