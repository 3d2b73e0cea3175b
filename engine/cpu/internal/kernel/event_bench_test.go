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

// The convolution of 128 to 128 channels at several rates of spikes, lists
// included: on 32×32 pixels, where lists and outputs come from memory, and on 8×8,
// where they stay in the second-level cache.
func BenchmarkEventForward(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		const frames = 64
		for _, g := range []Conv{benchConv(32, 128, 128), benchConv(8, 128, 128)} {
			rng := rand.New(rand.NewPCG(1, 1))
			in, out := g.Pixels()
			w, taps := g.panels(random(rng, g.Positions()*g.C*g.Out)), g.taps()
			y := make([]float32, out*frames*g.Out)
			e := NewEvents(in*frames, g.C, false)
			for _, rate := range benchRates {
				x := randomBits(rng, in*frames, g.C, rate)
				b.Run(fmt.Sprintf("%d/%v", g.H, rate), func(b *testing.B) {
					for b.Loop() {
						e.ListBits(0, x, in*frames)
						g.forward(y, e, w, frames, 4, taps)
					}
					reportGFLOPS(b, g, frames)
				})
			}
		}
	})
}

// The gradient of the weights, in blocks of channels.
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

// Gradients at 15 % that are not of a 3×3 convolution on bits.
func BenchmarkEventGradientGeneral(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		const frames, rate = 64, .15
		for _, k := range []struct {
			name    string
			g       Conv
			numbers bool
		}{
			{"3×3 on numbers", benchConv(16, 128, 128), true},
			{"3×3 stride 2", Conv{H: 16, W: 16, C: 128, OutH: 8, OutW: 8, Out: 256, KernelH: 3, KernelW: 3, Stride: 2, Pad: 1}, false},
			{"1×1", Conv{H: 16, W: 16, C: 128, OutH: 16, OutW: 16, Out: 256, KernelH: 1, KernelW: 1, Stride: 1}, false},
			{"1×1 on numbers", Conv{H: 16, W: 16, C: 128, OutH: 16, OutW: 16, Out: 256, KernelH: 1, KernelW: 1, Stride: 1}, true},
			{"linear", Conv{H: 4, W: 4, C: 128, OutH: 1, OutW: 1, Out: 256, KernelH: 4, KernelW: 4, Stride: 1}, false},
		} {
			b.Run(k.name, func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				in, out := k.g.Pixels()
				x := sparse(rng, random(rng, in*frames*k.g.C), 1-rate)
				bits := make([]uint32, in*frames*Words(k.g.C))
				PackBits(bits, x, k.g.C)
				dy, dw := random(rng, out*frames*k.g.Out), make([]float32, k.g.Positions()*k.g.C*k.g.Out)
				e := NewEventGradient(k.g, frames)
				s := e.NewScratch(k.g.C, k.g.Out, k.numbers)
				for b.Loop() {
					if k.numbers {
						e.Numbers(dw, x, dy, frames, 0, k.g.C, 0, k.g.Out, s)
					} else {
						e.Bits(dw, bits, 1, dy, frames, 0, k.g.C, 0, k.g.Out, s)
					}
				}
				reportGFLOPS(b, k.g, frames)
			})
		}
	})
}

// The copies between numbers and bits, and the transposition, of 128 channels.
func BenchmarkBits(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		const rows, c = 128, 128
		rng := rand.New(rand.NewPCG(1, 1))
		x := sparse(rng, random(rng, rows*c), .85)
		bits, turned := make([]uint32, rows*Words(c)), make([]uint32, c*Words(rows))
		for _, k := range []struct {
			name string
			run  func()
		}{
			{"pack", func() { PackBits(bits, x, c) }},
			{"unpack", func() { UnpackBits(x, bits, c, 1) }},
			{"transpose", func() { TransposeBits(turned, bits, rows, Words(c)) }},
			{"count", func() { CountBits(bits) }},
		} {
			b.Run(k.name, func(b *testing.B) {
				for b.Loop() {
					k.run()
				}
				b.ReportMetric(rows*c*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gbit/s")
			})
		}
	})
}
