package kernel

// Pooling where values lie pixel by pixel, [P][F][C]: all frames of a pixel
// together. A pixel's rows are averaged as a whole.

// window returns the first input pixel of an output pixel's window.
func (g Conv) window(pixel int) int {
	return pixel/g.OutW*g.Stride*g.W + pixel%g.OutW*g.Stride
}

// poolShare is what one input contributes to a window's average.
func (g Conv) poolShare() float32 { return 1 / float32(g.Positions()) }

// AvgPoolBits averages the spikes x [P][frames][Words(C)] in the window of an
// output pixel into y [frames, C]. Pooling has no padding.
func AvgPoolBits(y []float32, x []uint32, g Conv, frames, pixel int) {
	if frames > 0 {
		n := frames * Words(g.C) // words of a pixel
		current.averageBits(y[:frames*g.C], x[g.window(pixel)*n:], frames, g.C, g.KernelH, g.KernelW, g.W*n, n, g.poolShare())
	}
}

// AvgPoolBitsBF16 is AvgPoolBits into BF16.
func AvgPoolBitsBF16(y []BF16, x []uint32, g Conv, frames, pixel int) {
	if frames > 0 {
		n := frames * Words(g.C)
		current.averageBitsBF16(y[:frames*g.C], x[g.window(pixel)*n:], frames, g.C, g.KernelH, g.KernelW, g.W*n, n, g.poolShare())
	}
}

// GlobalAvgPoolBits averages the spikes x [pixels][frames][Words(c)] over all
// pixels into y [frames, c].
func GlobalAvgPoolBits(y []float32, x []uint32, frames, c, pixels int) {
	if frames > 0 {
		n := frames * Words(c)
		current.averageBits(y[:frames*c], x[:pixels*n], frames, c, 1, pixels, 0, n, 1/float32(pixels))
	}
}

func averageBitsPortable(y Rows, x []uint32, rows, c, high, wide, down, across int, share float32) {
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
					y.Half[r*c+from+i] = ToBF16(v)
				} else {
					y.Float[r*c+from+i] = v
				}
			}
		}
	}
}
