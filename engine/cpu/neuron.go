package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// neuronOp scans a layer of neurons over time, and back. A tile is a range of
// rows (pixels of samples) with all their steps, so that state stays in cache.
type neuronOp struct {
	p     *plan
	name  string
	model neuron.Model
	form  neuron.Form
	x     input
	y     *value // spikes
	kern  kernel.Neuron
	learn []*param // tensors of model.Learn, same order

	c, rows int // channels; rows per tile
	u       []float32
	v       []float32 // inference: the state, [n, H, W, C]; in training v is scratch

	windows  window.Windows
	window   kernel.Window
	sums     []kernel.Sums // [tile][T]
	coef     [][]float64   // learning: per tile ∂L/∂(c2, c1, c0), [3][C]
	fwd, bwd func(worker, tile int)
}

var windowKernels = map[window.Shape]kernel.Window{
	window.Rectangular:  kernel.Rectangular,
	window.Triangular:   kernel.Triangular,
	window.Epanechnikov: kernel.Epanechnikov,
	window.Gaussian:     kernel.Gaussian,
	window.ATan:         kernel.ATan,
	window.Sigmoid:      kernel.Sigmoid,
}

func newNeuron(p *plan, o *graph.Neuron, l graph.Layer, x input, y *value, w *graph.LayerWindows) (*neuronOp, error) {
	d, err := o.Model.Dynamics()
	if err != nil {
		return nil, err
	}
	form, err := neuron.FormNamed(o.Model.Form)
	if err != nil {
		return nil, err
	}
	c := l.Out.C
	n := &neuronOp{
		p: p, name: l.Name, model: o.Model, form: form, x: x, y: y, c: c, rows: tileRows(c),
		kern: kernel.Neuron{
			C2: fill(c, d.C2), C1: fill(c, d.C1), C0: fill(c, d.C0), Theta: float32(d.Threshold),
			Reset: float32(d.ResetValue), Floor: float32(d.Floor), Soft: d.Soft, Detach: d.Detach,
		},
		u: make([]float32, len(y.data)),
	}
	ps := p.paramsOf(l)
	for _, name := range o.Model.Learn {
		n.learn = append(n.learn, ps[name])
	}
	count := tiles(p.batch*l.Out.H*l.Out.W, n.rows)
	n.sums = make([]kernel.Sums, count*p.steps)
	if w != nil {
		n.windows, n.window = w.Windows, windowKernels[w.Shape]
		if len(n.learn) > 0 {
			n.coef = make([][]float64, count)
			for i := range n.coef {
				n.coef[i] = make([]float64, 3*c)
			}
		}
	}
	n.fwd, n.bwd = n.forwardTile, n.backwardTile
	return n, nil
}

func fill(n int, v float64) []float32 { return slices.Repeat([]float32{float32(v)}, n) }

func (n *neuronOp) inputs() []*input { return []*input{&n.x} }

// scratchLen is room for a tile's potential, its carry, window values and
// gradient.
func (n *neuronOp) scratchLen() int { return 4 * n.rows * n.c }

// work returns the k-th piece of a worker's scratch, as long as the tile.
func (n *neuronOp) work(worker, k, length int) []float32 {
	return n.p.scratch[worker][k*n.rows*n.c:][:length]
}

func (n *neuronOp) tiles() int { return tiles(n.p.n*n.y.shape.H*n.y.shape.W, n.rows) }

// tile returns a tile's range of numbers within one step.
func (n *neuronOp) tile(i int) (from, to int) {
	return i * n.rows * n.c, min((i+1)*n.rows*n.c, n.perStep())
}

// perStep is the numbers in one step of the current pass.
func (n *neuronOp) perStep() int { return n.p.n * n.y.shape.Size() }

// at returns tile range [a, b) at step t of a value over time.
func (n *neuronOp) at(data []float32, t, a, b int) []float32 {
	return data[t*n.perStep()+a : t*n.perStep()+b]
}

// input returns x[t] of a tile; a constant input is the same at every step.
func (n *neuronOp) input(data []float32, t, a, b int) []float32 {
	if n.x.static {
		t = 0
	}
	return n.at(data, t, a, b)
}

// refresh recomputes the polynomial from learned parameters.
func (n *neuronOp) refresh() {
	if len(n.learn) == 0 {
		return
	}
	vals := make([]float64, len(n.form.Params))
	for c := range n.c {
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
	n.p.pool.run(n.tiles(), n.fwd)
}

func (n *neuronOp) forwardTile(worker, tile int) {
	a, b := n.tile(tile)
	var v []float32
	if n.p.train {
		v = n.work(worker, 0, b-a)
		for i := range v {
			v[i] = n.kern.Reset
		}
	} else {
		v = n.v[a:b]
	}
	for t := range n.p.steps {
		s, u, x := n.at(n.y.data, t, a, b), n.at(n.u, t, a, b), n.input(n.x.data, t, a, b)
		sums := &n.sums[tile*n.p.steps+t]
		if n.p.smooth {
			w := n.windows.Widths[t]
			*sums = n.kern.StepSmooth(s, u, v, x, func(d float32) float32 {
				return float32(n.windows.Shape.Integral(float64(d), w))
			})
		} else {
			*sums = n.kern.Step(s, u, v, x)
		}
	}
}

func (n *neuronOp) backward() {
	if n.x.grad == nil && len(n.learn) == 0 {
		return
	}
	n.p.pool.run(n.tiles(), n.bwd)
	if len(n.learn) > 0 {
		n.learnedGradient()
	}
}

func (n *neuronOp) backwardTile(worker, tile int) {
	a, b := n.tile(tile)
	prev, carry := n.work(worker, 0, b-a), n.work(worker, 1, b-a)
	h, q := n.work(worker, 2, b-a), n.work(worker, 3, b-a)
	clear(carry)
	var d2, d1, d0 []float64
	if n.coef != nil {
		c := n.coef[tile]
		clear(c)
		d2, d1, d0 = c[:n.c], c[n.c:2*n.c], c[2*n.c:]
	}
	for t := n.p.steps - 1; t >= 0; t-- {
		u, s := n.at(n.u, t, a, b), n.at(n.y.data, t, a, b)
		n.window(h, u, n.kern.Theta, shapeScale(n.windows.Shape, n.windows.Widths[t]))
		if t > 0 {
			n.kern.After(prev, n.at(n.u, t-1, a, b), n.at(n.y.data, t-1, a, b))
		} else {
			for i := range prev {
				prev[i] = n.kern.Reset
			}
		}
		n.kern.Back(q, carry, n.at(n.y.grad, t, a, b), h, u, s, prev)
		if d0 != nil {
			kernel.CoefGradient(d2, d1, d0, q, prev)
		}
		if n.x.grad != nil {
			n.passDown(n.input(n.x.grad, t, a, b), q, t)
		}
	}
}

// passDown hands q to the input's gradient. Over time, a constant input adds
// up; the first step to arrive is the last in time.
func (n *neuronOp) passDown(dst, q []float32, t int) {
	if n.x.first && (!n.x.static || t == n.p.steps-1) {
		copy(dst, q)
		return
	}
	kernel.Add(dst, q)
}

// learnedGradient adds up the tiles in order and applies the chain rule from
// (c2, c1, c0) to the learned parameters, per channel or summed.
func (n *neuronOp) learnedGradient() {
	vals := make([]float64, len(n.form.Params))
	acc := make([][]float64, len(n.learn))
	for k, q := range n.learn {
		acc[k] = make([]float64, len(q.grad))
	}
	for c := range n.c {
		var d neuron.Map
		for _, t := range n.coef[:n.tiles()] {
			d.C2 += t[c]
			d.C1 += t[n.c+c]
			d.C0 += t[2*n.c+c]
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
			q.grad[i] += float32(v)
		}
	}
}

// observed returns the pass's totals for step t.
func (n *neuronOp) observed(t int) kernel.Sums {
	var total kernel.Sums
	for tile := range n.tiles() {
		total.Add(n.sums[tile*n.p.steps+t])
	}
	return total
}
