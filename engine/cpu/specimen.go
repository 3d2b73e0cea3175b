package cpu

import (
	"math/rand/v2"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// specimen is a layer whose passes are timed alone, in one thread, as the engine
// runs them: within the plan of a small network. Neurons precede the layer, whose
// spikes are drawn, unless it is the network's first; tdBN and neurons follow.
type specimen struct {
	op    graph.Op
	in    graph.Shape // of the layer's input
	first bool        // sees an image
	mixed bool
	batch int
	steps int
	rate  float64 // of the spikes
}

// mounted is a specimen laid out, with operands in place.
type mounted struct {
	*plan
	layer op
	norm  *normOp
	after *neuronOp
}

// mount lays the specimen out. Its parameters are such that nothing but a lack of
// memory can go wrong.
func (s specimen) mount() mounted {
	net, err := graph.Check(s.graph())
	if err != nil {
		panic("cpu: " + err.Error())
	}
	h := noHalves
	if s.mixed {
		h = allHalves
	}
	p, err := newPlan(net, planOptions{train: true, batch: s.batch, steps: s.steps, threads: 1, halves: h})
	if err != nil {
		panic("cpu: " + err.Error())
	}
	if err := p.setTensors(net.Init(1)); err != nil {
		panic("cpu: " + err.Error())
	}
	m := mounted{plan: p, norm: p.norm[0], after: p.scan[len(p.scan)-1]}
	rng := rand.New(rand.NewPCG(1, 1))
	begin := 0
	if s.first {
		noise(rng, p.in.data)
	} else {
		begin = 1
		spikes(rng, p.scan[0].y, s.rate, p.frames(p.scan[0].y))
		p.scan[0].fired = s.rate
	}
	for _, n := range p.scan {
		n.refresh()
	}
	m.layer = p.ops[begin]
	for _, o := range p.ops[begin:slices.Index(p.ops, op(m.after))] { // what neurons receive
		o.forward()
	}
	return m
}

func (s specimen) graph() graph.Graph {
	b := graph.NewBuilder("specimen")
	coding := graph.Frames
	if s.first {
		coding = graph.Direct
	}
	x := b.Add("input", &graph.Input{Shape: s.in, Coding: coding})
	if !s.first {
		x = b.Add("before", neurons("a"), x) // which learn, so that the layer hands a gradient on
	}
	x = b.Add("layer", s.op, x)
	bn := graph.DefaultTDBN(1, 1)
	x = b.Add("norm", &bn, x)
	x = b.Add("after", neurons(), x)
	x = b.Add("mean", &graph.GlobalAvgPool{}, x)
	x = b.Add("fc", &graph.Linear{Out: 2}, x)
	b.Add("readout", &graph.Readout{}, x)
	return b.Graph()
}

// neurons are quadratic neurons with the given learned parameters.
func neurons(learn ...string) *graph.Neuron {
	m, err := neuron.Default("qif")
	if err != nil {
		panic("cpu: " + err.Error())
	}
	m.Learn = learn
	return &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Triangular}}
}

// noise fills x with numbers around zero, few of them alike.
func noise(rng *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(int32(rng.Uint32())) / (1 << 31)
	}
}

// spikes has neurons fire at a rate.
func spikes(rng *rand.Rand, v *value, rate float64, frames int) {
	limit := uint64(rate * (1 << 32))
	row := make([]float32, v.shape.C)
	words := v.row()
	for i := range frames * v.pixels() {
		for c := range row {
			row[c] = 0
			if uint64(rng.Uint32()) < limit {
				row[c] = 1
			}
		}
		kernel.PackBits(v.bits[i*words:][:words], row, v.shape.C)
	}
}

// conv is the specimen's convolution, with a gradient of its output in place.
func (m mounted) conv() *convOp {
	c := m.layer.(*convOp)
	rng := rand.New(rand.NewPCG(2, 2))
	noise(rng, c.y.grad)
	if h := c.y.halfGrad; h != nil {
		frames := m.frames(c.y)
		for px := range c.y.pixels() {
			rows, pairs := h.of(px, frames)
			kernel.Narrow(rows, c.y.grad[px*len(rows):][:len(rows)])
			kernel.PackPairsHalf(pairs, rows, frames, c.g.Out, c.g.Out)
		}
	}
	return c
}

// listed has the specimen's spikes take part as lists, or densely, whatever
// their rate.
func (m mounted) listed(lists bool) {
	m.scan[0].fired = 2 // more than any level takes as lists
	if lists {
		m.scan[0].fired = 0
	}
}

// geometry is that of the specimen's convolution.
func (s specimen) geometry() kernel.Conv {
	o := s.op.(*graph.Conv)
	out, err := o.Infer([]graph.Shape{s.in})
	if err != nil {
		panic("cpu: " + err.Error())
	}
	return kernel.Conv{
		H: s.in.H, W: s.in.W, C: s.in.C, OutH: out.H, OutW: out.W, Out: out.C,
		KernelH: o.Kernel, KernelW: o.Kernel, Stride: o.Stride, Pad: o.Pad,
	}
}

// flops is the operations of the specimen's convolution, over the window
// positions that lie inside the image.
func (s specimen) flops() float64 {
	g := s.geometry()
	_, out := g.Pixels()
	taps := 0
	var at []kernel.Tap
	for p := range out {
		at = g.Taps(at[:0], p)
		taps += len(at)
	}
	return 2 * float64(taps) * float64(s.batch*s.steps) * float64(g.C) * float64(g.Out)
}

// kernelCase describes a pass of the specimen.
func (s specimen) kernelCase(name, shape string, flops, bytes float64, pass func(m mounted) func()) engine.KernelCase {
	return engine.KernelCase{
		Name: name, Shape: shape, Rate: s.rate, Flops: flops, Bytes: bytes,
		New: func() func() { return pass(s.mount()) },
	}
}
