package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// neuronOp scans a layer of neurons over time, and back. It keeps spikes alone:
// potentials are computed anew from its input when they are needed. Its work is
// done on units, some samples of a pixel with all their steps, which stay in
// cache from the input's terms to the spikes.
type neuronOp struct {
	*sum  // its input
	name  string
	model neuron.Model
	form  neuron.Form
	kern  kernel.Neuron
	learn []*param  // tensors of model.Learn, same order
	unit  int       // samples
	from  *convOp   // in inference: whose output it takes as it comes
	state []float32 // if set, where potentials are kept from step to step, [P][N][C]

	win      surrogate
	held     [][]kernel.Term // per worker
	rest     []float32       // a unit's potentials at the start
	sums     []kernel.Sums   // [task][T]
	used     int             // tasks of the last pass
	fired    float64         // share of neurons in the last pass
	near     *nearMask       // nil: nobody asks
	coef     [][]float64     // learning: per task ∂L/∂(c2, c1, c0), [3][C]
	fwd, bwd func(worker, task int)
}

// unitNumbers is about how many numbers a unit holds over all steps: with its
// companions it stays in the first two levels of cache.
const unitNumbers = 8192

func (p *plan) newNeuron(l node, o *graph.Neuron, terms []*term, w *graph.WindowRule) (*value, error) {
	d, err := o.Model.Dynamics()
	if err != nil {
		return nil, err
	}
	form, err := neuron.FormNamed(o.Model.Form)
	if err != nil {
		return nil, err
	}
	f := asSpikes
	if p.spikes != packedSpikes {
		f = asNumbers
	}
	learns := len(o.Model.Learn) > 0
	y := p.newValue(l.Out, false, f, l.grad || learns)
	slices.SortStableFunc(terms, func(a, b *term) int { return b.rank() - a.rank() })
	c := l.Out.C
	// The gradient of the input takes the place of the spikes'.
	n := &neuronOp{
		sum: p.newTerms(y, terms), name: l.Name, model: o.Model, form: form,
		unit: min(p.batch, max(1, unitNumbers/(c*p.steps))),
		kern: kernel.Neuron{
			C2: fill(c, d.C2), C1: fill(c, d.C1), C0: fill(c, d.C0), Theta: float32(d.Threshold),
			Reset: float32(d.ResetValue), Floor: float32(d.Floor), Soft: d.Soft, Detach: d.Detach,
		},
	}
	y.density = func() float64 { return n.fired }
	ps := p.paramsOf(l.Layer)
	for _, name := range o.Model.Learn {
		n.learn = append(n.learn, ps[name])
	}
	if w != nil {
		n.win = newSurrogate(w, ps)
	}
	n.fwd, n.bwd = n.forwardTask, n.backwardTask
	p.scan = append(p.scan, n)
	p.append(l.Name, y, n)
	return y, nil
}

func fill(n int, v float64) []float32 { return slices.Repeat([]float32{float32(v)}, n) }

func (n *neuronOp) allocate() {
	tasks := n.tasks()
	if n.from != nil {
		n.from.allocate()
		tasks = max(tasks, n.from.tasks())
	}
	n.sums = make([]kernel.Sums, tasks*n.p.steps)
	if n.near != nil {
		n.near.bits = asWords(n.near.store.mem)
	}
	n.held = make([][]kernel.Term, n.p.threads)
	for w := range n.held {
		n.held[w] = make([]kernel.Term, 0, len(n.terms))
	}
	n.win.allocate(n.tasks())
	n.rest = fill(n.unit*n.y.shape.C, float64(n.kern.Reset))
	if n.p.train && len(n.learn) > 0 {
		n.coef = make([][]float64, n.tasks())
		for i := range n.coef {
			n.coef[i] = make([]float64, 3*n.y.shape.C)
		}
	}
}

func (n *neuronOp) kind() string {
	if n.from != nil {
		return n.from.kind() + ", neuron"
	}
	return "neuron"
}

func (n *neuronOp) inputs() []*input { return n.sum.inputs }

func (n *neuronOp) buffers() buffers {
	b := n.sum.buffers()
	b.forward = append(b.forward, n.y.store)
	b.backward = append(b.backward, n.y.gradStore)
	if n.from != nil {
		b.forward = append(b.forward, n.from.buffers().forward...)
	}
	if n.near != nil {
		b.forward = append(b.forward, n.near.store)
	}
	return b
}

// A worker's scratch holds pieces as long as a unit at one step: these, then the
// potentials of every step.
const (
	pieceV = iota // the potential; backward, the carry
	pieceH        // partial sums of terms, the window's values
	pieces
)

func (n *neuronOp) scratchLen() int {
	steps := n.p.steps
	if n.y.form != asSpikes {
		steps = 2*n.p.steps + 1 // spikes as well, and the input
	}
	length := (pieces + steps) * n.unit * n.y.shape.C
	if n.from != nil {
		length = max(length, n.from.scratchLen())
	}
	return length
}

// neuronUnit is a unit of work in a worker's hands.
type neuronUnit struct {
	*neuronOp
	worker          int
	px, first, rows int // a pixel, its first sample and the number of samples
}

// units returns how many units a task has, and unitOf returns the i-th.
func (n *neuronOp) units(task int) int {
	from, to := n.pixelsOf(task)
	return (to - from) * tiles(n.p.n, n.unit)
}

func (n *neuronOp) unitOf(worker, task, i int) neuronUnit {
	from, _ := n.pixelsOf(task)
	perPixel := tiles(n.p.n, n.unit)
	first := i % perPixel * n.unit
	return neuronUnit{n, worker, from + i/perPixel, first, min(n.unit, n.p.n-first)}
}

// length is the unit's numbers at a step.
func (u neuronUnit) length() int { return u.rows * u.y.shape.C }

// at is where the unit's numbers of step t begin in a value, in rows.
func (u neuronUnit) at(t int) int { return u.p.rowOf(u.y, u.px, t, u.first) }

// piece returns the k-th piece of the worker's scratch.
func (u neuronUnit) piece(k int) []float32 {
	return u.p.scratch[u.worker][k*u.unit*u.y.shape.C:][:u.length()]
}

// potentials is the piece of step t.
func (u neuronUnit) potentials(t int) []float32 { return u.piece(pieces + t) }

// start puts the unit's neurons to rest, or takes up their state.
func (u neuronUnit) start() {
	if u.state != nil {
		return
	}
	copy(u.piece(pieceV), u.rest)
}

// following is where the unit that comes next begins: a pixel and a sample.
func (u neuronUnit) following() (px, first int) {
	if first = u.first + u.unit; first < u.p.n {
		return u.px, first
	}
	return u.px + 1, 0
}

// ahead is how many numbers further a value has what the unit that comes next
// reads in place of the rows from `at` on, at step t.
func (u neuronUnit) ahead(v *value, t, at int) int {
	px, first := u.following()
	return (u.p.rowOf(v, px, t, first) - at) * v.shape.C
}

// inputTerms are the rows of the input at step t.
func (u neuronUnit) inputTerms(t int) []kernel.Term {
	terms := u.held[u.worker][:0]
	for _, m := range u.terms {
		at := u.p.rowOf(m.value, u.px, t, u.first)
		r := kernel.Term{Z: m.rows(at, u.rows)}
		r.Z.Next = u.ahead(m.value, t, at)
		r.Scale, r.Shift = u.affine(m)
		terms = append(terms, r)
	}
	return terms
}

// step advances the unit by a step: fired gets its spikes.
func (u neuronUnit) step(t int, fired []uint32, near kernel.Near, potentials []float32) kernel.Sums {
	v := u.piece(pieceV)
	if u.state != nil {
		v = u.state[(u.px*u.p.n+u.first)*u.y.shape.C:][:len(v)]
	}
	return u.kern.Forward(fired, near, potentials, v, u.inputTerms(t)...)
}

// refresh recomputes the polynomial from learned parameters, and the windows.
func (n *neuronOp) refresh() {
	if n.win.moves() {
		n.p.timed(n.name, engine.Forward, windowKind, n.win.refresh)
	}
	if len(n.learn) == 0 {
		return
	}
	vals := make([]float64, len(n.form.Params))
	for c := range n.kern.C2 {
		n.values(vals, c)
		m := n.form.Map(vals)
		n.kern.C2[c], n.kern.C1[c], n.kern.C0[c] = float32(m.C2), float32(m.C1), float32(m.C0)
	}
}

// values writes channel c's parameters, learned ones from their tensors.
func (n *neuronOp) values(dst []float64, c int) {
	for i, p := range n.form.Params {
		dst[i] = n.model.Params[p.Name]
		if k := slices.Index(n.model.Learn, p.Name); k >= 0 {
			dst[i] = float64(n.learn[k].data[c%len(n.learn[k].data)])
		}
	}
}

func (n *neuronOp) forward() {
	n.used = n.tasks()
	if n.from != nil {
		n.from.forward()
	}
	if n.from != nil && n.state == nil {
		n.used = n.from.tasks()
	} else {
		n.p.pool.run(n.used, n.fwd)
	}
	spikes, neurons := 0., 0.
	for t := range n.p.t {
		s := n.observed(t)
		spikes, neurons = spikes+s.Spikes, neurons+float64(s.Neurons)
	}
	n.fired = spikes / neurons
	if n.near != nil {
		n.near.total(neurons)
	}
	if n.p.fired != nil {
		n.p.fired(n)
	}
}

func (n *neuronOp) forwardTask(worker, task int) {
	sums := n.sums[task*n.p.steps:][:n.p.t]
	clear(sums)
	row, close := n.y.row(), 0
	for i := range n.units(task) {
		u := n.unitOf(worker, task, i)
		u.start()
		var potentials []float32 // nobody's, but terms are added up there
		if len(n.terms) > 1 {
			potentials = u.piece(pieceH)
		}
		for t := range n.p.t {
			if n.y.form == asSpikes {
				near := u.nearOf(t)
				sums[t].Add(u.step(t, n.y.bits[u.at(t)*row:][:u.rows*row], near, potentials))
				close += kernel.CountBits(near.Bits)
			} else {
				sums[t].Add(u.stepWide(t))
				copy(n.y.data[u.at(t)*row:], u.wideSpikes(t))
			}
		}
	}
	if n.near != nil {
		n.near.count[task] = close
	}
}

func (n *neuronOp) backward() {
	if !n.y.wantsGrad() {
		return
	}
	n.restore()
	n.p.pool.run(n.tasks(), n.bwd)
	n.win.widthGradient()
	if len(n.learn) > 0 {
		n.learnedGradient()
	}
}

func (n *neuronOp) backwardTask(worker, task int) {
	if n.coef != nil {
		clear(n.coef[task])
	}
	if n.win.sums != nil {
		n.win.sums[task] = 0
	}
	n.begin(task)
	from, to := n.pixelsOf(task)
	perPixel := n.units(task) / (to - from)
	for px := range to - from {
		for i := range perPixel {
			u := n.unitOf(worker, task, px*perPixel+i)
			if n.y.form == asSpikes {
				u.back(task)
			} else {
				u.backWide(task)
			}
		}
		n.pass(task, from+px)
	}
}

// back turns the unit's ∂L/∂s into ∂L/∂x.
func (u neuronUnit) back(task int) {
	u.start()
	fired := asWords(u.piece(pieceH))
	for t := range u.p.t {
		u.step(t, fired, kernel.Near{}, u.potentials(t))
	}
	carry := u.piece(pieceV)
	clear(carry)
	for t := u.p.t - 1; t >= 0; t-- {
		pot := u.potentials(t)
		var before []float32
		if t > 0 {
			before = u.potentials(t - 1)
		}
		g := u.y.gradRows(u.at(t), u.rows)
		g.Next = u.ahead(u.y, t, u.at(t))
		w := u.surrogate(t, pot)
		u.addWidth(task, g, carry, w, pot, nil)
		u.kern.Backward(g, carry, g, w, pot, before)
		u.finish(task, t, g, before)
	}
}

// surrogate is step t's window, for potentials u.
func (u neuronUnit) surrogate(t int, pot []float32) kernel.Surrogate {
	w := u.win.of(t)
	if w.Shape == kernel.Given {
		w.H = u.piece(pieceH)
		u.win.kernel(w.H, pot, u.kern.Theta, w.B)
	}
	return w
}

// finish hands on what a step's ∂L/∂x means to learned parameters and to terms
// that are constant over time. before are the potentials of the step before.
func (u neuronUnit) finish(task, t int, g kernel.Rows, before []float32) {
	if u.coef == nil && u.still == nil {
		return
	}
	q := g.Float
	if q == nil {
		q = u.potentials(t) // which are no longer needed
		kernel.Widen(q, g.Half)
	}
	if u.coef != nil {
		prev := u.piece(pieceH)
		if before != nil {
			u.kern.Fire(prev, before)
		} else {
			copy(prev, u.rest)
		}
		u.addCoef(task, q, prev)
	}
	u.addStill(t, q)
}

// addCoef adds a step's share to the gradient of the polynomial.
func (u neuronUnit) addCoef(task int, q, prev []float32) {
	d, c := u.coef[task], u.y.shape.C
	kernel.CoefGradient(d[:c], d[c:2*c], d[2*c:], q, prev)
}

// addStill adds a step's gradient up over time.
func (u neuronUnit) addStill(t int, q []float32) {
	if u.still == nil {
		return
	}
	copyOrAdd(u.still.mem[(u.px*u.p.n+u.first)*u.y.shape.C:][:len(q)], q, t == u.p.t-1)
}

func setAll(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// learnedGradient adds up the tasks in order and applies the chain rule from
// (c2, c1, c0) to the learned parameters, per channel or summed.
func (n *neuronOp) learnedGradient() {
	vals := make([]float64, len(n.form.Params))
	acc := make([][]float64, len(n.learn))
	for k, q := range n.learn {
		acc[k] = make([]float64, len(q.grad))
	}
	channels := n.y.shape.C
	for c := range channels {
		var d neuron.Map
		for _, t := range n.coef {
			d.C2 += t[c]
			d.C1 += t[channels+c]
			d.C0 += t[2*channels+c]
		}
		n.values(vals, c)
		back := n.form.Pullback(vals, d)
		for k, name := range n.model.Learn {
			i := slices.IndexFunc(n.form.Params, func(p neuron.ParamSpec) bool { return p.Name == name })
			acc[k][c%len(acc[k])] += back[i]
		}
	}
	for k, q := range n.learn {
		for i, v := range acc[k] {
			q.grad[i] = float32(v)
		}
	}
}

// observed returns the pass's totals for step t.
func (n *neuronOp) observed(t int) kernel.Sums {
	var total kernel.Sums
	for task := range n.used {
		total.Add(n.sums[task*n.p.steps+t])
	}
	return total
}

// observe writes the pass's potentials before firing at a step,
// [N, H, W, C].
func (n *neuronOp) observe(dst []float32, step int) {
	c, pixels := n.y.shape.C, n.y.pixels()
	for task := range n.tasks() {
		for i := range n.units(task) {
			u := n.unitOf(0, task, i)
			u.start()
			for t := range step + 1 {
				u.step(t, asWords(u.piece(pieceH)), kernel.Near{}, u.potentials(t))
			}
			for i := range u.rows {
				copy(dst[((u.first+i)*pixels+u.px)*c:][:c], u.potentials(step)[i*c:])
			}
		}
	}
}
