package kernel

import "math"

// AvgPool averages the windows of one image x [H, W, C] into y [OutH, OutW, C].
func AvgPool(y, x []float32, g Geometry) {
	clear(y)
	inv := 1 / float32(g.Kernel*g.Kernel)
	eachPair(g, func(out, in int) {
		yo, xi := y[out:out+g.C], x[in:in+g.C]
		for c, v := range xi {
			yo[c] += v
		}
	})
	for i := range y {
		y[i] *= inv
	}
}

// AvgPoolBack adds the gradient of AvgPool to dx.
func AvgPoolBack(dx, dy []float32, g Geometry) {
	inv := 1 / float32(g.Kernel*g.Kernel)
	eachPair(g, func(out, in int) {
		d, x := dy[out:out+g.C], dx[in:in+g.C]
		for c, v := range d {
			x[c] += v * inv
		}
	})
}

// MaxPool takes the largest value of each window of one image.
func MaxPool(y, x []float32, g Geometry) {
	for i := range y {
		y[i] = float32(math.Inf(-1))
	}
	eachPair(g, func(out, in int) {
		yo, xi := y[out:out+g.C], x[in:in+g.C]
		for c, v := range xi {
			yo[c] = max(yo[c], v)
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

// eachPair calls fn for every window position and every pixel in it, with the
// offsets of their channels. Pooling has no padding.
func eachPair(g Geometry, fn func(out, in int)) {
	for oy := range g.OutH {
		for ox := range g.OutW {
			for ky := range g.Kernel {
				for kx := range g.Kernel {
					fn((oy*g.OutW+ox)*g.C, ((oy*g.Stride+ky)*g.W+ox*g.Stride+kx)*g.C)
				}
			}
		}
	}
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
