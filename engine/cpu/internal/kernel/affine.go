package kernel

// Affine computes y = x·scale + shift for rows of len(scale) channels.
func Affine(y, x, scale, shift []float32) {
	c := len(scale)
	shift = shift[:c]
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
	for r := 0; r+c <= len(x); r += c {
		xr := x[r : r+c]
		n := len(xr)
		dyr, dxr := dy[r : r+c][:n], dx[r : r+c][:n]
		k, o, m := gain[:n], off[:n], mid[:n]
		for i, v := range xr {
			g := dyr[i]*k[i] + v*o[i] + m[i]
			if add {
				g += dxr[i]
			}
			dxr[i] = g
		}
	}
}
