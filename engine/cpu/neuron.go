package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
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
	state []float32 // if set, where potentials are kept from step to step, [P][N][C]

	windows  window.Windows
	window   kernel.Window
	sums     []kernel.Sums // [task][T]
	fired    float64       // share of neurons in the last pass
	coef     [][]float64   // learning: per task ∂L/∂(c2, c1, c0), [3][C]
	fwd, bwd func(worker, task int)
}

// unitNumbers is about how many numbers a unit holds over all steps: with its
// companions it stays in the first two levels of cache.
const unitNumbers = 4096

var windowKernels = map[window.Shape]kernel.Window{
	window.Rectangular:  kernel.Rectangular,
	window.Triangular:   kernel.Triangular,
	window.Epanechnikov: kernel.Epanechnikov,
	window.Gaussian:     kernel.Gaussian,
	window.ATan:         kernel.ATan,
	window.Sigmoid:      kernel.Sigmoid,
}

func (p *plan) newNeuron(l node, o *graph.Neuron, terms []*term, w *graph.LayerWindows) (*value, error) {
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
	c := l.Out.C
	// The gradient of the input takes the place of the spikes'.
	n := &neuronOp{
		sum: p.newTerms(y, terms, y.gradStore), name: l.Name, model: o.Model, form: form,
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
	n.sums = make([]kernel.Sums, n.tasks()*p.steps)
	if w != nil {
		n.windows, n.window = w.Windows, windowKernels[w.Shape]
		if learns {
			n.coef = make([][]float64, n.tasks())
			for i := range n.coef {
				n.coef[i] = make([]float64, 3*c)
			}
		}
	}
	n.fwd, n.bwd = n.forwardTask, n.backwardTask
	p.scan = append(p.scan, n)
	p.append(l.Name, y, n)
	return y, nil
}

func fill(n int, v float64) []float32 { return slices.Repeat([]float32{float32(v)}, n) }

func (n *neuronOp) inputs() []*input { return n.sum.inputs }

func (n *neuronOp) buffers() buffers {
	b := n.sum.buffers()
	b.forward = append(b.forward, n.y.store)
	b.backward = append(b.backward, n.y.gradStore)
	return b
}

// A worker's scratch holds pieces as long as a unit at one step: each piece's
// number, then u and s of every step.
const (
	pieceX = iota // the input; backward, the potential before the step
	pieceV        // the potential; backward, the carry
	pieceH        // the window's values; forward, spare
	pieceQ
	pieces
)

func (n *neuronOp) scratchLen() int { return (pieces + 2*n.p.steps) * n.unit * n.y.shape.C }

// piece returns the k-th piece of a worker's scratch, as long as the unit.
func (n *neuronOp) piece(worker, k, length int) []float32 {
	return n.p.scratch[worker][k*n.unit*n.y.shape.C:][:length]
}

// potentials and spikes are the pieces of step t.
func (n *neuronOp) potentials(worker, t, length int) []float32 {
	return n.piece(worker, pieces+2*t, length)
}

func (n *neuronOp) spikes(worker, t, length int) []float32 {
	return n.piece(worker, pieces+2*t+1, length)
}

// units calls fn for every unit of a task: a pixel, its first sample and the
// number of samples.
func (n *neuronOp) units(task int, fn func(px, first, rows int)) {
	from, to := n.pixelsOf(task)
	for px := from; px < to; px++ {
		for first := 0; first < n.p.n; first += n.unit {
			fn(px, first, min(n.unit, n.p.n-first))
		}
	}
}

// refresh recomputes the polynomial from learned parameters.
func (n *neuronOp) refresh() {
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
	n.p.pool.run(n.tasks(), n.fwd)
	spikes, neurons := 0., 0.
	for t := range n.p.t {
		s := n.observed(t)
		spikes, neurons = spikes+s.Spikes, neurons+float64(s.Neurons)
	}
	n.fired = spikes / neurons
}

func (n *neuronOp) forwardTask(worker, task int) {
	sums := n.sums[task*n.p.steps:][:n.p.t]
	clear(sums)
	row := n.y.row()
	n.units(task, func(px, first, rows int) {
		n.scan(worker, px, first, rows, func(t int, s, u []float32, step kernel.Sums) {
			sums[t].Add(step)
			at := n.p.rowOf(n.y, px, t, first)
			if n.y.form == asSpikes {
				kernel.PackBits(n.y.bits[at*row:][:rows*row], s, n.y.shape.C)
			} else {
				copy(n.y.data[at*row:], s)
			}
		})
	})
}

// scan runs a unit through all steps and hands each one's spikes and potentials
// before firing to fn.
func (n *neuronOp) scan(worker, px, first, rows int, fn func(t int, s, u []float32, sums kernel.Sums)) {
	c := n.y.shape.C
	length := rows * c
	x, spare, v := n.piece(worker, pieceX, length), n.piece(worker, pieceH, length), n.piece(worker, pieceV, length)
	if n.state != nil {
		v = n.state[(px*n.p.n+first)*c:][:length]
	} else {
		for i := range v {
			v[i] = n.kern.Reset
		}
	}
	for t := range n.p.t {
		s, u := n.spikes(worker, t, length), n.potentials(worker, t, length)
		n.load(x, px, t, first, rows, spare)
		if n.p.planOptions.spikes == smoothSpikes {
			w := n.windows.Widths[t]
			fn(t, s, u, n.kern.StepSmooth(s, u, v, x, func(d float32) float32 {
				return float32(n.windows.Shape.Integral(float64(d), w))
			}))
		} else {
			fn(t, s, u, n.kern.Step(s, u, v, x))
		}
	}
}

func (n *neuronOp) backward() {
	if !n.y.wantsGrad() {
		return
	}
	n.p.pool.run(n.tasks(), n.bwd)
	if len(n.learn) > 0 {
		n.learnedGradient()
	}
}

func (n *neuronOp) backwardTask(worker, task int) {
	if n.coef != nil {
		clear(n.coef[task])
	}
	n.units(task, func(px, first, rows int) { n.scanBack(worker, task, px, first, rows) })
	n.pass(task)
}

// scanBack turns ∂L/∂s of a unit into ∂L/∂x.
func (n *neuronOp) scanBack(worker, task, px, first, rows int) {
	n.scan(worker, px, first, rows, func(int, []float32, []float32, kernel.Sums) {})
	c := n.y.shape.C
	length := rows * c
	prev, carry, h := n.piece(worker, pieceX, length), n.piece(worker, pieceV, length), n.piece(worker, pieceH, length)
	clear(carry)
	for t := n.p.t - 1; t >= 0; t-- {
		u, s := n.potentials(worker, t, length), n.spikes(worker, t, length)
		n.window(h, u, n.kern.Theta, shapeScale(n.windows.Shape, n.windows.Widths[t]))
		if t > 0 {
			n.kern.After(prev, n.potentials(worker, t-1, length), n.spikes(worker, t-1, length))
		} else {
			for i := range prev {
				prev[i] = n.kern.Reset
			}
		}
		q := n.y.grad[n.p.rowOf(n.y, px, t, first)*c:][:length]
		n.kern.Back(q, carry, q, h, u, s, prev)
		if n.coef != nil {
			d := n.coef[task]
			kernel.CoefGradient(d[:c], d[c:2*c], d[2*c:], q, prev)
		}
		if n.still == nil {
			continue
		}
		if total := n.still.mem[(px*n.p.n+first)*c:][:length]; t == n.p.t-1 {
			copy(total, q)
		} else {
			kernel.Add(total, q)
		}
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
	for task := range n.tasks() {
		total.Add(n.sums[task*n.p.steps+t])
	}
	return total
}

// observe writes the last pass's potentials before firing at a step,
// [N, H, W, C].
func (n *neuronOp) observe(dst []float32, step int) {
	c, pixels := n.y.shape.C, n.y.pixels()
	n.p.pool.run(n.tasks(), func(worker, task int) {
		n.units(task, func(px, first, rows int) {
			n.scan(worker, px, first, rows, func(t int, _, u []float32, _ kernel.Sums) {
				if t != step {
					return
				}
				for i := range rows {
					copy(dst[((first+i)*pixels+px)*c:][:c], u[i*c:])
				}
			})
		})
	})
}
