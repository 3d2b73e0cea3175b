package kernel

// Affine computes y = x·scale + shift for rows of len(scale) channels.
func Affine(y, x, scale, shift []float32) {
	current.affine(y[:len(x)], x, scale, shift[:len(scale)])
}

func affinePortable(y, x, scale, shift []float32) {
	c := len(scale)
	for r := 0; r+c <= len(x); r += c {
		xr := x[r : r+c]
		yr := y[r : r+c][:len(xr)]
		k, b := scale[:len(xr)], shift[:len(xr)]
		for i, v := range xr {
			yr[i] = v*k[i] + b[i]
		}
	}
}

// AffinePair computes dx = dy·gain + x·off + mid for rows of len(gain)
// channels, or adds that to dx if add is set.
func AffinePair(dx, dy, x, gain, off, mid []float32, add bool) {
	c := len(gain)
	dx, dy, off, mid = dx[:len(x)], dy[:len(x)], off[:c], mid[:c]
	if add {
		current.affinePairAdd(dx, dy, x, gain, off, mid)
	} else {
		current.affinePair(dx, dy, x, gain, off, mid)
	}
}

func affinePairPortable(dx, dy, x, gain, off, mid []float32) {
	clear(dx)
	affinePairAddPortable(dx, dy, x, gain, off, mid)
}

func affinePairAddPortable(dx, dy, x, gain, off, mid []float32) {
	c := len(gain)
	for r := 0; r+c <= len(x); r += c {
		xr := x[r : r+c]
		n := len(xr)
		dyr, dxr := dy[r : r+c][:n], dx[r : r+c][:n]
		k, o, m := gain[:n], off[:n], mid[:n]
		for i, v := range xr {
			dxr[i] += dyr[i]*k[i] + v*o[i] + m[i]
		}
	}
}

// Moments writes, for rows of len(sum) channels, each channel's Σ x and Σ x·y.
func Moments(sum, sumXY []float64, x, y []float32) {
	current.moments(sum, sumXY[:len(sum)], x, y[:len(x)])
}

// momentsPortable adds rows in order; all versions agree to the bit.
func momentsPortable(sum, sumXY []float64, x, y []float32) {
	clear(sum)
	clear(sumXY)
	c := len(sum)
	for ; len(x) >= c; x, y = x[c:], y[c:] {
		xr, yr := x[:c], y[:c]
		for i, v := range xr {
			w := float64(v)
			sum[i] += w
			sumXY[i] += w * float64(yr[i])
		}
	}
}

// AddBias adds bias [C] to every row of y [rows, C].
func AddBias(y, bias []float32) { current.addBias(y, bias) }

func addBiasPortable(y, bias []float32) {
	c := len(bias)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, b := range bias {
			row[i] += b
		}
	}
}

// SumRows adds the rows of y [rows, C] to sum [C].
func SumRows(sum, y []float32) { current.sumRows(sum, y) }

// sumRowsPortable adds rows in order; all versions agree to the bit.
func sumRowsPortable(sum, y []float32) {
	c := len(sum)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, v := range row {
			sum[i] += v
		}
	}
}

// Add adds src to dst.
func Add(dst, src []float32) { current.axpy(dst, src[:len(dst)], 1) }

// Axpy adds a·src to dst.
func Axpy(dst, src []float32, a float32) { current.axpy(dst, src[:len(dst)], a) }

func axpyPortable(dst, src []float32, a float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += a * src[i]
	}
}
