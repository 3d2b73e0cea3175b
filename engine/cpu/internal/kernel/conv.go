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

// span returns the range of window columns kx whose input column lies inside
// the image for output column ox, and the input column of the first of them.
func (g Geometry) span(ox int) (from, to, x int) {
	x0 := ox*g.Stride - g.Pad
	from = max(0, -x0)
	to = min(g.Kernel, g.W-x0)
	return from, max(from, to), x0 + from
}

// Convolve computes one image's output y [OutH, OutW, out] from x [H, W, C] and
// the weight matrix w [Patch, out]. The list needs room for a patch.
func Convolve(y, x, w []float32, g Geometry, out int, l *List) {
	for oy := range g.OutH {
		for ox := range g.OutW {
			l.Reset()
			from, to, x0 := g.span(ox)
			for ky := range g.Kernel {
				iy := oy*g.Stride - g.Pad + ky
				if iy < 0 || iy >= g.H {
					continue
				}
				l.Append(x[(iy*g.W+x0)*g.C:][:(to-from)*g.C], (ky*g.Kernel+from)*g.C)
			}
			acc := y[(oy*g.OutW+ox)*out:][:out]
			clear(acc)
			l.Combine(acc, w)
		}
	}
}
