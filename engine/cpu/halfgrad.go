package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// halfGradients is the backward half of a halfConv. The gradient of the output
// comes in two forms: rows of channels, for the input's gradient, and pairs of
// frames in panels of channels, for the weights'. That takes the input with
// frames innermost: packed spikes are transposed as bits.
type halfGradients struct {
	*halfConv
	turned *buffer // spikes [P][C][Words(F)], numbers [P][C][F']

	channels, outputs int // of a tile of the weights' gradient
	tilesC, tilesO    int
	strip             int        // output pixels of a row at a time
	input             *halfInput // nil: nobody wants it

	roundTile, turnTile, weightTile func(worker, task int)
}

const (
	// stripNumbers is about how many numbers of input a strip unpacks: half of
	// the second-level cache.
	stripNumbers = 1 << 19
	// gradientTiles is how many tiles there are at least, so that all cores have
	// work.
	gradientTiles = 4
)

func newHalfGradients(h *halfConv) *halfGradients {
	g := &halfGradients{halfConv: h}
	c := h.convOp
	c.y.halfGrad = c.p.newHalfGrad(c.y)
	f := g.padded(c.p.most(c.x.value))
	in, _ := c.g.Pixels()
	if c.x.form == asSpikes {
		g.turned = c.p.newBuffer(in * c.g.C * f / 32)
	} else {
		g.turned = c.p.newHalves(in * c.g.C * f)
	}
	g.channels, g.outputs = min(c.g.C, 64), min(c.g.Out, 128)
	g.strip = max(1, stripNumbers/(c.g.KernelH*g.channels*f*c.g.Stride)-c.g.KernelW+1)
	g.strip = tiles(c.g.OutW, tiles(c.g.OutW, g.strip))
	for tiles(c.g.C, g.channels)*tiles(c.g.Out, g.outputs) < gradientTiles && g.outputs > kernel.PanelColumns {
		if g.channels > kernel.PanelColumns {
			g.channels /= 2
		} else {
			g.outputs = tiles(g.outputs, 2*kernel.PanelColumns) * kernel.PanelColumns // half the panels
		}
	}
	g.tilesC, g.tilesO = tiles(c.g.C, g.channels), tiles(c.g.Out, g.outputs)
	g.roundTile, g.turnTile, g.weightTile = g.roundTask, g.turnTask, g.weightTask
	if c.x.wantsGrad() {
		g.input = newHalfInput(c, c.y.halfGrad.rows)
	}
	return g
}

// padded is a number of frames, filled up to what products take.
func (g *halfGradients) padded(frames int) int { return tiles(frames, 32) * 32 }

// span is the pixels of input that a strip of output pixels reaches.
func (g *halfGradients) span(pixels int) int { return (pixels-1)*g.g.Stride + g.g.KernelW }

func (g *halfGradients) scratchLen() int {
	n := kernel.PairsPanelLen(g.p.most(g.x.value)) / 2
	if g.x.form == asSpikes {
		n = tiles(g.g.KernelH*g.span(g.strip)*g.channels*g.padded(g.p.most(g.x.value)), 2)
	}
	return max(n, g.input.scratchLen())
}

func (g *halfGradients) ofWeights() {
	run := g.p.pool.run
	if g.y.form == asNumbers { // no normalisation has rounded the gradient
		run(g.y.pixels(), g.roundTile)
	}
	in, _ := g.g.Pixels()
	run(in, g.turnTile)
	run(g.tilesC*g.tilesO, g.weightTile)
}

func (g *halfGradients) roundTask(_, px int) {
	f := g.p.frames(g.y)
	n := f * g.g.Out
	rows, pairs := g.y.halfGrad.of(px, f)
	kernel.Narrow(rows, g.y.grad[px*n:][:n])
	kernel.PackPairsHalf(pairs, rows, f, g.g.Out, g.g.Out)
}

// turnTask transposes a pixel's input.
func (g *halfGradients) turnTask(worker, px int) {
	f, c := g.p.frames(g.x.value), g.g.C
	if g.x.form == asSpikes {
		row, n := g.x.row(), c*tiles(f, 32)
		kernel.TransposeBits(asWords(g.turned.mem)[px*n:][:n], g.x.bits[px*f*row:][:f*row], f, row)
		return
	}
	ld := g.padded(f)
	kernel.TransposeHalf(asHalf(g.turned.mem)[px*c*ld:][:c*ld], g.x.half[px*f*c:][:f*c], f, c, asHalf(g.p.scratch[worker]))
}

// weightTask computes a tile of the weights' gradient, a strip of columns of
// output pixels after the other.
func (g *halfGradients) weightTask(worker, task int) {
	c0, o0 := task/g.tilesO*g.channels, task%g.tilesO*g.outputs
	t := weightTile{
		halfGradients: g, worker: worker, c0: c0, rows: min(g.channels, g.g.C-c0), o0: o0, cols: min(g.outputs, g.g.Out-o0),
		frames: g.p.frames(g.x.value),
	}
	for position := range g.g.Positions() {
		dw := t.gradient(position)
		for r := range t.rows {
			clear(dw[r*g.g.Out:][:t.cols])
		}
	}
	for ox := 0; ox < g.g.OutW; ox += g.strip {
		t.from, t.to, t.next = ox, min(g.g.OutW, ox+g.strip), 0
		for oy := range g.g.OutH {
			t.addRow(oy)
		}
	}
}

// weightTile is a tile of the weights' gradient in a worker's hands.
type weightTile struct {
	*halfGradients
	worker   int
	c0, rows int // input channels
	o0, cols int // output channels
	frames   int
	from, to int // the strip
	next     int // row of input to unpack
}

func (t *weightTile) gradient(position int) []float32 {
	return t.w.grad[(position*t.g.C+t.c0)*t.g.Out+t.o0:]
}

// left is the first column of input that the strip sees, or would.
func (t *weightTile) left() int { return t.from*t.g.Stride - t.g.Pad }

// reach unpacks the rows of input up to row `last` that the strip sees, with
// frames innermost, to a ring of as many rows as the kernel has.
func (t *weightTile) reach(first, last int) {
	g, ld := t.g, t.padded(t.frames)
	ring, words := asHalf(t.p.scratch[t.worker]), ld/32
	for t.next = max(t.next, first); t.next < last; t.next++ {
		for ix := max(0, t.left()); ix < min(g.W, t.left()+t.span(t.to-t.from)); ix++ {
			bits := asWords(t.turned.mem)[((t.next*g.W+ix)*g.C+t.c0)*words:][:t.rows*words]
			kernel.UnpackHalf(ring[t.at(t.next, ix):], ld, bits, ld, kernel.OneHalf)
		}
	}
}

// at is where the input's pixel (iy, ix) begins.
func (t *weightTile) at(iy, ix int) int {
	g, ld := t.g, t.padded(t.frames)
	if t.x.form != asSpikes {
		return ((iy*g.W+ix)*g.C + t.c0) * ld
	}
	return (iy%g.KernelH*t.span(t.strip) + ix - t.left()) * t.rows * ld
}

// addRow adds the strip's output pixels of row oy.
func (t *weightTile) addRow(oy int) {
	g := t.g
	top := oy*g.Stride - g.Pad
	x := asHalf(t.p.scratch[t.worker])
	if t.x.form == asSpikes {
		t.reach(max(0, top), min(g.H, top+g.KernelH))
	} else {
		x = asHalf(t.turned.mem)
	}
	panel := kernel.PairsPanelLen(t.frames)
	pixel := g.Out / kernel.PanelColumns * panel
	dy := asHalf(t.y.halfGrad.pairs.mem)[t.o0/kernel.PanelColumns*panel:]
	ahead := t.pairsOf(dy, oy+1, pixel)
	for iy := max(0, top); iy < min(g.H, top+g.KernelH); iy++ {
		for kx := range g.KernelW {
			at := t.taps[t.worker]
			for ox := t.from; ox < t.to; ox++ {
				if ix := ox*g.Stride - g.Pad + kx; ix >= 0 && ix < g.W {
					at.add(t.at(iy, ix), (oy*g.OutW+ox)*pixel)
				}
			}
			ld := t.padded(t.frames)
			kernel.ProductHalfAhead(t.gradient((iy-top)*g.KernelW+kx), g.Out, x, ld, dy, panel, at.x, at.w, t.rows, ld, t.cols, true, ahead)
			ahead = ahead[min(len(ahead), kernel.FetchedAhead(len(at.x), t.rows, ld, t.cols)):]
		}
	}
}

// pairsOf returns the pairs of the strip's output pixels of a row, of all
// channels, or nothing behind the last row.
func (t *weightTile) pairsOf(dy []kernel.BF16, oy, pixel int) []kernel.BF16 {
	if oy >= t.g.OutH {
		return nil
	}
	return dy[(oy*t.g.OutW+t.from)*pixel : min(len(dy), (oy*t.g.OutW+t.to)*pixel)]
}

// halfGrad is a gradient in bfloat16, [P][F][C], and the same with pairs of
// frames side by side, [P] panels of channels.
type halfGrad struct {
	c           int
	rows, pairs *buffer
}

func (p *plan) newHalfGrad(v *value) *halfGrad {
	f := p.most(v)
	return &halfGrad{v.shape.C, p.newHalves(v.pixels() * f * v.shape.C), p.newHalves(v.pixels() * kernel.PairsLen(f, v.shape.C))}
}

func (g *halfGrad) buffers() []*buffer {
	if g == nil {
		return nil
	}
	return []*buffer{g.rows, g.pairs}
}

// of returns both forms of a pixel's gradient.
func (g *halfGrad) of(px, frames int) (rows, pairs []kernel.BF16) {
	n, m := frames*g.c, kernel.PairsLen(frames, g.c)
	return asHalf(g.rows.mem)[px*n:][:n], asHalf(g.pairs.mem)[px*m:][:m]
}
