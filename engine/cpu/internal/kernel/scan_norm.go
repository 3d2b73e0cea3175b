package kernel

// NormGradient computes dz = q·gain + z·off + mid for rows of len(gain) channels,
// the last pass of a normalisation's gradient. q are numbers of either precision;
// dz may be q.Float.
func NormGradient(dz []float32, q Rows, z, gain, off, mid []float32) {
	n, c := len(dz), len(gain)
	if n == 0 {
		return
	}
	z, off, mid = z[:n], off[:c], mid[:c]
	if q.Half != nil {
		current.normGradientQ(dz, q.Half[:n], z, gain, off, mid, n/c)
	} else {
		current.normGradient(dz, q.Float[:n], z, gain, off, mid, n/c)
	}
}

func normGradientPortable(dz []float32, q Rows, z, gain, off, mid []float32, rows int) {
	var buf piece
	c := len(gain)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			zs := z[r*c+from : r*c+to]
			n := len(zs)
			qs, ds, k, o, m := q.piece(&buf, r, c, from, to)[:n], dz[r*c+from:][:n], gain[from:to][:n], off[from:to][:n], mid[from:to][:n]
			for i, zi := range zs {
				ds[i] = qs[i]*k[i] + zi*o[i] + m[i]
			}
		}
	}
}

// NormGradientPairs is NormGradient rounded to bfloat16, in two forms: rows and,
// as PackPairsHalf of them, panels of pairs of rows.
func NormGradientPairs(dz, pairs []BF16, q Rows, z []BF16, gain, off, mid []float32) {
	n, c := len(z), len(gain)
	if n == 0 {
		return
	}
	rows := n / c
	panel := PairsPanelLen(rows)
	dz, pairs, off, mid = dz[:n], pairs[:PairsLen(rows, c)], off[:c], mid[:c]
	even := 0 // rows that whole panels take in pairs
	if c%PanelColumns == 0 {
		even = rows &^ 1
	}
	switch m := even * c; {
	case q.Half != nil:
		q.Half = q.Half[:n]
		current.normPairsQ(dz[:m], pairs, q.Half[:m], z[:m], gain, off, mid, even, panel)
		q.Half = q.Half[m:]
	default:
		q.Float = q.Float[:n]
		current.normPairs(dz[:m], pairs, q.Float[:m], z[:m], gain, off, mid, even, panel)
		q.Float = q.Float[m:]
	}
	normPairsPortable(dz[even*c:], pairs[even*PanelColumns:], q, Rows{Half: z[even*c:]}, gain, off, mid, rows-even, panel)
	for ; len(pairs) > 0; pairs = pairs[panel:] {
		clear(pairs[(rows+1)/2*pairNumbers : panel])
	}
}

func normPairsPortable(dz, pairs []BF16, q, z Rows, gain, off, mid []float32, rows, panel int) {
	var qBuf, zBuf piece
	c := len(gain)
	for r := range rows {
		for from := 0; from < c; from += PanelColumns {
			to := min(from+PanelColumns, c)
			qs, zs := q.piece(&qBuf, r, c, from, to), z.piece(&zBuf, r, c, from, to)
			n := len(zs)
			line := linePairs(pairs[from/PanelColumns*panel:], r, rows, n)
			ds, k, o, m := dz[r*c+from:][:n], gain[from:to][:n], off[from:to][:n], mid[from:to][:n]
			for i, zi := range zs {
				h := ToBF16(qs[i]*k[i] + zi*o[i] + m[i])
				ds[i], line[2*i+r&1] = h, h
			}
		}
	}
}

// AddMoments adds each channel's Σ q and Σ q·z to sum and sumQZ, for rows of
// len(sum) channels. q and z are numbers of either precision.
func AddMoments(sum, sumQZ []float64, q, z Rows) {
	n, c := len(q.Float)+len(q.Half), len(sum)
	if n == 0 {
		return
	}
	sumQZ = sumQZ[:c]
	switch {
	case q.Half == nil && z.Half == nil:
		current.addMoments(sum, sumQZ, q.Float, z.Float[:n], n/c)
	case q.Half == nil:
		current.addMomentsZ(sum, sumQZ, q.Float, z.Half[:n], n/c)
	case z.Half == nil:
		current.addMomentsQ(sum, sumQZ, q.Half, z.Float[:n], n/c)
	default:
		current.addMomentsQZ(sum, sumQZ, q.Half, z.Half[:n], n/c)
	}
}

// addMomentsPortable adds rows in order; all versions agree to the bit.
func addMomentsPortable(sum, sumQZ []float64, q, z Rows, rows int) {
	var qBuf, zBuf piece
	c := len(sum)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			qs, zs := q.piece(&qBuf, r, c, from, to), z.piece(&zBuf, r, c, from, to)
			n := len(zs)
			s, sz := sum[from:to][:n], sumQZ[from:to][:n]
			for i, zi := range zs {
				w := float64(qs[i])
				s[i] += w
				sz[i] += w * float64(zi)
			}
		}
	}
}

// squared is how many rows AddSquares adds in float32 before it widens the sums.
const squared = 32

// AddSquares adds each channel's Σ x and Σ x² to sum and sum2, for rows of
// len(sum) channels, `stride` numbers apart. It adds 32 rows in float32, then in float64: the errors are
// below 2⁻¹⁹ of Σ|x| and of Σ x², typically a tenth of that, and a square that
// overflows float32 makes Σ x² infinite.
func AddSquares(sum, sum2 []float64, x []float32, rows, stride int) {
	if c := len(sum); rows > 0 {
		current.addSquares(sum, sum2[:c], x[:(rows-1)*stride+c], rows, stride)
	}
}

func addSquaresPortable(sum, sum2 []float64, x []float32, rows, stride int) {
	c := len(sum)
	for first := 0; first < rows; first += squared {
		last := min(first+squared, rows)
		for from := 0; from < c; from += wordBits {
			var s, s2 piece
			n := min(wordBits, c-from)
			for r := first; r < last; r++ {
				for i, v := range x[r*stride+from:][:n] {
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
