package kernel

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkScan runs tiles of 16 rows of 128 channels whose raw products and
// results lie in the second-level cache or in memory; what a tile keeps for
// itself lies in the first. "copy" moves a float32 per number.
func BenchmarkScan(b *testing.B) {
	const c, rows = 128, 16
	for _, place := range []struct {
		name  string
		tiles int
	}{{"cache", 16}, {"memory", 8192}} {
		s := newScanBench(c, rows, place.tiles)
		if place.name == "memory" {
			s.next = s.tile
		}
		for _, name := range slices.Sorted(maps.Keys(s.passes())) {
			b.Run(place.name+"/"+name, func(b *testing.B) {
				atEachLevel(b, func(b *testing.B) { s.run(b, s.passes()[name]) })
			})
		}
	}
}

// scanBench holds streams of many tiles, and one tile's scratch.
type scanBench struct {
	n              Neuron
	tile, words, c int
	tiles          int
	next           int // from one tile to the next, if they lie in memory

	z, g, q         []float32
	z16, g16, q16   []BF16
	pairs           []BF16
	panels          int // numbers of a tile's pairs
	fired, near     []uint32
	u, v, before, h []float32 // of a tile
	scale, shift    []float32
	sum, sum2, sum3 []float64
}

func newScanBench(c, rows, tiles int) *scanBench {
	rng := rand.New(rand.NewPCG(9, 9))
	m := c * rows
	s := &scanBench{tile: m, words: rows * Words(c), c: c, tiles: tiles}
	s.n = Neuron{C2: random(rng, c), C1: random(rng, c), C0: random(rng, c), Theta: 1, Floor: float32(math.Inf(-1))}
	for i := range c {
		s.n.C2[i], s.n.C1[i] = .25, 0
	}
	noise := random(rng, m)
	s.z, s.g, s.q = slices.Repeat(noise, tiles), slices.Repeat(noise, tiles), make([]float32, m*tiles)
	s.z16, s.g16, s.q16 = make([]BF16, m*tiles), make([]BF16, m*tiles), make([]BF16, m*tiles)
	s.panels = PairsLen(rows, c)
	s.pairs = make([]BF16, s.panels*tiles)
	for i, v := range s.z {
		s.z16[i], s.g16[i], s.q16[i] = ToBF16(v), ToBF16(v), 0
	}
	s.fired, s.near = make([]uint32, s.words*tiles), make([]uint32, s.words)
	s.u, s.v, s.before, s.h = random(rng, m), random(rng, m), random(rng, m), random(rng, m)
	s.scale, s.shift = random(rng, c), random(rng, c)
	s.sum, s.sum2, s.sum3 = make([]float64, c), make([]float64, c), make([]float64, c)
	return s
}

func (s *scanBench) passes() map[string]func(i int) {
	at := func(x []float32, i int) []float32 { return x[i*s.tile:][:s.tile] }
	half := func(x []BF16, i int) []BF16 { return x[i*s.tile:][:s.tile] }
	bits := func(i int) []uint32 { return s.fired[i*s.words:][:s.words] }
	window := Surrogate{Shape: TriangularShape, B: .5, H: s.h}
	given := Surrogate{Shape: Given, H: s.h}
	return map[string]func(i int){
		"copy": func(i int) { copy(at(s.q, i), at(s.z, i)) },
		"forward": func(i int) {
			s.n.Forward(bits(i), Near{}, nil, s.v, Term{Rows{Float: at(s.z, i), Next: s.next}, s.scale, s.shift})
		},
		"forward near": func(i int) {
			s.n.Forward(bits(i), Near{s.near, .5}, nil, s.v, Term{Rows{Float: at(s.z, i), Next: s.next}, s.scale, s.shift})
		},
		"forward BF16": func(i int) {
			s.n.Forward(bits(i), Near{}, nil, s.v, Term{Rows{Half: half(s.z16, i), Next: s.next}, s.scale, s.shift})
		},
		"forward two terms": func(i int) {
			s.n.Forward(bits(i), Near{}, s.u, s.v, Term{Rows{Float: at(s.g, i)}, s.scale, s.shift}, Term{Rows{Float: at(s.z, i), Next: s.next}, s.scale, s.shift})
		},
		"backward": func(i int) {
			s.n.Backward(Rows{Float: at(s.q, i)}, s.v, Rows{Float: at(s.g, i), Next: s.next}, window, s.u, s.before)
		},
		"backward BF16": func(i int) {
			s.n.Backward(Rows{Half: half(s.q16, i)}, s.v, Rows{Half: half(s.z16, i), Next: s.next}, window, s.u, s.before)
		},
		"backward BF16 and narrow": func(i int) {
			Widen(s.h, half(s.z16, i))
			s.n.Backward(Rows{Float: s.h}, s.v, Rows{Float: s.h}, window, s.u, s.before)
			Narrow(half(s.q16, i), s.h)
		},
		"backward given": func(i int) {
			s.n.Backward(Rows{Float: at(s.q, i)}, s.v, Rows{Float: at(s.g, i), Next: s.next}, given, s.u, s.before)
		},
		"add moments":      func(i int) { AddMoments(s.sum, s.sum2, Rows{Float: at(s.q, i)}, Rows{Float: at(s.z, i)}) },
		"add moments BF16": func(i int) { AddMoments(s.sum, s.sum2, Rows{Half: half(s.q16, i)}, Rows{Half: half(s.z16, i)}) },
		"add squares":      func(i int) { AddSquares(s.sum, s.sum2, at(s.z, i), len(at(s.z, i))/len(s.sum), len(s.sum)) },
		"coef gradient":    func(i int) { CoefGradient(s.sum, s.sum2, s.sum3, at(s.z, i), s.v) },
		"norm gradient": func(i int) {
			NormGradient(at(s.q, i), Rows{Float: at(s.g, i)}, at(s.z, i), s.scale, s.shift, s.scale)
		},
		"norm gradient pairs": func(i int) {
			NormGradientPairs(half(s.q16, i), s.pairs[i*s.panels:][:s.panels], Rows{Half: half(s.g16, i)}, half(s.z16, i), s.scale, s.shift, s.scale)
		},
		"norm gradient, then pairs": func(i int) {
			NormGradient(s.h, Rows{Half: half(s.g16, i)}, at(s.z, i), s.scale, s.shift, s.scale)
			Narrow(half(s.q16, i), s.h)
			PackPairsHalf(s.pairs[i*s.panels:][:s.panels], half(s.q16, i), s.tile/s.c, s.c, s.c)
		},
		"gaussian": func(i int) { Gaussian(at(s.q, i), at(s.z, i), 1, .5) },
		"sigmoid":  func(i int) { Sigmoid(at(s.q, i), at(s.z, i), 1, .5) },
		"atan":     func(i int) { ATan(at(s.q, i), at(s.z, i), 1, .5) },
	}
}

// run reports the fastest of pieces of many tiles: other work on the machine
// slows some.
func (s *scanBench) run(b *testing.B, pass func(i int)) {
	const piece = 512
	best, i := math.Inf(1), 0
	for b.Loop() {
		start := time.Now()
		for range piece {
			if i%4 == 0 {
				clear(s.v) // four steps; a carry that only fades becomes denormal
			}
			pass(i)
			i = (i + 1) % s.tiles
		}
		best = min(best, time.Since(start).Seconds())
	}
	b.ReportMetric(piece*float64(s.tile)/best/1e9, "Gsteps/s")
}

// BenchmarkBitPooling averages 2×2 pixels of 64 frames of 128 channels; rates
// are of inputs.
func BenchmarkBitPooling(b *testing.B) {
	const c, frames = 128, 64
	g := Conv{H: 2, W: 2, C: c, OutH: 1, OutW: 1, Out: c, KernelH: 2, KernelW: 2, Stride: 2}
	x := make([]uint32, 4*frames*Words(c))
	y, half := make([]float32, frames*c), make([]BF16, frames*c)
	for name, pass := range map[string]func(){
		"average":      func() { AvgPoolBits(y, x, g, frames, 0) },
		"average BF16": func() { AvgPoolBitsBF16(half, x, g, frames, 0) },
	} {
		b.Run(name, func(b *testing.B) {
			atEachLevel(b, func(b *testing.B) {
				for b.Loop() {
					pass()
				}
				b.ReportMetric(4*c*frames*float64(b.N)/b.Elapsed().Seconds()/1e9, "Ginputs/s")
			})
		})
	}
}
