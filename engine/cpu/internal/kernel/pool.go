package kernel

import "math"

// AvgPool averages the windows of one image x [H, W, C] into y [OutH, OutW, C].
// Pooling has no padding.
func AvgPool(y, x []float32, g Geometry) {
	g.eachRow(func(out, in int) {
		current.average(y[out:], x[in:], g.OutW, g.Stride*g.C, g.W*g.C, g.Kernel, g.C, g.share())
	})
}

// AvgPoolBack adds the gradient of AvgPool to dx.
func AvgPoolBack(dx, dy []float32, g Geometry) {
	g.eachRow(func(out, in int) {
		current.averageBack(dy[out:], dx[in:], g.OutW, g.Stride*g.C, g.W*g.C, g.Kernel, g.C, g.share())
	})
}

// share is what one input contributes to a window's average.
func (g Geometry) share() float32 { return 1 / float32(g.Kernel*g.Kernel) }

// eachRow calls fn for every row of windows, with the offsets of its first
// output and of its first input.
func (g Geometry) eachRow(fn func(out, in int)) {
	for oy := range g.OutH {
		fn(oy*g.OutW*g.C, oy*g.Stride*g.W*g.C)
	}
}

// averagePortable writes scale times the sums of a row of windows, of size×size
// pixels of c channels. Windows begin `step` numbers apart in x, lines of pixels
// `line` numbers.
func averagePortable(y, x []float32, windows, step, line, size, c int, scale float32) {
	for w := range windows {
		out := y[w*c:][:c]
		clear(out)
		for ky := range size {
			for kx := range size {
				for i, v := range x[w*step+ky*line+kx*c:][:len(out)] {
					out[i] += v
				}
			}
		}
		for i := range out {
			out[i] *= scale
		}
	}
}

// averageBackPortable adds scale times dy to every pixel of its window.
func averageBackPortable(dy, dx []float32, windows, step, line, size, c int, scale float32) {
	for w := range windows {
		d := dy[w*c:][:c]
		for ky := range size {
			for kx := range size {
				in := dx[w*step+ky*line+kx*c:][:len(d)]
				for i, v := range d {
					in[i] += v * scale
				}
			}
		}
	}
}

// MaxPool takes the largest value of each window of one image.
func MaxPool(y, x []float32, g Geometry) {
	for i := range y {
		y[i] = float32(math.Inf(-1))
	}
	g.eachRow(func(out, in int) {
		for range g.OutW {
			yo := y[out : out+g.C]
			for ky := range g.Kernel {
				for kx := range g.Kernel {
					for c, v := range x[in+(ky*g.W+kx)*g.C:][:len(yo)] {
						yo[c] = max(yo[c], v)
					}
				}
			}
			out, in = out+g.C, in+g.Stride*g.C
		}
	})
}

// MaxPoolBack adds the gradient of MaxPool to dx: it goes to the first of a
// window's largest values, in the order of rows.
func MaxPoolBack(dx, dy, y, x []float32, g Geometry) {
	for oy := range g.OutH {
		for ox := range g.OutW {
			out := (oy*g.OutW + ox) * g.C
			for c := range g.C {
				dx[firstMax(x, y[out+c], g, oy, ox, c)] += dy[out+c]
			}
		}
	}
}

// firstMax returns the index of the first input in window (oy, ox) of channel c
// that equals the window's largest value.
func firstMax(x []float32, largest float32, g Geometry, oy, ox, c int) int {
	first := ((oy*g.Stride)*g.W+ox*g.Stride)*g.C + c
	for ky := range g.Kernel {
		for kx := range g.Kernel {
			if i := first + (ky*g.W+kx)*g.C; x[i] == largest {
				return i
			}
		}
	}
	return first // only NaN compares unequal to everything
}

// GlobalAvgPool averages one image x [HW, C] into y [C].
func GlobalAvgPool(y, x []float32) {
	clear(y)
	SumRows(y, x)
	inv := float32(len(y)) / float32(len(x))
	for i := range y {
		y[i] *= inv
	}
}
