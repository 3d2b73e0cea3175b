package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// weights returns a convolution's weight gradient in float64.
func (g Conv) weights(x, dy []float32, frames int) []float64 {
	dw := make([]float64, g.Positions()*g.C*g.Out)
	g.eachProduct(frames, func(row, from, weights int) {
		for c, v := range x[from*g.C:][:g.C] {
			if v != 0 {
				for o, d := range dy[row*g.Out:][:g.Out] {
					dw[(weights+c)*g.Out+o] += float64(v) * float64(d)
				}
			}
		}
	})
	return dw
}

// A gradientCase is a convolution and the blocks that its gradient is computed in.
type gradientCase struct {
	g                 Conv
	frames, max       int // of the call, and prepared for
	channels, outputs int // of a block
	rate              float64
	special           bool
}

func (k gradientCase) check(t *testing.T, seed uint64, numbers bool) {
	t.Helper()
	g := k.g
	in, out := g.Pixels()
	a := newArena(seed, k.special && numbers && !g.windowed()) // whose numbers are finite
	x := sparse(a.rng, a.floats(in*k.frames*g.C), 1-k.rate)
	value := float32(1)
	if !numbers {
		value = []float32{1, .5}[seed%2]
		for i, v := range x {
			if v != 0 {
				x[i] = value
			}
		}
	}
	a.special = k.special
	dy := a.floats(out * k.frames * g.Out)
	a.special = true // what was there does not count
	dw := a.floats(g.Positions() * g.C * g.Out)
	bits := make([]uint32, in*k.frames*Words(g.C))
	PackBits(bits, x, g.C)

	e := NewEventGradient(g, k.max)
	s := e.NewScratch(k.channels, k.outputs, numbers)
	for c := 0; c < g.C; c += k.channels {
		for o := 0; o < g.Out; o += k.outputs {
			c1, o1 := min(g.C, c+k.channels), min(g.Out, o+k.outputs)
			if numbers {
				e.Numbers(dw, x, dy, k.frames, c, c1, o, o1, s)
			} else {
				e.Bits(dw, bits, value, dy, k.frames, c, c1, o, o1, s)
			}
		}
	}
	what := fmt.Sprintf("%+v, numbers %v", k, numbers)
	want := g.weights(x, dy, k.frames)
	if !k.special {
		near(t, what, dw, want, in*k.frames)
	}
	for i, w := range want {
		if d := math.Abs(float64(dw[i]) - w); k.special && !alike(float64(dw[i]), w) && !(d < 1e-4) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, dw[i], w)
		}
	}
	a.check(t, what, a)
}

func TestEventGradient(t *testing.T) { eachLevel(t, testEventGradient) }

func testEventGradient(t *testing.T) {
	seed := uint64(0)
	for i, g := range eventConvs {
		for j, rate := range eventRates {
			for _, frames := range []int{1, 3, 50} {
				if seed++; leftOut(int(seed)) {
					continue
				}
				g.C, g.Out = []int{1, 3, 33, 40}[(i+j)%4], []int{2, 16, 33, 70}[(i+j+j/4)%4]
				k := gradientCase{g: g, frames: frames, max: frames + int(seed%2), channels: g.C, outputs: g.Out, rate: rate, special: seed%3 == 0}
				k.check(t, seed, false)
				k.channels, k.outputs = 17, 35
				k.check(t, seed, true)
				k.check(t, seed+1, false)
			}
		}
	}
}

// TestWindowGradientTiles has images that tiles fit and others that they do not.
func TestWindowGradientTiles(t *testing.T) { eachLevel(t, testWindowGradientTiles) }

func testWindowGradientTiles(t *testing.T) {
	for i, size := range [][3]int{{1, 1, 300}, {1, 9, 40}, {2, 3, 70}, {8, 8, 5}, {8, 8, 1}, {9, 17, 3}, {32, 32, 1}, {19, 5, 4}} {
		g := benchConv(1, 1+7*i, 3+5*i)
		g.H, g.W, g.OutH, g.OutW = size[0], size[1], size[0], size[1]
		k := gradientCase{g: g, frames: size[2], max: size[2] + i%2, channels: 32, outputs: 32, rate: .2}
		k.check(t, uint64(i), false)
		k.check(t, uint64(i), true)
	}
}

// halo is the number of rows of dy that a tile meets.
func (t haloTile) halo() int { return (t.h + 2) * (t.w + 2) * t.frames }

// TestHaloTileFits covers every small image.
func TestHaloTileFits(t *testing.T) {
	for h := 1; h < 40; h++ {
		for w := 1; w < 40; w += 3 {
			g := benchConv(1, 1, 1)
			g.H, g.W = h, w
			for _, frames := range []int{1, 2, 5, 64, 1000} {
				if b := g.haloTile(frames); b.rows() < 1 || b.rows() > maxTileRows || b.halo() > maxHaloRows || b.h > h || b.w > w || b.frames > frames {
					t.Fatalf("%d×%d pixels, %d frames: tile %+v", h, w, frames, b)
				}
			}
		}
	}
}

// TestEventGradientIsRepeatable computes a gradient twice, with what the first
// left in the scratch, and in other blocks: sums are not split.
func TestEventGradientIsRepeatable(t *testing.T) { eachLevel(t, testEventGradientIsRepeatable) }

func testEventGradientIsRepeatable(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 1))
	g := benchConv(6, 70, 50)
	x, dy := randomBits(rng, 36*9, g.C, .2), random(rng, 36*9*g.Out)
	e := NewEventGradient(g, 9)
	s := e.NewScratch(g.C, g.Out, false)
	var want []float32
	for _, block := range [][2]int{{70, 50}, {70, 50}, {64, 32}, {11, 32}} {
		dw := make([]float32, g.Positions()*g.C*g.Out)
		for c := 0; c < g.C; c += block[0] {
			for o := 0; o < g.Out; o += block[1] {
				e.Bits(dw, x, 1, dy, 9, c, min(g.C, c+block[0]), o, min(g.Out, o+block[1]), s)
			}
		}
		if want == nil {
			want = dw
		}
		for i := range dw {
			if dw[i] != want[i] {
				t.Fatalf("blocks of %v: element %d is %v, was %v", block, i, dw[i], want[i])
			}
		}
	}
}

func TestEventKernelsDoNotAllocate(t *testing.T) { eachLevel(t, testEventKernelsDoNotAllocate) }

func testEventKernelsDoNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 1))
	for _, g := range eventConvs {
		const frames = 7
		g.C, g.Out = 35, 40
		in, out := g.Pixels()
		x, bits := random(rng, in*frames*g.C), randomBits(rng, in*frames, g.C, .2)
		dy, dw := random(rng, out*frames*g.Out), make([]float32, g.Positions()*g.C*g.Out)
		e, events := NewEventGradient(g, frames), NewEvents(in*frames, g.C, false)
		ofBits, ofNumbers := e.NewScratch(g.C, g.Out, false), e.NewScratch(g.C, g.Out, true)
		if n := testing.AllocsPerRun(3, func() {
			events.ListBits(0, bits, in*frames)
			events.Accumulate(dy, g.Out, dw, g.Out, 0, 0, min(in, out)*frames, g.Out, false)
			e.Bits(dw, bits, 1, dy, frames, 0, g.C, 0, g.Out, ofBits)
			e.Numbers(dw, x, dy, frames, 0, g.C, 0, g.Out, ofNumbers)
		}); n != 0 {
			t.Errorf("%+v: %v allocations", g, n)
		}
	}
}
