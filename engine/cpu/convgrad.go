package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// convGradients is the backward half of a convolution. The weights' gradient is
// computed in tiles, blocks of input channels: each sum has one owner. The
// input's is a product with the transposed weights, over the output pixels that
// an input pixel reaches.
type convGradients struct {
	*convOp
	weights *kernel.EventGradient
	scratch []*kernel.EventScratch // per worker
	block   int                    // input channels of a tile of the weights' gradient
	tilesC  int

	width, panels int // of the transposed weights' panels, over input channels
	packed        *buffer
	into          []int32 // per input pixel and position: the output's pixel
	units         units

	half   *halfGradients  // nil: in float32
	masked *maskedGradient // nil: always dense
	dots   *halfInput      // the gradient of the input alone in bfloat16; nil: in float32

	weightTile, inputTile, packTile func(worker, task int)
}

// gradientBlock is the input channels of a tile of the weights' gradient: as many
// as leave their sums in the second-level cache, and all cores something to do.
func gradientBlock(c int) int {
	switch {
	case c >= 128:
		return 64
	case c > 32:
		return 32
	case c > fewChannels:
		return (c + 1) / 2
	}
	return c
}

func (g *convGradients) init(c *convOp) {
	g.convOp = c
	if c.x.wantsGrad() {
		in, _ := c.g.Pixels()
		g.into = sources(in, c.g.Positions(), c.g.TapsInto)
	}
	if c.half != nil {
		g.half = newHalfGradients(c.half)
		return
	}
	g.weights = kernel.NewEventGradient(c.g, c.p.most(c.x.value))
	g.block = gradientBlock(c.g.C)
	g.tilesC = tiles(c.g.C, g.block)
	g.weightTile = g.weightTask
	if !c.x.wantsGrad() {
		return
	}
	if c.p.fitsHalves(inputHalves, c.g.C, c.g.Out) {
		g.dots = newHalfInput(c, c.p.newHalves(c.y.pixels()*c.p.most(c.y)*c.g.Out))
		return
	}
	g.units = newUnits(c.p, c.x.value)
	g.width = panelWidth(c.g.C)
	g.panels = tiles(c.g.C, g.width)
	packed := g.panels * c.g.Positions() * c.g.Out * g.width
	if g.masked = newMaskedGradient(g); g.masked != nil {
		packed = max(packed, g.masked.kern.PackedLen())
	}
	g.packed = c.p.newBuffer(packed)
	g.inputTile, g.packTile = g.inputTask, g.packTask
}

// scratchLen is room for what a product in bfloat16 unpacks.
func (g *convGradients) scratchLen() int {
	if g.half == nil {
		return g.dots.scratchLen()
	}
	return g.half.scratchLen()
}

// allocate makes what each worker needs.
func (c *convOp) allocate() {
	c.taps = newTaps(c.p.threads, max(c.g.Positions(), c.g.OutW))
	if c.grads.masked != nil {
		c.grads.masked.allocate()
	}
	if c.p.train && c.half == nil {
		for range c.p.threads {
			c.grads.scratch = append(c.grads.scratch, c.grads.weights.NewScratch(c.grads.block, c.g.Out, c.x.form != asSpikes))
		}
	}
}

func (g *convGradients) touched() []*buffer {
	b := []*buffer{g.x.store, g.y.gradStore, g.x.gradStore, g.packed}
	if g.half != nil {
		b = append(append(append(b, g.half.turned), g.half.input.buffers()...), g.y.halfGrad.buffers()...)
	}
	if g.masked != nil {
		b = append(b, g.masked.near.store)
	}
	return append(b, g.dots.buffers()...)
}

func (c *convOp) backward() {
	c.grads.ofWeights()
	if c.x.wantsGrad() {
		c.grads.ofInput()
	}
}

func (g *convGradients) weightsKind() string { return "conv weights" }

// ofWeights computes the gradient of the weights and of the bias.
func (g *convGradients) ofWeights() {
	if g.half != nil {
		g.half.ofWeights()
	} else {
		g.p.pool.run(g.tilesC, g.weightTile)
	}
	if g.b == nil {
		return
	}
	clear(g.b.grad)
	if g.y.form != asHalves { // there tdBN takes the bias away with the mean
		kernel.SumRows(g.b.grad, g.y.grad[:g.p.frames(g.y)*g.y.shape.Size()])
	}
}

func (g *convGradients) inputKind() string {
	switch {
	case g.half != nil || g.dots != nil:
		return "conv input, bfloat16"
	case g.masked.pays():
		return "conv input, masked"
	}
	return "conv input"
}

// ofInput computes the gradient of the input, or as much of it as the neurons
// behind it hand on.
func (g *convGradients) ofInput() {
	switch {
	case g.half != nil:
		g.half.input.compute()
	case g.dots != nil:
		g.dots.round()
		g.dots.compute()
	case g.masked.pays():
		g.masked.ofInput()
	default:
		g.p.pool.run(g.g.Positions(), g.packTile)
		g.p.pool.run(g.panels*g.units.count(), g.inputTile)
	}
}

func (g *convGradients) weightTask(worker, task int) {
	c0, c1 := task*g.block, min(g.g.C, (task+1)*g.block)
	f := g.p.frames(g.y)
	dy := g.y.grad[:f*g.y.shape.Size()]
	if g.x.form == asSpikes {
		g.weights.Bits(g.w.grad, g.x.bits, 1, dy, f, c0, c1, 0, g.g.Out, g.scratch[worker])
	} else {
		g.weights.Numbers(g.w.grad, g.x.data, dy, f, c0, c1, 0, g.g.Out, g.scratch[worker])
	}
}

// packTask packs the transposed weights of a position: panels of all positions
// follow each other.
func (g *convGradients) packTask(_, d int) {
	n := g.panels * g.width * g.g.Out
	kernel.PackPanelsTransposed(g.packed.mem[d*n:][:n], g.w.data[d*g.g.C*g.g.Out:][:g.g.C*g.g.Out], g.g.Out, g.g.C, g.width)
}

func (g *convGradients) inputTask(worker, task int) {
	q, unit := task/g.units.count(), task%g.units.count()
	f, d, n := g.p.frames(g.x.value), g.g.Positions(), g.g.Out*g.width
	from, to, first, frames := g.units.of(unit, f)
	m := product{
		x: g.y.grad, ldx: g.g.Out, rows: f, first: first, w: g.packed.mem[q*n:], block: g.panels * n, width: g.width,
		k: g.g.Out, cols: min(g.width, g.g.C-q*g.width),
	}
	for px := from; px < to; px++ {
		m.add(g.x.grad[(px*f+first)*g.g.C+q*g.width:], g.g.C, g.into[px*d:][:d], frames, !g.x.first, g.taps[worker])
	}
}
