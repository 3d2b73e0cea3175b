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

// span returns the range of window offsets that lie inside an axis of the image,
// `size` long, for output `o` along it, and the coordinate of the first.
func (g Geometry) span(o, size int) (from, to, first int) {
	at := o*g.Stride - g.Pad
	from = max(0, -at)
	to = min(g.Kernel, size-at)
	return from, max(from, to), at + from
}

// Convolve computes one image's output y [OutH, OutW, out] from x [H, W, C] and
// the weight matrix w [Patch, out]. The list needs room for a patch.
func Convolve(y, x, w []float32, g Geometry, out int, l *List) {
	list := *l // its lengths stay out of memory that the garbage collector watches
	for oy := range g.OutH {
		up, down, iy := g.span(oy, g.H)
		for ox := range g.OutW {
			left, right, ix := g.span(ox, g.W)
			acc := y[(oy*g.OutW+ox)*out:][:out]
			clear(acc)
			if up == down || left == right {
				continue
			}
			list.Reset()
			list.appendLines(x[(iy*g.W+ix)*g.C:], (right-left)*g.C, down-up, g.W*g.C,
				(up*g.Kernel+left)*g.C, g.Kernel*g.C)
			list.Combine(acc, w)
		}
	}
}
