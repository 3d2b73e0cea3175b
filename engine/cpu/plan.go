package cpu

import (
	"fmt"
	"math"
	"runtime"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// op is a compiled operation. It reads its inputs' data and writes its output's;
// backward reads its output's gradient, writes or adds to its inputs' gradients
// and writes its parameters'.
type op interface {
	forward()
	backward()
	inputs() []*input
	buffers() buffers
	kind() string // for profiles
}

// planOptions is what a plan is made for.
type planOptions struct {
	train      bool
	batch      int // samples at most
	steps      int // T at most
	mostFrames int // 0: batch·steps
	threads    int
	halves     halves
	low        bool // recompute products in the backward pass instead of keeping them
	spikes     spikeForm
}

// spikeForm is how spikes travel between layers. All but the first are for tests.
type spikeForm int

const (
	packedSpikes spikeForm = iota
	wideSpikes             // as numbers, for comparison
	smoothSpikes           // the window's integral in place of the threshold
)

// plan is a network laid out for at most batch samples and steps steps.
type plan struct {
	planOptions
	net    *graph.Network
	pool   *pool
	n, t   int // samples and steps of the current pass
	ops    []op
	labels []string // per op: its node
	values []*value // per node
	held   []*value // with memory of their own, or another view of such
	params []*param
	in     *value
	out    *value
	scan   []*neuronOp
	drop   []*dropoutOp
	norm   []*normOp
	convs  []*convOp

	memory  []*buffer
	arena   int // words
	events  map[eventSize]*eventLists
	scratch [][]float32                 // per worker
	profile *profiler                   // nil: nobody asked
	fired   func(n *neuronOp)           // called after a layer has fired, while its input is there
	watch   func(moment int, done bool) // for tests: around operations; may be nil
}

func newPlan(net *graph.Network, o planOptions) (*plan, error) {
	if o.threads <= 0 {
		o.threads = runtime.GOMAXPROCS(0)
	}
	if o.mostFrames == 0 {
		o.mostFrames = o.batch * o.steps
	}
	if err := checkSpikes(net, o); err != nil {
		return nil, err
	}
	var windows []graph.WindowRule
	if o.train {
		var err error
		if windows, err = net.WindowRules(o.steps); err != nil {
			return nil, err
		}
	}
	p := &plan{planOptions: o, net: net, n: o.batch, t: o.steps, events: map[eventSize]*eventLists{}}
	for _, spec := range net.Params {
		p.params = append(p.params, &param{spec: spec})
	}
	if err := p.build(windows); err != nil {
		return nil, err
	}
	p.linkGradients()
	p.narrowGradients()
	if err := p.allocate(); err != nil {
		return nil, err
	}
	p.pool = newPool(o.threads)
	return p, nil
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

// frames is the number of frames F of a value in the current pass.
func (p *plan) frames(v *value) int {
	if v.static {
		return p.n
	}
	return p.n * p.t
}

// most is the most frames of a value.
func (p *plan) most(v *value) int {
	if v.static {
		return p.batch
	}
	return p.mostFrames
}

// newBuffer plans for a number of words of 32 bits.
func (p *plan) newBuffer(words int) *buffer {
	b := &buffer{words: words, first: math.MaxInt, last: -1}
	p.memory = append(p.memory, b)
	return b
}

// newValue plans a node's output.
func (p *plan) newValue(s graph.Shape, static bool, f form, grad bool) *value {
	v := &value{shape: s, static: static, form: f}
	rows := p.most(v) * v.pixels()
	if f != asSum {
		v.store = p.newBuffer(v.words(rows))
	}
	if grad {
		v.gradStore = p.newBuffer(rows * s.C)
	}
	p.held = append(p.held, v)
	return v
}

// append adds an operation of a node to the plan.
func (p *plan) append(node string, y *value, o op) {
	y.maker = o
	p.ops = append(p.ops, o)
	p.labels = append(p.labels, node)
}

// linkGradients decides, in the order of the backward pass, who overwrites and
// who adds.
func (p *plan) linkGradients() {
	written := map[*buffer]bool{}
	for i := len(p.ops) - 1; i >= 0; i-- {
		for _, in := range p.ops[i].inputs() {
			if in.gradStore != nil {
				in.first = !written[in.gradStore]
				written[in.gradStore] = true
			}
		}
	}
}

// narrowGradients has spikes' gradients kept in bfloat16, in mixed precision,
// unless something hands on another's than a product in bfloat16 or a sum: those
// round what they wrote or added in float32.
func (p *plan) narrowGradients() {
	if p.halves != allHalves {
		return
	}
	wide := map[*buffer]bool{}
	for _, o := range p.ops {
		switch o := o.(type) {
		case *neuronOp, *sumOp:
			continue
		case *convOp:
			if o.half != nil {
				continue
			}
		}
		for _, in := range o.inputs() {
			wide[in.gradStore] = true
		}
	}
	for _, v := range p.held {
		if v.form == asSpikes && v.gradStore != nil && !wide[v.gradStore] {
			v.narrow = true
			v.gradStore.words = tiles(p.most(v)*v.pixels()*v.shape.C, 2)
		}
	}
}

// schedule notes when each buffer is used.
func (p *plan) schedule() {
	for i, o := range p.ops {
		b := o.buffers()
		for _, m := range b.forward {
			m.used(i)
		}
		if !p.train {
			continue
		}
		for _, m := range b.backward {
			m.used(2*len(p.ops) - 1 - i)
		}
	}
	for _, v := range []*value{p.in, p.out} {
		for _, b := range []*buffer{v.store, v.gradStore} {
			if b != nil {
				b.kept = true
			}
		}
	}
}

// scratchUser is an operation that needs working memory per worker.
type scratchUser interface{ scratchLen() int }

// allocate lays out all memory, unless the machine has too little.
func (p *plan) allocate() error {
	if err := p.checkOffsets(); err != nil {
		return err
	}
	p.schedule()
	p.arena = layout(p.memory)
	scratch := 0
	for _, o := range p.ops {
		if u, ok := o.(scratchUser); ok {
			scratch = max(scratch, u.scratchLen())
		}
	}
	if err := p.checkMemory(p.arena, scratch); err != nil {
		return err
	}
	attach(p.memory, p.arena)
	for _, v := range p.held {
		v.attach()
	}
	for _, q := range p.params {
		q.data = newMemory(q.spec.Size())
		if p.train && q.spec.Trainable() {
			q.grad = newMemory(q.spec.Size())
		}
	}
	p.scratch = make([][]float32, p.threads)
	for w := range p.scratch {
		p.scratch[w] = newMemory(scratch)
	}
	for size, l := range p.events {
		l.allocate(size)
	}
	for _, o := range p.ops {
		if m, ok := o.(interface{ allocate() }); ok {
			m.allocate()
		}
	}
	return nil
}

// forward runs all operations.
func (p *plan) forward() {
	p.pool.during(func() {
		for i, o := range p.ops {
			p.watched(i, func() { p.timed(p.labels[i], engine.Forward, o.kind, o.forward) })
		}
	})
}

// backward runs from the gradient of the logits, in p.out.grad, to gradients of
// all trainable parameters.
func (p *plan) backward() {
	p.pool.during(func() {
		for i := len(p.ops) - 1; i >= 0; i-- {
			p.watched(2*len(p.ops)-1-i, func() { p.back(i) })
		}
	})
}

// back runs an operation's backward pass.
func (p *plan) back(i int) {
	c, ok := p.ops[i].(*convOp)
	if !ok {
		p.timed(p.labels[i], engine.Backward, p.ops[i].kind, p.ops[i].backward)
		return
	}
	p.timed(p.labels[i], engine.Backward, c.grads.weightsKind, c.grads.ofWeights)
	if c.x.wantsGrad() {
		p.timed(p.labels[i], engine.Backward, c.grads.inputKind, c.grads.ofInput)
	}
}

// watched runs the operation of a moment.
func (p *plan) watched(moment int, run func()) {
	if p.watch == nil {
		run()
		return
	}
	p.watch(moment, false)
	run()
	p.watch(moment, true)
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

// checkBatch says whether a batch of n samples, at most `most`, fits the plan.
func (p *plan) checkBatch(n, most int, x []float32) error {
	want := n * p.in.shape.Size()
	form := "[N, H, W, C]"
	if !p.in.static {
		want *= p.steps
		form = "[T, N, H, W, C]"
	}
	switch {
	case n < 1 || n > most:
		return fmt.Errorf("a batch of %d samples; compiled for 1 to %d", n, most)
	case len(x) != want:
		return fmt.Errorf("batch data has %d numbers, expected %d as %s with N = %d, %v", len(x), want, form, n, p.in.shape)
	}
	return nil
}

// setInput lays the frames of the pass's samples out pixel by pixel. x is
// [T, of, H, W, C], of which they begin at sample `first`.
func (p *plan) setInput(x []float32, first, of int) {
	size := p.in.shape.Size()
	for f := range p.frames(p.in) {
		p.setFrame(f, x[(f/p.n*of+first+f%p.n)*size:][:size])
	}
}

// setFrame lays one frame [H, W, C] of the input out.
func (p *plan) setFrame(f int, image []float32) {
	frames, c := p.frames(p.in), p.in.shape.C
	for px := range p.in.pixels() {
		copy(p.in.data[(px*frames+f)*c:][:c], image[px*c:])
	}
}

func tiles(n, per int) int { return (n + per - 1) / per }

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
