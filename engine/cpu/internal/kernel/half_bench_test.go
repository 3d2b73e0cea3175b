package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func randomHalf(rng *rand.Rand, n int) []BF16 {
	h := make([]BF16, n)
	Narrow(h, random(rng, n))
	return h
}

func BenchmarkProductHalf(b *testing.B) {
	for _, g := range benchConvs {
		b.Run(g.String(), func(b *testing.B) {
			atEachLevel(b, func(b *testing.B) { benchmarkProductHalf(b, g) })
		})
	}
}

func benchmarkProductHalf(b *testing.B, g Conv) {
	rng := rand.New(rand.NewPCG(1, 1))
	k := g.C
	x := randomHalf(rng, g.H*g.W*benchFrames*k)
	y := make([]float32, g.H*g.W*benchFrames*g.Out)
	w := randomHalf(rng, PairsLen(k, g.Out)*g.Positions())
	panel := PairsPanelLen(k)
	xAt, wAt := benchTaps(g, benchFrames*k, panel)
	var r measured
	most := min(g.Out, max(PanelColumns, cacheNumbers/(g.Positions()*k)/PanelColumns*PanelColumns))
	for b.Loop() {
		for _, strip := range benchStrips(g) {
			for q := 0; q < g.Out; q += most {
				cols := min(most, g.Out-q)
				r.time(func() (flops int) {
					for _, p := range strip {
						ProductHalf(y[p*benchFrames*g.Out+q:], g.Out, x, k, w[q/PanelColumns*panel*g.Positions():], panel*g.Positions(), xAt[p], wAt[p], benchFrames, k, cols, false)
						flops += 2 * len(xAt[p]) * benchFrames * k * cols
					}
					return flops
				})
			}
		}
	}
	r.report(b)
}

// The gradient of weights at one position: x is [P][C][F], dY [P][F][Out].
func BenchmarkProductWeights(b *testing.B) {
	const pixels, channels = 1024, 128
	for _, cols := range []int{32, 64, 128} {
		b.Run(fmt.Sprintf("float32/%d", cols), func(b *testing.B) {
			atEachLevel(b, func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				x, dy, dw := random(rng, pixels*channels*benchFrames), random(rng, pixels*benchFrames*channels), make([]float32, channels*channels)
				xAt, wAt := everyPixel(pixels, channels*benchFrames), everyPixel(pixels, channels*benchFrames)
				benchmarkPieces(b, 2*pixels*benchFrames*channels*cols, func() {
					Product(dw, channels, x, benchFrames, dy, channels, xAt, wAt, channels, benchFrames, cols, true)
				})
			})
		})
		b.Run(fmt.Sprintf("bfloat16/%d", cols), func(b *testing.B) {
			atEachLevel(b, func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				panel := PairsPanelLen(benchFrames)
				x, dy, dw := randomHalf(rng, pixels*channels*benchFrames), randomHalf(rng, pixels*panel*cols/32), make([]float32, channels*channels)
				xAt, wAt := everyPixel(pixels, channels*benchFrames), everyPixel(pixels, panel*cols/32)
				benchmarkPieces(b, 2*pixels*benchFrames*channels*cols, func() {
					ProductHalf(dw, channels, x, benchFrames, dy, panel, xAt, wAt, channels, benchFrames, cols, true)
				})
			})
		})
	}
}

func benchmarkPieces(b *testing.B, flops int, piece func()) {
	var r measured
	for b.Loop() {
		r.time(func() int { piece(); return flops })
	}
	r.report(b)
}
