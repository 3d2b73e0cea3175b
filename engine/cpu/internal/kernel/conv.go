package kernel

// Geometry is the shape of a sliding square window over one image, NHWC.
type Geometry struct {
	H, W, C     int // input
	OutH, OutW  int
	Kernel      int
	Stride, Pad int
}

// Patch returns the number of inputs under one window: the rows of the weight
// matrix [Kernel, Kernel, C, Out].
func (g Geometry) Patch() int { return g.Kernel * g.Kernel * g.C }

// Pointwise reports whether windows are single pixels in order, so that the
// image itself is its own patch matrix.
func (g Geometry) Pointwise() bool { return g.Kernel == 1 && g.Stride == 1 && g.Pad == 0 }

// span returns the range of window columns kx whose input column lies inside
// the image for output column ox, and the input column of the first of them.
func (g Geometry) span(ox int) (from, to, x int) {
	x0 := ox*g.Stride - g.Pad
	from = max(0, -x0)
	to = min(g.Kernel, g.W-x0)
	return from, max(from, to), x0 + from
}

// Im2col writes the patches of one image x [H, W, C] as rows,
// [OutH·OutW, Kernel·Kernel·C], zero where a window leaves the image.
func Im2col(dst, x []float32, g Geometry) {
	row := g.Kernel * g.C
	for oy := range g.OutH {
		for ox := range g.OutW {
			patch := dst[(oy*g.OutW+ox)*g.Patch():][:g.Patch()]
			from, to, x0 := g.span(ox)
			for ky := range g.Kernel {
				p := patch[ky*row : (ky+1)*row]
				y := oy*g.Stride - g.Pad + ky
				if y < 0 || y >= g.H {
					clear(p)
					continue
				}
				clear(p[:from*g.C])
				copy(p[from*g.C:to*g.C], x[(y*g.W+x0)*g.C:])
				clear(p[to*g.C:])
			}
		}
	}
}

// Col2im adds the rows of a patch matrix back to the pixels they were taken
// from: the transpose of Im2col. It adds to dx.
func Col2im(dx, col []float32, g Geometry) {
	row := g.Kernel * g.C
	for oy := range g.OutH {
		for ox := range g.OutW {
			patch := col[(oy*g.OutW+ox)*g.Patch():][:g.Patch()]
			from, to, x0 := g.span(ox)
			for ky := range g.Kernel {
				y := oy*g.Stride - g.Pad + ky
				if y < 0 || y >= g.H {
					continue
				}
				p := patch[ky*row+from*g.C : ky*row+to*g.C]
				d := dx[(y*g.W+x0)*g.C:][:len(p)]
				for i, v := range p {
					d[i] += v
				}
			}
		}
	}
}

// WeightGradient adds to dw, the rows [ci, ci+cn) of the weight matrix at
// window position (ky, kx), [cn, out], what one image contributes: the sum over
// pixels of input times output gradient dy [OutH, OutW, out].
func WeightGradient(dw, x, dy []float32, g Geometry, ky, kx, ci, cn, out int) {
	// Output columns whose input column ox·stride − pad + kx is inside.
	first := max(0, (g.Pad-kx+g.Stride-1)/g.Stride)
	last := min(g.OutW-1, (g.W-1+g.Pad-kx)/g.Stride)
	if g.W-1+g.Pad-kx < 0 || last < first {
		return
	}
	for oy := range g.OutH {
		y := oy*g.Stride - g.Pad + ky
		if y < 0 || y >= g.H {
			continue
		}
		a := x[(y*g.W+first*g.Stride-g.Pad+kx)*g.C+ci:]
		b := dy[(oy*g.OutW+first)*out:]
		MulTransposed(dw, a, b, last-first+1, cn, g.C*g.Stride, out)
	}
}

// AddBias adds bias [C] to every row of y [rows, C].
func AddBias(y, bias []float32) {
	c := len(bias)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, b := range bias {
			row[i] += b
		}
	}
}

// SumRows adds the rows of y [rows, C] to sum [C].
func SumRows(sum, y []float32) {
	c := len(sum)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, v := range row {
			sum[i] += v
		}
	}
}
