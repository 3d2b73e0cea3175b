package cpu

import (
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

	width, panels int // of the weights' panels, over output channels
	packed        *buffer
	from          []int32 // per output pixel and position: the input's pixel
	units         units
	moments       *moments // of the output, if somebody wants them
	lists         *eventLists
	eventful      bool // this pass's forward takes lists

	taps  []taps    // per worker
	fused *neuronOp // in inference: takes the output as it comes
	grads convGradients
	half  *halfConv // nil: in float32
	fwd   func(worker, task int)
}

// sources tables, for each of a number of pixels and each window position, the
// other side's pixel, or −1 where there is none.
func sources(pixels, positions int, taps func([]kernel.Tap, int) []kernel.Tap) []int32 {
	table := make([]int32, pixels*positions)
	for i := range table {
		table[i] = -1
	}
	var at []kernel.Tap
	for p := range pixels {
		at = taps(at[:0], p)
		for _, t := range at {
			table[p*positions+int(t.Position)] = t.Pixel
		}
	}
	return table
}

// units cuts a value into pieces of rows: some pixels with all their frames, or
// one pixel with some of its frames.
type units struct {
	pixels         int // of the value
	group          int // pixels per unit
	frames, pieces int // frames per unit, units per pixel, at most
}

// unitRows is about how many rows a unit of a product has: its output for a
// panel stays in the second-level cache at least, and its work pays for the
// panel's way through the first.
const unitRows = 256

func newUnits(p *plan, v *value) units {
	u := units{pixels: v.pixels(), group: 1, frames: p.most(v), pieces: 1}
	if u.frames > unitRows {
		u.pieces = tiles(u.frames, unitRows)
		u.frames = tiles(u.frames, u.pieces)
	} else {
		u.group = min(u.pixels, unitRows/u.frames)
	}
	return u
}

func (u units) count() int { return tiles(u.pixels, u.group) * u.pieces }

func (u units) rows() int { return u.group * u.frames }

// of returns unit i: its pixels and its range of F frames.
func (u units) of(i, f int) (from, to, first, frames int) {
	px, piece := i/u.pieces*u.group, i%u.pieces
	first = min(f, piece*u.frames)
	return px, min(px+u.group, u.pixels), first, min(f, first+u.frames) - first
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
	c.packed = c.p.newBuffer(c.panels * c.rows() * c.width)
	c.packed.kept = !c.p.train
	if c.mayList() {
		c.lists = c.p.eventLists(c.x.value)
	}
	c.fwd = c.forwardTask
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

// The shares of numbers that are not zero up to which lists are faster than a
// dense product: measured by "qif bench kernels".
const (
	spikesDense = .8
	valuesDense = .45
)

// chooseLists decides how this pass's input takes part. In inference spikes
// always do as lists, so that a stream's results have the bits of a batch's.
func (c *convOp) chooseLists() bool {
	switch {
	case c.lists == nil:
		return false
	case c.x.form == asSpikes:
		return !c.p.train || c.x.density() <= spikesDense
	}
	return c.x.density() <= valuesDense
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

// reads are the buffers that the output is computed from.
func (c *convOp) reads() []*buffer {
	b := []*buffer{c.x.store, c.packed}
	if c.half != nil {
		b = append(b, c.half.weights)
	}
	if c.lists != nil {
		b = append(b, c.lists.wide)
	}
	return b
}

func (c *convOp) buffers() buffers {
	b := buffers{forward: append(c.reads(), c.y.store)}
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
	}
	c.compute()
}

// recompute computes the output anew, for the backward pass: to the same bits,
// since nothing that it is computed from has changed.
func (c *convOp) recompute() {
	c.y.lie(c.y.again)
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
		kernel.PackPanels(c.packed.mem, c.w.data, c.rows(), c.g.Out, c.width)
	}
}

// forwardTask computes a unit of the output for one panel. Neighbouring tasks
// share the panel, which stays in cache.
func (c *convOp) forwardTask(worker, task int) {
	q, unit := task/c.units.count(), task%c.units.count()
	f := c.p.frames(c.y)
	from, to, first, frames := c.units.of(unit, f)
	scratch := c.p.scratch[worker]
	acc := scratch[:c.units.rows()*c.width]
	panel := c.packed.mem[q*c.rows()*c.width:][:c.rows()*c.width]
	c.fillBias(acc, q)
	if c.eventful {
		c.accumulateEvents(acc, panel, from, to, first, frames)
	} else {
		c.accumulateNumbers(acc, panel, from, to, first, frames, c.taps[worker])
	}
	cols := min(c.width, c.g.Out-q*c.width)
	rows := (to - from) * frames
	if c.moments != nil {
		sum, sum2 := c.moments.of(unit)
		at := q * c.width
		sum, sum2 = sum[at:at+c.width], sum2[at:at+c.width]
		clear(sum)
		clear(sum2)
		kernel.AddSquares(sum, sum2, acc[:rows*c.width])
	}
	if fuse := c.fusion(worker, task, scratch[len(acc):], q*c.width, c.width); fuse.neurons != nil {
		for px := from; px < to; px++ {
			fuse.fire(acc[(px-from)*f*c.width:][:f*c.width], c.width, px)
		}
		return
	}
	for px := from; px < to; px++ {
		copyRows(c.y.data[(px*f+first)*c.g.Out+q*c.width:], c.g.Out, acc[(px-from)*frames*c.width:], c.width, frames, cols)
	}
}

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

// fillBias writes the bias of panel q, or zero, to every row.
func (c *convOp) fillBias(acc []float32, q int) {
	clear(acc)
	if c.b == nil {
		return
	}
	bias := c.b.data[q*c.width : min(c.g.Out, (q+1)*c.width)]
	for ; len(acc) > 0; acc = acc[c.width:] {
		copy(acc, bias)
	}
}

// accumulateEvents adds the products of a unit, chunk by chunk of the input's
// channels, so that a chunk's weights at a position serve all of the unit's
// pixels from the first-level cache.
func (c *convOp) accumulateEvents(acc, panel []float32, from, to, first, frames int) {
	f := c.p.frames(c.x.value)
	e := c.lists.events
	for chunk := range e.Chunks() {
		for position := range c.g.Positions() {
			w := panel[(position*c.g.C+chunk*kernel.EventChunk)*c.width:]
			for px := from; px < to; px++ {
				if at := int(c.from[px*c.g.Positions()+position]); at >= 0 {
					e.Accumulate(acc[(px-from)*frames*c.width:], c.width, w, c.width, chunk, at*f+first, frames, c.width, true)
				}
			}
		}
	}
}

// accumulateNumbers adds the dense products of a unit.
func (c *convOp) accumulateNumbers(acc, panel []float32, from, to, first, frames int, t taps) {
	x := c.x.data
	if c.x.form == asSpikes {
		x = c.lists.wide.mem
	}
	f, d := c.p.frames(c.x.value), c.g.Positions()
	for px := from; px < to; px++ {
		product{
			x: x, ldx: c.g.C, rows: f, first: first, w: panel, block: c.g.C * c.width, width: c.width, k: c.g.C, cols: c.width,
		}.add(acc[(px-from)*frames*c.width:], c.width, c.from[px*d:][:d], frames, true, t)
	}
}

// product is a sum over window positions of dense products of matrices.
type product struct {
	x            []float32 // pixels of `rows` rows of ldx numbers
	ldx, rows    int
	first        int       // row of a pixel to begin with
	w            []float32 // positions of `block` numbers: k rows of width
	block, width int
	k, cols      int
}

// add computes n rows of y, or adds to them, from the pixels at positions that
// have one.
func (m product) add(y []float32, ldy int, at []int32, n int, add bool, t taps) {
	for position, px := range at {
		if px >= 0 {
			t.add((int(px)*m.rows+m.first)*m.ldx, position*m.block)
		}
	}
	kernel.Product(y, ldy, m.x, m.ldx, m.w, m.width, t.x, t.w, n, m.k, m.cols, add)
}

// taps are where the operands of a sum of products begin.
type taps struct{ x, w []int32 }

func (t *taps) add(x, w int) { t.x, t.w = append(t.x, int32(x)), append(t.w, int32(w)) }

// newTaps makes room for each worker's taps.
func newTaps(workers, n int) []taps {
	t := make([]taps, workers)
	for w := range t {
		t[w] = taps{make([]int32, 0, n), make([]int32, 0, n)}
	}
	return t
}

// eventSize is what lists of events are shared by.
type eventSize struct {
	rows, columns int
	spikes        bool
}

// eventLists are the lists of a layer's input while the layer runs; layers with
// inputs of one size share them.
type eventLists struct {
	p      *plan
	x      *value
	events *kernel.Events
	wide   *buffer // spikes as numbers, where too many fire for lists
	rows   int     // per task
	tasks  func(worker, task int)
	widens func(worker, task int)
}

func (p *plan) eventLists(x *value) *eventLists {
	size := eventSize{p.most(x) * x.pixels(), x.shape.C, x.form == asSpikes}
	l, ok := p.events[size]
	if !ok {
		l = &eventLists{p: p, rows: max(1, taskNumbers/x.shape.C)}
		if size.spikes && p.train {
			l.wide = p.newBuffer(size.rows * size.columns)
		}
		l.tasks, l.widens = l.listTask, l.widenTask
		p.events[size] = l
	}
	return l
}

func (l *eventLists) allocate(size eventSize) {
	l.events = kernel.NewEvents(size.rows, size.columns, !size.spikes)
	l.events.Each(inHugePages)
}

// list lists a value's numbers that are not zero.
func (l *eventLists) list(x *value) {
	l.x = x
	l.p.pool.run(tiles(l.count(), l.rows), l.tasks)
}

// widen writes spikes as numbers.
func (l *eventLists) widen(x *value) {
	l.x = x
	l.p.pool.run(tiles(l.count(), l.rows), l.widens)
}

// count is the number of rows.
func (l *eventLists) count() int { return l.p.frames(l.x) * l.x.pixels() }

func (l *eventLists) listTask(_, task int) {
	a, b := task*l.rows, min((task+1)*l.rows, l.count())
	if row := l.x.row(); l.x.form == asSpikes {
		l.events.ListBits(a, l.x.bits[a*row:b*row], b-a)
	} else {
		l.events.ListRows(a, l.x.data[a*row:b*row], b-a)
	}
}

func (l *eventLists) widenTask(_, task int) {
	a, b := task*l.rows, min((task+1)*l.rows, l.count())
	c, row := l.x.shape.C, l.x.row()
	kernel.UnpackBits(l.wide.mem[a*c:b*c], l.x.bits[a*row:b*row], c, 1)
}
