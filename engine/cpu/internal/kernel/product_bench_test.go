package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Convolutions of a network's hidden layers: the channels are those of input and
// output, and each pixel has 64 frames.
var benchConvs = []Conv{
	{H: 32, W: 32, C: 128, OutH: 32, OutW: 32, Out: 128, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1},
	{H: 16, W: 16, C: 256, OutH: 16, OutW: 16, Out: 256, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1},
	{H: 8, W: 8, C: 512, OutH: 8, OutW: 8, Out: 512, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1},
}

const benchFrames = 64

func (g Conv) String() string { return fmt.Sprintf("%d-%d@%d", g.C, g.Out, g.H) }

// benchTaps returns every output pixel's positions in x and w.
func benchTaps(g Conv, xStep, wStep int) (xAt, wAt [][]int32) {
	for p := range g.OutH * g.OutW {
		var xs, ws []int32
		for _, t := range g.Taps(nil, p) {
			xs, ws = append(xs, t.Pixel*int32(xStep)), append(ws, t.Position*int32(wStep))
		}
		xAt, wAt = append(xAt, xs), append(wAt, ws)
	}
	return xAt, wAt
}

func BenchmarkPeak(b *testing.B) {
	atEachLevel(b, func(b *testing.B) {
		flops := 0
		for b.Loop() {
			flops += Peak(1 << 14)
		}
		b.ReportMetric(float64(flops)/b.Elapsed().Seconds()/1e9, "GFLOPS")
	})
}

func BenchmarkProduct(b *testing.B) {
	for _, g := range benchConvs {
		for _, width := range []int{32, 48, 64} {
			b.Run(fmt.Sprintf("%v/%d", g, width), func(b *testing.B) {
				atEachLevel(b, func(b *testing.B) { benchmarkProduct(b, g, width) })
			})
		}
	}
}

func benchmarkProduct(b *testing.B, g Conv, width int) {
	if Level() == "portable" {
		b.Skip()
	}
	rng := rand.New(rand.NewPCG(1, 1))
	k := g.C
	panels := (g.Out + width - 1) / width
	x := random(rng, g.H*g.W*benchFrames*k)
	y := make([]float32, g.H*g.W*benchFrames*g.Out)
	w := random(rng, panels*width*g.C*g.Positions())
	xAt, wAt := benchTaps(g, benchFrames*k, k*width)
	var r measured
	for b.Loop() {
		for _, strip := range benchStrips(g) {
			for q := range panels {
				r.time(func() (flops int) {
					cols := min(width, g.Out-q*width)
					for _, p := range strip {
						Product(y[p*benchFrames*g.Out+q*width:], g.Out, x, k, w[q*width*k*g.Positions():], width, xAt[p], wAt[p], benchFrames, k, cols, false)
						flops += 2 * len(xAt[p]) * benchFrames * k * cols
					}
					return flops
				})
			}
		}
	}
	r.report(b)
}

// cacheNumbers is how many weights in bfloat16 leave room in the second-level
// cache.
const cacheNumbers = 1 << 19

// benchStrips cuts an image into strips of four columns, so that the second-level
// cache has the pixels of a row when the next row wants them again.
func benchStrips(g Conv) [][]int {
	const across = 4
	var strips [][]int
	for x := 0; x < g.OutW; x += across {
		var strip []int
		for p := range g.OutH * g.OutW {
			if x <= p%g.OutW && p%g.OutW < x+across {
				strip = append(strip, p)
			}
		}
		strips = append(strips, strip)
	}
	return strips
}

// measured are the measured of a benchmark's pieces of some milliseconds, and what
// part each was of the peak right after it. The peak runs for a millisecond: the
// clock changes with what a processor does, and stands still while it changes,
// which makes a shorter peak too low.
type measured struct{ gflops, fraction []float64 }

// time runs a piece, which returns its number of operations.
func (r *measured) time(piece func() (flops int)) {
	rate := func(fn func() int) float64 {
		start := time.Now()
		flops := fn()
		return float64(flops) / float64(time.Since(start).Nanoseconds())
	}
	gflops := rate(piece)
	r.gflops = append(r.gflops, gflops)
	r.fraction = append(r.fraction, gflops/rate(func() int { return Peak(1 << 19) }))
}

// report adds the medians and the best rate to the benchmark's results.
func (r *measured) report(b *testing.B) {
	slices.Sort(r.gflops)
	slices.Sort(r.fraction)
	b.ReportMetric(r.gflops[len(r.gflops)-1], "best-GFLOPS")
	b.ReportMetric(r.gflops[len(r.gflops)/2], "GFLOPS")
	b.ReportMetric(r.fraction[len(r.fraction)/2], "of-peak")
	b.ReportMetric(0, "ns/op")
}
