package cpu

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// runner is an inference plan.
type runner struct {
	*plan
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
	v     [][]float32 // per layer, [H·W][n][C]
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
func (r *runner) NewState(n int) engine.State {
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
	switch err := r.checkBatch(b.N, b.X, r.steps); {
	case err != nil:
		return err
	case len(logits) != r.steps*b.N*k:
		return fmt.Errorf("room for %d logits, expected [T, N, K] = %d", len(logits), r.steps*b.N*k)
	case activities != nil && len(activities) != len(r.scan):
		return fmt.Errorf("%d activities, the network has %d neuron layers", len(activities), len(r.scan))
	}
	r.n, r.t = b.N, r.steps
	for _, o := range r.scan {
		o.state = nil
	}
	r.setInput(b.X)
	r.forward()
	copy(logits, r.out.data)
	for i := range activities {
		r.fill(&activities[i], r.scan[i])
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
	r.n, r.t = s.n, 1
	for i, o := range r.scan {
		o.state = s.v[i]
	}
	r.setInput(x)
	r.forward()
	copy(logits, r.out.data)
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
		s := n.observed(t)
		count := float64(s.Neurons)
		a.Rate[t] = s.Spikes / count
		a.Mean[t] = s.U / count
		v := s.U2/count - a.Mean[t]*a.Mean[t]
		if v < 0 { // by rounding; NaN stays
			v = 0
		}
		a.Std[t] = math.Sqrt(v)
	}
}
