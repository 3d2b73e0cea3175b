package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// In mixed precision a layer's products are taken in bfloat16, where tiles
// multiply it several times faster than anything multiplies float32: spikes are
// exact, weights and the gradient of the layer's output are rounded, sums are
// float32. What a normalisation reads is kept rounded as well, and so is the
// gradient of spikes (narrowGradients).

// halfConv is the half of a convolution that runs in bfloat16. Its tasks are
// blocks of frames of some rows of output pixels, for a group of channels.
// Weights are packed as [positions] panels of pairs.
type halfConv struct {
	*convOp
	panel  int // numbers in a panel
	matrix int // numbers of a position

	columns, groups int // output channels per task, groups of them
	lines, bands    int // rows of output pixels per task, tasks
	block, blocks   int // frames per task, tasks at most

	fwd, pack func(worker, task int)
}

const (
	// frameBlock is the frames of a task in training: two tiles' rows. In
	// inference a task has all, so that its neurons may follow at once.
	frameBlock = 32
	// bandLines is the rows of output pixels of a task. The window's rows of
	// input above and below are unpacked twice.
	bandLines = 8
	// residentWeights is how many numbers of weights a task uses: they stay in
	// the second-level cache.
	residentWeights = 9 * 128 * 256
)

// inHalves reports whether all of a layer's products are taken in bfloat16.
func (c *convOp) inHalves() bool {
	return c.x.form != asNumbers && c.p.fitsHalves(allHalves, c.g.C, c.g.Out)
}

// residentColumns returns how many of a matrix's columns, of so many rows, a task
// uses: halves of them until they are resident.
func residentColumns(rows, columns int) int {
	for columns%(2*kernel.PanelColumns) == 0 && rows*columns > residentWeights {
		columns /= 2
	}
	return columns
}

func newHalfConv(c *convOp) *halfConv {
	h := &halfConv{convOp: c, panel: kernel.PairsPanelLen(c.g.C), matrix: kernel.PairsLen(c.g.C, c.g.Out)}
	c.newPacked(tiles(c.g.Positions()*h.matrix, 2))
	h.columns = residentColumns(c.rows(), c.g.Out)
	h.groups = c.g.Out / h.columns
	h.lines = min(c.g.OutH, bandLines)
	h.bands = tiles(c.g.OutH, h.lines)
	h.block = c.p.most(c.y)
	if c.p.train {
		h.block = min(h.block, frameBlock)
	}
	h.blocks = tiles(c.p.most(c.y), h.block)
	h.fwd, h.pack = h.forwardTask, h.packTask
	return h
}

// newHalves plans for a number of bfloat16 numbers.
func (p *plan) newHalves(n int) *buffer { return p.newBuffer(tiles(n, 2)) }

// momentTasks is how many tasks share a channel.
func (h *halfConv) momentTasks() int { return h.bands * h.blocks }

// ring is how many numbers the unpacked rows of the input take.
func (h *halfConv) ring() int {
	if h.x.form == asHalves {
		return 0
	}
	return h.g.KernelH * h.g.W * h.block * h.g.C
}

// scratchLen is room for the ring, a pixel's sums, and what its neurons need.
func (h *halfConv) scratchLen() int {
	return tiles(h.ring(), 2) + h.block*h.columns + h.fuseLen(h.columns)
}

func (h *halfConv) packTask(_, d int) {
	n := h.g.C * h.g.Out
	kernel.PackPairs(asHalf(h.packed.mem)[d*h.matrix:][:h.matrix], h.w.data[d*n:][:n], h.g.C, h.g.Out, h.g.Out)
}

// packAll packs the weights.
func (h *halfConv) packAll() { h.p.pool.run(h.g.Positions(), h.pack) }

func (h *halfConv) forward() {
	if h.p.train {
		h.packAll()
	}
	h.p.pool.run(h.tasks(), h.fwd)
}

func (h *halfConv) tasks() int { return h.groups * h.bands * tiles(h.p.frames(h.y), h.block) }

func (h *halfConv) forwardTask(worker, task int) {
	blocks := tiles(h.p.frames(h.y), h.block)
	group, band, block := task/blocks/h.bands, task/blocks%h.bands, task%blocks
	scratch := h.p.scratch[worker]
	r := ring{conv: h.convOp, mem: asHalf(scratch)[:h.ring()], block: h.block, first: block * h.block}
	r.frames = min(h.block, h.p.frames(h.y)-r.first)
	scratch = scratch[tiles(h.ring(), 2):]
	acc := scratch[:r.frames*h.columns]
	channel := group * h.columns
	f := h.fusion(worker, task, scratch[h.block*h.columns:], channel, h.columns)
	var sum, sum2 []float64
	if h.moments != nil {
		sum, sum2 = h.moments.begin(band*h.blocks+block, channel, channel+h.columns)
	}
	w := asHalf(h.packed.mem)[channel/kernel.PanelColumns*h.panel:]
	for oy := band * h.lines; oy < min(h.g.OutH, (band+1)*h.lines); oy++ {
		r.reach(oy)
		for px := oy * h.g.OutW; px < (oy+1)*h.g.OutW; px++ {
			t := r.taps(px, h.taps[worker], h.matrix)
			kernel.ProductHalf(acc, h.columns, r.mem, h.g.C, w, h.panel, t.x, t.w, r.frames, h.g.C, h.columns, false)
			if h.b != nil {
				kernel.AddBias(acc, h.b.data[channel:][:h.columns])
			}
			if h.moments != nil {
				kernel.AddSquares(sum, sum2, acc, r.frames, h.columns)
			}
			if f.neurons != nil {
				f.fire(acc, h.columns, px)
			} else {
				h.store(acc, px, r.first, channel)
			}
		}
	}
}

// store writes a pixel's sums of some frames and channels.
func (h *halfConv) store(acc []float32, px, first, channel int) {
	out := h.g.Out
	at := (px*h.p.frames(h.y)+first)*out + channel
	switch {
	case h.y.form == asNumbers:
		copyRows(h.y.data[at:], out, acc, h.columns, len(acc)/h.columns, h.columns)
	case h.columns == out:
		kernel.Narrow(h.y.half[at:][:len(acc)], acc)
	default:
		for ; len(acc) > 0; at, acc = at+out, acc[h.columns:] {
			kernel.Narrow(h.y.half[at:][:h.columns], acc[:h.columns])
		}
	}
}

// ring holds the rows of input pixels that a window reaches, a block of frames
// of each, unpacked.
type ring struct {
	conv          *convOp
	mem           []kernel.BF16 // [KernelH][W][frames][C]; the whole value if it is not packed
	block         int           // frames of a pixel in the ring
	first, frames int
	next          int // row of pixels to unpack
}

// reach unpacks what the windows of a row of output pixels see and earlier ones
// did not.
func (r *ring) reach(oy int) {
	c := r.conv
	if c.x.form == asHalves {
		r.mem = c.x.half
		return
	}
	top := oy*c.g.Stride - c.g.Pad
	r.next = max(r.next, top, 0)
	f, words := c.p.frames(c.x.value), c.x.row()
	pixel := r.block * c.g.C
	for ; r.next < min(c.g.H, top+c.g.KernelH); r.next++ {
		for ix := range c.g.W {
			bits := c.x.bits[((r.next*c.g.W+ix)*f+r.first)*words:][:r.frames*words]
			kernel.UnpackHalf(r.mem[(r.next%c.g.KernelH*c.g.W+ix)*pixel:], c.g.C, bits, c.g.C, kernel.OneHalf)
		}
	}
}

// taps returns where a pixel's operands begin. Positions have `matrix` numbers.
func (r *ring) taps(px int, t taps, matrix int) taps {
	c := r.conv
	d := c.g.Positions()
	for position, at := range c.from[px*d:][:d] {
		switch at := int(at); {
		case at < 0:
		case c.x.form == asHalves:
			t.add((at*c.p.frames(c.x.value)+r.first)*c.g.C, position*matrix)
		default:
			t.add((at/c.g.W%c.g.KernelH*c.g.W+at%c.g.W)*r.block*c.g.C, position*matrix)
		}
	}
	return t
}
