package cpu

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// runner is an inference plan: it holds one step of the network, and the state
// that Run starts from rest each time.
type runner struct {
	*plan
	totalSteps int
	state      *state
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
	return nil
}

// state is the membrane potential after reset of each neuron layer.
type state struct {
	net   *graph.Network
	n     int
	v     [][]float32 // per layer, [n, H, W, C]
	reset []float32   // per layer
}

// Streams implements engine.State.
func (s *state) Streams() int { return s.n }

// Reset implements engine.State.
func (s *state) Reset() {
	for i, v := range s.v {
		for j := range v {
			v[j] = s.reset[i]
		}
	}
}

// NewState implements engine.Runner.
func (r *runner) NewState(n int) engine.State { return r.newState(n) }

func (r *runner) newState(n int) *state {
	s := &state{net: r.net, n: n}
	for _, o := range r.scan {
		s.v = append(s.v, make([]float32, n*o.y.shape.Size()))
		s.reset = append(s.reset, o.kern.Reset)
	}
	s.Reset()
	return s
}

// Run implements engine.Runner.
func (r *runner) Run(b engine.Batch, logits []float32, activities []engine.Activity) error {
	k := r.net.Classes()
	switch err := r.checkBatch(b.N, b.X, r.totalSteps); {
	case err != nil:
		return err
	case len(logits) != r.totalSteps*b.N*k:
		return fmt.Errorf("room for %d logits, expected [T, N, K] = %d", len(logits), r.totalSteps*b.N*k)
	case activities != nil && len(activities) != len(r.scan):
		return fmt.Errorf("%d activities, the network has %d neuron layers", len(activities), len(r.scan))
	}
	r.state.Reset()
	frame := b.N * r.in.shape.Size()
	for t := range r.totalSteps {
		x := b.X
		if !r.in.static {
			x = b.X[t*frame : (t+1)*frame]
		}
		r.advance(r.state, x, b.N, t == 0 || !r.in.static)
		copy(logits[t*b.N*k:], r.out.data[:b.N*k])
		for i := range activities {
			r.fillStep(&activities[i], r.scan[i], 0, t)
		}
	}
	return nil
}

// Step implements engine.Runner.
func (r *runner) Step(st engine.State, x, logits []float32) error {
	s, ok := st.(*state)
	switch {
	case !ok || s.net != r.net:
		return fmt.Errorf("the state belongs to another network")
	case s.n < 1 || s.n > r.batch:
		return fmt.Errorf("a state of %d streams; compiled for 1 to %d", s.n, r.batch)
	case len(x) != s.n*r.in.shape.Size():
		return fmt.Errorf("frame data has %d numbers, expected %d as [n, H, W, C] with n = %d, %v", len(x), s.n*r.in.shape.Size(), s.n, r.in.shape)
	case len(logits) != s.n*r.net.Classes():
		return fmt.Errorf("room for %d logits, expected [n, K] = %d", len(logits), s.n*r.net.Classes())
	}
	r.advance(s, x, s.n, true)
	copy(logits, r.out.data)
	return nil
}

// advance runs one step of n streams.
func (r *runner) advance(s *state, x []float32, n int, withConstant bool) {
	r.n = n
	copy(r.in.data, x)
	for i, o := range r.scan {
		o.v = s.v[i]
	}
	r.forward(withConstant)
}

// Activities implements engine.Runner.
func (r *runner) Activities() []engine.Activity { return r.activities(r.totalSteps) }

func (p *plan) activities(steps int) []engine.Activity {
	as := make([]engine.Activity, len(p.scan))
	for i, n := range p.scan {
		as[i] = engine.Activity{
			Node: n.name, Rate: make([]float64, steps), Mean: make([]float64, steps), Std: make([]float64, steps),
		}
	}
	return as
}

// fill writes what a training pass observed of a layer.
func (p *plan) fill(a *engine.Activity, n *neuronOp) {
	for t := range p.steps {
		p.fillStep(a, n, t, t)
	}
}

// fillStep writes the plan's step `from` as step t.
func (p *plan) fillStep(a *engine.Activity, n *neuronOp, from, t int) {
	s := n.observed(from)
	count := float64(s.Neurons)
	a.Rate[t] = s.Spikes / count
	a.Mean[t] = s.U / count
	v := s.U2/count - a.Mean[t]*a.Mean[t]
	if v < 0 { // by rounding; NaN stays
		v = 0
	}
	a.Std[t] = math.Sqrt(v)
}
