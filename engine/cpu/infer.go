package cpu

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// runner is an inference plan for a few samples at a time: what lies between
// layers then stays in cache, and a pixel's neurons may fire as soon as it has
// all its frames.
type runner struct {
	*plan
	samples int             // at a time, for callers
	totals  [][]kernel.Sums // per neuron layer and step, of a batch
}

// chunkFrames is about how many frames a chunk of samples has.
const chunkFrames = 64

// inferOptions plans for chunks of samples: as many as make up chunkFrames with
// all their steps, or one step of each at a time.
func inferOptions(o engine.InferOptions) planOptions {
	p := planOptions{batch: min(o.Batch, chunkFrames), steps: o.Steps, threads: o.Threads, halves: halvesFor(o.Precision)}
	p.mostFrames = max(p.batch, min(p.batch, max(1, chunkFrames/o.Steps))*o.Steps)
	return p
}

// eachChunk calls fn for the chunks of n samples that take some steps at once.
func (r *runner) eachChunk(n, steps int, fn func(first, samples int)) {
	size := min(r.batch, r.mostFrames/steps)
	r.pool.during(func() {
		for first := 0; first < n; first += size {
			fn(first, min(size, n-first))
		}
	})
}

func (r *runner) Close() { r.pool.close() }

// Load implements engine.Runner.
func (r *runner) Load(ts []graph.Tensor) error {
	if err := r.setTensors(ts); err != nil {
		return err
	}
	for _, n := range r.scan {
		n.refresh()
	}
	r.pool.during(func() {
		for _, c := range r.convs {
			c.packAll()
		}
	})
	return nil
}

// state is the membrane potential after reset of each neuron layer.
type state struct {
	net   *graph.Network
	n     int
	v     [][][]float32 // per chunk of streams and layer, [H·W][n][C]
	reset []float32     // per layer
}

// Streams implements engine.State.
func (s *state) Streams() int { return s.n }

// Reset implements engine.State.
func (s *state) Reset() {
	for _, chunk := range s.v {
		for layer, v := range chunk {
			setAll(v, s.reset[layer])
		}
	}
}

// NewState implements engine.Runner.
func (r *runner) NewState(n int) engine.State {
	s := &state{net: r.net, n: n}
	for _, o := range r.scan {
		s.reset = append(s.reset, o.kern.Reset)
	}
	for first := 0; first < n; first += r.batch {
		var v [][]float32
		for _, o := range r.scan {
			v = append(v, make([]float32, min(r.batch, n-first)*o.y.shape.Size()))
		}
		s.v = append(s.v, v)
	}
	s.Reset()
	return s
}

// Run implements engine.Runner.
func (r *runner) Run(b engine.Batch, logits []float32, activities []engine.Activity) error {
	k := r.net.Classes()
	switch err := r.checkBatch(b.N, r.samples, b.X); {
	case err != nil:
		return err
	case len(logits) != r.steps*b.N*k:
		return fmt.Errorf("room for %d logits, expected [T, N, K] = %d", len(logits), r.steps*b.N*k)
	case activities != nil && len(activities) != len(r.scan):
		return fmt.Errorf("%d activities, the network has %d neuron layers", len(activities), len(r.scan))
	}
	for _, o := range r.scan {
		o.state = nil
	}
	for _, t := range r.totals {
		clear(t)
	}
	r.eachChunk(b.N, r.steps, func(first, n int) {
		r.pass(b.X, first, n, b.N, r.steps)
		for t := range r.steps {
			copy(logits[(t*b.N+first)*k:], r.out.data[t*n*k:][:n*k])
		}
		for i, o := range r.scan {
			for t := range r.steps {
				r.totals[i][t].Add(o.observed(t))
			}
		}
	})
	for i := range activities {
		for t, s := range r.totals[i] {
			set(&activities[i], t, s)
		}
	}
	return nil
}

// pass runs n samples of a batch of `of` from sample `first` on.
func (r *runner) pass(x []float32, first, n, of, steps int) {
	r.n, r.t = n, steps
	r.setInput(x, first, of)
	r.forward()
}

// Step implements engine.Runner.
func (r *runner) Step(st engine.State, x, logits []float32) error {
	s, ok := st.(*state)
	switch {
	case !ok || s.net != r.net:
		return fmt.Errorf("the state belongs to another network")
	case s.n < 1 || s.n > r.samples:
		return fmt.Errorf("a state of %d streams; compiled for 1 to %d", s.n, r.samples)
	case len(x) != s.n*r.in.shape.Size():
		return fmt.Errorf("frame data has %d numbers, expected %d as [n, H, W, C] with n = %d, %v", len(x), s.n*r.in.shape.Size(), s.n, r.in.shape)
	case len(logits) != s.n*r.net.Classes():
		return fmt.Errorf("room for %d logits, expected [n, K] = %d", len(logits), s.n*r.net.Classes())
	}
	k := r.net.Classes()
	r.eachChunk(s.n, 1, func(first, n int) {
		for i, o := range r.scan {
			o.state = s.v[first/r.batch][i]
		}
		r.pass(x, first, n, s.n, 1)
		copy(logits[first*k:], r.out.data[:n*k])
	})
	return nil
}

// Activities implements engine.Runner.
func (r *runner) Activities() []engine.Activity { return r.activities() }

func (p *plan) activities() []engine.Activity {
	steps := p.steps
	as := make([]engine.Activity, len(p.scan))
	for i, n := range p.scan {
		as[i] = engine.Activity{
			Node: n.name, Rate: make([]float64, steps), Mean: make([]float64, steps), Std: make([]float64, steps),
		}
	}
	return as
}

// fill writes what a pass observed of a layer.
func (p *plan) fill(a *engine.Activity, n *neuronOp) {
	for t := range p.t {
		set(a, t, n.observed(t))
	}
}

// set writes what was observed at step t.
func set(a *engine.Activity, t int, s kernel.Sums) {
	a.Rate[t] = s.Spikes / float64(s.Neurons)
	a.Mean[t], a.Std[t] = momentsOf(s)
}

// momentsOf returns mean and deviation of the potentials observed.
func momentsOf(s kernel.Sums) (mean, std float64) {
	count := float64(s.Neurons)
	mean = s.U / count
	v := s.U2/count - mean*mean
	if v < 0 { // by rounding; NaN stays
		v = 0
	}
	return mean, math.Sqrt(v)
}
