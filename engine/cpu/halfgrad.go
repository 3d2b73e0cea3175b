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
	strip             int // output pixels of a row at a time
	back              *buffer
	backPanel         int // numbers
	backMatrix        int // numbers of a position
	columns, groups   int // input channels per task

	roundTile, turnTile, weightTile, inputTile, packTile func(worker, task int)
}

// stripNumbers is about how many numbers of input a strip unpacks.
const stripNumbers = 1 << 18

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
	g.channels = min(c.g.C, 64)
	if c.g.C < 128 {
		g.channels = 32
	}
	g.outputs = min(c.g.Out, 128)
	g.tilesC, g.tilesO = tiles(c.g.C, g.channels), tiles(c.g.Out, g.outputs)
	g.strip = min(c.g.OutW, max(1, stripNumbers/(g.channels*f*c.g.Stride)))
	g.roundTile, g.turnTile, g.weightTile = g.roundTask, g.turnTask, g.weightTask
	if !c.x.wantsGrad() {
		return g
	}
	g.backPanel, g.backMatrix = kernel.PairsPanelLen(c.g.Out), kernel.PairsLen(c.g.Out, c.g.C)
	g.back = c.p.newHalves(c.g.Positions() * g.backMatrix)
	g.columns = c.g.C
	for g.columns%(2*kernel.PanelColumns) == 0 && c.g.Positions()*c.g.Out*g.columns > residentWeights {
		g.columns /= 2
	}
	g.groups = c.g.C / g.columns
	g.inputTile, g.packTile = g.inputTask, g.packTask
	return g
}

// padded is a number of frames, filled up to what products take.
func (g *halfGradients) padded(frames int) int { return tiles(frames, 32) * 32 }

// span is the pixels of input that a strip of output pixels reaches.
func (g *halfGradients) span(pixels int) int { return (pixels-1)*g.g.Stride + g.g.KernelW }

func (g *halfGradients) scratchLen() int {
	n := 0
	if g.x.form == asSpikes {
		n = tiles(g.span(g.strip)*g.channels*g.padded(g.p.most(g.x.value)), 2)
	}
	if g.x.narrow {
		n = max(n, narrowBlock*g.columns)
	}
	return n
}

func (g *halfGradients) ofWeights() {
	run := g.p.pool.run
	if g.y.form == asNumbers { // no normalisation has rounded the gradient
		run(g.y.pixels(), g.roundTile)
	}
	in, _ := g.g.Pixels()
	run(in, g.turnTile)
	run(g.tilesC*g.tilesO*g.g.KernelH, g.weightTile)
}

func (g *halfGradients) roundTask(_, px int) {
	f := g.p.frames(g.y)
	n := f * g.g.Out
	rows, pairs := g.y.halfGrad.of(px, f)
	kernel.Narrow(rows, g.y.grad[px*n:][:n])
	kernel.PackPairsHalf(pairs, rows, f, g.g.Out, g.g.Out)
}

// turnTask transposes a pixel's input.
func (g *halfGradients) turnTask(_, px int) {
	f, c := g.p.frames(g.x.value), g.g.C
	if g.x.form == asSpikes {
		row, n := g.x.row(), c*tiles(f, 32)
		kernel.TransposeBits(asWords(g.turned.mem)[px*n:][:n], g.x.bits[px*f*row:][:f*row], f, row)
		return
	}
	ld := g.padded(f)
	kernel.TransposeHalf(asHalf(g.turned.mem)[px*c*ld:][:c*ld], ld, g.x.half[px*f*c:][:f*c], f, c)
}

// weightTask computes the gradient of some of the weights of the positions in
// one row of the kernel: a strip of a row of output pixels at a time.
func (g *halfGradients) weightTask(worker, task int) {
	ky := task % g.g.KernelH
	c0, o0 := task/g.g.KernelH/g.tilesO*g.channels, task/g.g.KernelH%g.tilesO*g.outputs
	rows, cols := min(g.channels, g.g.C-c0), min(g.outputs, g.g.Out-o0)
	t := weightTile{halfGradients: g, worker: worker, ky: ky, c0: c0, rows: rows, o0: o0, cols: cols}
	for kx := range g.g.KernelW {
		dw := t.gradient(kx)
		for r := range rows {
			clear(dw[r*g.g.Out:][:cols])
		}
	}
	for oy := range g.g.OutH {
		iy := oy*g.g.Stride - g.g.Pad + ky
		if iy < 0 || iy >= g.g.H {
			continue
		}
		for ox := 0; ox < g.g.OutW; ox += g.strip {
			t.addStrip(oy, iy, ox, min(g.g.OutW, ox+g.strip))
		}
	}
}

// weightTile is a tile of the weights' gradient in a worker's hands.
type weightTile struct {
	*halfGradients
	worker, ky int
	c0, rows   int // input channels
	o0, cols   int // output channels
}

func (t weightTile) gradient(kx int) []float32 {
	return t.w.grad[((t.ky*t.g.KernelW+kx)*t.g.C+t.c0)*t.g.Out+t.o0:]
}

// addStrip adds the output pixels [from, to) of row oy, which see row iy.
func (t weightTile) addStrip(oy, iy, from, to int) {
	g := t.g
	f := t.p.frames(t.x.value)
	ld := t.padded(f)
	left := from*g.Stride - g.Pad // the first pixel of input seen
	x, pixel, base := asHalf(t.turned.mem), g.C*ld, (iy*g.W+left)*g.C*ld+t.c0*ld
	if t.x.form == asSpikes {
		x, pixel, base = asHalf(t.p.scratch[t.worker]), t.rows*ld, 0
		words := ld / 32
		for ix := max(0, left); ix < min(g.W, left+t.span(to-from)); ix++ {
			bits := asWords(t.turned.mem)[((iy*g.W+ix)*g.C+t.c0)*words:][:t.rows*words]
			kernel.UnpackHalf(x[(ix-left)*pixel:], ld, bits, ld, kernel.OneHalf)
		}
	}
	panel := kernel.PairsPanelLen(f)
	dy := asHalf(t.y.halfGrad.pairs.mem)[t.o0/kernel.PanelColumns*panel:]
	for kx := range g.KernelW {
		at := t.taps[t.worker]
		for ox := from; ox < to; ox++ {
			if ix := ox*g.Stride - g.Pad + kx; ix >= 0 && ix < g.W {
				at.add(base+(ix-left)*pixel, (oy*g.OutW+ox)*g.Out/kernel.PanelColumns*panel)
			}
		}
		kernel.ProductHalf(t.gradient(kx), g.Out, x, ld, dy, panel, at.x, at.w, t.rows, ld, t.cols, true)
	}
}

func (g *halfGradients) ofInput() {
	run := g.p.pool.run
	run(g.g.Positions(), g.packTile)
	run(g.groups*g.grads.units.count(), g.inputTile)
}

func (g *halfGradients) packTask(_, d int) {
	n := g.g.C * g.g.Out
	kernel.PackPairsTransposed(asHalf(g.back.mem)[d*g.backMatrix:][:g.backMatrix], g.w.data[d*n:][:n], g.g.Out, g.g.C, g.g.Out)
}

func (g *halfGradients) inputTask(worker, task int) {
	units := g.grads.units
	group, unit := task/units.count(), task%units.count()
	f, d, out := g.p.frames(g.x.value), g.g.Positions(), g.g.Out
	from, to, first, frames := units.of(unit, f)
	w := asHalf(g.back.mem)[group*g.columns/kernel.PanelColumns*g.backPanel:]
	for px := from; px < to; px++ {
		t := g.taps[worker]
		for position, at := range g.grads.into[px*d:][:d] {
			if at >= 0 {
				t.add((int(at)*f+first)*out, position*g.backMatrix)
			}
		}
		dy, at := asHalf(g.y.halfGrad.rows.mem), (px*f+first)*g.g.C+group*g.columns
		if !g.x.narrow {
			kernel.ProductHalf(g.x.grad[at:], g.g.C, dy, out, w, g.backPanel, t.x, t.w, frames, out, g.columns, !g.x.first)
			continue
		}
		for r := 0; r < frames; r += narrowBlock {
			acc := g.p.scratch[worker][:min(narrowBlock, frames-r)*g.columns]
			kernel.ProductHalf(acc, g.columns, dy[r*out:], out, w, g.backPanel, t.x, t.w, len(acc)/g.columns, out, g.columns, false)
			g.pass(at+r*g.g.C, acc)
		}
	}
}

// narrowBlock is the rows of the input's gradient that are computed before they
// are rounded: they are still in the nearer caches.
const narrowBlock = 64

// pass hands on a block of rows of the input's gradient for a group of channels.
// The next block lies behind it.
func (g *halfGradients) pass(at int, acc []float32) {
	n, next := g.columns, len(acc)/g.columns*g.g.C
	if n == g.g.C {
		n = len(acc)
	}
	for ; len(acc) > 0; at, acc = at+g.g.C, acc[n:] {
		g.x.pass(kernel.Rows{Half: g.x.narrowGrad[at:][:n], Next: next}, kernel.Rows{Float: acc[:n]})
	}
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
