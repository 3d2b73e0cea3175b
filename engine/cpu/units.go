package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

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
