package kernel

import "sync"

// halfKernels are the conversions and the product in bfloat16.
type halfKernels struct {
	conversionKernels
	productHalf productHalfFunc
	halfKind    HalfKind // of productHalf
}

type productHalfFunc func(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, ahead []BF16)

var halvesPortable = halfKernels{conversionsPortable, productHalfPortable, HalfWidened}

// ProductHalf is Product of bfloat16 numbers, summed in float32:
//
//	y[i·ldy + j] = Σ x[xAt[p] + i·ldx + c]·W[p][c][j]    over positions p and c < k
//
// or added to what y has. k is a multiple of 32. Panel q of W[p], of PackPairs,
// which has the columns from 32q on, begins at w[q·panel + wAt[p]].
//
// Versions differ in how they sum. Those that widen are Product of the widened
// numbers. VDPBF16PS and the tile instructions take numbers below the smallest
// normal one, 2⁻¹²⁶, as zero, also in sums and y, and round to nearest, ties to
// even, whatever the processor's settings; they differ from a float64 sum by no
// more than a float32 sum does.
func ProductHalf(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool) {
	ProductHalfAhead(y, ldy, x, ldx, w, panel, xAt, wAt, rows, k, cols, add, nil)
}

// ProductHalfAhead is ProductHalf, which meanwhile may bring numbers from the
// beginning of ahead on to the second-level cache, for products to come.
func ProductHalfAhead(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, ahead []BF16) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_ = y[(rows-1)*ldy+cols-1]
	wAt = wAt[:len(xAt)]
	if k <= 0 || len(xAt) == 0 {
		sumNothing(y, ldy, rows, cols, add)
		return
	}
	last := (cols - 1) / PanelColumns * panel
	for p, at := range xAt {
		_ = x[int(at)+(rows-1)*ldx+k-1]
		_ = w[last+int(wAt[p])+k*PanelColumns-1]
	}
	current.productHalf(y, ldy, x, ldx, w, panel, xAt, wAt, rows, k, cols, add, ahead)
}

// FetchedAhead is about how many numbers a product of these sizes brings to the
// cache: the longer it takes, the more.
func FetchedAhead(positions, rows, k, cols int) int {
	const steps = PanelColumns * PanelColumns * PanelColumns // of a block of 32 rows and columns, for 32 of k
	return positions * rows * k * cols / steps * PanelColumns * 2
}

func productHalfPortable(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, _ []BF16) {
	productWidened(&productsPortable, &conversionsPortable, y, ldy, x, ldx, w, panel, xAt, wAt, rows, k, cols, add)
}

// A widened block of each operand takes part in as many products as the other
// has rows or columns, so that widening costs little.
const (
	widenedRows = 64
	widenedSpan = 128 // of k
)

type widenedBlocks struct {
	x    [widenedRows * widenedSpan]float32 // [rows][span]
	w    [widenedSpan * PanelColumns]float32
	zero [1]int32
}

var widenedPool = sync.Pool{New: func() any { return new(widenedBlocks) }}

// productWidened computes ProductHalf with the kernels of float32.
func productWidened(f *productKernels, c *conversionKernels, y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool) {
	b := widenedPool.Get().(*widenedBlocks)
	defer widenedPool.Put(b)
	for i := 0; i < rows; i += widenedRows {
		n, to, again := min(widenedRows, rows-i), y[i*ldy:], add
		for s := (spans{most: widenedSpan}); s.next(len(xAt), k); again = true {
			span := (s.last - s.first) * s.n
			for p, at := range xAt[s.first:s.last] {
				for r := range n {
					c.widen(b.x[r*span+p*s.n:][:s.n], x[int(at)+(i+r)*ldx+s.k:][:s.n])
				}
			}
			for j := 0; j < cols; j += PanelColumns {
				for p, at := range wAt[s.first:s.last] {
					from := j/PanelColumns*panel + int(at) + s.k*PanelColumns
					c.splitPairs(b.w[p*s.n*PanelColumns:], w[from:][:s.n*PanelColumns])
				}
				f.product(to[j:], ldy, b.x[:], span, b.w[:], PanelColumns, b.zero[:], b.zero[:], n, span, min(PanelColumns, cols-j), again)
			}
		}
	}
}
