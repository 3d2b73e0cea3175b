package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// term is a summand: a value, or what a normalisation makes of it. Its gradient
// goes straight to the value or takes its way through the normalisation.
type term struct {
	input
	norm *normOp
}

// wantsGrad reports whether something upstream of the term learns.
func (t *term) wantsGrad() bool { return t.norm != nil && t.norm.p.train || t.value.wantsGrad() }

// rank orders a neuron's terms: spikes before numbers, since the scan fetches the
// last ahead, and spikes are the least to fetch.
func (t *term) rank() int {
	if t.form == asSpikes {
		return 1
	}
	return 0
}

// sum is a sum of terms over batch and time, computed a few rows at a time. Its
// gradient, y's, is kept for normalised terms: whole, and added up over time for
// terms that are constant.
type sum struct {
	p      *plan
	terms  []*term
	y      *value  // of the sum's shape
	still  *buffer // Σ_t of ∂L/∂y, [P][N][C]
	group  int     // pixels per task
	inputs []*input

	ones, zeros []float32 // scale and shift of terms without a normalisation
}

// taskNumbers is about how many numbers a task of pixels holds.
const taskNumbers = 1 << 16

// group is the number of pixels in a task on a value.
func (p *plan) group(v *value) int { return max(1, taskNumbers/(p.most(v)*v.shape.C)) }

// newTerms prepares the sum of terms. Normalised terms read its gradient from y
// or, if they are constant and y is not, from still.
func (p *plan) newTerms(y *value, terms []*term) *sum {
	s := &sum{
		p: p, terms: terms, y: y, group: p.group(y),
		ones: fill(y.shape.C, 1), zeros: fill(y.shape.C, 0),
	}
	for _, t := range terms {
		switch {
		case t.norm == nil:
			s.inputs = append(s.inputs, &t.input)
		case p.train:
			t.norm.gradient, t.norm.gradSums = s, p.newMoments(s.tasks(), y.shape.C)
		}
		if p.train && t.static && !y.static && t.wantsGrad() && s.still == nil {
			s.still = p.newBuffer(p.batch * y.pixels() * y.shape.C)
		}
	}
	return s
}

// gradientOf returns where a term finds its gradient.
func (s *sum) gradientOf(static bool) *buffer {
	if static && !s.y.static {
		return s.still
	}
	return s.y.gradStore
}

// gradRows returns n rows of a term's gradient.
func (s *sum) gradRows(static bool, at, n int) kernel.Rows {
	if c := s.y.shape.C; static && !s.y.static {
		return kernel.Rows{Float: s.still.mem[at*c:][:n*c]}
	}
	return s.y.gradRows(at, n)
}

func (s *sum) buffers() buffers {
	var b buffers
	for _, t := range s.terms {
		b.forward = append(b.forward, t.store)
		b.backward = append(b.backward, t.kept(), t.gradStore)
		if t.norm != nil && s.p.train {
			b.backward[len(b.backward)-1] = t.norm.gradSums.store // the value's own is the normalisation's
		}
		if t.again != nil {
			b.backward = append(b.backward, t.maker.(*convOp).reads(1)...)
		}
	}
	b.backward = append(b.backward, s.y.gradStore, s.still)
	return b
}

// tasks is the number of tasks, each of some pixels with all their frames.
func (s *sum) tasks() int { return tiles(s.y.pixels(), s.group) }

// pixelsOf returns a task's range of pixels.
func (s *sum) pixelsOf(task int) (from, to int) {
	return task * s.group, min((task+1)*s.group, s.y.pixels())
}

// rowOf returns the row of pixel px, step t, sample n.
func (p *plan) rowOf(v *value, px, t, n int) int {
	if v.static {
		t = 0
	}
	return px*p.frames(v) + t*p.n + n
}

// load writes the sum of `rows` samples from n on at a pixel and a step.
func (s *sum) load(dst []float32, px, t, n, rows int) {
	for i, m := range s.terms {
		z := m.rows(s.p.rowOf(m.value, px, t, n), rows)
		if m.norm == nil && z.Float != nil {
			copyOrAdd(dst, z.Float, i == 0)
			continue
		}
		scale, shift := s.affine(m)
		kernel.Term{Z: z, Scale: scale, Shift: shift}.Write(dst, i > 0)
	}
}

// affine is what a term is multiplied with, and what is added, per channel.
func (s *sum) affine(m *term) (scale, shift []float32) {
	if m.norm == nil {
		return s.ones, s.zeros
	}
	return m.norm.scale, m.norm.shift
}

// copyOrAdd copies the first summand and adds the others.
func copyOrAdd(dst, src []float32, first bool) {
	if first {
		copy(dst, src)
	} else {
		kernel.Add(dst, src)
	}
}

// restore computes the terms anew that were not kept for the backward pass.
func (s *sum) restore() {
	for _, t := range s.terms {
		if t.again != nil {
			t.maker.(*convOp).recompute()
		}
	}
}

// begin clears a task's sums for normalisations.
func (s *sum) begin(task int) {
	for _, m := range s.terms {
		if m.norm != nil {
			m.norm.gradSums.begin(task, 0, s.y.shape.C)
		}
	}
}

// pass hands the gradient of a pixel, y's and still's, to the terms
// that have no normalisation, and adds up what normalisations need to know of it
// while it is in cache.
func (s *sum) pass(task, px int) {
	for _, m := range s.terms {
		if !m.wantsGrad() {
			continue
		}
		n := s.p.frames(m.value)
		g := s.gradRows(m.static, px*n, n)
		if m.norm != nil {
			sum, sumX := m.norm.gradSums.of(task)
			kernel.AddMoments(sum, sumX, g, m.rows(px*n, n))
		} else {
			m.pass(m.gradRows(px*n, n), g)
		}
	}
}

// sumOp keeps a sum.
type sumOp struct {
	*sum
	fwd, bwd func(worker, task int)
}

// newSum compiles an addition.
func (p *plan) newSum(l node, terms []*term) *value {
	if l.term {
		return &value{shape: l.Out, static: l.Static, form: asSum, terms: terms}
	}
	y := p.newValue(l.Out, l.Static, asNumbers, l.grad)
	y.density = summedDensity(terms)
	p.addUp(l.Name, y, terms)
	return y
}

// summedDensity bounds the share of sums that are not zero: of spikes, as where
// they are added behind the neurons, few need be.
func summedDensity(terms []*term) func() float64 {
	for _, t := range terms {
		if t.norm != nil || t.density == nil {
			return nil
		}
	}
	return func() float64 {
		share := 0.0
		for _, t := range terms {
			share += t.density()
		}
		return min(1, share)
	}
}

// addUp appends the operation that writes the sum of terms to y.
func (p *plan) addUp(name string, y *value, terms []*term) {
	o := &sumOp{sum: p.newTerms(y, terms)}
	o.fwd, o.bwd = o.forwardTask, o.backwardTask
	p.append(name, y, o)
}

func (o *sumOp) kind() string { return "sum" }

func (o *sumOp) inputs() []*input { return o.sum.inputs }

func (o *sumOp) buffers() buffers {
	b := o.sum.buffers()
	b.forward = append(b.forward, o.y.store)
	return b
}

func (o *sumOp) forward() { o.p.pool.run(o.tasks(), o.fwd) }

func (o *sumOp) forwardTask(_, task int) {
	from, to := o.pixelsOf(task)
	steps, c := o.p.frames(o.y)/o.p.n, o.y.shape.C
	for px := from; px < to; px++ {
		for t := range steps {
			at := o.p.rowOf(o.y, px, t, 0) * c
			o.load(o.y.data[at:][:o.p.n*c], px, t, 0, o.p.n)
		}
	}
}

func (o *sumOp) backward() {
	if o.y.wantsGrad() {
		o.restore()
		o.p.pool.run(o.tasks(), o.bwd)
	}
}

func (o *sumOp) backwardTask(_, task int) {
	o.begin(task)
	from, to := o.pixelsOf(task)
	n := o.p.n * o.y.shape.C
	for px := from; px < to; px++ {
		if o.still != nil {
			total := o.still.mem[px*n:][:n]
			for t := range o.p.t {
				copyOrAdd(total, o.y.grad[o.p.rowOf(o.y, px, t, 0)*o.y.shape.C:][:n], t == 0)
			}
		}
		o.pass(task, px)
	}
}
