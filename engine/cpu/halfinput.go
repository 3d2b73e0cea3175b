package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// halfInput computes the gradient of a convolution's input in bfloat16: products
// of the rows of the output's gradient with the transposed weights.
type halfInput struct {
	*convOp
	rows            *buffer // ∂L/∂y in bfloat16
	back            *buffer // the weights
	panel, matrix   int     // numbers in a panel of them, and of a position
	columns, groups int     // input channels per task

	roundTile, inputTile, packTile func(worker, task int)
}

func newHalfInput(c *convOp, rows *buffer) *halfInput {
	h := &halfInput{convOp: c, rows: rows, panel: kernel.PairsPanelLen(c.g.Out), matrix: kernel.PairsLen(c.g.Out, c.g.C)}
	h.back = c.p.newHalves(c.g.Positions() * h.matrix)
	h.columns = residentColumns(c.g.Positions()*c.g.Out, c.g.C)
	h.groups = c.g.C / h.columns
	h.roundTile, h.inputTile, h.packTile = h.roundTask, h.inputTask, h.packTask
	return h
}

func (h *halfInput) buffers() []*buffer {
	if h == nil {
		return nil
	}
	return []*buffer{h.rows, h.back}
}

// scratchLen is room for a block of rows before they are rounded, and for the
// weights of a position.
func (h *halfInput) scratchLen() int {
	if h == nil {
		return 0
	}
	return max(frameBlock*h.columns, tiles(h.g.C*h.g.Out, 2))
}

// round rounds the gradient of the output.
func (h *halfInput) round() { h.p.pool.run(h.y.pixels(), h.roundTile) }

func (h *halfInput) roundTask(_, px int) {
	n := h.p.frames(h.y) * h.g.Out
	kernel.Narrow(asHalf(h.rows.mem)[px*n:][:n], h.y.grad[px*n:][:n])
}

func (h *halfInput) compute() {
	h.p.pool.run(h.g.Positions(), h.packTile)
	h.p.pool.run(h.groups*tiles(h.g.H, bandLines)*tiles(h.p.frames(h.x.value), frameBlock), h.inputTile)
}

func (h *halfInput) packTask(worker, d int) {
	n := h.g.C * h.g.Out
	kernel.PackPairsTransposed(asHalf(h.back.mem)[d*h.matrix:][:h.matrix], h.w.data[d*n:][:n], h.g.Out, h.g.C, asHalf(h.p.scratch[worker]))
}

// inputTask computes a block of frames of some rows of input pixels for a group
// of channels: what it reads of the output's gradient, it reads again for the
// next row, from the second-level cache.
func (h *halfInput) inputTask(worker, task int) {
	f, d, out := h.p.frames(h.x.value), h.g.Positions(), h.g.Out
	bands, blocks := tiles(h.g.H, bandLines), tiles(f, frameBlock)
	group, band, first := task/blocks/bands, task/blocks%bands, task%blocks*frameBlock
	frames := min(frameBlock, f-first)
	w := asHalf(h.back.mem)[group*h.columns/kernel.PanelColumns*h.panel:]
	dy := asHalf(h.rows.mem)
	acc := h.p.scratch[worker]
	for px := band * bandLines * h.g.W; px < min(h.g.H, (band+1)*bandLines)*h.g.W; px++ {
		t := h.taps[worker]
		for position, at := range h.grads.into[px*d:][:d] {
			if at >= 0 {
				t.add((int(at)*f+first)*out, position*h.matrix)
			}
		}
		at := (px*f+first)*h.g.C + group*h.columns
		if !h.x.narrow { // the gradient is kept as numbers
			kernel.ProductHalf(h.x.grad[at:], h.g.C, dy, out, w, h.panel, t.x, t.w, frames, out, h.columns, !h.x.first)
			continue
		}
		kernel.ProductHalf(acc, h.columns, dy, out, w, h.panel, t.x, t.w, frames, out, h.columns, false)
		h.pass(at, acc[:frames*h.columns], f*h.g.C)
	}
}

// pass hands on a block of rows of the input's gradient for a group of channels.
// The next pixel's lie `next` numbers behind them.
func (h *halfInput) pass(at int, acc []float32, next int) {
	n := h.columns
	if n == h.g.C {
		n = len(acc)
	}
	for ; len(acc) > 0; at, acc = at+h.g.C, acc[n:] {
		h.x.pass(kernel.Rows{Half: h.x.narrowGrad[at:][:n], Next: next}, kernel.Rows{Float: acc[:n]})
	}
}
