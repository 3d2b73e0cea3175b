package kernel

import (
	"fmt"
	"maps"
	"math"
	"testing"
)

func init() { maps.Copy(kernelCases, maskedCases) }

var maskedCases = map[string]kernelCase{
	"window dots": func(k *kernels, a *arena, n, rows int) []float64 {
		right, down := rows+1, n+2
		l := newLists(rows+1, n, false)
		for c := range l.count {
			l.count[c] = int32(a.rng.IntN(n + 1))
		}
		for i := range l.index {
			l.index[i] = uint16(a.rng.IntN(n))
		}
		sum, w := a.floats((rows+1)*l.room), a.floats((rows+1)*9*gradientPanel)
		dy := a.floats((n + 2*(right+down)) * gradientPanel)
		for i := range w { // sums of hundreds of products should round no worse than others
			w[i] /= 16
		}
		for _, add := range []bool{false, true} {
			k.windowDots(sum, dy, w, l.index, l.count, l.room, right, down, add)
		}
		for c, count := range l.count { // what is behind does not count
			clear(sum[c*l.room+int(count) : (c+1)*l.room])
		}
		return nil
	},
	"scatter sums": func(k *kernels, a *arena, n, rows int) []float64 {
		l, rowAt := newLists(n, rows+1, false), make([]int32, rows+1)
		for c := range l.count {
			l.count[c] = int32(a.rng.IntN(rows + 2))
		}
		for i := range l.index {
			l.index[i] = uint16(i % l.room % (rows + 1))
		}
		for i := range rowAt {
			rowAt[i] = int32((rows - i) * (n + 3))
		}
		dx := a.floats(rows*(n+3) + n)
		for _, add := range []bool{false, true} {
			k.scatterSums(dx, a.floats(n*l.room), l.index, l.count, rowAt, l.room, add)
		}
		return nil
	},
}

// inputs returns a convolution's input gradient in float64.
func (g Conv) inputs(dy, w []float32, frames int) []float64 {
	in, _ := g.Pixels()
	dx := make([]float64, in*frames*g.C)
	g.eachProduct(frames, func(row, to, weights int) {
		for c := range g.C {
			for o, d := range dy[row*g.Out:][:g.Out] {
				dx[to*g.C+c] += float64(d) * float64(w[(weights+c)*g.Out+o])
			}
		}
	})
	return dx
}

// A maskedCase is a convolution, the blocks that its gradient is computed in and
// the share of it that is wanted.
type maskedCase struct {
	g           Conv
	frames, max int // of the call, and prepared for
	channels    int // of a block
	density     float64
	special     bool // some of dy is not finite
}

func (k maskedCase) check(t *testing.T, seed uint64) {
	t.Helper()
	g := k.g
	in, out := g.Pixels()
	a := newArena(seed, k.special)
	dy := a.floats(out * k.frames * g.Out)
	a.special = false
	w := a.floats(g.Positions() * g.C * g.Out)
	mask := randomBits(a.rng, in*k.frames, g.C, k.density)
	want := g.inputs(dy, w, k.frames)
	a.special = true // what was there does not count
	dx := a.floats(in * k.frames * g.C)
	m := NewMaskedGradient(g, k.max)
	packed := a.floats(m.PackedLen())
	s := m.NewScratch(k.channels)
	run := func(add bool) {
		for c := 0; c < g.C; c += k.channels {
			c1 := min(g.C, c+k.channels)
			m.Pack(packed, w, c, c1)
			for tile := range m.Tiles(k.frames) {
				m.Tile(dx, mask, dy, packed, k.frames, tile, c, c1, add, s)
			}
		}
	}
	compare := func(what string, before []float32, add bool) {
		t.Helper()
		for i, x := range want {
			if !bitSet(mask, i, g.C) {
				if add && math.Float32bits(dx[i]) != math.Float32bits(before[i]) || !add && dx[i] != 0 {
					t.Fatalf("%s: unmasked element %d is %v", what, i, dx[i])
				}
				continue
			}
			if add {
				x += float64(before[i])
			}
			if !alike(float64(dx[i]), x) && !(math.Abs(float64(dx[i])-x) < 1e-4*math.Sqrt(float64(g.Out))) {
				t.Fatalf("%s: element %d is %v, want %v", what, i, dx[i], x)
			}
		}
	}
	what := fmt.Sprintf("%+v", k)
	run(false)
	compare(what, nil, false)
	before := append([]float32(nil), dx...)
	before[0] = 7
	dx[0] = 7
	run(true)
	compare(what+", added", before, true)
	a.check(t, what, a)
}

// bitSet returns the bit of number i of rows of c.
func bitSet(bits []uint32, i, c int) bool {
	row, channel := i/c, i%c
	return bits[row*Words(c)+channel/wordBits]>>(channel%wordBits)&1 == 1
}

func TestMaskedGradient(t *testing.T) { eachLevel(t, testMaskedGradient) }

func testMaskedGradient(t *testing.T) {
	seed := uint64(0)
	for i, size := range [][3]int{{1, 1, 300}, {1, 9, 40}, {5, 4, 1}, {8, 8, 5}, {9, 17, 3}} {
		for j, density := range []float64{0, .03, .3, .9, 1} {
			if seed++; leftOut(int(seed)) {
				continue
			}
			g := benchConv(1, []int{1, 3, 33, 70}[(i+j)%4], []int{2, 16, 33, 70, 130}[(i+2*j)%5])
			g.H, g.W, g.OutH, g.OutW = size[0], size[1], size[0], size[1]
			k := maskedCase{g: g, frames: size[2], max: size[2] + int(seed%3)*10, channels: g.C, density: density, special: seed%3 == 0}
			k.check(t, seed)
			k.channels = 32
			k.check(t, seed+1)
		}
	}
	if NewMaskedGradient(eventConvs[1], 1) != nil {
		t.Error("a geometry without windows is served")
	}
}

func TestMaskedGradientAllocatesNothing(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		g := benchConv(5, 40, 70)
		m := NewMaskedGradient(g, 3)
		in, out := g.Pixels()
		dx, dy, packed, mask := make([]float32, in*3*g.C), make([]float32, out*3*g.Out), make([]float32, m.PackedLen()), make([]uint32, in*3*Words(g.C))
		mask[0] = 1
		s := m.NewScratch(g.C)
		if n := testing.AllocsPerRun(3, func() { m.Tile(dx, mask, dy, packed, 3, 0, 0, g.C, false, s) }); n > 0 {
			t.Errorf("%s: %v allocations", Level(), n)
		}
	})
}
