package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkMaskedGradient compares the gradient of the input under masks of
// several densities with the dense product, each in the order of the engine's tasks.
// Rates are the dense product's, whatever was left out.
func BenchmarkMaskedGradient(b *testing.B) {
	for _, size := range []struct{ side, channels, frames int }{
		{32, 128, 64}, {16, 256, 64}, {8, 512, 64}, {28, 64, 64}, {32, 128, 256}, {16, 256, 256}, {8, 512, 256}, {28, 64, 256},
	} {
		g, frames := benchConv(size.side, size.channels, size.channels), size.frames
		b.Run(fmt.Sprintf("%v/%d", g, frames), func(b *testing.B) {
			atEachLevel(b, func(b *testing.B) {
				if Level() == "portable" {
					b.Skip()
				}
				benchmarkMasked(b, g, frames)
			})
		})
	}
}

func benchmarkMasked(b *testing.B, g Conv, frames int) {
	const channels, width = 128, 64
	rng := rand.New(rand.NewPCG(1, 1))
	in, out := g.Pixels()
	dy, w, dx := random(rng, out*frames*g.Out), random(rng, g.Positions()*g.C*g.Out), make([]float32, in*frames*g.C)
	b.Run("dense", func(b *testing.B) {
		panels := panelLen(g.Out, g.C, width)
		packed := make([]float32, g.Positions()*panels)
		for p := range g.Positions() {
			PackPanelsTransposed(packed[p*panels:][:panels], w[p*g.C*g.Out:][:g.C*g.Out], g.Out, g.C, width)
		}
		var xAt, wAt []int32
		var taps []Tap
		for b.Loop() {
			for q := range g.C / width {
				for px := range in {
					xAt, wAt, taps = xAt[:0], wAt[:0], g.TapsInto(taps[:0], px)
					for _, t := range taps {
						xAt, wAt = append(xAt, t.Pixel*int32(frames*g.Out)), append(wAt, t.Position*int32(panels))
					}
					Product(dx[px*frames*g.C+q*width:], g.C, dy, g.Out, packed[q*g.Out*width:], width, xAt, wAt, frames, g.Out, width, false)
				}
			}
		}
		reportGFLOPS(b, g, frames)
	})
	m := NewMaskedGradient(g, frames)
	packed := make([]float32, m.PackedLen())
	m.Pack(packed, w, 0, g.C)
	s := m.NewScratch(channels)
	for _, density := range []float64{.05, .1, .2, .3, .5, .7, 1} {
		mask := randomBits(rng, in*frames, g.C, density)
		b.Run(fmt.Sprint(density), func(b *testing.B) {
			for b.Loop() {
				for c := 0; c < g.C; c += channels {
					for tile := range m.Tiles(frames) {
						m.Tile(dx, mask, dy, packed, frames, tile, c, min(g.C, c+channels), false, s)
					}
				}
			}
			reportGFLOPS(b, g, frames)
		})
	}
}
