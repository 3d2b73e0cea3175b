package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// convOp is a convolution or a fully connected layer, which is one whose kernel
// is the whole image. Every output pixel is a sum of products of matrices: over
// the window positions inside the image, the pixel's frames there times the
// position's weights. Spikes take part as lists of which channels fired, unless
// nearly all did.
type convOp struct {
	p    *plan
	x    input
	y    *value
	w, b *param
	g    kernel.Conv

	width, panels int        // of the weights' panels, over output channels
	packs         [2]*buffer // packed weights, and packed anew
	packed        *buffer    // those in use
	from          []int32    // per output pixel and position: the input's pixel
	units         units
	moments       *moments // of the output, if somebody wants them
	lists         *eventLists
	eventful      bool // this pass's forward takes lists

	taps  []taps    // per worker
	fused *neuronOp // in inference: takes the output as it comes
	grads convGradients
	half  *halfConv // nil: in float32
	pack  func(worker, panel int)
	fwd   func(worker, task int)
}

// panelWidth returns the width of the panels that n columns are cut into: one
// panel of up to 64 columns, or those of 32 or 64 that leave least unused, so
// that each has words of spikes of its own.
func panelWidth(n int) int {
	if n <= 64 {
		return tiles(n, 16) * 16
	}
	if tiles(n, 32)%2 != 0 {
		return 32
	}
	return 64
}

func (p *plan) newConv(l node, x *value, h, w, kh, kw, stride, pad int) *value {
	if x.form == asSum || x.form == asHalves && !p.fitsHalves(allHalves, x.shape.C, l.Out.C) {
		x = p.numbers(l, x)
	}
	if x.static && !l.Static {
		x = p.changing(l, x)
	}
	ps := p.paramsOf(l.Layer)
	c := &convOp{
		p: p, x: input{value: x}, w: ps["weight"], b: ps["bias"],
		g: kernel.Conv{
			H: h, W: w, C: x.shape.C, OutH: l.Out.H, OutW: l.Out.W, Out: l.Out.C,
			KernelH: kh, KernelW: kw, Stride: stride, Pad: pad,
		},
	}
	_, out := c.g.Pixels()
	c.from = sources(out, c.g.Positions(), c.g.Taps)
	f := asNumbers
	if c.inHalves() && l.normed {
		f = asHalves
	}
	c.y = p.newValue(l.Out, l.Static, f, l.grad)
	if p.low && p.train && l.normed {
		c.y.again = p.newBuffer(c.y.store.words)
	}
	c.units = newUnits(p, c.y)
	if c.inHalves() {
		c.half = newHalfConv(c)
	} else {
		c.inFloat32()
	}
	if p.train {
		c.grads.init(c)
	}
	p.convs = append(p.convs, c)
	p.append(l.Name, c.y, c)
	return c.y
}

// inFloat32 prepares products in float32.
func (c *convOp) inFloat32() {
	c.width = panelWidth(c.g.Out)
	c.panels = tiles(c.g.Out, c.width)
	c.newPacked(c.panels * c.rows() * c.width)
	if c.mayList() {
		c.lists = c.p.eventLists(c.x.value)
	}
	c.pack, c.fwd = c.packTask, c.forwardTask
}

// rows is the rows of the weights [positions·C, Out].
func (c *convOp) rows() int { return c.g.Positions() * c.g.C }

// fewChannels is the most channels of an input of numbers for which lists of
// what is not zero are not worth making.
const fewChannels = 4

// mayList reports whether the input may take part as lists.
func (c *convOp) mayList() bool {
	return c.x.form == asSpikes || c.x.density != nil && c.g.C > fewChannels
}

// chooseLists decides how this pass's input takes part. In inference spikes
// always do as lists, so that a stream's results have the bits of a batch's.
func (c *convOp) chooseLists() bool {
	switch {
	case c.lists == nil:
		return false
	case c.x.form == asSpikes:
		return !c.p.train || c.x.density() <= kernel.Sparse().Spikes
	}
	return c.x.density() <= kernel.Sparse().Values
}

func (c *convOp) takeMoments() *moments {
	if c.half != nil {
		c.moments = c.p.newMoments(c.half.momentTasks(), c.g.Out)
	} else {
		c.moments = c.p.newMoments(c.units.count(), c.panels*c.width)
	}
	return c.moments
}

// kind says how the input took part.
func (c *convOp) kind() string {
	switch {
	case c.half != nil:
		return "conv, bfloat16"
	case c.eventful:
		return "conv, events"
	}
	return "conv, dense"
}

func (c *convOp) inputs() []*input { return []*input{&c.x} }

// newPacked plans for the packed weights, and for packing them anew in the
// backward pass: between the two they need no memory.
func (c *convOp) newPacked(words int) {
	for i := range c.packs {
		c.packs[i] = c.p.newBuffer(words)
	}
	c.packed = c.packs[0]
	c.packed.kept = !c.p.train // in inference they are packed when they are loaded
}

// reads are the buffers that the output is computed from, in the forward pass or
// anew in the backward pass.
func (c *convOp) reads(anew int) []*buffer {
	b := []*buffer{c.x.store, c.packs[anew]}
	if c.lists != nil {
		b = append(b, c.lists.wide)
	}
	return b
}

func (c *convOp) buffers() buffers {
	b := buffers{forward: append(c.reads(0), c.y.store)}
	if c.moments != nil {
		b.forward = append(b.forward, c.moments.store)
	}
	if c.p.train {
		b.backward = c.grads.touched()
	}
	return b
}

// scratchLen is room for a unit's output of one panel.
func (c *convOp) scratchLen() int {
	if c.half != nil {
		return max(c.half.scratchLen(), c.grads.scratchLen())
	}
	return max(c.units.rows()*c.width+c.fuseLen(c.width), c.grads.scratchLen())
}

func (c *convOp) forward() {
	if c.y.again != nil {
		c.y.lie(c.y.store)
		c.packed = c.packs[0]
	}
	c.compute()
}

// recompute computes the output anew, for the backward pass: to the same bits,
// since nothing that it is computed from has changed.
func (c *convOp) recompute() {
	c.y.lie(c.y.again)
	c.packed = c.packs[1]
	moments := c.moments
	c.moments = nil // taken in the forward pass
	c.compute()
	c.moments = moments
}

func (c *convOp) compute() {
	if c.half != nil {
		c.half.forward()
		return
	}
	run := c.p.pool.run
	if c.p.train {
		c.packAll()
	}
	if c.eventful = c.chooseLists(); c.eventful {
		c.lists.list(c.x.value)
	} else if c.x.form == asSpikes {
		c.lists.widen(c.x.value)
	}
	run(c.tasks(), c.fwd)
}

// packAll packs the weights: at every step in training, when they are loaded in
// inference.
func (c *convOp) packAll() {
	if c.half != nil {
		c.half.packAll()
	} else {
		c.p.pool.run(c.panels, c.pack)
	}
}

// packTask packs a panel of the weights.
func (c *convOp) packTask(_, q int) {
	n := c.rows() * c.width
	kernel.PackPanel(c.packed.mem[q*n:][:n], c.w.data, c.rows(), c.g.Out, q*c.width, c.width)
}

// forwardTask computes a unit of the output for one panel. Neighbouring tasks
// share the panel, which stays in cache.
func (c *convOp) forwardTask(worker, task int) {
	q, unit := task/c.units.count(), task%c.units.count()
	f := c.p.frames(c.y)
	from, to, first, frames := c.units.of(unit, f)
	scratch := c.p.scratch[worker]
	fuse := c.fusion(worker, task, scratch[c.units.rows()*c.width:], q*c.width, c.width)
	y := output{mem: c.y.data[(from*f+first)*c.g.Out+q*c.width:], ld: c.g.Out, step: f * c.g.Out}
	whole := (q+1)*c.width <= c.g.Out && fuse.neurons == nil
	acc := y
	if !whole {
		acc = output{mem: scratch, ld: c.width, step: frames * c.width}
	}
	panel := c.packed.mem[q*c.rows()*c.width:][:c.rows()*c.width]
	c.fillBias(acc, q, to-from, frames)
	if c.eventful {
		c.accumulateEvents(acc, panel, from, to, first, frames)
	} else {
		c.accumulateNumbers(acc, panel, from, to, first, frames, c.taps[worker])
	}
	if c.moments != nil {
		sum, sum2 := c.moments.begin(unit, q*c.width, (q+1)*c.width)
		for px := range to - from {
			kernel.AddSquares(sum, sum2, acc.pixel(px), frames, acc.ld)
		}
	}
	switch {
	case fuse.neurons != nil:
		for px := from; px < to; px++ {
			fuse.fire(acc.pixel(px - from)[:f*c.width], c.width, px)
		}
	case !whole:
		for px := range to - from {
			copyRows(y.pixel(px), y.ld, acc.pixel(px), acc.ld, frames, c.g.Out-q*c.width)
		}
	}
}

// output is where a task adds up a panel of its unit: rows `ld` numbers apart, pixels
// `step`. That is the output itself, unless the panel is wider or nobody keeps it.
type output struct {
	mem      []float32
	ld, step int
}

// pixel is where the rows of the unit's i-th pixel begin.
func (o output) pixel(i int) []float32 { return o.mem[i*o.step:] }

// copyRows copies the first columns of rows of another width.
func copyRows(dst []float32, ldd int, src []float32, lds, rows, columns int) {
	if ldd == lds && lds == columns {
		copy(dst, src[:rows*columns])
		return
	}
	for r := range rows {
		copy(dst[r*ldd:][:columns], src[r*lds:])
	}
}

// fillBias writes the bias of panel q to every row, if there is one. If not, the
// first products overwrite.
func (c *convOp) fillBias(acc output, q, pixels, frames int) {
	if c.b == nil {
		return
	}
	bias := c.b.data[q*c.width : min(c.g.Out, (q+1)*c.width)]
	for px := range pixels {
		y := acc.pixel(px)
		for i := range frames {
			row := y[i*acc.ld:][:c.width]
			clear(row[copy(row, bias):])
		}
	}
}

// accumulateEvents adds the products of a unit, chunk by chunk of the input's
// channels, so that a chunk's weights at a position serve all of the unit's
// pixels from the first-level cache.
func (c *convOp) accumulateEvents(acc output, panel []float32, from, to, first, frames int) {
	f, d := c.p.frames(c.x.value), c.g.Positions()
	e := c.lists.events
	for chunk := range e.Chunks() {
		for position := range c.g.Positions() {
			w := panel[(position*c.g.C+chunk*kernel.EventChunk)*c.width:]
			for px := from; px < to; px++ {
				taps := c.from[px*d:][:d]
				if at := int(taps[position]); at >= 0 {
					add := c.b != nil || chunk > 0 || slices.ContainsFunc(taps[:position], inside)
					e.Accumulate(acc.pixel(px-from), acc.ld, w, c.width, chunk, at*f+first, frames, c.width, add)
				}
			}
		}
	}
}

// inside reports whether a tap has a pixel. Padding is narrower than windows, so
// every output pixel has a tap that does.
func inside(px int32) bool { return px >= 0 }

// accumulateNumbers adds the dense products of a unit.
func (c *convOp) accumulateNumbers(acc output, panel []float32, from, to, first, frames int, t taps) {
	x := c.x.data
	if c.x.form == asSpikes {
		x = c.lists.wide.mem
	}
	f, d := c.p.frames(c.x.value), c.g.Positions()
	for px := from; px < to; px++ {
		product{
			x: x, ldx: c.g.C, rows: f, first: first, w: panel, block: c.g.C * c.width, width: c.width, k: c.g.C, cols: c.width,
		}.add(acc.pixel(px-from), acc.ld, c.from[px*d:][:d], frames, c.b != nil, t)
	}
}
