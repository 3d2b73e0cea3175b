package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// peakRounds is how many rounds of multiply-adds a run takes: some tens of
// microseconds.
const peakRounds = 1 << 14

// FMAPeak implements engine.KernelBench.
func (Engine) FMAPeak() engine.KernelCase {
	return engine.KernelCase{
		Name: "multiply-add", Shape: "registers", Rate: 1, Flops: float64(kernel.Peak(peakRounds)),
		New: func() func() { return func() { kernel.Peak(peakRounds) } },
	}
}

const (
	copyNumbers = 1 << 25 // 128 MiB, twice: more than caches hold
	copyPiece   = 1 << 14 // numbers; below the size from which copy bypasses the cache
)

// CopyBandwidth implements engine.KernelBench. Large copies bypass the cache,
// small ones do not: of both ways the faster is taken.
func (Engine) CopyBandwidth() engine.KernelCase {
	return engine.KernelCase{
		Name: "copy", Shape: "memory", Rate: 1, Bytes: 2 * 4 * copyNumbers,
		New: func() func() {
			dst, src := make([]float32, copyNumbers), make([]float32, copyNumbers)
			setAll(src, 1)
			pieces := func() {
				for at := 0; at < copyNumbers; at += copyPiece {
					copy(dst[at:at+copyPiece], src[at:at+copyPiece])
				}
			}
			return faster(func() { copy(dst, src) }, pieces)
		},
	}
}

// faster returns the one of two functions that takes less time, each at its best
// of three.
func faster(a, b func()) func() {
	best := func(run func()) time.Duration {
		d := time.Duration(math.MaxInt64)
		for range 3 {
			start := time.Now()
			run()
			d = min(d, time.Since(start))
		}
		return d
	}
	best(a) // touches the memory
	if best(b) < best(a) {
		return b
	}
	return a
}

// Kernels implements engine.KernelBench. Each is a pass of one layer as the
// engine runs it in training, with what precedes it: packing weights, listing
// events.
func (Engine) Kernels() []engine.KernelCase { return kernelCases(1) }

// A batch of 16 over 4 steps: 64 frames.
const benchBatch, benchSteps = 16, 4

// kernelCases lists the kernels on full maps and batches, or on a share of
// their height and of the samples.
func kernelCases(share int) []engine.KernelCase {
	var cases []engine.KernelCase
	batch := benchBatch / share
	for _, mixed := range []bool{false, true} {
		for _, s := range []struct{ side, c int }{{32, 128}, {16, 256}, {8, 512}} {
			cases = append(cases, convSpecimen(batch, s.side/share, s.side, s.c, s.c, 3, 1, mixed).forward(false))
		}
	}
	first := convSpecimen(batch, 32/share, 32, 3, 128, 3, 1, false)
	first.first, first.batch, first.steps, first.rate = true, batch*benchSteps, 1, 1
	cases = append(cases, first.forward(false), first.weights())
	for _, mixed := range []bool{false, true} {
		for _, kernel := range []int{1, 3} {
			cases = append(cases, convSpecimen(batch, 32/share, 32, 128, 256, kernel, 2, mixed).forward(false))
		}
	}
	// A quarter of a layer, for time's sake.
	band := func(rate float64, mixed bool) convCase {
		s := convSpecimen(batch, 8/min(share, 4), 32, 128, 128, 3, 1, mixed)
		s.rate = rate
		return s
	}
	for _, pass := range []func(convCase) engine.KernelCase{
		func(s convCase) engine.KernelCase { return s.forward(true) }, convCase.weights,
	} {
		for _, rate := range []float64{.01, .05, .1, .15, .3, .5, .8, 1} {
			cases = append(cases, pass(band(rate, false)))
		}
	}
	for _, share := range []float64{.05, .1, .2, .3, .5} {
		cases = append(cases, band(share, false).masked())
	}
	cases = append(cases, band(typicalRate, true).weights(), band(typicalRate, false).input(), band(typicalRate, true).input())
	cases = append(cases, scanCases(batch, 32/share)...)
	cases = append(cases, momentsCase())
	for _, mixed := range []bool{false, true} {
		cases = append(cases, normCase(batch, 32/share, mixed))
	}
	cases = append(cases, poolCase(batch, 32/share))
	return append(cases, updateCases(4096/share)...)
}

// typicalRate is the firing rate where it is of no concern to the kernel.
const typicalRate = .15

// convCase is a convolution whose passes are measured.
type convCase struct{ specimen }

func convSpecimen(batch, h, w, in, out, kernelSize, stride int, mixed bool) convCase {
	return convCase{specimen{
		op: &graph.Conv{Out: out, Kernel: kernelSize, Stride: stride, Pad: kernelSize / 2}, in: graph.Shape{H: h, W: w, C: in},
		mixed: mixed, batch: batch, steps: benchSteps, rate: typicalRate,
	}}
}

// name is that of a pass with how it is computed.
func (s convCase) name(pass, how string) string {
	if s.mixed {
		how = "bfloat16"
	}
	return "conv " + pass + ", " + how
}

func (s convCase) shape() string {
	g := s.geometry()
	text := fmt.Sprintf("%d→%d, %d×%d on %d×%d", g.C, g.Out, g.KernelH, g.KernelW, g.H, g.W)
	if g.Stride > 1 {
		text += fmt.Sprintf(", stride %d", g.Stride)
	}
	return fmt.Sprintf("%s, F = %d", text, s.batch*s.steps)
}

func (s convCase) forward(lists bool) engine.KernelCase {
	how := "dense"
	if lists {
		how = "events"
	}
	return s.kernelCase(s.name("forward", how), s.shape(), s.flops(), 0, func(m mounted) func() {
		if !s.first {
			m.listed(lists)
		}
		return m.layer.forward
	})
}

func (s convCase) weights() engine.KernelCase {
	return s.kernelCase(s.name("weights", "events"), s.shape(), s.flops(), 0, func(m mounted) func() { return m.conv().grads.ofWeights })
}

func (s convCase) input() engine.KernelCase {
	return s.kernelCase(s.name("input", "dense"), s.shape(), s.flops(), 0, func(m mounted) func() {
		c := m.conv()
		c.grads.masked = nil
		return c.grads.ofInput
	})
}

// masked is the gradient of the input where a share of the potentials, the
// specimen's rate, lies inside the window.
func (s convCase) masked() engine.KernelCase {
	return s.kernelCase(s.name("input", "masked"), s.shape(), s.flops(), 0, func(m mounted) func() {
		c := m.conv()
		near := c.grads.masked.near
		copy(near.bits, c.x.bits) // of neurons as many as fire
		near.share = 0            // masked, whatever the share
		return c.grads.ofInput
	})
}

// Operations per neuron and step of a scan with one term, a division or a
// comparison counted as one: z·scale + shift (2), the polynomial (4), + x (1),
// Σu and Σu² (3). Backward: the same without the sums, the window (5),
// q = g·h + carry·∂v/∂u (4), f′ and carry (3), Σq and Σq·z (3).
const (
	scanFlops     = 10
	scanBackFlops = 22
)

// scanCases are scans of 128 channels over maps that come from memory, and over
// four pixels, which stay in the second-level cache.
func scanCases(batch, height int) []engine.KernelCase {
	var cases []engine.KernelCase
	for _, place := range []struct {
		name string
		h, w int
	}{{"memory", height, 32}, {"second-level cache", 2, 2}} {
		for _, mixed := range []bool{false, true} {
			s := convSpecimen(batch, place.h, place.w, 32, 128, 1, 1, mixed)
			z, of := 4., "float32"
			if mixed {
				z, of = 2, "bfloat16"
			}
			n := float64(place.h*place.w*128) * float64(s.batch*s.steps)
			shape := fmt.Sprintf("C = 128 on %d×%d, F = %d, from %s", place.h, place.w, s.batch*s.steps, place.name)
			forward, backward := n*(z+1./8), n*(z+8) // z and bits; z, and gradients in place
			if place.name != "memory" {
				forward, backward = 0, 0
			}
			cases = append(cases,
				s.kernelCase("neuron forward, "+of, shape, scanFlops*n, forward, func(m mounted) func() { return m.after.forward }),
				// Runs work in place, so the gradient must be one that stays: zero.
				s.kernelCase("neuron backward, "+of, shape, scanBackFlops*n, backward, func(m mounted) func() {
					clear(m.after.y.grad)
					return m.after.backward
				}))
		}
	}
	return cases
}

// momentsCase is tdBN's sums over what a unit of a convolution has just made.
func momentsCase() engine.KernelCase {
	const width = 64
	return engine.KernelCase{
		Name: "tdbn moments", Shape: fmt.Sprintf("%d×%d, in cache", unitRows, width), Rate: 1, Flops: 3 * unitRows * width,
		New: func() func() {
			x, sum, sum2 := make([]float32, unitRows*width), make([]float64, width), make([]float64, width)
			noise(rand.New(rand.NewPCG(3, 3)), x)
			return func() { kernel.AddSquares(sum, sum2, x, unitRows, width) }
		},
	}
}

// normCase is the last pass of tdBN's gradient.
func normCase(batch, height int, mixed bool) engine.KernelCase {
	s := convSpecimen(batch, height, 32, 32, 128, 1, 1, mixed)
	bytes, of := 12., "float32" // dy, z, dz
	if mixed {
		bytes, of = 10, "bfloat16" // dy, z, dz twice: in rows and in pairs
	}
	n := float64(height*32*128) * float64(s.batch*s.steps)
	shape := fmt.Sprintf("C = 128 on %d×32, F = %d", height, s.batch*s.steps)
	return s.kernelCase("tdbn gradient, "+of, shape, 0, bytes*n, func(m mounted) func() {
		noise(rand.New(rand.NewPCG(4, 4)), m.after.y.grad)
		return m.norm.backward
	})
}

// poolCase averages spikes over 2×2 pixels.
func poolCase(batch, height int) engine.KernelCase {
	s := convSpecimen(batch, height, 32, 128, 0, 0, 0, false)
	s.op = &graph.AvgPool{Kernel: 2, Stride: 2}
	n := float64(height*32*128) * float64(s.batch*s.steps)
	shape := fmt.Sprintf("2×2, C = 128 on %d×32, F = %d", height, s.batch*s.steps)
	return s.kernelCase("avgpool spikes", shape, 0, n/8+n, func(m mounted) func() { return m.layer.forward })
}

// updateCases are updates of a matrix of side×side weights.
func updateCases(side int) []engine.KernelCase {
	var cases []engine.KernelCase
	for _, o := range []struct {
		engine.Optimizer
		bytes float64 // per parameter: weight, gradient and moments read, all but the gradient written
	}{
		{engine.Optimizer{Kind: engine.SGD, Momentum: .9, Decay: 1e-4}, 20},
		{engine.Optimizer{Kind: engine.AdamW, Beta1: .9, Beta2: .999, Eps: 1e-8, Decay: .01}, 28},
	} {
		s := specimen{op: &graph.Linear{Out: side}, in: graph.Shape{H: 1, W: 1, C: side}, batch: 1, steps: 1, rate: 1, first: true}
		n := float64(side) * float64(side)
		cases = append(cases, s.kernelCase("update, "+o.Kind, fmt.Sprintf("%d×%d parameters", side, side), 0, o.bytes*n, func(m mounted) func() {
			opt := newOptimizer(m.plan, o.Optimizer)
			rng := rand.New(rand.NewPCG(5, 5))
			for _, q := range opt.params {
				noise(rng, q.grad)
			}
			updates := int64(0)
			return func() {
				updates++
				opt.step(1e-6, 1, updates)
			}
		}))
	}
	return cases
}
