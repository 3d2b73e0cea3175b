package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestEventsMultiplyBits(t *testing.T) {
	eachLevel(t, func(t *testing.T) { testEvents(t, false) })
}

func TestEventsMultiplyNumbers(t *testing.T) {
	eachLevel(t, func(t *testing.T) { testEvents(t, true) })
}

// testEvents compares Accumulate with sums in float64 for all widths of panels
// and odd numbers of columns, in parts of the rows.
func testEvents(t *testing.T, valued bool) {
	const rows = 5
	seed := uint64(0)
	for _, columns := range []int{1, 2, 3, 5, 16, 31, 33, 100, 128, 129, 300} {
		e := NewEvents(rows+2, columns, valued)
		for _, rate := range eventRates {
			for _, panel := range []int{16, 32, 48, 64} {
				for width := 1 + int(seed%3); width <= panel; width += 3 {
					if seed++; leftOut(int(seed)) {
						continue
					}
					a := newArena(seed, false)
					x := sparse(a.rng, a.floats(rows*columns), 1-rate)
					if !valued {
						for i, v := range x {
							if v != 0 {
								x[i] = 1
							}
						}
					}
					list(e, 1, x, rows, columns, valued)
					w := a.floats(columns * panel)
					for i := range w {
						if i%panel >= width && seed%2 == 0 {
							w[i] = float32(math.NaN()) // not read
						}
					}
					ldy, add := width+int(seed%5), seed%2 == 1
					y := a.floats((rows-1)*ldy + width)
					want := make([]float64, len(y))
					for i, v := range y {
						want[i] = float64(v)
						if r, j := i/ldy, i%ldy; j < width {
							if !add {
								want[i] = 0
							}
							for c, v := range x[r*columns:][:columns] {
								if v != 0 {
									want[i] += float64(v) * float64(w[c*panel+j])
								}
							}
						}
					}
					for chunk := range e.Chunks() {
						e.Accumulate(y, ldy, w[chunk*EventChunk*panel:], panel, chunk, 1, 2, width, add || chunk > 0)
						e.Accumulate(y[2*ldy:], ldy, w[chunk*EventChunk*panel:], panel, chunk, 3, rows-2, width, add || chunk > 0)
					}
					what := fmt.Sprintf("%d columns, rate %v, panel %d, width %d", columns, rate, panel, width)
					near(t, what, y, want, columns)
					a.check(t, what, a)
				}
			}
		}
	}
}

// list lists rows of numbers from row `first` on, in two parts.
func list(e *Events, first int, x []float32, rows, columns int, valued bool) {
	for _, part := range [][2]int{{rows / 2, rows}, {0, rows / 2}} {
		from, n := x[part[0]*columns:], part[1]-part[0]
		if valued {
			e.ListRows(first+part[0], from, n)
			continue
		}
		bits := make([]uint32, n*Words(columns))
		PackBits(bits, from[:n*columns], columns)
		e.ListBits(first+part[0], bits, n)
	}
}

// TestEventsKeepWhatIsNotFinite has weights and values that are NaN and infinite
// and that meet events only sometimes.
func TestEventsKeepWhatIsNotFinite(t *testing.T) { eachLevel(t, testEventsSpecial) }

func testEventsSpecial(t *testing.T) {
	const rows = 7
	for _, valued := range []bool{false, true} {
		for columns := 1; columns < 40; columns++ {
			a := newArena(uint64(columns), true)
			a.special = valued
			x := sparse(a.rng, a.floats(rows*columns), .7)
			if !valued {
				for i, v := range x {
					x[i] = min(1, abs(v)*1e9)
				}
			}
			a.special = true
			e, w := NewEvents(rows, columns, valued), a.floats(columns*16)
			list(e, 0, x, rows, columns, valued)
			y := a.floats(rows * 13)
			e.Accumulate(y, 13, w, 16, 0, 0, rows, 13, false)
			for i, got := range y {
				want := 0.0
				for c, v := range x[i/13*columns:][:columns] {
					if v != 0 {
						want += float64(v) * float64(w[c*16+i%13])
					}
				}
				if !alike(float64(got), want) {
					t.Fatalf("%d columns, values %v: element %d is %v, want %v", columns, valued, i, got, want)
				}
			}
		}
	}
}

// forward computes a convolution as an engine does: in tiles of rows, by panels of
// weights, chunks of channels and window positions. weights are the panels of
// 64 outputs, [panel][position][C][64].
func (g Conv) forward(y []float32, e *Events, weights []float32, frames, tilePixels int, taps [][]Tap) {
	_, pixels := g.Pixels()
	for p0 := 0; p0 < pixels; p0 += tilePixels {
		p1 := min(pixels, p0+tilePixels)
		for o := 0; o < g.Out; o += 64 {
			width := min(64, g.Out-o)
			panels := weights[o*g.Positions()*g.C:]
			for p := p0; p < p1; p++ {
				if len(taps[p]) == 0 {
					for f := range frames {
						clear(y[(p*frames+f)*g.Out+o:][:width])
					}
				}
			}
			for chunk := range e.Chunks() {
				for position := range g.Positions() {
					w := panels[(position*g.C+chunk*EventChunk)*64:]
					for p := p0; p < p1; p++ {
						for i, tap := range taps[p] {
							if int(tap.Position) == position {
								e.Accumulate(y[p*frames*g.Out+o:], g.Out, w, 64, chunk, int(tap.Pixel)*frames, frames, width, chunk > 0 || i > 0)
							}
						}
					}
				}
			}
		}
	}
}

// panels packs weights [positions][C][Out] for forward.
func (g Conv) panels(w []float32) []float32 {
	packed := make([]float32, (g.Out+63)/64*64*g.Positions()*g.C)
	for row := range g.Positions() * g.C {
		for o, v := range w[row*g.Out:][:g.Out] {
			packed[(o/64*g.Positions()*g.C+row)*64+o%64] = v
		}
	}
	return packed
}

// taps are those of every output pixel.
func (g Conv) taps() [][]Tap {
	_, pixels := g.Pixels()
	taps := make([][]Tap, pixels)
	for p := range taps {
		taps[p] = g.Taps(nil, p)
	}
	return taps
}

// eventConvs are geometries with every kind of edge; C and Out vary by test.
var eventConvs = []Conv{
	{H: 5, W: 4, OutH: 5, OutW: 4, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1},
	{H: 5, W: 4, OutH: 3, OutW: 2, KernelH: 3, KernelW: 3, Stride: 2, Pad: 1},
	{H: 4, W: 4, OutH: 4, OutW: 4, KernelH: 1, KernelW: 1, Stride: 1},
	{H: 5, W: 5, OutH: 3, OutW: 3, KernelH: 1, KernelW: 1, Stride: 2},
	{H: 3, W: 2, OutH: 1, OutW: 1, KernelH: 3, KernelW: 2, Stride: 1},
	{H: 2, W: 2, OutH: 3, OutW: 3, KernelH: 4, KernelW: 4, Stride: 1, Pad: 2},
	{H: 7, W: 6, OutH: 2, OutW: 2, KernelH: 5, KernelW: 5, Stride: 3, Pad: 1},
	{H: 1, W: 1, OutH: 1, OutW: 1, KernelH: 3, KernelW: 3, Stride: 1, Pad: 1},
	{H: 2, W: 2, OutH: 6, OutW: 6, KernelH: 1, KernelW: 1, Stride: 1, Pad: 2}, // pixels without taps
}

func TestEventConvolution(t *testing.T) { eachLevel(t, testEventConvolution) }

func testEventConvolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 1))
	for i, g := range eventConvs {
		g.C, g.Out = []int{3, 35, 130}[i%3], []int{5, 64, 70}[(i+i/3)%3]
		frames := 1 + i%4
		in, out := g.Pixels()
		x := randomBits(rng, in*frames, g.C, .2)
		w := random(rng, g.Positions()*g.C*g.Out)
		e := NewEvents(in*frames, g.C, false)
		e.ListBits(0, x, in*frames)
		y, want := random(rng, out*frames*g.Out), make([]float64, out*frames*g.Out)
		g.forward(y, e, g.panels(w), frames, 3, g.taps())
		g.eachProduct(frames, func(row, from, weights int) {
			for c := range g.C {
				if bit(x, from, g.C, c) {
					for o := range g.Out {
						want[row*g.Out+o] += float64(w[(weights+c)*g.Out+o])
					}
				}
			}
		})
		near(t, fmt.Sprintf("%+v", g), y, want, g.Positions()*g.C)
	}
}

// eachProduct calls fn for every output row, every input row that it sees and the
// row of weights, [positions][C], of the first channel there.
func (g Conv) eachProduct(frames int, fn func(row, from, weights int)) {
	_, pixels := g.Pixels()
	for p := range pixels {
		for _, tap := range g.Taps(nil, p) {
			for f := range frames {
				fn(p*frames+f, int(tap.Pixel)*frames+f, int(tap.Position)*g.C)
			}
		}
	}
}
