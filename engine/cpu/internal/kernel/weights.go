package kernel

// Correlation computes the weight gradient of a convolution, which correlates
// the input with the output's gradient:
//
//	dW[ky, kx, c] = Σ x[iy, ix, c]·dY[(iy + pad − ky)/stride, (ix + pad − kx)/stride]
//
// over the pixels for which both divisions leave no remainder. Which they are
// depends on (iy mod stride, ix mod stride) alone: pixels fall into stride²
// phases. The pixels of a phase that are not zero are listed once, channel by
// channel; each window position that belongs to the phase then combines rows of
// dY over the same lists, shifted by a constant. dY gets a margin of zeros so
// that a shift never leaves it. A Correlation is read-only after it is made.
type Correlation struct {
	g             Geometry
	phases        []phase
	top, left     int // margin
	height, width int // of dY with its margin
}

// phase is a set of input pixels and the window positions that they meet.
type phase struct {
	offset, index []int32 // of the pixels: in x, and in the grid before any shift
	positions     []shift
}

// shift is a window position ky·Kernel + kx and how many rows of the grid it
// shifts by.
type shift struct{ position, rows int }

// NewCorrelation prepares for images of a geometry.
func NewCorrelation(g Geometry) *Correlation {
	c := &Correlation{g: g}
	// Shifts per axis are (p + pad − k)/stride for phases p and offsets k.
	lowest, highest := 0, 0
	for p := range g.Stride {
		for k := range g.Kernel {
			if d := p + g.Pad - k; d%g.Stride == 0 {
				lowest, highest = min(lowest, d/g.Stride), max(highest, d/g.Stride)
			}
		}
	}
	c.top, c.left = -lowest, -lowest
	c.height = c.top + max(g.OutH, (g.H-1)/g.Stride+1+highest)
	c.width = c.left + max(g.OutW, (g.W-1)/g.Stride+1+highest)
	for py := range g.Stride {
		for px := range g.Stride {
			if p := c.phase(py, px); len(p.positions) > 0 && len(p.offset) > 0 {
				c.phases = append(c.phases, p)
			}
		}
	}
	return c
}

func (c *Correlation) phase(py, px int) phase {
	g := c.g
	var p phase
	for iy := py; iy < g.H; iy += g.Stride {
		for ix := px; ix < g.W; ix += g.Stride {
			p.offset = append(p.offset, int32((iy*g.W+ix)*g.C))
			p.index = append(p.index, int32(iy/g.Stride*c.width+ix/g.Stride))
		}
	}
	for ky := range g.Kernel {
		for kx := range g.Kernel {
			dy, dx := py+g.Pad-ky, px+g.Pad-kx
			if dy%g.Stride == 0 && dx%g.Stride == 0 {
				rows := (dy/g.Stride+c.top)*c.width + dx/g.Stride + c.left
				p.positions = append(p.positions, shift{ky*g.Kernel + kx, rows})
			}
		}
	}
	return p
}

// Pixels is the most pixels that are listed at once.
func (c *Correlation) Pixels() int {
	n := 0
	for _, p := range c.phases {
		n = max(n, len(p.offset))
	}
	return n
}

// ScratchLen is how many numbers AddTo needs to lay out dY with its margin.
func (c *Correlation) ScratchLen(out int) int { return c.height * c.width * out }

// AddTo adds one image's contribution to the rows of dw [Patch, out] of input
// channels [ci, ci+cn). x is [H, W, C], dy [OutH, OutW, out].
func (c *Correlation) AddTo(dw, x, dy []float32, ci, cn, out int, cols *Columns, scratch []float32) {
	grid := c.framed(dy, out, scratch)
	for _, p := range c.phases {
		cols.gather(x[ci:], p.offset, p.index, cn)
		for _, s := range p.positions {
			cols.combine(dw[(s.position*c.g.C+ci)*out:][:cn*out], grid[s.rows*out:], cn)
		}
	}
}

// framed returns dy with its margin, in scratch unless there is none.
func (c *Correlation) framed(dy []float32, out int, scratch []float32) []float32 {
	g := c.g
	if c.height == g.OutH && c.width == g.OutW {
		return dy
	}
	grid := scratch[:c.ScratchLen(out)]
	row, line := c.width*out, g.OutW*out
	clear(grid[:c.top*row])
	clear(grid[(c.top+g.OutH)*row:])
	for y := range g.OutH {
		r := grid[(c.top+y)*row:][:row]
		clear(r[:c.left*out])
		copy(r[c.left*out:], dy[y*line:(y+1)*line])
		clear(r[c.left*out+line:])
	}
	return grid
}
