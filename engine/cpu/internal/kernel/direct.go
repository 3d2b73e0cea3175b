package kernel

// frame is an image [h, w, c] with a margin of zeros around it.
type frame struct {
	h, w, c       int
	margin        int // above and to the left
	height, width int // with all margins
}

func (f frame) size() int { return f.height * f.width * f.c }

// around returns the image with its margin: laid out in scratch, of f.size()
// numbers, unless there is none.
func (f frame) around(x, scratch []float32) []float32 {
	if f.height == f.h && f.width == f.w {
		return x
	}
	grid := scratch[:f.size()]
	row, line, left := f.width*f.c, f.w*f.c, f.margin*f.c
	clear(grid[:f.margin*row])
	clear(grid[(f.margin+f.h)*row:])
	for y := range f.h {
		r := grid[(f.margin+y)*row:][:row]
		clear(r[:left])
		copy(r[left:], x[y*line:(y+1)*line])
		clear(r[left+line:])
	}
	return grid
}

// Direct is a convolution that takes no notice of zeros: for inputs of so few
// channels that lists of what is not zero are not worth making. It is read-only
// after it is made.
type Direct struct {
	g        Geometry
	out      int
	frame    frame   // of x
	xAt, wAt []int32 // of window positions
}

// directChannels is the most input channels of a Direct convolution.
const directChannels = 4

// NewDirect prepares for images of a geometry and `out` output channels. It
// returns nil where Convolve is the better choice.
func NewDirect(g Geometry, out int) *Direct {
	if g.C > directChannels {
		return nil
	}
	d := &Direct{g: g, out: out, frame: frame{
		h: g.H, w: g.W, c: g.C, margin: g.Pad,
		height: max(g.Pad+g.H, (g.OutH-1)*g.Stride+g.Kernel),
		width:  max(g.Pad+g.W, (g.OutW-1)*g.Stride+g.Kernel),
	}}
	for ky := range g.Kernel {
		for kx := range g.Kernel {
			d.xAt = append(d.xAt, int32((ky*d.frame.width+kx)*g.C))
			d.wAt = append(d.wAt, int32((ky*g.Kernel+kx)*g.C*out))
		}
	}
	return d
}

// ScratchLen is how many numbers of scratch it takes to lay out x with its margin.
func (d *Direct) ScratchLen() int { return d.frame.size() }

// Convolve computes what the function Convolve does.
func (d *Direct) Convolve(y, x, w, scratch []float32) {
	g := d.g
	grid := d.frame.around(x, scratch)
	for oy := range g.OutH {
		current.correlate(y[oy*g.OutW*d.out:], grid[oy*g.Stride*d.frame.width*g.C:], w, d.xAt, d.wAt,
			g.OutW, d.out, g.Stride*g.C, g.C, d.out, false)
	}
}

// MulDense computes what Mul does for an a that is not sparse: rows of b serve
// several rows of a at a time.
func MulDense(c, a, b []float32, m, k, n int, add bool) {
	current.correlate(c[:m*n], a[:m*k], b[:k*n], origin, origin, m, n, k, k, n, add)
}

// origin is the one position of a plain product.
var origin = []int32{0}

// correlatePortable computes n channels of each of a row of pixels of y, or adds
// to them: over positions i and the k channels of a pixel of x, the sum of
// x[xAt[i]+…]·w[wAt[i]+…], for w of k rows of n. The pixels are `step` numbers
// apart in y, `apart` in x.
func correlatePortable(y, x, w []float32, xAt, wAt []int32, pixels, step, apart, k, n int, add bool) {
	for p := range pixels {
		acc := y[p*step:][:n]
		if !add {
			clear(acc)
		}
		for i, at := range xAt {
			pixel, rows := x[p*apart+int(at):][:k], w[wAt[i]:]
			for ; len(pixel) >= 4; pixel, rows = pixel[4:], rows[4*n:] {
				x0, x1, x2, x3 := pixel[0], pixel[1], pixel[2], pixel[3]
				r0 := rows[:n]
				r1, r2, r3 := rows[n:][:len(r0)], rows[2*n:][:len(r0)], rows[3*n:][:len(r0)]
				d := acc[:len(r0)]
				for j := range r0 {
					d[j] += x0*r0[j] + x1*r1[j] + x2*r2[j] + x3*r3[j]
				}
			}
			for c, v := range pixel {
				for j, r := range rows[c*n:][:n] {
					acc[j] += v * r
				}
			}
		}
	}
}
