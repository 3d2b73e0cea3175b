package kernel

// Correlation computes both gradients of a convolution. With
// oy = (iy + pad − ky)/stride and ox likewise, wherever no remainder is left,
//
//	dW[ky, kx, c, o] = Σ x[iy, ix, c]·dY[oy, ox, o]    over pixels
//	dx[iy, ix, c]    = Σ dY[oy, ox, o]·W[ky, kx, c, o] over positions and o
//
// Where none is left depends on (iy mod stride, ix mod stride) alone: pixels
// fall into stride² phases, each with its window positions, and a position
// shifts by a constant from a phase's pixels to those of dY. dY gets a margin of
// zeros so that a shift never leaves it. A Correlation is read-only after it is
// made.
//
// For dW the numbers of a phase that are not zero are listed once, channel by
// channel, and combine rows of dY at every position's shift. For dx, where
// nothing is zero, the product is dense.
type Correlation struct {
	g      Geometry
	out    int
	phases []phase
	frame  frame // of dY
}

// phase is a set of input pixels and the window positions that they meet.
type phase struct {
	offset, index []int32 // of the pixels: in x, and in the grid before any shift
	across        int     // pixels per row
	positions     []shift
	dyAt, wAt     []int32 // the positions' numbers for the input gradient
}

// shift is a window position ky·Kernel + kx and how many rows of the grid it
// shifts by.
type shift struct{ position, rows int }

// NewCorrelation prepares for images of a geometry with the given number of
// output channels.
func NewCorrelation(g Geometry, out int) *Correlation {
	c := &Correlation{g: g, out: out}
	// Shifts per axis are (p + pad − k)/stride for phases p and offsets k.
	lowest, highest := 0, 0
	for p := range min(g.Stride, max(g.H, g.W)) {
		for k := range g.Kernel {
			if d := p + g.Pad - k; d%g.Stride == 0 {
				lowest, highest = min(lowest, d/g.Stride), max(highest, d/g.Stride)
			}
		}
	}
	c.frame = frame{
		h: g.OutH, w: g.OutW, c: out, margin: -lowest,
		height: -lowest + max(g.OutH, (g.H-1)/g.Stride+1+highest),
		width:  -lowest + max(g.OutW, (g.W-1)/g.Stride+1+highest),
	}
	for py := range min(g.Stride, g.H) {
		for px := range min(g.Stride, g.W) {
			if p := c.phase(py, px); len(p.offset) > 0 {
				c.phases = append(c.phases, p)
			}
		}
	}
	return c
}

func (c *Correlation) phase(py, px int) phase {
	g := c.g
	p := phase{across: max(0, (g.W-px+g.Stride-1)/g.Stride)}
	for iy := py; iy < g.H; iy += g.Stride {
		for ix := px; ix < g.W; ix += g.Stride {
			p.offset = append(p.offset, int32((iy*g.W+ix)*g.C))
			p.index = append(p.index, int32(iy/g.Stride*c.frame.width+ix/g.Stride))
		}
	}
	for ky := range g.Kernel {
		for kx := range g.Kernel {
			dy, dx := py+g.Pad-ky, px+g.Pad-kx
			if dy%g.Stride == 0 && dx%g.Stride == 0 {
				rows := (dy/g.Stride+c.frame.margin)*c.frame.width + dx/g.Stride + c.frame.margin
				p.positions = append(p.positions, shift{ky*g.Kernel + kx, rows})
				p.dyAt = append(p.dyAt, int32(rows*c.out))
				p.wAt = append(p.wAt, int32((ky*g.Kernel+kx)*g.C*c.out))
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

// ScratchLen is how many numbers of scratch it takes to lay out dY with its margin.
func (c *Correlation) ScratchLen() int { return c.frame.size() }

// Weights adds one image's contribution to the rows of dw [Patch, out] of input
// channels [ci, ci+cn). x is [H, W, C], dy [OutH, OutW, out].
func (c *Correlation) Weights(dw, x, dy []float32, ci, cn int, cols *Columns, scratch []float32) {
	grid, out := c.frame.around(dy, scratch), c.out
	for _, p := range c.phases {
		if len(p.positions) == 0 {
			continue
		}
		cols.gather(x[ci:], p.offset, p.index, cn)
		for _, s := range p.positions {
			cols.combine(dw[(s.position*c.g.C+ci)*out:][:cn*out], grid[s.rows*out:], cn)
		}
	}
}

// Input writes one image's input gradient dx [H, W, C], or adds to it. back is
// the weight matrix as TransposePositions leaves it.
func (c *Correlation) Input(dx, dy, back []float32, add bool, scratch []float32) {
	grid := c.frame.around(dy, scratch)
	step := c.g.Stride * c.g.C
	for _, p := range c.phases {
		for i := 0; i < len(p.offset); i += p.across {
			current.correlate(dx[p.offset[i]:], grid[int(p.index[i])*c.out:], back, p.dyAt, p.wAt, p.across, step, c.out, c.out, c.g.C, add)
		}
	}
}

// TransposePositions writes the weight matrix [positions, C, out] as
// [positions, out, C].
func (c *Correlation) TransposePositions(back, w []float32) {
	n := c.g.C * c.out
	for at := 0; at < len(w); at += n {
		Transpose(back[at:at+n], w[at:at+n], c.g.C, c.out)
	}
}
