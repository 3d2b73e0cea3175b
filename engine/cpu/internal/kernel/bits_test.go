package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// eventRates are the shares of numbers that are not zero in tests of event kernels.
var eventRates = []float64{0, .01, .15, .5, 1}

// randomBits returns rows of c bits, of which a share is set.
func randomBits(rng *rand.Rand, rows, c int, rate float64) []uint32 {
	b := make([]uint32, rows*Words(c))
	for i := range rows * c {
		if rng.Float64() < rate {
			b[i/c*Words(c)+i%c/wordBits] |= 1 << (i % c % wordBits)
		}
	}
	return b
}

// bit reports whether bit k of a row of c bits is set.
func bit(bits []uint32, row, c, k int) bool {
	return bits[row*Words(c)+k/wordBits]>>(k%wordBits)&1 == 1
}

func TestPackBits(t *testing.T) { eachLevel(t, testPackBits) }

func testPackBits(t *testing.T) {
	for c := 1; c <= 100; c++ {
		for rows := range 4 {
			a := newArena(uint64(c*4+rows), c%2 == 0)
			x := a.floats(rows * c)
			for i := range x {
				if a.rng.IntN(2) == 0 {
					x[i] = 0 * x[i] // of both signs, or NaN
				}
			}
			g := newGuarded(make([]uint32, rows*Words(c)), guardWord, guardWidth+c%4)
			packed := g.x
			PackBits(packed, x, c)
			g.check(t, "PackBits")
			want := make([]uint32, len(packed))
			y := a.floats(rows * c)
			UnpackBits(y, packed, c, 2.5)
			for i, v := range x {
				w := float32(0)
				if v != 0 {
					w = 2.5
					want[i/c*Words(c)+i%c/wordBits] |= 1 << (i % c % wordBits)
				}
				if y[i] != w {
					t.Fatalf("c = %d: number %d unpacks to %v, want %v", c, i, y[i], w)
				}
			}
			if !slices.Equal(packed, want) {
				t.Fatalf("c = %d: packed %#x, want %#x", c, packed, want)
			}
			a.check(t, "UnpackBits", a)
		}
	}
}

func TestTransposeBits(t *testing.T) { eachLevel(t, testTransposeBits) }

func testTransposeBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	for _, rows := range []int{0, 1, 5, 31, 32, 33, 64, 100, 128, 169} {
		for words := range 10 {
			c := words * wordBits
			from := randomBits(rng, rows, c, .4)
			g := newGuarded(make([]uint32, c*Words(rows)), guardWord, guardWidth+words%4)
			to := g.x
			TransposeBits(to, from, rows, words)
			g.check(t, "TransposeBits")
			for r := range Words(rows) * wordBits {
				for k := range c {
					want := r < rows && bit(from, r, c, k)
					if bit(to, k, rows, r) != want {
						t.Fatalf("%d rows of %d words: bit %d of row %d is not %v", rows, words, r, k, want)
					}
				}
			}
		}
	}
}

func TestCountBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	for n := range 9 {
		words := randomBits(rng, n, wordBits, .3)
		want := 0
		for r := range n {
			for k := range wordBits {
				if bit(words, r, wordBits, k) {
					want++
				}
			}
		}
		if got := CountBits(words); got != want {
			t.Errorf("%d words: %d bits, want %d", n, got, want)
		}
	}
}
