package kernel

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"testing"
)

// TestToBF16 rounds numbers between any two neighbours.
func TestToBF16(t *testing.T) {
	for bits := range 0x7f80 {
		low, high := BF16(bits), BF16(bits+1)
		below := math.Float32bits(low.Float32())
		for _, c := range []struct {
			step uint32
			want BF16
		}{{0, low}, {1, low}, {0x7fff, low}, {0x8000, low + low&1}, {0x8001, high}, {0xffff, high}} {
			x := math.Float32frombits(below + c.step)
			if got := ToBF16(x); got != c.want {
				t.Fatalf("%v is %#x, want %#x", x, got, c.want)
			}
			if got := ToBF16(-x); got != c.want|1<<15 {
				t.Fatalf("%v is %#x, want %#x", -x, got, c.want|1<<15)
			}
		}
	}
	for _, bits := range []uint32{0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff, 0x7fc00000} {
		if got := ToBF16(math.Float32frombits(bits)).Float32(); got == got {
			t.Errorf("NaN %#x became %v", bits, got)
		}
	}
}

// anyFloats returns numbers of every exponent, NaN and infinities among them.
func anyFloats(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(rng.Uint32())
		if rng.IntN(8) == 0 {
			x[i] = math.Float32frombits(rng.Uint32() | 0x7f800000)
		}
		if rng.IntN(4) == 0 { // a tie
			x[i] = math.Float32frombits(math.Float32bits(x[i])&^0xffff | 0x8000)
		}
	}
	return x
}

func narrowed(x []float32) []BF16 {
	h := make([]BF16, len(x))
	narrowPortable(h, x)
	return h
}

// TestConversions holds every version of a conversion to the portable one, to
// the bit, between guards.
func TestConversions(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, v := range versions {
		restore := Use(v.level)
		for n := range 70 {
			x := anyFloats(rng, n)
			what := fmt.Sprintf("%s, %d numbers", v.level, n)
			h := newGuarded(make([]BF16, n), guardHalf, guardWidth+n%16)
			Narrow(h.x, newGuarded(x, guardFloat, guardWidth+n%7).x)
			h.check(t, what)
			if want := narrowed(x); !slices.Equal(h.x, want) {
				t.Fatalf("%s narrow to %x, want %x", what, h.x, want)
			}
			f := newGuarded(make([]float32, n), guardFloat, guardWidth+n%16)
			Widen(f.x, h.x)
			f.check(t, what)
			for i, got := range f.x {
				if !sameBits(got, h.x[i].Float32()) {
					t.Fatalf("%s: %x widens to %v", what, h.x[i], got)
				}
			}
		}
		restore()
	}
}

func TestUnpackHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for _, v := range versions {
		restore := Use(v.level)
		for c := 1; c < 100; c++ {
			for _, ld := range []int{c, c + 3, (c + 31) / 32 * 32, (c+31)/32*32 + 64} {
				rows, words := c%4, (c+31)/32
				bits := make([]uint32, rows*words)
				set := func(r, k int) bool { return bits[r*words+k/32]>>(k%32)&1 == 1 }
				for r := range rows {
					for k := range c {
						bits[r*words+k/32] |= uint32(rng.IntN(1+c%3)) & 1 << (k % 32)
					}
				}
				const value = BF16(0x3fc0)
				what := fmt.Sprintf("%s, %d rows of %d bits to %d numbers", v.level, rows, c, ld)
				x := newGuarded(narrowed(random(rng, rows*ld)), guardHalf, guardWidth+c%16)
				UnpackHalf(x.x, ld, bits, c, value)
				x.check(t, what)
				for at, got := range x.x {
					want := BF16(0)
					if r, k := at/ld, at%ld; k < c && set(r, k) {
						want = value
					}
					if got != want {
						t.Fatalf("%s: row %d, number %d is %#x, want %#x", what, at/ld, at%ld, got, want)
					}
				}
			}
		}
		restore()
	}
}

// TestPackPairs holds every way of packing to the definition of the layout.
func TestPackPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	for _, v := range versions {
		restore := Use(v.level)
		for _, rows := range []int{0, 1, 2, 3, 31, 32, 33, 64, 95} {
			for _, cols := range []int{0, 1, 15, 16, 31, 32, 33, 64, 70} {
				testPackPairs(t, v.level, rng, rows, cols, cols+rows%5)
			}
		}
		restore()
	}
}

func testPackPairs(t *testing.T, level string, rng *rand.Rand, rows, cols, ld int) {
	src := anyFloats(rng, rows*cols)
	back := transposed(src, rows, cols)
	spaced := newGuarded(spread(src, cols, ld, guardFloat), guardFloat, guardWidth).x
	packs := map[string]func(dst []BF16){
		"PackPairs":     func(dst []BF16) { PackPairs(dst, spaced, rows, cols, ld) },
		"PackPairsHalf": func(dst []BF16) { PackPairsHalf(dst, narrowed(spaced), rows, cols, ld) },
	}
	if rows%PanelColumns == 0 && cols%PanelColumns == 0 {
		packs["PackPairsTransposed"] = func(dst []BF16) { PackPairsTransposed(dst, back, rows, cols, make([]BF16, rows*cols)) }
	}
	for name, pack := range packs {
		what := fmt.Sprintf("%s, %s %d×%d", level, name, rows, cols)
		panel := (rows + 31) / 32 * 32 * 32
		g := newGuarded(narrowed(random(rng, PairsLen(rows, cols))), guardHalf, guardWidth+cols%16)
		pack(g.x)
		g.check(t, what)
		for at, got := range g.x {
			i, j := at%panel/64*2+at%2, at/panel*32+at%64/2
			want := BF16(0)
			if i < rows && j < cols {
				want = ToBF16(src[i*cols+j])
			}
			if got != want {
				t.Fatalf("%s: row %d, column %d is %#x, want %#x", what, i, j, got, want)
			}
		}
	}
}

// TestProductHalf runs every version beside float64 sums: tiles and vectors cut
// short on every side, and spans and batches that cut positions.
func TestProductHalf(t *testing.T) {
	for _, v := range everyVersion() {
		t.Run(v.level, func(t *testing.T) {
			run := func(seed int, c productCase) { testProductHalf(t, v, seed, c) }
			eachProduct([]int{0, 1, 2, 3, 7, 12, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100},
				[]int{0, 32, 96}, []int{1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 100}, run)
			for _, add := range []bool{false, true} {
				for _, cols := range []int{5, 32, 70} {
					if testing.Short() && cols > 5 {
						continue
					}
					testProductHalf(t, v, 3, productCase{positions: 23, rows: 35, k: 128, cols: cols, add: add})
					testProductHalf(t, v, 4, productCase{positions: 2, rows: 33, k: 1312, cols: cols, add: add})
				}
			}
		})
	}
}

func testProductHalf(t *testing.T, v *kernels, seed int, c productCase) {
	rng := rand.New(rand.NewPCG(uint64(seed), 2))
	x, w := c.operands(rng)
	ldx, ldy := c.k+seed%3, c.cols+seed%2*3
	offset := guardWidth + seed%16
	gx := newGuarded(spread(narrowed(x), c.k, ldx, guardHalf), guardHalf, offset)
	// Positions follow each other within a panel.
	size := PairsPanelLen(c.k)
	panels := make([]BF16, c.positions*PairsLen(c.k, c.cols))
	for p := range c.positions {
		packed := make([]BF16, PairsLen(c.k, c.cols))
		PackPairs(packed, w[p*c.k*c.cols:], c.k, c.cols, c.cols)
		for q := 0; q*size < len(packed); q++ {
			copy(panels[(q*c.positions+p)*size:], packed[q*size:][:size])
		}
	}
	gw := newGuarded(panels, guardHalf, offset)
	gy := newGuarded(constant(c.rows*ldy, untouched), guardFloat, offset)
	xAt, wAt := everyPixel(c.positions, c.rows*ldx), everyPixel(c.positions, size)

	defer useKernels(v)()
	ProductHalf(gy.x, ldy, gx.x, ldx, gw.x, c.positions*size, xAt, wAt, c.rows, c.k, c.cols, c.add)
	gy.check(t, v.level+", "+c.String())
	c.check(t, v.level, gy.x, ldy, x, w)
}

// TestProductHalfInterrupted multiplies in several goroutines while the collector
// and the profiler send signals: what they interrupt must come back whole.
func TestProductHalfInterrupted(t *testing.T) {
	const rows, k, cols, positions = 64, 128, 96, 9
	rng := rand.New(rand.NewPCG(8, 1))
	x, w := narrowed(random(rng, positions*rows*k)), narrowed(random(rng, positions*PairsLen(k, cols)))
	xAt, wAt := everyPixel(positions, rows*k), everyPixel(positions, PairsPanelLen(k))
	product := func(y []float32) {
		ProductHalf(y, cols, x, k, w, positions*PairsPanelLen(k), xAt, wAt, rows, k, cols, false)
	}
	want := make([]float32, rows*cols)
	product(want)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Skip(err) // the test itself is being profiled
	}
	defer pprof.StopCPUProfile()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got := make([]float32, len(want))
			for range 500 {
				clear(got)
				product(got)
				if !slices.Equal(got, want) {
					t.Error("an interrupted product differs")
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		default:
			runtime.GC()
		}
	}
}

// TestProductHalfTakesTinyNumbers holds products of numbers too small to be
// normal to what either way of treating them allows.
func TestProductHalfTakesTinyNumbers(t *testing.T) {
	const k = 32
	tiny, one := BF16(0x0040), BF16(0x3f80)
	for _, v := range everyVersion() {
		restore := useKernels(v)
		x, w, y := make([]BF16, k), make([]BF16, PairsLen(k, 1)), make([]float32, 1)
		x[0], w[0] = tiny, one
		x[1], w[1] = one, one // of the same pair
		ProductHalf(y, 1, x, k, w, 0, []int32{0}, []int32{0}, 1, k, 1, false)
		if y[0] != 1 {
			t.Errorf("%s: 1 and a tiny number sum to %v", v.level, y[0])
		}
		x[1] = 0
		ProductHalf(y, 1, x, k, w, 0, []int32{0}, []int32{0}, 1, k, 1, false)
		if y[0] != 0 && y[0] != tiny.Float32() {
			t.Errorf("%s: a tiny number times 1 is %v, want it or 0", v.level, y[0])
		}
		restore()
	}
}
