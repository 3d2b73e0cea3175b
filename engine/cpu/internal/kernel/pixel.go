package kernel

// Pooling where values lie pixel by pixel, [P][F][C]: all frames of a pixel
// together. A pixel's rows are averaged or added as a whole.

// BF16Rows are rows of numbers Apart numbers apart.
type BF16Rows struct {
	Data  []BF16
	Apart int
}

// window returns the first input pixel of an output pixel's window.
func (g Geometry) window(pixel int) int {
	return pixel/g.OutW*g.Stride*g.W + pixel%g.OutW*g.Stride
}

// AvgPoolBits averages the spikes x [P][frames][Words(C)] in the window of an
// output pixel into y [frames, C]. Pooling has no padding.
func AvgPoolBits(y []float32, x []uint32, g Geometry, frames, pixel int) {
	if frames > 0 {
		row := Words(g.C)
		n := frames * row // words of a pixel
		current.averageBits(y[:frames*g.C], x[g.window(pixel)*n:], frames, g.C, g.C, g.Kernel, g.Kernel, g.W*n, n, g.share())
	}
}

// AvgPoolBitsBF16 is AvgPoolBits into rows of BF16, which may lie apart.
func AvgPoolBitsBF16(y BF16Rows, x []uint32, g Geometry, frames, pixel int) {
	if frames > 0 {
		n := frames * Words(g.C)
		current.averageBitsBF16(y.Data[:(frames-1)*y.Apart+g.C], x[g.window(pixel)*n:], frames, g.C, y.Apart, g.Kernel, g.Kernel, g.W*n, n, g.share())
	}
}

// GlobalAvgPoolBits averages the spikes x [pixels][frames][Words(c)] over all
// pixels into y [frames, c].
func GlobalAvgPoolBits(y []float32, x []uint32, frames, c, pixels int) {
	if frames > 0 {
		n := frames * Words(c)
		current.averageBits(y[:frames*c], x[:pixels*n], frames, c, c, 1, pixels, 0, n, 1/float32(pixels))
	}
}

func averageBitsPortable(y Rows, x []uint32, rows, c, apart, high, wide, down, across int, share float32) {
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			var count [wordBits]int32
			n := min(wordBits, c-from)
			for ky := range high {
				for kx := range wide {
					word := x[r*Words(c)+from/wordBits+ky*down+kx*across]
					for i := range n {
						count[i] += int32(word >> i & 1)
					}
				}
			}
			for i, k := range count[:n] {
				v := float32(k) * share
				if y.Half != nil {
					y.Half[r*apart+from+i] = ToBF16(v)
				} else {
					y.Float[r*apart+from+i] = v
				}
			}
		}
	}
}

// MaxPoolBits writes to y [frames][Words(C)] which of the neurons in the window
// of an output pixel have fired: any of them.
func MaxPoolBits(y, x []uint32, g Geometry, frames, pixel int) {
	n := frames * Words(g.C)
	first := g.window(pixel)
	y = y[:n]
	copy(y, x[first*n:])
	for ky := range g.Kernel {
		for kx := range g.Kernel {
			for i, w := range x[(first+ky*g.W+kx)*n:][:len(y)] {
				y[i] |= w
			}
		}
	}
}

// AvgPoolPixelBack writes the gradient of average pooling of an input pixel,
// dx [frames, C], from the gradient dy [OutP][frames][C], or adds it if add is
// set.
func AvgPoolPixelBack(dx, dy []float32, g Geometry, frames, pixel int, add bool) {
	n := frames * g.C
	dx = dx[:n]
	y0, y1 := g.reached(pixel/g.W, g.OutH)
	x0, x1 := g.reached(pixel%g.W, g.OutW)
	for oy := y0; oy < y1; oy++ {
		for ox := x0; ox < x1; ox++ {
			d := dy[(oy*g.OutW+ox)*n:][:n]
			if add {
				current.axpy(dx, d, g.share())
			} else {
				current.scale(dx, d, g.share())
			}
			add = true
		}
	}
	if !add {
		clear(dx)
	}
}

// reached returns the range of windows, along one side with `out` of them, that
// contain the input at i.
func (g Geometry) reached(i, out int) (from, to int) {
	return max(0, (i-g.Kernel+g.Stride)/g.Stride), min(out, i/g.Stride+1)
}

// scalePortable writes a·src to dst.
func scalePortable(dst, src []float32, a float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = a * v
	}
}
