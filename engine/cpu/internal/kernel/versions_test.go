package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// arena hands out slices of random numbers between guards. Two of the same seed
// hand out the same, so that after running one version of a kernel on each they
// must agree.
type arena struct {
	rng     *rand.Rand
	special bool // some of the numbers are NaN, infinite or zero
	bufs    [][]float32
	lens    []int
	offset  int // of the slices' starts, in numbers: their alignment
}

const (
	guardWidth = 20
	guardValue = 12345
)

func newArena(seed uint64, special bool) *arena {
	return &arena{rng: rand.New(rand.NewPCG(seed, 7)), special: special, offset: guardWidth + int(seed%16)}
}

// floats returns n numbers.
func (a *arena) floats(n int) []float32 {
	buf := make([]float32, a.offset+n+guardWidth)
	for i := range buf {
		buf[i] = guardValue
	}
	x := buf[a.offset:][:n:n]
	for i := range x {
		x[i] = float32(a.rng.NormFloat64())
		if r := a.rng.IntN(12); a.special && r < 4 {
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0}[r]
		}
	}
	a.bufs, a.lens = append(a.bufs, buf), append(a.lens, n)
	return x
}

// positive returns n numbers that are not negative.
func (a *arena) positive(n int) []float32 {
	x := a.floats(n)
	for i := range x {
		x[i] = abs(x[i])
	}
	return x
}

// halves returns n random numbers of BF16 between guards, and all of them with
// the guards as numbers to compare.
func (a *arena) halves(n int) (x []BF16, all func() []float64) {
	return between(a, n, func(v float32) BF16 { return ToBF16(v) })
}

// words returns n random words of bits, as many ones as zeros.
func (a *arena) words(n int) (x []uint32, all func() []float64) {
	return between(a, n, func(float32) uint32 { return a.rng.Uint32() })
}

// bits returns rows of c random bits.
func (a *arena) bits(rows, c int) []uint32 {
	x, _ := a.words(rows * Words(c))
	if c%wordBits != 0 {
		for r := range rows {
			x[(r+1)*Words(c)-1] &= 1<<(c%wordBits) - 1
		}
	}
	return x
}

func between[T BF16 | uint32](a *arena, n int, random func(float32) T) (x []T, all func() []float64) {
	buf := make([]T, a.offset+n+guardWidth)
	for i := range buf {
		buf[i] = guardValue
	}
	x = buf[a.offset:][:n:n]
	for i, v := range a.floats(n) {
		x[i] = random(v)
	}
	return x, func() []float64 {
		out := make([]float64, len(buf))
		for i, v := range buf {
			out[i] = float64(v)
		}
		return out
	}
}

func (a *arena) wide(n int) []float64 {
	x := make([]float64, n)
	for i, v := range a.floats(n) {
		x[i] = float64(v)
	}
	return x
}

// check fails if a guard was written to or a number differs from that in want by
// more than rounding.
func (a *arena) check(t *testing.T, what string, want *arena) {
	t.Helper()
	for k, buf := range a.bufs {
		for i, v := range buf {
			if inside := i >= a.offset && i < a.offset+a.lens[k]; !inside && v != guardValue {
				t.Fatalf("%s: wrote element %d of slice %d, which has %d", what, i-a.offset, k, a.lens[k])
			}
			if w := want.bufs[k][i]; !alike(float64(v), float64(w)) {
				t.Fatalf("%s: element %d of slice %d is %v, the portable version has %v", what, i-a.offset, k, v, w)
			}
		}
	}
}

// alike reports whether two numbers are equal up to rounding, or both NaN.
func alike(a, b float64) bool {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return a == b
	}
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 2e-5*(1+math.Abs(b))
}

// A kernelCase runs a kernel on slices of n numbers, or of rows of n channels,
// and returns numbers that it returned.
type kernelCase func(k *kernels, a *arena, n, rows int) []float64

// windowCase is a window of a shape.
func windowCase(of func(k *kernels) Window) kernelCase {
	return func(k *kernels, a *arena, n, rows int) []float64 {
		of(k)(a.floats(n*rows), a.floats(n*rows), .6, .8)
		return nil
	}
}

func scanCase(keep, jump, floor, attach float32) kernelCase {
	return func(k *kernels, a *arena, n, rows int) []float64 {
		m := n * rows
		s, u, v, x := a.floats(m), a.floats(m), a.floats(m), a.floats(m)
		c2, c1, c0 := a.floats(n), a.floats(n), a.floats(n)
		spikes, sum, sum2 := k.step(s, u, v, x, c2, c1, c0, -.1, keep, jump, floor)
		k.after(a.floats(m), u, s, keep, jump, floor)
		k.back(a.floats(m), a.floats(m), a.floats(m), a.floats(m), u, s, a.floats(m), c2, c1, keep, jump, floor, attach)
		return []float64{float64(spikes), sum, sum2}
	}
}

var kernelCases = map[string]kernelCase{
	"hard scan":     scanCase(1, -.2, float32(math.Inf(-1)), 1),
	"soft scan":     scanCase(0, .1, -.5, 1),
	"detached scan": scanCase(1, 0, -.3, 0),
	"rectangular":   windowCase(func(k *kernels) Window { return k.rectangular }),
	"triangular":    windowCase(func(k *kernels) Window { return k.triangular }),
	"epanechnikov":  windowCase(func(k *kernels) Window { return k.epanechnikov }),
	"axpy": func(k *kernels, a *arena, n, rows int) []float64 {
		k.axpy(a.floats(n*rows), a.floats(n*rows), .3)
		return nil
	},
	"rows": func(k *kernels, a *arena, n, rows int) []float64 {
		k.addBias(a.floats(n*rows), a.floats(n))
		k.sumRows(a.floats(n), a.floats(n*rows))
		return nil
	},
	"sum of squares": func(k *kernels, a *arena, n, rows int) []float64 {
		return []float64{k.sumSquares(a.floats(n * rows))}
	},
	"sgd": func(k *kernels, a *arena, n, rows int) []float64 {
		k.sgd(a.floats(n), a.floats(n), a.floats(n), .1, .5, .9, .01)
		return nil
	},
	"adamw": func(k *kernels, a *arena, n, rows int) []float64 {
		k.adamW(a.floats(n), a.floats(n), a.floats(n), a.positive(n), .1, .5, .9, .99, 1e-4, .01, 1.3, 1.2)
		return nil
	},
}

// TestVersionsAgree runs every version of every kernel that this processor has
// beside the portable one: all widths up to four vectors of sixteen and some
// beyond, all alignments, with and without numbers that are not finite.
func TestVersionsAgree(t *testing.T) {
	for name, run := range kernelCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, n := range append(upTo(69)[1:], 128, 133, 200) {
				for rows := range 4 {
					if leftOut(4*i + rows) {
						continue
					}
					for _, special := range []bool{false, true} {
						run.compare(t, uint64(4*i+rows), special, n, rows)
					}
				}
			}
		})
	}
}

// compare runs all versions on the same numbers.
func (run kernelCase) compare(t *testing.T, seed uint64, special bool, n, rows int) {
	t.Helper()
	want := newArena(seed, special)
	wantOut := run(&portable, want, n, rows)
	for _, v := range plainVersions()[1:] {
		what := fmt.Sprintf("%s, n = %d, %d rows, special %v", v.level, n, rows, special)
		got := newArena(seed, special)
		gotOut := run(v, got, n, rows)
		got.check(t, what, want)
		for j, w := range wantOut {
			if !alike(gotOut[j], w) {
				t.Fatalf("%s: returned %v, the portable version %v", what, gotOut, wantOut)
			}
		}
	}
}

// TestStepSumsStayAccurate sums potentials whose mean is large beside their
// deviation.
func TestStepSumsStayAccurate(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	const c, rows = 16, 4096
	n := c * rows
	x := random(rng, n)
	want, want2 := 0.0, 0.0
	for i := range x {
		x[i] = 100 + x[i]/8
		want += float64(x[i])
		want2 += float64(x[i]) * float64(x[i])
	}
	zero := make([]float32, c)
	for _, v := range versions[1:] {
		_, sum, sum2 := v.step(make([]float32, n), make([]float32, n), make([]float32, n), x, zero, zero, zero, 1e9, 1, 0, 0)
		if math.Abs(sum-want) > 1e-9*want || math.Abs(sum2-want2) > 1e-9*want2 {
			t.Errorf("%s: Σu = %v, Σu² = %v, want %v and %v", v.level, sum, sum2, want, want2)
		}
	}
}
