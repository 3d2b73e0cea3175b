package kernel

// NormGradient computes dz = q·gain + z·off + mid for rows of len(gain) channels,
// the last pass of a normalisation's gradient. z and dz are numbers of either
// precision; dz.Float may be q.
func NormGradient(dz Rows, q []float32, z Rows, gain, off, mid []float32) {
	n, c := len(q), len(gain)
	if n == 0 {
		return
	}
	off, mid = off[:c], mid[:c]
	switch {
	case z.Half == nil && dz.Half == nil:
		current.normGradient(dz.Float[:n], q, z.Float[:n], gain, off, mid, n/c)
	case dz.Half == nil:
		current.normGradientFrom(dz.Float[:n], q, z.Half[:n], gain, off, mid, n/c)
	case z.Half == nil:
		current.normGradientTo(dz.Half[:n], q, z.Float[:n], gain, off, mid, n/c)
	default:
		current.normGradientFromTo(dz.Half[:n], q, z.Half[:n], gain, off, mid, n/c)
	}
}

func normGradientPortable(dz Rows, q []float32, z Rows, gain, off, mid []float32, rows int) {
	var buf piece
	c := len(gain)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			zs := z.piece(&buf, r, c, from, to)
			n, at := len(zs), r*c+from
			qs, k, o, m := q[at:][:n], gain[from:to][:n], off[from:to][:n], mid[from:to][:n]
			for i, zi := range zs {
				y := qs[i]*k[i] + zi*o[i] + m[i]
				if dz.Half != nil {
					dz.Half[at+i] = ToBF16(y)
				} else {
					dz.Float[at+i] = y
				}
			}
		}
	}
}

// AddMoments adds each channel's Σ x and Σ x·y to sum and sumXY, for rows of
// len(sum) channels. y are numbers of either precision.
func AddMoments(sum, sumXY []float64, x []float32, y Rows) {
	n, c := len(x), len(sum)
	if n == 0 {
		return
	}
	if y.Half != nil {
		current.addMomentsBF16(sum, sumXY[:c], x, y.Half[:n], n/c)
	} else {
		current.addMoments(sum, sumXY[:c], x, y.Float[:n], n/c)
	}
}

// addMomentsPortable adds rows in order; all versions agree to the bit.
func addMomentsPortable(sum, sumXY []float64, x []float32, y Rows, rows int) {
	var buf piece
	c := len(sum)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			ys := y.piece(&buf, r, c, from, to)
			n := len(ys)
			xs, s, sy := x[r*c+from:][:n], sum[from:to][:n], sumXY[from:to][:n]
			for i, yi := range ys {
				w := float64(xs[i])
				s[i] += w
				sy[i] += w * float64(yi)
			}
		}
	}
}

// squared is how many rows AddSquares adds in float32 before it widens the sums.
const squared = 32

// AddSquares adds each channel's Σ x and Σ x² to sum and sum2, for rows of
// len(sum) channels. It adds 32 rows in float32, then in float64: the errors are
// below 2⁻¹⁹ of Σ|x| and of Σ x², typically a tenth of that, and a square that
// overflows float32 makes Σ x² infinite.
func AddSquares(sum, sum2 []float64, x []float32) {
	if c := len(sum); len(x) > 0 {
		current.addSquares(sum, sum2[:c], x, len(x)/c)
	}
}

func addSquaresPortable(sum, sum2 []float64, x []float32, rows int) {
	c := len(sum)
	for first := 0; first < rows; first += squared {
		last := min(first+squared, rows)
		for from := 0; from < c; from += wordBits {
			var s, s2 piece
			n := min(wordBits, c-from)
			for r := first; r < last; r++ {
				for i, v := range x[r*c+from:][:n] {
					s[i] += v
					s2[i] += v * v
				}
			}
			for i := range n {
				sum[from+i] += float64(s[i])
				sum2[from+i] += float64(s2[i])
			}
		}
	}
}
