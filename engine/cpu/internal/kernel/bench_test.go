package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The convolution of 16 to 32 channels on 14×14 pixels at several shares of
// numbers that are not zero. Rates are dense-equivalent.
func BenchmarkConvolution(b *testing.B) {
	g := Geometry{H: 14, W: 14, C: 16, OutH: 14, OutW: 14, Kernel: 3, Stride: 1, Pad: 1}
	const out = 32
	rng := rand.New(rand.NewPCG(1, 1))
	w, dy := random(rng, g.Patch()*out), random(rng, 196*out)
	back := make([]float32, len(w))
	rate := func(b *testing.B) {
		b.ReportMetric(2*196*float64(g.Patch())*out*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
	}
	l, cols := NewList(g.Patch()), NewColumns(16, 196)
	corr := NewCorrelation(g, out)
	grid := make([]float32, corr.ScratchLen())
	for _, share := range []float64{1, .5, .15} {
		x := sparse(rng, random(rng, 196*16), 1-share)
		b.Run(fmt.Sprintf("forward/%.2f", share), func(b *testing.B) {
			y := make([]float32, 196*out)
			for b.Loop() {
				Convolve(y, x, w, g, out, &l)
			}
			rate(b)
		})
		b.Run(fmt.Sprintf("weights/%.2f", share), func(b *testing.B) {
			dw := make([]float32, len(w))
			for b.Loop() {
				corr.Weights(dw, x, dy, 0, 16, cols, grid)
			}
			rate(b)
		})
	}
	b.Run("input", func(b *testing.B) {
		corr.TransposePositions(back, w)
		dx := make([]float32, 196*16)
		for b.Loop() {
			corr.Input(dx, dy, back, false, grid)
		}
		rate(b)
	})
}
