package kernel

// productKernels are the kernels of the dense product in float32.
type productKernels struct {
	product func(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool)
	peak    func(rounds int) float32
	lanes   int // numbers in a vector of peak
}

var productsPortable = productKernels{product: productPortable, peak: peakPortable, lanes: 1}

// PackPanels writes the matrix w [k][n] as panels [⌈n/width⌉][k][width], with
// zeros behind the last column: the rows of a panel follow each other in memory
// as a product reads them.
func PackPanels(dst, w []float32, k, n, width int) {
	for j := 0; j < n; j += width {
		columns := min(width, n-j)
		for i := range k {
			row := dst[:width]
			copy(row, w[i*n+j:][:columns])
			clear(row[columns:])
			dst = dst[width:]
		}
	}
}

// PackPanelsTransposed is PackPanels of the transpose of w [n][k].
func PackPanelsTransposed(dst, w []float32, k, n, width int) {
	const together = 16 // rows that are read side by side
	for j := 0; j < n; j += width {
		panel, columns := dst[:k*width], min(width, n-j)
		for i := 0; i < k; i += together {
			for c := range columns {
				for r, v := range w[(j+c)*k+i:][:min(together, k-i)] {
					panel[(i+r)*width+c] = v
				}
			}
		}
		if columns < width {
			for i := range k {
				clear(panel[i*width+columns : (i+1)*width])
			}
		}
		dst = dst[k*width:]
	}
}

// Product computes, for i < rows and j < cols, the batch-reduce product
//
//	y[i·ldy + j] = Σ x[xAt[p] + i·ldx + c]·w[wAt[p] + c·ldw + j]    over positions p and c < k
//
// or adds it to what y has. w is a panel of PackPanels or any matrix. With one
// position for each tap of a window it is a pixel of a convolution, with one for
// each pixel a weight gradient.
func Product(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_ = y[(rows-1)*ldy+cols-1]
	wAt = wAt[:len(xAt)]
	if k <= 0 || len(xAt) == 0 {
		sumNothing(y, ldy, rows, cols, add)
		return
	}
	for p, at := range xAt {
		_ = x[int(at)+(rows-1)*ldx+k-1]
		_ = w[int(wAt[p])+(k-1)*ldw+cols-1]
	}
	for s := (spans{most: productSpan}); s.next(len(xAt), k); add = true {
		current.product(y, ldy, x[s.k:], ldx, w[s.k*ldw:], ldw, xAt[s.first:s.last], wAt[s.first:s.last], rows, s.n, cols, add)
	}
}

// productSpan is how much of k a product takes at once: a block of columns of w
// is then in the first-level cache while all rows go over it.
const productSpan = 128

// spans cuts a product's positions, each of k numbers, into runs of at most
// `most` numbers: of several positions, or of a part of one.
type spans struct {
	most        int
	first, last int // positions
	k, n        int // of each, from number k on
}

// next moves to the next span of one position or more.
func (s *spans) next(positions, k int) bool {
	if s.k += s.n; s.last == 0 || s.k == k {
		if s.last == positions {
			return false
		}
		s.first, s.k = s.last, 0
		s.last = min(positions, s.first+max(1, s.most/k))
	}
	s.n = min(s.most, k-s.k)
	return true
}

// sumNothing is a product without terms.
func sumNothing(y []float32, ldy, rows, cols int, add bool) {
	if add {
		return
	}
	for i := range rows {
		clear(y[i*ldy:][:cols])
	}
}

// productPortable is Product. Blocks of 2 rows × 4 columns stay in registers.
func productPortable(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool) {
	for i := 0; i < rows; i += 2 {
		for j := 0; j < cols; j += 4 {
			var s [2][4]float32
			height, width := min(2, rows-i), min(4, cols-j)
			for p, at := range xAt {
				from, line := x[int(at)+i*ldx:], w[int(wAt[p])+j:]
				if height == 2 && width == 4 {
					multiplyBlock(&s, from[:k], from[ldx:][:k], line, ldw)
				} else {
					multiplyEdge(&s, from, ldx, line, ldw, height, k, width)
				}
			}
			for r := range height {
				to := y[(i+r)*ldy+j:][:width]
				for c := range to {
					if add {
						to[c] += s[r][c]
					} else {
						to[c] = s[r][c]
					}
				}
			}
		}
	}
}

// multiplyBlock adds the products of two rows of x and four columns of w.
func multiplyBlock(s *[2][4]float32, a, b, w []float32, ldw int) {
	b = b[:len(a)]
	a0, a1, a2, a3 := s[0][0], s[0][1], s[0][2], s[0][3]
	b0, b1, b2, b3 := s[1][0], s[1][1], s[1][2], s[1][3]
	at := 0
	for c, u := range a {
		v, r := b[c], w[at:][:4]
		a0 += u * r[0]
		a1 += u * r[1]
		a2 += u * r[2]
		a3 += u * r[3]
		b0 += v * r[0]
		b1 += v * r[1]
		b2 += v * r[2]
		b3 += v * r[3]
		at += ldw
	}
	s[0] = [4]float32{a0, a1, a2, a3}
	s[1] = [4]float32{b0, b1, b2, b3}
}

// multiplyEdge is multiplyBlock of fewer rows or columns.
func multiplyEdge(s *[2][4]float32, x []float32, ldx int, w []float32, ldw, rows, k, cols int) {
	for i := range rows {
		for c, u := range x[i*ldx:][:k] {
			for j, v := range w[c*ldw:][:cols] {
				s[i][j] += u * v
			}
		}
	}
}

// Peak runs independent multiply-adds in registers, without memory, and returns
// how many floating-point operations they were. Timed, it says what a product
// could reach on this processor at this moment.
func Peak(rounds int) (flops int) {
	current.peak(rounds)
	return 2 * peakSums * current.lanes * rounds
}

// peakSums is the number of multiply-adds in a round.
const peakSums = 12

// peakPortable begins with numbers that differ: the compiler would compute equal
// sums once.
func peakPortable(rounds int) float32 {
	x := 1 / float32(1+rounds) // unknown to the compiler, and the sums stay finite
	a, b, c, d, e, f := float32(1), float32(2), float32(3), float32(4), float32(5), float32(6)
	g, h, i, j, k, l := float32(7), float32(8), float32(9), float32(10), float32(11), float32(12)
	for range rounds {
		a, b, c, d, e, f = a*x+x, b*x+x, c*x+x, d*x+x, e*x+x, f*x+x
		g, h, i, j, k, l = g*x+x, h*x+x, i*x+x, j*x+x, k*x+x, l*x+x
	}
	return a + b + c + d + e + f + g + h + i + j + k + l
}
