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
	"combine": func(k *kernels, a *arena, n, rows int) []float64 {
		row := make([]int32, 3*rows)
		for i := range row {
			row[i] = int32(a.rng.IntN(5))
		}
		k.combine(a.floats(n), a.floats(5*n), row, a.floats(len(row)))
		return nil
	},
	"compress": func(k *kernels, a *arena, n, rows int) []float64 {
		line := n + rows // numbers between lines
		x := a.floats(line * rows)
		for i := range x {
			x[i] *= float32(a.rng.IntN(2))
		}
		val, row := a.floats(n*rows+slack), make([]int32, n*rows+slack)
		kept := k.compress(val, row, x, n, rows, line, 3, 40)
		clear(val[kept:]) // what is behind does not count
		out := []float64{float64(kept)}
		for _, r := range row[:kept] {
			out = append(out, float64(r))
		}
		return out
	},
	"gather": func(k *kernels, a *arena, n, rows int) []float64 {
		columns, room := min(n, columnBlock), 3*n+slack
		x, count := a.floats(n*(columns+rows)), make([]int, columns)
		offset, index := make([]int32, n), make([]int32, n)
		for i := range offset {
			offset[i], index[i] = int32(a.rng.IntN(n)*(columns+rows)), int32(a.rng.IntN(1000))
		}
		for i := range x {
			x[i] *= float32(a.rng.IntN(2))
		}
		val, row := a.floats(columns*room), make([]int32, columns*room)
		for range 2 { // the second time behind what is there
			k.gather(val, row, count, room, x, offset, index)
		}
		var out []float64
		for c, kept := range count {
			clear(val[c*room+kept : (c+1)*room])
			for _, r := range row[c*room:][:kept] {
				out = append(out, float64(r))
			}
		}
		return out
	},
	"correlate": func(k *kernels, a *arena, n, rows int) []float64 {
		pixels, inner := 5*rows, 1+n%7
		step := n + rows
		y, x, w := a.floats(pixels*step+n), a.floats((pixels+9)*(inner+2)), a.floats(3*inner*n)
		xAt, wAt := make([]int32, rows), make([]int32, rows) // as many positions
		for i := range xAt {
			xAt[i], wAt[i] = int32(a.rng.IntN(9)*inner), int32(a.rng.IntN(3)*inner*n)
		}
		k.correlate(y, x, w, xAt, wAt, pixels, step, inner+2, inner, n, n%2 == 0)
		return nil
	},
	"average": func(k *kernels, a *arena, n, rows int) []float64 {
		for size := range 3 {
			step := n * (size/2 + 1) // windows that overlap, and others
			line := n*(size+1) + step*rows
			k.average(a.floats(rows*n), a.floats(line*(size+1)), rows, step, line, size+1, n, .25)
			k.averageBack(a.floats(rows*n), a.floats(line*(size+1)), rows, step, line, size+1, n, .25)
		}
		return nil
	},
	"hard scan":     scanCase(1, -.2, float32(math.Inf(-1)), 1),
	"soft scan":     scanCase(0, .1, -.5, 1),
	"detached scan": scanCase(1, 0, -.3, 0),
	"rectangular":   windowCase(func(k *kernels) Window { return k.rectangular }),
	"triangular":    windowCase(func(k *kernels) Window { return k.triangular }),
	"epanechnikov":  windowCase(func(k *kernels) Window { return k.epanechnikov }),
	"affine": func(k *kernels, a *arena, n, rows int) []float64 {
		k.affine(a.floats(n*rows), a.floats(n*rows), a.floats(n), a.floats(n))
		return nil
	},
	"affine pair": func(k *kernels, a *arena, n, rows int) []float64 {
		m := n * rows
		k.affinePair(a.floats(m), a.floats(m), a.floats(m), a.floats(n), a.floats(n), a.floats(n))
		k.affinePairAdd(a.floats(m), a.floats(m), a.floats(m), a.floats(n), a.floats(n), a.floats(n))
		return nil
	},
	"moments": func(k *kernels, a *arena, n, rows int) []float64 {
		sum, sumXY := make([]float64, n+2), make([]float64, n+2)
		k.moments(sum[1:n+1], sumXY[1:n+1], a.floats(n*rows), a.floats(n*rows))
		return append(sum, sumXY...)
	},
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
	var sizes []int
	for n := range 68 {
		sizes = append(sizes, n+1)
	}
	sizes = append(sizes, 128, 133, 200)
	for _, version := range versions[1:] {
		for name, run := range kernelCases {
			t.Run(version.level+" "+name, func(t *testing.T) {
				for _, special := range []bool{false, true} {
					for i, n := range sizes {
						for rows := range 4 {
							seed := uint64(4*i + rows)
							want, got := newArena(seed, special), newArena(seed, special)
							what := fmt.Sprintf("n = %d, %d rows, special %v", n, rows, special)
							wantOut := run(&portable, want, n, rows)
							gotOut := run(version, got, n, rows)
							got.check(t, what, want)
							for j, w := range wantOut {
								if !alike(gotOut[j], w) {
									t.Fatalf("%s: returned %v, the portable version %v", what, gotOut, wantOut)
								}
							}
						}
					}
				}
			})
		}
	}
}

// TestMomentsAgreeToTheBit holds sums over more rows than rounding would forgive.
func TestMomentsAgreeToTheBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	const c, rows = 37, 501
	x, y := random(rng, c*rows), random(rng, c*rows)
	var want [2][]float64
	for i, v := range versions {
		sum, sumXY := make([]float64, c), make([]float64, c)
		v.moments(sum, sumXY, x, y)
		if i == 0 {
			want = [2][]float64{sum, sumXY}
		}
		for j := range sum {
			if sum[j] != want[0][j] || sumXY[j] != want[1][j] {
				t.Fatalf("%s: channel %d has %v, %v; the portable version %v, %v", v.level, j, sum[j], sumXY[j], want[0][j], want[1][j])
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
