package cpu

import (
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// weights is what convolutions and linear layers share: a weight matrix [K, N],
// an optional bias [N], and each worker's lists of what is not zero.
type weights struct {
	p     *plan
	w, b  *param
	k, n  int
	back  []float32 // the matrix transposed, for the input gradient
	lists []kernel.List
	cols  []*kernel.Columns
}

// columnRows is how many rows a worker collects before it combines them.
const columnRows = 256

func newWeights(p *plan, l graph.Layer, k, n, block int, backward bool) weights {
	ps := p.paramsOf(l)
	w := weights{p: p, w: ps["weight"], b: ps["bias"], k: k, n: n}
	if backward {
		w.back = make([]float32, k*n)
	}
	for range p.pool.workers {
		w.lists = append(w.lists, kernel.NewList(max(k, n)))
		if p.train {
			w.cols = append(w.cols, kernel.NewColumns(block, columnRows))
		}
	}
	return w
}

func (w *weights) transpose() { kernel.Transpose(w.back, w.w.data, w.k, w.n) }

// biasGradient adds the rows of dy, in order.
func (w *weights) biasGradient(dy []float32) {
	if w.b != nil {
		kernel.SumRows(w.b.grad, dy)
	}
}

// convOp is a convolution. Its tiles are images, forward and for the input
// gradient; rows of the weight matrix, for the weight gradient: each tile owns
// what it writes, so no sum depends on who computes it.
type convOp struct {
	weights
	x                    input
	y                    *value
	geo                  kernel.Geometry
	block                int // input channels per weight-gradient tile
	fwd, bwdX, bwdWeight func(worker, tile int)
}

// channelBlock is the most input channels in a tile of the weight gradient.
const channelBlock = 16

func newConv(p *plan, o *graph.Conv, l graph.Layer, x input, y *value) *convOp {
	geo := kernel.Geometry{
		H: l.In[0].H, W: l.In[0].W, C: l.In[0].C, OutH: l.Out.H, OutW: l.Out.W,
		Kernel: o.Kernel, Stride: o.Stride, Pad: o.Pad,
	}
	block := min(geo.C, channelBlock)
	c := &convOp{
		weights: newWeights(p, l, geo.Patch(), o.Out, block, x.grad != nil),
		x:       x, y: y, geo: geo, block: block,
	}
	c.fwd, c.bwdX, c.bwdWeight = c.forwardTile, c.inputTile, c.weightTile
	return c
}

func (c *convOp) inputs() []*input { return []*input{&c.x} }

// scratchLen is one image's patch matrix.
func (c *convOp) scratchLen() int { return c.geo.OutH * c.geo.OutW * c.geo.Patch() }

func (c *convOp) forward() { c.p.pool.run(c.p.frames(c.y), c.fwd) }

func (c *convOp) forwardTile(worker, i int) {
	y := image(c.y.data, c.y.shape, i)
	kernel.Convolve(y, image(c.x.data, c.x.shape, i), c.w.data, c.geo, c.n, &c.lists[worker])
	if c.b != nil {
		kernel.AddBias(y, c.b.data)
	}
}

func (c *convOp) backward() {
	frames := c.p.frames(c.y)
	blocks := tiles(c.geo.C, c.block)
	c.p.pool.run(c.geo.Kernel*c.geo.Kernel*blocks, c.bwdWeight)
	c.biasGradient(c.y.grad[:frames*c.y.shape.Size()])
	if c.x.grad != nil {
		c.transpose()
		c.p.pool.run(frames, c.bwdX)
	}
}

func (c *convOp) weightTile(worker, tile int) {
	blocks := tiles(c.geo.C, c.block)
	pos, ci := tile/blocks, tile%blocks*c.block
	cn := min(c.block, c.geo.C-ci)
	dw := c.w.grad[(pos*c.geo.C+ci)*c.n:][:cn*c.n]
	for i := range c.p.frames(c.y) {
		kernel.WeightGradient(dw, image(c.x.data, c.x.shape, i), image(c.y.grad, c.y.shape, i),
			c.geo, pos/c.geo.Kernel, pos%c.geo.Kernel, ci, cn, c.n, c.cols[worker])
	}
}

func (c *convOp) inputTile(worker, i int) {
	dx := image(c.x.grad, c.x.shape, i)
	dy := image(c.y.grad, c.y.shape, i)
	m := c.geo.OutH * c.geo.OutW
	if c.geo.Pointwise() {
		kernel.Mul(dx, dy, c.back, m, c.n, c.k, !c.x.first, &c.lists[worker])
		return
	}
	col := c.p.scratch[worker][:c.scratchLen()]
	kernel.Mul(col, dy, c.back, m, c.n, c.k, false, &c.lists[worker])
	if c.x.first {
		clear(dx)
	}
	kernel.Col2im(dx, col, c.geo)
}

// image returns image i of data [frames, H, W, C].
func image(data []float32, s graph.Shape, i int) []float32 {
	n := s.Size()
	return data[i*n : (i+1)*n]
}

// linearRows is the number of samples in a tile of a linear layer; weightRows
// the number of its weight matrix's rows in a tile of the weight gradient.
const (
	linearRows = 8
	weightRows = 32
)

// linearOp is a fully connected layer on frames of vectors.
type linearOp struct {
	weights
	x                    input
	y                    *value
	fwd, bwdX, bwdWeight func(worker, tile int)
}

func newLinear(p *plan, l graph.Layer, x input, y *value) *linearOp {
	o := &linearOp{weights: newWeights(p, l, l.In[0].C, l.Out.C, weightRows, x.grad != nil), x: x, y: y}
	o.fwd, o.bwdX, o.bwdWeight = o.forwardTile, o.inputTile, o.weightTile
	return o
}

func (o *linearOp) inputs() []*input { return []*input{&o.x} }

// rows returns the frames of a tile.
func (o *linearOp) rows(tile int) (from, to int) {
	return tile * linearRows, min((tile+1)*linearRows, o.p.frames(o.y))
}

func (o *linearOp) forward() {
	o.p.pool.run(tiles(o.p.frames(o.y), linearRows), o.fwd)
}

func (o *linearOp) forwardTile(worker, tile int) {
	a, b := o.rows(tile)
	y := o.y.data[a*o.n : b*o.n]
	kernel.Mul(y, o.x.data[a*o.k:b*o.k], o.w.data, b-a, o.k, o.n, false, &o.lists[worker])
	if o.b != nil {
		kernel.AddBias(y, o.b.data)
	}
}

func (o *linearOp) backward() {
	frames := o.p.frames(o.y)
	o.p.pool.run(tiles(o.k, weightRows), o.bwdWeight)
	o.biasGradient(o.y.grad[:frames*o.n])
	if o.x.grad != nil {
		o.transpose()
		o.p.pool.run(tiles(frames, linearRows), o.bwdX)
	}
}

func (o *linearOp) weightTile(worker, tile int) {
	k0 := tile * weightRows
	kn := min(weightRows, o.k-k0)
	kernel.MulTransposed(o.w.grad[k0*o.n:(k0+kn)*o.n], o.x.data[k0:], o.y.grad, o.p.frames(o.y), kn, o.k, o.n, o.cols[worker])
}

func (o *linearOp) inputTile(worker, tile int) {
	a, b := o.rows(tile)
	kernel.Mul(o.x.grad[a*o.k:b*o.k], o.y.grad[a*o.n:b*o.n], o.back, b-a, o.n, o.k, !o.x.first, &o.lists[worker])
}
