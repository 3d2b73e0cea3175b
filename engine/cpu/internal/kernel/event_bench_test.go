package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchRates are shares of spikes.
var benchRates = []float64{.01, .05, .15, .30, .60, 1}

// benchConv is the convolution that hidden layers consist of.
func benchConv(side, c, out int) Conv {
	return Conv{H: side, W: side, C: c, OutH: side, OutW: side, Out: out, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1}
}

// reportGFLOPS reports a dense product's rate, whatever was left out.
func reportGFLOPS(b *testing.B, g Conv, frames int) {
	flop := 0.0
	g.eachProduct(1, func(int, int, int) { flop += 2 * float64(g.C*g.Out*frames) })
	b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}

// The convolution of 128 to 128 channels on 32×32 pixels and 64 frames, lists
// included, at several rates of spikes.
func BenchmarkEventForward(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 1))
		const frames = 64
		g := benchConv(32, 128, 128)
		in, out := g.Pixels()
		w, taps := g.panels(random(rng, g.Positions()*g.C*g.Out)), g.taps()
		y := make([]float32, out*frames*g.Out)
		e := NewEvents(in*frames, g.C, false)
		for _, rate := range benchRates {
			x := randomBits(rng, in*frames, g.C, rate)
			b.Run(fmt.Sprint(rate), func(b *testing.B) {
				for b.Loop() {
					e.ListBits(0, x, in*frames)
					g.forward(y, e, w, frames, 4, taps)
				}
				reportGFLOPS(b, g, frames)
			})
		}
	})
}

// The gradient of the same convolution's weights, in blocks of channels.
func BenchmarkEventGradient(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		const frames, channels = 64, 128
		for _, g := range []Conv{benchConv(32, 128, 128), benchConv(8, 512, 512)} {
			rng := rand.New(rand.NewPCG(1, 1))
			in, out := g.Pixels()
			dy, dw := random(rng, out*frames*g.Out), make([]float32, g.Positions()*g.C*g.Out)
			e := NewEventGradient(g, frames)
			s := e.NewScratch(channels, g.Out, false)
			for _, rate := range benchRates {
				x := randomBits(rng, in*frames, g.C, rate)
				b.Run(fmt.Sprintf("%d/%v", g.H, rate), func(b *testing.B) {
					for b.Loop() {
						for c := 0; c < g.C; c += channels {
							e.Bits(dw, x, 1, dy, frames, c, c+channels, 0, g.Out, s)
						}
					}
					reportGFLOPS(b, g, frames)
				})
			}
		}
	})
}
