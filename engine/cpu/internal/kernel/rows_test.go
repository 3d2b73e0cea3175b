package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// numbers returns the rows as float32.
func (r Rows) numbers() []float32 {
	x := slices.Clone(r.Float)
	for _, h := range r.Half {
		x = append(x, h.Float32())
	}
	return x
}

// eachPrecision calls fn with rows of n random numbers of every pair of
// precisions.
func eachPrecision(n int, fn func(what string, a, b Rows)) {
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	for _, kinds := range []string{"ff", "fh", "hf", "hh"} {
		var r [2]Rows
		for i, k := range kinds {
			if r[i].Float = random(rng, n); k == 'h' {
				r[i] = Rows{Half: randomHalf(rng, n)}
			}
		}
		fn(fmt.Sprintf("%s, %d numbers", kinds, n), r[0], r[1])
	}
}

// TestRowsOfEitherPrecision sets and adds, to the bit.
func TestRowsOfEitherPrecision(t *testing.T) { eachLevel(t, testRowsOfEitherPrecision) }

func testRowsOfEitherPrecision(t *testing.T) {
	for n := range 70 {
		eachPrecision(n+1, func(what string, dst, src Rows) {
			a, b := dst.numbers(), src.numbers()
			a[n], b[n] = 7, 9 // behind what is added
			dst.set(n, 7)
			src.set(n, 9)
			part := src
			if part.Half != nil {
				part.Half = part.Half[:n]
			} else {
				part.Float = part.Float[:n]
			}
			check := func(op string, want func(i int) float32) {
				t.Helper()
				for i, got := range dst.numbers() {
					w := a[i]
					if i < n {
						w = want(i)
						if dst.Half != nil {
							w = ToBF16(w).Float32()
						}
					}
					if got != w {
						t.Fatalf("%s, %s: number %d is %v, want %v", what, op, i, got, w)
					}
				}
			}
			dst.Add(part)
			check("add", func(i int) float32 { return a[i] + b[i] })
			dst.Set(part)
			check("set", func(i int) float32 { return b[i] })
		})
	}
}

// TestNormGradientPairs compares with NormGradient, rounded, and PackPairsHalf.
func TestNormGradientPairs(t *testing.T) { eachLevel(t, testNormGradientPairs) }

func testNormGradientPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, c := range []int{1, 31, 32, 50, 64, 96} {
		for _, rows := range []int{1, 2, 5, 31, 32, 33, 64} {
			gain, off, mid := random(rng, c), random(rng, c), random(rng, c)
			eachPrecision(rows*c, func(what string, q, z Rows) {
				if z.Half == nil {
					return
				}
				exact := make([]float32, rows*c)
				NormGradient(exact, q, z.numbers(), gain, off, mid)
				want, wantPairs := make([]BF16, rows*c), make([]BF16, PairsLen(rows, c))
				Narrow(want, exact)
				got, pairs := make([]BF16, rows*c), make([]BF16, len(wantPairs))
				for i := range pairs {
					pairs[i] = OneHalf
				}
				NormGradientPairs(got, pairs, q, z.Half, gain, off, mid)
				for i, h := range got { // versions multiply and add in one rounding or two
					if d := h.Float32() - exact[i]; h != want[i] && abs(d) > abs(exact[i])/255+1e-6 {
						t.Fatalf("%s, %d channels: number %d is %v, want %v", what, c, i, h.Float32(), exact[i])
					}
				}
				PackPairsHalf(wantPairs, got, rows, c, c)
				if !slices.Equal(pairs, wantPairs) {
					t.Fatalf("%s, %d rows of %d: pairs are not those of the rows", what, rows, c)
				}
			})
		}
	}
}
