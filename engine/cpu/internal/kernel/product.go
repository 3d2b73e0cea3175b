package kernel

// productKernels are the kernels of the dense product in float32.
type productKernels struct {
	product func(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool)
	peak    func(rounds int)
	lanes   int // numbers in a vector of peak
}

var productsPortable = productKernels{product: productPortable, peak: peakPortable, lanes: 1}

// PanelLen is how many numbers the panels of a matrix of k×n have.
func PanelLen(k, n, width int) int { return (n + width - 1) / width * width * k }

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
	if k <= 0 {
		xAt, wAt = nil, nil
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
	begun       bool
}

// next moves to the next span. There is at least one, which may be empty.
func (s *spans) next(positions, k int) bool {
	if s.begun && s.last == positions && s.k+s.n == k {
		return false
	}
	if s.begun && s.k+s.n < k {
		s.k += s.n // the rest of the same position
	} else {
		s.first, s.k = s.last, 0
		s.last = min(positions, s.first+max(1, s.most/max(1, k)))
	}
	s.n, s.begun = min(s.most, k-s.k), true
	return true
}

// productPortable is Product. Blocks of 2 rows × 4 columns stay in registers.
func productPortable(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool) {
	for i := range rows {
		for j := range cols {
			var s float32
			for p, at := range xAt {
				for c := range k {
					s += x[int(at)+i*ldx+c] * w[int(wAt[p])+c*ldw+j]
				}
			}
			if add {
				s += y[i*ldy+j]
			}
			y[i*ldy+j] = s
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

const peakSums = 12 // of a round

func peakPortable(rounds int) {
	var a, b, c, d, e, f, g, h, i, j, k, l float32
	for range rounds {
		a, b, c, d, e, f = a+1, b+1, c+1, d+1, e+1, f+1
		g, h, i, j, k, l = g+1, h+1, i+1, j+1, k+1, l+1
	}
}
