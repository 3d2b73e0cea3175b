package analysis

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// A Subject is a network, at given parameters, whose gradient on one batch is
// studied.
type Subject struct {
	Net    *graph.Network
	Engine engine.Engine
	Params []graph.Tensor
	Batch  engine.Batch
	Steps  int // T
	Loss   engine.Loss
	// Threads is how many questions are asked at a time, each on one thread.
	Threads int
}

// Report is told how far a study is: the share that is done, and of what.
type Report func(done float64, phase string)

// A Candidate is a way to make all windows of a network.
type Candidate struct {
	Policy window.Policy
	Shape  window.Shape
	Pooled bool
	// Fixed marks a member of the sweep of fixed widths that policies are held
	// against.
	Fixed bool
}

// Swept is the candidate of a fixed width in a sweep.
func Swept(width float64, shape window.Shape) Candidate {
	return Candidate{Policy: window.Policy{Kind: window.Fixed, Value: width}, Shape: shape, Fixed: true}
}

// Name names the candidate.
func (c Candidate) Name() string { return c.Policy.String() + " " + string(c.Shape) }

// applied is a network with the candidate's windows.
func (c Candidate) applied(net *graph.Network) (*graph.Network, error) {
	g := net.Graph
	g.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		if op, ok := n.Op.(*graph.Neuron); ok {
			op := *op
			op.Window = window.Spec{Policy: c.Policy, Shape: c.Shape, Pooled: c.Pooled}
			g.Nodes[i].Op = &op
		}
	}
	return graph.Check(g)
}

// windows returns the candidate's windows of a subject's layers as training would
// have them at its parameters: they follow neurons that have learned, and measured
// ones the potentials seen, as if every batch so far had shown these. A learned
// width is the one of the parameters if they were trained with it, else that at
// which training would start.
func (c Candidate) windows(s Subject, seen [][]window.Moments) ([]graph.LayerWindows, error) {
	net, err := c.applied(s.Net)
	if err != nil {
		return nil, err
	}
	rules, err := net.WindowRules(s.Steps)
	if err != nil {
		return nil, err
	}
	all := make([]graph.LayerWindows, len(rules))
	for i, r := range rules {
		own := s.Net.Neurons()[i].Neuron.Window.Policy
		all[i] = r.At(func(tensor string) float64 {
			switch {
			case tensor == graph.WindowSpread:
				return r.SettledSpread(seen[i])
			case tensor == graph.LogWidth && c.Policy != own:
				return 0
			}
			return s.mean(r.Start.Node + "." + tensor)
		})
	}
	return all, nil
}

// mean is that of a tensor's numbers.
func (s Subject) mean(tensor string) float64 {
	i := slices.IndexFunc(s.Params, func(t graph.Tensor) bool { return t.Name == tensor })
	total := 0.
	for _, v := range s.Params[i].Data {
		total += float64(v)
	}
	return total / float64(len(s.Params[i].Data))
}

// windowsOf makes the windows of all candidates for a subject. Where one of them
// asks for measured potentials, those of the subject's batch are observed.
func windowsOf(p engine.Prober, s Subject, cands []Candidate) ([][]graph.LayerWindows, error) {
	var seen [][]window.Moments
	if slices.ContainsFunc(cands, func(c Candidate) bool { return c.Policy.Kind == window.Measured }) {
		var err error
		if seen, err = s.observed(p); err != nil {
			return nil, err
		}
	}
	all := make([][]graph.LayerWindows, len(cands))
	for i, c := range cands {
		var err error
		if all[i], err = c.windows(s, seen); err != nil {
			return nil, fmt.Errorf("window %s: %w", c.Name(), err)
		}
	}
	return all, nil
}

// observed are the moments of the potentials of the subject's batch, per layer and
// step.
func (s Subject) observed(p engine.Prober) ([][]window.Moments, error) {
	neurons := s.Net.Neurons()
	index := map[string]int{}
	for i, l := range neurons {
		index[l.Name] = i
	}
	seen := make([][]window.Moments, len(neurons))
	if err := p.SetParams(s.Params); err != nil {
		return nil, err
	}
	err := p.Observe(s.Batch, func(node string, t int, u []float32) {
		i := index[node]
		m := moments(u, neurons[i].Neuron.Model.Threshold)
		seen[i] = append(seen[i], window.Moments{Mean: m.Mean, Std: m.Std, Rate: m.Rate})
	})
	return seen, err
}

// DefaultWidths are ten fixed widths in units of θ, evenly spaced in their
// logarithm.
var DefaultWidths = []float64{.25, .34, .46, .63, .86, 1.17, 1.59, 2.16, 2.94, 4}

// crew asks several probers at a time. What each answers depends on the question
// alone, so results do not depend on how many there are.
type crew struct {
	probers []engine.Prober
	ctx     context.Context
	report  Report
	all     int // questions that are expected in total
	unit    int // what one question counts
	asked   atomic.Int64
	mu      sync.Mutex // of report
}

// newCrew compiles a subject's probers.
func newCrew(ctx context.Context, s Subject, report Report, questions int) (*crew, error) {
	c := &crew{ctx: ctx, report: report, all: questions, unit: 1}
	for range max(1, s.Threads) {
		t, err := s.Engine.CompileTrain(s.Net, engine.TrainOptions{
			Batch: s.Batch.N, Steps: s.Steps, Threads: 1, Loss: s.Loss, Optimizer: engine.Optimizer{Kind: engine.SGD},
		})
		if err != nil {
			c.close()
			return nil, err
		}
		p, ok := t.(engine.Prober)
		if !ok {
			t.Close()
			c.close()
			return nil, fmt.Errorf("engine %s cannot be asked for gradients without a training step", s.Engine.Name())
		}
		c.probers = append(c.probers, p)
		if err := p.SetParams(s.Params); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *crew) close() {
	for _, p := range c.probers {
		p.Close()
	}
}

// done counts questions that were answered.
func (c *crew) done(n int, phase string) {
	asked := c.asked.Add(int64(n * c.unit))
	if c.report != nil {
		c.mu.Lock()
		c.report(min(1, float64(asked)/float64(max(1, c.all))), phase)
		c.mu.Unlock()
	}
}

// each runs tasks 0..n−1, one per prober at a time, and returns the error of the
// first that failed.
func (c *crew) each(n int, task func(p engine.Prober, i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var stop atomic.Bool
	var wait sync.WaitGroup
	for _, p := range c.probers {
		wait.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = c.ctx.Err(); errs[i] == nil {
					errs[i] = task(p, i)
				}
				if errs[i] != nil {
					stop.Store(true)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// weights are a network's weight matrices, whose gradients are studied.
type weights struct {
	base  []graph.Tensor // all parameters
	at    []int          // indices of the matrices in base
	names []string
	noise []float64 // deviation of the noise in each
	// hidden marks matrices with neurons behind them, whose gradient passes
	// through windows. The gradient of the others is exact.
	hidden []bool
}

// newWeights finds the matrices. The noise is a share of a matrix's root mean
// square, which at initialisation is its deviation.
func newWeights(s Subject, share float64) (*weights, error) {
	w := &weights{base: s.Params}
	before := beforeNeurons(s.Net)
	for i, p := range s.Net.Params {
		if p.Role != graph.Weight {
			continue
		}
		square := 0.
		for _, v := range s.Params[i].Data {
			square += float64(v) * float64(v)
		}
		sd := share * math.Sqrt(square/float64(len(s.Params[i].Data)))
		if !(sd > 0) || math.IsInf(sd, 0) {
			return nil, fmt.Errorf("matrix %q: noise of deviation %v; its numbers are all 0, or not finite", p.Name, sd)
		}
		w.at, w.names, w.noise = append(w.at, i), append(w.names, p.Name), append(w.noise, sd)
		w.hidden = append(w.hidden, before[p.Name])
	}
	if !slices.Contains(w.hidden, true) {
		return nil, fmt.Errorf("graph %q has no weights before its neurons: no gradient passes through a window", s.Net.Graph.Name)
	}
	return w, nil
}

// beforeNeurons returns the tensors of nodes from which a path leads to neurons.
func beforeNeurons(net *graph.Network) map[string]bool {
	reaches := make([]bool, len(net.Layers))
	names := map[string]bool{}
	for i := len(net.Layers) - 1; i >= 0; i-- {
		l := net.Layers[i]
		if _, ok := l.Op.(*graph.Neuron); ok {
			reaches[i] = true
		}
		for _, j := range l.From {
			reaches[j] = reaches[j] || reaches[i]
		}
		if _, ok := l.Op.(*graph.Neuron); ok {
			continue // its own parameters are not in question
		}
		for _, p := range l.Params {
			names[p.Name] = reaches[i]
		}
	}
	return names
}

// fresh returns a copy of the parameters whose matrices may be written.
func (w *weights) fresh() []graph.Tensor {
	ts := slices.Clone(w.base)
	for _, i := range w.at {
		ts[i].Data = slices.Clone(ts[i].Data)
	}
	return ts
}

// move writes the matrices plus sign times the noise to ts.
func (w *weights) move(ts []graph.Tensor, noise [][]float32, sign float32) {
	for k, i := range w.at {
		from, to, e := w.base[i].Data, ts[i].Data, noise[k]
		for j, v := range from {
			to[j] = v + sign*e[j]
		}
	}
}

// zeros returns room for a vector over the matrices.
func (w *weights) zeros() [][]float32 {
	v := make([][]float32, len(w.at))
	for k, i := range w.at {
		v[k] = make([]float32, len(w.base[i].Data))
	}
	return v
}

// pick copies the matrices' part of a gradient.
func (w *weights) pick(grads []graph.Tensor) [][]float32 {
	v := make([][]float32, len(w.at))
	for k, name := range w.names {
		i := slices.IndexFunc(grads, func(g graph.Tensor) bool { return g.Name == name })
		v[k] = slices.Clone(grads[i].Data)
	}
	return v
}

func dot(a, b []float32) float64 {
	sum := 0.
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
