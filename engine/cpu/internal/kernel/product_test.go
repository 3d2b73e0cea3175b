package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const (
	untouched  = 4321 // what y has where nothing is computed
	longestDim = 70
)

// A productCase is the sizes of a product and its operands as numbers.
type productCase struct {
	positions, rows, k, cols int
	add, special             bool
}

func (c productCase) String() string {
	return fmt.Sprintf("%d positions, %d×%d×%d, add %v, special %v", c.positions, c.rows, c.k, c.cols, c.add, c.special)
}

// operands returns random x [positions][rows][k] and w [positions][k][cols],
// which bfloat16 holds exactly.
func (c productCase) operands(rng *rand.Rand) (x, w []float32) {
	x, w = random(rng, c.positions*c.rows*c.k), random(rng, c.positions*c.k*c.cols)
	for _, v := range [][]float32{x, w} {
		for i := range v {
			v[i] = ToBF16(v[i]).Float32()
			if r := rng.IntN(400); c.special && r < 4 {
				v[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0}[r]
			}
		}
	}
	return x, w
}

// want returns the product and the sum of its terms' magnitudes.
func (c productCase) want(x, w []float32) (sum, size []float64) {
	sum, size = make([]float64, c.rows*c.cols), make([]float64, c.rows*c.cols)
	for p := range c.positions {
		for i := range c.rows {
			for l := range c.k {
				u := float64(x[(p*c.rows+i)*c.k+l])
				for j := range c.cols {
					v := u * float64(w[(p*c.k+l)*c.cols+j])
					sum[i*c.cols+j] += v
					size[i*c.cols+j] += math.Abs(v)
				}
			}
		}
	}
	return sum, size
}

// check compares y, rows of ldy numbers, that had `untouched` everywhere.
func (c productCase) check(t *testing.T, level string, y []float32, ldy int, x, w []float32) {
	t.Helper()
	sum, size := c.want(x, w)
	for at, got := range y {
		i, j := at/ldy, at%ldy
		if j >= c.cols || i >= c.rows {
			if got != untouched {
				t.Fatalf("%s, %v: wrote %v in row %d, column %d", level, c, got, i, j)
			}
			continue
		}
		want, scale := sum[i*c.cols+j], size[i*c.cols+j]
		if c.add {
			want, scale = want+untouched, scale+untouched
		}
		// A sum in any order is off by less than a rounding for each term.
		bound := scale * math.Ldexp(float64(c.positions*c.k+2), -24)
		if got := float64(got); !(math.Abs(got-want) <= bound || got == want || math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%s, %v: row %d, column %d has %v, want %v", level, c, i, j, got, want)
		}
	}
}

func constant(n int, v float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// eachProduct calls run with products of many sizes, in short tests with one in
// seven of them.
func eachProduct(rows, ks, cols []int, run func(seed int, c productCase)) {
	seed := 0
	for _, r := range rows {
		for _, k := range ks {
			for _, n := range cols {
				if seed++; leftOut(seed) {
					continue
				}
				run(seed, productCase{positions: seed % 4, rows: r, k: k, cols: n, add: seed%3 == 0, special: seed%5 == 0})
			}
		}
	}
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// TestProduct runs every version beside float64 sums: every number of rows and
// columns, strides that leave gaps, and spans that cut positions.
func TestProduct(t *testing.T) {
	for _, v := range plainVersions() {
		t.Run(v.level, func(t *testing.T) {
			run := func(seed int, c productCase) { testProduct(t, v, seed, c) }
			eachProduct(upTo(16), []int{0, 1, 2, 3, 7}, upTo(longestDim), run)
			eachProduct([]int{1, 6, 13, 27}, []int{64, 127, 128, 129, 300}, []int{1, 16, 31, 64, 69}, run)
			for _, add := range []bool{false, true} {
				testProduct(t, v, 3, productCase{positions: 21, rows: 14, k: 31, cols: 48, add: add})
			}
		})
	}
}

func testProduct(t *testing.T, v *kernels, seed int, c productCase) {
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	x, w := c.operands(rng)
	ldx, ldw, ldy := c.k+seed%3, c.cols+seed%7, c.cols+seed%2*3
	offset := guardWidth + seed%16
	gx := newGuarded(spread(x, c.k, ldx, guardFloat), guardFloat, offset)
	gw := newGuarded(spread(w, c.cols, ldw, guardFloat), guardFloat, offset)
	gy := newGuarded(constant(c.rows*ldy, untouched), guardFloat, offset)
	xAt, wAt := everyPixel(c.positions, c.rows*ldx), everyPixel(c.positions, c.k*ldw)

	defer useKernels(v)()
	Product(gy.x, ldy, gx.x, ldx, gw.x, ldw, xAt, wAt, c.rows, c.k, c.cols, c.add)
	gy.check(t, v.level+", "+c.String())
	c.check(t, v.level, gy.x, ldy, x, w)
}

// spread returns rows of n numbers as rows of ld, with a filling between them
// but, as memory may end there, not behind the last.
func spread[T float32 | BF16](x []T, n, ld int, fill T) []T {
	if n == 0 || len(x) == 0 {
		return nil
	}
	var out []T
	for ; len(x) > 0; x = x[n:] {
		out = append(out, x[:n]...)
		for range ld - n {
			out = append(out, fill)
		}
	}
	return out[:len(out)-(ld-n)]
}

// everyPixel returns n positions, `step` numbers apart.
func everyPixel(n, step int) []int32 {
	at := make([]int32, n)
	for i := range at {
		at[i] = int32(i * step)
	}
	return at
}

func TestPackPanels(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, width := range []int{1, 16, 32, 48, 64} {
		for _, k := range []int{0, 1, 3, 16, 33} {
			for _, n := range []int{0, 1, 16, 47, 64, 65} {
				w := random(rng, k*n)
				back := transposed(w, k, n)
				size := panelLen(k, n, width)
				for name, pack := range map[string]func(dst []float32){
					"PackPanels":           func(dst []float32) { PackPanels(dst, w, k, n, width) },
					"PackPanelsTransposed": func(dst []float32) { PackPanelsTransposed(dst, back, k, n, width) },
				} {
					what := fmt.Sprintf("%s %d×%d, width %d", name, k, n, width)
					g := newGuarded(constant(size, untouched), guardFloat, guardWidth)
					pack(g.x)
					g.check(t, what)
					for at, got := range g.x {
						i, j := at/width%k, at/(width*k)*width+at%width
						want := float32(0)
						if j < n {
							want = w[i*n+j]
						}
						if got != want {
							t.Fatalf("%s: row %d, column %d has %v, want %v", what, i, j, got, want)
						}
					}
				}
			}
		}
	}
}

func TestSpansCoverEveryPositionOnce(t *testing.T) {
	for _, most := range []int{1, 32, 128} {
		for positions := 1; positions < 9; positions++ {
			for _, k := range []int{1, 31, 32, 128, 129, 300} {
				seen := make([]int, positions*k)
				for s := (spans{most: most}); s.next(positions, k); {
					if n := (s.last - s.first) * s.n; n > most {
						t.Fatalf("a span of %d numbers, at most %d", n, most)
					}
					for p := s.first; p < s.last; p++ {
						for c := s.k; c < s.k+s.n; c++ {
							seen[p*k+c]++
						}
					}
				}
				for i, n := range seen {
					if n != 1 {
						t.Fatalf("at most %d, %d positions of %d: number %d came %d times", most, positions, k, i, n)
					}
				}
			}
		}
	}
}

// panelLen is how many numbers the panels of a matrix of k×n have.
func panelLen(k, n, width int) int { return (n + width - 1) / width * width * k }

// transposed returns the transpose of x [rows][cols].
func transposed[T float32 | BF16](x []T, rows, cols int) []T {
	t := make([]T, len(x))
	for i := range rows {
		for j := range cols {
			t[j*rows+i] = x[i*cols+j]
		}
	}
	return t
}

func TestPeakCountsItsOperations(t *testing.T) {
	for _, v := range versions {
		restore := Use(v.level)
		if got, want := Peak(100), 2*12*v.lanes*100; got != want || Peak(0) != 0 {
			t.Errorf("%s: %d operations, want %d", v.level, got, want)
		}
		restore()
	}
}
