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
	back  []float32     // the matrix transposed, for the input gradient
	lists []kernel.List // per worker
	cols  []*kernel.Columns
}

// newWeights has room for weight-gradient tiles of `block` input channels, whose
// lists are made of up to `rows` rows at a time.
func newWeights(p *plan, l graph.Layer, k, n, block, rows int, backward bool) weights {
	ps := p.paramsOf(l)
	w := weights{p: p, w: ps["weight"], b: ps["bias"], k: k, n: n}
	if backward {
		w.back = make([]float32, k*n)
	}
	for range p.pool.workers {
		w.lists = append(w.lists, kernel.NewList(k))
		if p.train {
			w.cols = append(w.cols, kernel.NewColumns(block, rows))
		}
	}
	return w
}

// biasGradient adds the rows of dy, in order.
func (w *weights) biasGradient(dy []float32) {
	if w.b != nil {
		kernel.SumRows(w.b.grad, dy)
	}
}

// convOp is a convolution. Its tiles are images, forward and for the input
// gradient. For the weight gradient a tile is a block of input channels and a
// group of images; groups have a gradient each and are added up in order, so no
// sum depends on who computes it.
type convOp struct {
	weights
	x                    input
	y                    *value
	geo                  kernel.Geometry
	corr                 *kernel.Correlation
	direct               *kernel.Direct // nil: over what is not zero
	block, blocks        int            // input channels per weight-gradient tile; such blocks
	groups               [][]float32    // gradients of groups of images, if there are several
	fwd, bwdX, bwdWeight func(worker, tile int)
}

// channelBlock is the most input channels in a tile of the weight gradient;
// weightTiles how many tiles there are at least, so that all cores have work.
const (
	channelBlock = 16
	weightTiles  = 8
)

func newConv(p *plan, o *graph.Conv, l graph.Layer, x input, y *value) *convOp {
	geo := kernel.Geometry{
		H: l.In[0].H, W: l.In[0].W, C: l.In[0].C, OutH: l.Out.H, OutW: l.Out.W,
		Kernel: o.Kernel, Stride: o.Stride, Pad: o.Pad,
	}
	c := &convOp{x: x, y: y, geo: geo, corr: kernel.NewCorrelation(geo, o.Out), direct: kernel.NewDirect(geo, o.Out), block: min(geo.C, channelBlock)}
	c.blocks = tiles(geo.C, c.block)
	c.weights = newWeights(p, l, geo.Patch(), o.Out, c.block, c.corr.Pixels(), x.grad != nil)
	if n := weightTiles / c.blocks; p.train && n > 1 {
		c.groups = make([][]float32, n)
		for i := range c.groups {
			c.groups[i] = make([]float32, len(c.w.data))
		}
	}
	c.fwd, c.bwdX, c.bwdWeight = c.forwardTile, c.inputTile, c.weightTile
	return c
}

func (c *convOp) inputs() []*input { return []*input{&c.x} }

// scratchLen is room for an image with a margin.
func (c *convOp) scratchLen() int {
	if c.direct != nil {
		return max(c.corr.ScratchLen(), c.direct.ScratchLen())
	}
	return c.corr.ScratchLen()
}

func (c *convOp) forward() { c.p.pool.run(c.p.frames(c.y), c.fwd) }

func (c *convOp) forwardTile(worker, i int) {
	x, y := image(c.x.data, c.x.shape, i), image(c.y.data, c.y.shape, i)
	if c.direct != nil {
		c.direct.Convolve(y, x, c.w.data, c.p.scratch[worker])
	} else {
		kernel.Convolve(y, x, c.w.data, c.geo, c.n, &c.lists[worker])
	}
	if c.b != nil {
		kernel.AddBias(y, c.b.data)
	}
}

func (c *convOp) backward() {
	frames := c.p.frames(c.y)
	c.p.pool.run(c.blocks*max(1, len(c.groups)), c.bwdWeight)
	for _, g := range c.groups {
		kernel.Add(c.w.grad, g)
	}
	c.biasGradient(c.y.grad[:frames*c.y.shape.Size()])
	if c.x.grad != nil {
		c.corr.TransposePositions(c.back, c.w.data)
		c.p.pool.run(frames, c.bwdX)
	}
}

func (c *convOp) weightTile(worker, tile int) {
	ci := tile % c.blocks * c.block
	cn := min(c.block, c.geo.C-ci)
	dw, from, to := c.w.grad, 0, c.p.frames(c.y)
	if n := len(c.groups); n > 0 {
		g := tile / c.blocks
		dw, from, to = c.groups[g], g*to/n, (g+1)*to/n
		for row := ci * c.n; row < len(dw); row += c.geo.C * c.n {
			clear(dw[row : row+cn*c.n])
		}
	}
	for i := from; i < to; i++ {
		c.corr.Weights(dw, image(c.x.data, c.x.shape, i), image(c.y.grad, c.y.shape, i),
			ci, cn, c.cols[worker], c.p.scratch[worker])
	}
}

func (c *convOp) inputTile(worker, i int) {
	dx, dy := image(c.x.grad, c.x.shape, i), image(c.y.grad, c.y.shape, i)
	c.corr.Input(dx, dy, c.back, !c.x.first, c.p.scratch[worker])
}

// image returns image i of data [frames, H, W, C].
func image(data []float32, s graph.Shape, i int) []float32 {
	n := s.Size()
	return data[i*n : (i+1)*n]
}

// linearRows is the number of samples in a tile of a linear layer; weightRows
// the number of its weight matrix's rows in a tile of the weight gradient;
// listedRows how many samples that lists at a time.
const (
	linearRows = 8
	weightRows = 32
	listedRows = 256
)

// linearOp is a fully connected layer on frames of vectors.
type linearOp struct {
	weights
	x                    input
	y                    *value
	rows                 kernel.RowTable // of the input
	fwd, bwdX, bwdWeight func(worker, tile int)
}

func newLinear(p *plan, l graph.Layer, x input, y *value) *linearOp {
	o := &linearOp{weights: newWeights(p, l, l.In[0].C, l.Out.C, weightRows, listedRows, x.grad != nil), x: x, y: y}
	o.rows = kernel.NewRowTable(listedRows, o.k)
	o.fwd, o.bwdX, o.bwdWeight = o.forwardTile, o.inputTile, o.weightTile
	return o
}

func (o *linearOp) inputs() []*input { return []*input{&o.x} }

// frames returns the frames of a tile.
func (o *linearOp) frames(tile int) (from, to int) {
	return tile * linearRows, min((tile+1)*linearRows, o.p.frames(o.y))
}

func (o *linearOp) forward() {
	o.p.pool.run(tiles(o.p.frames(o.y), linearRows), o.fwd)
}

func (o *linearOp) forwardTile(worker, tile int) {
	a, b := o.frames(tile)
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
		kernel.Transpose(o.back, o.w.data, o.k, o.n)
		o.p.pool.run(tiles(frames, linearRows), o.bwdX)
	}
}

func (o *linearOp) weightTile(worker, tile int) {
	k0 := tile * weightRows
	kn := min(weightRows, o.k-k0)
	kernel.MulTransposed(o.w.grad[k0*o.n:(k0+kn)*o.n], o.x.data[k0:], o.y.grad, o.p.frames(o.y), kn, o.k, o.n, o.rows, o.cols[worker])
}

func (o *linearOp) inputTile(_, tile int) {
	a, b := o.frames(tile)
	kernel.MulDense(o.x.grad[a*o.k:b*o.k], o.y.grad[a*o.n:b*o.n], o.back, b-a, o.n, o.k, !o.x.first)
}
