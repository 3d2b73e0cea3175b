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
		PackPanel(dst[:k*width], w, k, n, j, width)
		dst = dst[k*width:]
	}
}

// PackPanel writes the panel of PackPanels that begins with column j.
func PackPanel(dst, w []float32, k, n, j, width int) {
	columns := min(width, n-j)
	for i := range k {
		row := dst[i*width:][:width]
		copy(row, w[i*n+j:][:columns])
		clear(row[columns:])
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

// productPortable is Product. Sums of 3 rows × 2 columns stay in registers, which the
// compiler has for them, their products and both operands. What is left of rows and
// columns, and sums too short for that to pay, goes row by row.
func productPortable(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool) {
	if !add {
		sumNothing(y, ldy, rows, cols, false)
	}
	i, pairs := 0, cols&^1
	for ; k >= shortSum && i+3 <= rows; i += 3 {
		for j := 0; j < pairs; j += 2 {
			sum := multiplyRows(x[i*ldx:], ldx, w[j:], ldw, xAt, wAt, k)
			for r, s := range sum {
				to := y[(i+r)*ldy+j:][:2]
				to[0] += s[0]
				to[1] += s[1]
			}
		}
		for r := i; r < i+3 && pairs < cols; r++ {
			multiplyRow(y[r*ldy+pairs:][:cols-pairs], x[r*ldx:], w[pairs:], ldw, xAt, wAt, k)
		}
	}
	for ; i < rows; i++ {
		multiplyRow(y[i*ldy:][:cols], x[i*ldx:], w, ldw, xAt, wAt, k)
	}
}

// shortSum is up to which length of the sum over a position it costs more to set out
// for it with several rows.
const shortSum = 4

// multiplyRows returns the products of three rows of x and two columns of w.
func multiplyRows(x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, k int) [3][2]float32 {
	var a0, a1, b0, b1, c0, c1 float32
	for p, from := range xAt {
		a := x[from:]
		b, c, at := a[ldx:][:k], a[2*ldx:][:k], int(wAt[p])
		for i, u := range a[:k] {
			r, v, z := (*[2]float32)(w[at:at+2:at+2]), b[i], c[i]
			a0 += u * r[0]
			a1 += u * r[1]
			b0 += v * r[0]
			b1 += v * r[1]
			c0 += z * r[0]
			c1 += z * r[1]
			at += ldw
		}
	}
	return [3][2]float32{{a0, a1}, {b0, b1}, {c0, c1}}
}

// multiplyRow adds the products of a row of x and the columns of w to y, a block of
// columns at a time.
func multiplyRow(y, x, w []float32, ldw int, xAt, wAt []int32, k int) {
	j := 0
	for ; j+block <= len(y); j += block {
		sum := (*[block]float32)(y[j:])
		s0, s1, s2, s3, s4, s5, s6, s7 := sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]
		for p, from := range xAt {
			at := int(wAt[p]) + j
			for _, u := range x[from:][:k] {
				r := (*[block]float32)(w[at : at+block : at+block])
				s0 += u * r[0]
				s1 += u * r[1]
				s2 += u * r[2]
				s3 += u * r[3]
				s4 += u * r[4]
				s5 += u * r[5]
				s6 += u * r[6]
				s7 += u * r[7]
				at += ldw
			}
		}
		*sum = [block]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	}
	for ; j < len(y); j++ {
		for p, from := range xAt {
			at := int(wAt[p]) + j
			for _, u := range x[from:][:k] {
				y[j] += u * w[at]
				at += ldw
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
