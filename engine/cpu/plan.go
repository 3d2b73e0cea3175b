package cpu

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// value is a node's output and its gradient: frames × size numbers, where
// frames is N for a value that is constant over time and T·N otherwise.
type value struct {
	shape  graph.Shape
	static bool
	data   []float32
	grad   []float32 // nil if nothing upstream wants it
}

// param is one tensor of the network and its gradient.
type param struct {
	spec graph.Param
	data []float32
	grad []float32 // nil for running statistics and in inference
}

// op is a compiled operation. It reads its inputs' data and writes its output's;
// backward reads its output's gradient, writes or adds to its inputs' gradients
// and adds to its parameters' (which are zero when the pass begins).
type op interface {
	forward()
	backward()
	inputs() []*input
}

// input is an operand together with how its gradient is passed on: the first
// operation that hands one to a value overwrites what the last pass left, the
// others add.
type input struct {
	*value
	first bool
}

// plan is a network laid out for at most batch samples and a number of steps.
// A training plan holds all steps at once; an inference plan holds one.
type plan struct {
	net    *graph.Network
	pool   *pool
	train  bool
	batch  int
	steps  int // T in training, 1 in inference
	n      int // samples in the current pass
	ops    []op
	once   []bool // per op: constant over time, so inference runs it at the first step alone
	values []*value
	params []*param
	in     *value
	out    *value
	scan   []*neuronOp
	drop   []*dropoutOp
	norm   []*normOp

	scratch [][]float32 // per worker
	smooth  bool        // tests: spikes follow the window's integral
}

func newPlan(net *graph.Network, train bool, batch, steps, threads int) (*plan, error) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if err := checkMemory(net, train, batch, steps, threads); err != nil {
		return nil, err
	}
	var windows []graph.LayerWindows
	if train {
		var err error
		if windows, err = net.Windows(steps); err != nil {
			return nil, err
		}
	}
	p := &plan{net: net, train: train, batch: batch, steps: steps, pool: newPool(threads)}
	p.addParams()
	if err := p.build(windows); err != nil {
		p.pool.close()
		return nil, err
	}
	p.linkGradients()
	p.sizeScratch()
	return p, nil
}

func (p *plan) addParams() {
	for _, spec := range p.net.Params {
		q := &param{spec: spec, data: make([]float32, spec.Size())}
		if p.train && spec.Trainable() {
			q.grad = make([]float32, spec.Size())
		}
		p.params = append(p.params, q)
	}
}

// paramsOf returns a layer's tensors by their names within the node.
func (p *plan) paramsOf(l graph.Layer) map[string]*param {
	m := map[string]*param{}
	for _, q := range p.params {
		for _, spec := range l.Params {
			if q.spec.Name == spec.Name {
				m[spec.Name[len(l.Name)+1:]] = q
			}
		}
	}
	return m
}

// frames is the number of images of a value in the current pass.
func (p *plan) frames(v *value) int {
	if v.static {
		return p.n
	}
	return p.n * p.steps
}

func (p *plan) newValue(s graph.Shape, static, grad bool) *value {
	frames := p.batch
	if !static {
		frames *= p.steps
	}
	v := &value{shape: s, static: static, data: make([]float32, frames*s.Size())}
	if grad {
		v.grad = make([]float32, len(v.data))
	}
	return v
}

// build lays out each node's value and operation in the graph's order.
func (p *plan) build(windows []graph.LayerWindows) error {
	for i, l := range p.net.Layers {
		var x []input
		wants := p.train && slices.ContainsFunc(l.Params, graph.Param.Trainable)
		for _, j := range l.From {
			v := p.values[j]
			if _, isNeuron := l.Op.(*graph.Neuron); v.static && !l.Static && !isNeuron {
				v = p.repeated(v)
			}
			x = append(x, input{value: v})
			wants = wants || v.grad != nil
		}
		if _, ends := l.Op.(*graph.Readout); ends && x[0].static {
			x[0].value = p.repeated(x[0].value)
		}
		y, o, err := p.compile(i, l, x, wants, windows)
		if err != nil {
			return fmt.Errorf("node %q: %w", l.Name, err)
		}
		p.values = append(p.values, y)
		if o != nil {
			p.ops = append(p.ops, o)
			p.once = append(p.once, y.static)
		}
	}
	p.out = p.values[len(p.values)-1]
	return nil
}

// repeated returns a constant value repeated over all steps.
func (p *plan) repeated(v *value) *value {
	r := p.newValue(v.shape, false, v.grad != nil)
	p.ops = append(p.ops, &repeatOp{p: p, x: input{value: v}, y: r})
	p.once = append(p.once, false)
	return r
}

// compile returns node i's value and its operation. A flatten and a readout are
// other views of their input and have none.
func (p *plan) compile(i int, l graph.Layer, x []input, grad bool, windows []graph.LayerWindows) (*value, op, error) {
	switch o := l.Op.(type) {
	case *graph.Input:
		p.in = p.newValue(l.Out, o.Coding == graph.Direct, false)
		return p.in, nil, nil
	case *graph.Flatten, *graph.Readout:
		return &value{l.Out, x[0].static, x[0].data, x[0].grad}, nil, nil
	}
	y := p.newValue(l.Out, l.Static, grad)
	switch o := l.Op.(type) {
	case *graph.Conv:
		return y, newConv(p, o, l, x[0], y), nil
	case *graph.Linear:
		return y, newLinear(p, l, x[0], y), nil
	case *graph.TDBN:
		n := newNorm(p, o, l, x[0], y)
		p.norm = append(p.norm, n)
		return y, n, nil
	case *graph.Neuron:
		var w *graph.LayerWindows
		if p.train {
			w = &windows[len(p.scan)]
		}
		n, err := newNeuron(p, o, l, x[0], y, w)
		p.scan = append(p.scan, n)
		return y, n, err
	case *graph.AvgPool:
		return y, newPoolOp(p, l, o.Kernel, o.Stride, false, x[0], y), nil
	case *graph.MaxPool:
		return y, newPoolOp(p, l, o.Kernel, o.Stride, true, x[0], y), nil
	case *graph.Add:
		return y, newAdd(p, x, y), nil
	case *graph.Concat:
		return y, newConcat(p, x, y), nil
	case *graph.GlobalAvgPool:
		return y, newGlobalPool(p, x[0], y), nil
	case *graph.Dropout:
		d := newDropout(p, o, i, x[0], y)
		p.drop = append(p.drop, d)
		return y, d, nil
	}
	return nil, nil, fmt.Errorf("the cpu engine has no operation %q", l.Op.Kind())
}

// linkGradients decides, in the order of the backward pass, who overwrites and
// who adds. Views of one array count as one.
func (p *plan) linkGradients() {
	written := map[*float32]bool{}
	for i := len(p.ops) - 1; i >= 0; i-- {
		for _, in := range p.ops[i].inputs() {
			if in.grad == nil {
				continue
			}
			in.first = !written[&in.grad[0]]
			written[&in.grad[0]] = true
		}
	}
}

// scratchUser is an operation that needs working memory per worker.
type scratchUser interface{ scratchLen() int }

func (p *plan) sizeScratch() {
	n := 0
	for _, o := range p.ops {
		if u, ok := o.(scratchUser); ok {
			n = max(n, u.scratchLen())
		}
	}
	p.scratch = make([][]float32, p.pool.workers)
	for w := range p.scratch {
		p.scratch[w] = make([]float32, n)
	}
}

// forward runs all operations, or only those that change over time.
func (p *plan) forward(withConstant bool) {
	for i, o := range p.ops {
		if withConstant || !p.once[i] {
			o.forward()
		}
	}
}

// backward runs from the gradient of the logits, in p.out.grad, to gradients of
// all trainable parameters.
func (p *plan) backward() {
	for _, q := range p.params {
		clear(q.grad)
	}
	for i := len(p.ops) - 1; i >= 0; i-- {
		p.ops[i].backward()
	}
}

// setTensors copies parameters in.
func (p *plan) setTensors(ts []graph.Tensor) error {
	byName, err := p.net.Index(ts)
	if err != nil {
		return err
	}
	for _, q := range p.params {
		copy(q.data, byName[q.spec.Name].Data)
	}
	return nil
}

// checkBatch says whether a batch fits the plan.
func (p *plan) checkBatch(n int, x []float32, steps int) error {
	want := n * p.in.shape.Size()
	form := "[N, H, W, C]"
	if !p.in.static {
		want *= steps
		form = "[T, N, H, W, C]"
	}
	switch {
	case n < 1 || n > p.batch:
		return fmt.Errorf("a batch of %d samples; compiled for 1 to %d", n, p.batch)
	case len(x) != want:
		return fmt.Errorf("batch data has %d numbers, expected %d as %s with N = %d, %v", len(x), want, form, n, p.in.shape)
	}
	return nil
}

// tileRows splits rows of width c into tiles of about 4,096 numbers: a tile and its
// companions stay in the first-level cache.
func tileRows(c int) int { return max(1, 4096/c) }

func tiles(n, per int) int { return (n + per - 1) / per }

// shapeScale is the parameter that a window kernel takes for a width.
func shapeScale(s window.Shape, width float64) float32 { return float32(s.Scale(width)) }

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
