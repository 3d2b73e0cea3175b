package kernel

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// halves returns n random numbers of BF16 between guards, and all of them with
// the guards as numbers to compare.
func (a *arena) halves(n int) (x []BF16, all func() []float64) {
	return between(a, n, func(v float32) BF16 { return ToBF16(v) })
}

// words returns n random words of bits, as many ones as zeros.
func (a *arena) words(n int) (x []uint32, all func() []float64) {
	return between(a, n, func(float32) uint32 { return a.rng.Uint32() })
}

// bits returns rows of c random bits.
func (a *arena) bits(rows, c int) []uint32 {
	x, _ := a.words(rows * Words(c))
	if c%wordBits != 0 {
		for r := range rows {
			x[(r+1)*Words(c)-1] &= 1<<(c%wordBits) - 1
		}
	}
	return x
}

func between[T BF16 | uint32](a *arena, n int, random func(float32) T) (x []T, all func() []float64) {
	buf := make([]T, a.offset+n+guardWidth)
	for i := range buf {
		buf[i] = guardValue
	}
	x = buf[a.offset:][:n:n]
	for i, v := range a.floats(n) {
		x[i] = random(v)
	}
	return x, func() []float64 {
		out := make([]float64, len(buf))
		for i, v := range buf {
			out[i] = float64(v)
		}
		return out
	}
}

func (a *arena) wide(n int) []float64 {
	x := make([]float64, n)
	for i, v := range a.floats(n) {
		x[i] = float64(v)
	}
	return x
}

// resets are the kinds of reset.
var resets = []struct {
	kept, jump, floor float32
	attached, floored bool
}{
	{0, -.2, float32(math.Inf(-1)), true, false}, {1, -.1, -.5, true, true}, {0, 0, -.3, false, true}, {0, 0, float32(math.Inf(-1)), false, false},
}

// scanTileCase runs both directions on a tile of a kind of rows.
func scanTileCase(which int) kernelCase {
	return func(k *kernels, a *arena, n, rows int) []float64 {
		m := n * rows
		scale, shift, c2, c1, c0 := a.floats(n), a.floats(n), a.floats(n), a.floats(n), a.floats(n)
		float, packed := a.floats(m), a.bits(rows, n)
		half, _ := a.halves(m)
		x := a.floats(m)
		var out []float64
		for i, r := range resets {
			const theta = -.1
			u, v, add := a.floats(m), a.floats(m), i > 0
			if i == 2 && rows > 1 {
				u, add = nil, false
			}
			fired, words := a.words(rows * Words(n))
			clear(fired)
			var s, sum, sum2 float64
			switch which {
			case 0:
				k.term(x, float, scale, shift, rows, add)
				s, sum, sum2 = k.forward(fired, u, v, float, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor)
			case 1:
				k.termBF16(x, half, scale, shift, rows, add)
				s, sum, sum2 = k.forwardBF16(fired, u, v, half, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor)
			case 2:
				k.termBits(x, packed, scale, shift, rows, add)
				s, sum, sum2 = k.forwardBits(fired, u, v, packed, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor)
			}
			out = append(append(out, words()...), s, sum, sum2)
			k.fire(a.floats(m), x, theta, r.kept, r.jump, r.floor)
		}
		return out
	}
}

func backwardCase(half bool) kernelCase {
	return func(k *kernels, a *arena, n, rows int) []float64 {
		m := n * rows
		u, h, c2, c1 := a.floats(m), a.floats(m), a.floats(n), a.floats(n)
		g16, _ := a.halves(m)
		g := a.floats(m)
		if half {
			widenPortable(g, g16)
		}
		var out []float64
		for s := range shapes {
			for i, r := range resets {
				before := a.floats(m)
				if i == 0 {
					before = nil
				}
				q, carry := a.floats(m), a.floats(m)
				carry16 := slices.Clone(carry)
				k.backward[s](q, carry, g, h, u, before, c2, c1, rows, -m, r.attached, r.floored, -.1, r.kept, r.jump, r.floor, 1-r.kept, .8, .6, -.2)
				if half { // in place
					q16, all := a.halves(m)
					copy(q16, g16)
					k.backwardBF16[s](q16, carry16, q16, h, u, before, c2, c1, rows, -m, r.attached, r.floored, -.1, r.kept, r.jump, r.floor, 1-r.kept, .8, .6, -.2)
					out = append(out, different(q16, q), differentBits(carry16, carry))
					clear(q16)
					out = append(out, all()...) // the guards
				}
			}
		}
		return out
	}
}

// different returns how many numbers are not others rounded.
func different(got []BF16, want []float32) (n float64) {
	for i, w := range want {
		if got[i] != ToBF16(w) {
			n++
		}
	}
	return n
}

func differentBits(got, want []float32) (n float64) {
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			n++
		}
	}
	return n
}

// normGradientCase returns, of rows of BF16, how many numbers are not those of
// rows of float32 rounded.
func normGradientCase(k *kernels, a *arena, n, rows int) []float64 {
	m := n * rows
	q, z, gain, off, mid := a.floats(m), a.floats(m), a.floats(n), a.floats(n), a.floats(n)
	q16, _ := a.halves(m)
	z16, _ := a.halves(m)
	var dz [4][]float32
	for i := range dz {
		dz[i] = a.floats(m)
	}
	k.normGradient(dz[0], q, z, gain, off, mid, rows)
	k.normGradientZ(dz[1], q, z16, gain, off, mid, rows)
	k.normGradientQ(dz[2], q16, z, gain, off, mid, rows)
	k.normGradientQZ(dz[3], q16, z16, gain, off, mid, rows)
	if n%PanelColumns != 0 || rows%2 != 0 {
		return nil
	}
	var out []float64
	panel := (rows + 2) * PanelColumns // the kernels leave what is behind the rows alone
	for i, pass := range []func(dz, pairs []BF16){
		func(dz, pairs []BF16) { k.normPairs(dz, pairs, q, z16, gain, off, mid, rows, panel) },
		func(dz, pairs []BF16) { k.normPairsQ(dz, pairs, q16, z16, gain, off, mid, rows, panel) },
	} {
		to, all := a.halves(m)
		pairs, allPairs := a.halves(n / PanelColumns * panel)
		want := slices.Clone(pairs)
		pass(to, pairs)
		out = append(out, different(to, dz[2*i+1]))
		for p := range min(rows, 1) * n / PanelColumns {
			packColumnsHalf(want[p*panel:], to[p*PanelColumns:], rows, PanelColumns, n)
		}
		wrong := 0.0
		for j := range want {
			if pairs[j] != want[j] {
				wrong++
			}
		}
		out = append(out, wrong)
		clear(to)
		clear(pairs)
		out = slices.Concat(out, all(), allPairs())
	}
	return out
}

var scanCases = map[string]kernelCase{
	"scan":          scanTileCase(0),
	"scan of BF16":  scanTileCase(1),
	"scan of bits":  scanTileCase(2),
	"backward scan": backwardCase(false),
	"backward BF16": backwardCase(true),
	"norm gradient": normGradientCase,
	"statistics": func(k *kernels, a *arena, n, rows int) []float64 {
		x, y := a.floats(n*rows), a.floats(n*rows)
		x16, _ := a.halves(n * rows)
		y16, _ := a.halves(n * rows)
		var out []float64
		for range 2 {
			var s [13][]float64
			for i := range s {
				s[i] = a.wide(n + 2)
			}
			in := func(i int) []float64 { return s[i][1 : n+1] }
			k.addMoments(in(0), in(1), x, y, rows)
			k.addMomentsZ(in(2), in(3), x, y16, rows)
			k.addMomentsQ(in(4), in(5), x16, y, rows)
			k.addMomentsQZ(in(6), in(7), x16, y16, rows)
			k.addSquares(in(8), in(9), x, rows)
			k.coefGradient(in(10), in(11), in(12), x, y, rows)
			out = append(out, slices.Concat(s[:]...)...)
		}
		return out
	},
	"additions": func(k *kernels, a *arena, n, rows int) []float64 {
		m := n * rows &^ 15
		x, half := a.floats(m), make([]BF16, m)
		narrowPortable(half, a.floats(m))
		narrow, allNarrow := a.halves(m)
		both, allBoth := a.halves(m)
		k.addNarrow(narrow, x, -m)
		k.addHalf(both, half, m)
		k.addWide(a.floats(m), half, 2*m)
		return slices.Concat(allNarrow(), allBoth())
	},
	"gaussian": windowCase(func(k *kernels) Window { return k.gaussian }),
	"sigmoid":  windowCase(func(k *kernels) Window { return k.sigmoid }),
	"atan":     windowCase(func(k *kernels) Window { return k.atan }),
	"bit pooling": func(k *kernels, a *arena, n, rows int) []float64 {
		pixel, apart := rows*Words(n), n+rows
		x := a.bits(12*rows, n)
		k.averageBits(a.floats(n*rows), x, rows, n, n, 2, 3, 4*pixel, pixel, .3)
		y, all := a.halves(apart * rows)
		k.averageBitsBF16(y, x, rows, n, apart, 1, 3, 0, 2*pixel, .3)
		k.scale(a.floats(n), a.floats(n), .3)
		return all()
	},
}

func init() { maps.Copy(kernelCases, scanCases) }

// TestSumsAgreeToTheBit holds sums over more rows than rounding would forgive.
func TestSumsAgreeToTheBit(t *testing.T) {
	for _, c := range []int{5, 16, 37, 64, 133} {
		var want [11][]float64
		for _, v := range versions {
			a := newArena(uint64(c), false)
			const rows = 301
			x16, _ := a.halves(c * rows)
			y16, _ := a.halves(c * rows)
			x, y := a.floats(c*rows), a.floats(c*rows)
			var got [11][]float64
			for i := range got {
				got[i] = a.wide(c)
			}
			v.addMoments(got[0], got[1], x, y, rows)
			v.addMomentsZ(got[2], got[3], x, y16, rows)
			v.addMomentsQ(got[4], got[5], x16, y, rows)
			v.addMomentsQZ(got[6], got[7], x16, y16, rows)
			v.coefGradient(got[8], got[9], got[10], x, y, rows)
			if v == &portable {
				want = got
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s, %d channels: sums %d are %v, the portable version's %v", v.level, c, i, got[i], want[i])
				}
			}
		}
	}
}

// TestSumsOfSquaresStayAccurate holds the errors that AddSquares and Forward
// promise, where the mean is large beside the deviation.
func TestSumsOfSquaresStayAccurate(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 2))
	const c, rows = 48, 999
	x := random(rng, c*rows)
	sum, sum2 := make([]float64, c), make([]float64, c)
	all, all2 := 0.0, 0.0
	for i := range x {
		x[i] = 100 + x[i]/8
		sum[i%c] += float64(x[i])
		sum2[i%c] += float64(x[i]) * float64(x[i])
		all, all2 = all+float64(x[i]), all2+float64(x[i])*float64(x[i])
	}
	one, zero := make([]float32, c), make([]float32, c)
	for i := range one {
		one[i] = 1
	}
	n := &Neuron{C2: zero, C1: zero, C0: zero, Theta: 1e9}
	apart := func(got, want float64, bound int) bool { return math.Abs(got-want) > math.Ldexp(want, bound) }
	for _, level := range Levels() {
		restore := Use(level)
		s, s2 := make([]float64, c), make([]float64, c)
		AddSquares(s, s2, x)
		for i := range s {
			if apart(s[i], sum[i], -19) || apart(s2[i], sum2[i], -19) {
				t.Errorf("%s: channel %d has Σx = %v, Σx² = %v, want %v and %v", level, i, s[i], s2[i], sum[i], sum2[i])
			}
		}
		o := n.Forward(make([]uint32, rows*Words(c)), nil, make([]float32, c*rows), Term{Rows{Float: x}, one, zero})
		if apart(o.U, all, -20) || apart(o.U2, all2, -20) || o.Spikes != 0 || o.Neurons != c*rows {
			t.Errorf("%s: observed %+v, want Σu = %v, Σu² = %v", level, o, all, all2)
		}
		restore()
	}
}

// TestForwardFollowsTheDynamics sums terms of all kinds.
func TestForwardFollowsTheDynamics(t *testing.T) {
	const rows = 7
	for name, d := range scans(t) {
		for _, c := range []int{1, 3, 31, 32, 50, 80} {
			for count := 1; count <= 3; count++ {
				a := newArena(uint64(c), false)
				half, _ := a.halves(c * rows)
				z := []Rows{{Half: half}, {Bits: a.bits(rows, c)}, {Float: a.floats(c * rows)}}
				z = slices.Concat(z[c%3:], z[:c%3])[:count] // every kind is the last of some
				var terms []Term
				for _, r := range z {
					terms = append(terms, Term{r, a.floats(c), a.floats(c)})
				}
				v0 := a.floats(c * rows)
				wantU, wantV, wantFired := make([]float64, c*rows), make([]float64, c*rows), make([]uint32, rows*Words(c))
				spikes := 0.0
				for i := range v0 {
					x := 0.0
					for _, m := range terms {
						var buf piece
						at := i % c
						zi := m.Z.piece(&buf, i/c, c, at&^31, at+1)[at&31]
						x += float64(zi)*float64(m.Scale[at]) + float64(m.Shift[at])
					}
					var spike bool
					wantU[i], spike, wantV[i] = d.Step(float64(v0[i]), x)
					if spike {
						wantFired[i/c*Words(c)+i%c/32] |= 1 << (i % c % 32)
						spikes++
					}
				}
				for _, level := range Levels() {
					restore := Use(level)
					what := fmt.Sprintf("%s, %s, %d channels, %d terms", level, name, c, count)
					u, v, fired := make([]float32, c*rows), slices.Clone(v0), make([]uint32, len(wantFired))
					for i := range fired {
						fired[i] = 0xffffffff
					}
					s := kernelOf(d, c).Forward(fired, u, v, terms...)
					near(t, what+" u", u, wantU, 9)
					near(t, what+" v", v, wantV, 9)
					if !slices.Equal(fired, wantFired) || s.Spikes != spikes {
						t.Fatalf("%s: %v spikes %x, want %v %x", what, s.Spikes, fired, spikes, wantFired)
					}
					restore()
				}
			}
		}
	}
}

// roundedNear reports whether a BF16 is a number rounded, of which a few units in
// the last place of float32 are not certain.
func roundedNear(got BF16, want float64) bool {
	return math.Abs(float64(got.Float32())-want) <= math.Ldexp(math.Abs(want), -8)*1.001+1e-5
}

// TestBackwardFollowsTheDynamics differentiates with every window, gradients of
// both kinds and at the first step.
func TestBackwardFollowsTheDynamics(t *testing.T) {
	const rows = 5
	windows := [shapes]Window{Gaussian, Rectangular, Triangular, Epanechnikov}
	for name, d := range scans(t) {
		for i, c := range []int{1, 3, 31, 50} {
			for shape, of := range windows {
				a := newArena(uint64(c), false)
				n := c * rows
				g, half, carry, u, before, b := Rows{Float: a.floats(n)}, i%2 == 0, a.floats(n), a.floats(n), a.floats(n), float32(.7)
				if half {
					g = Rows{}
					g.Half, _ = a.halves(n)
				}
				if i > 1 {
					before = nil
				}
				k := kernelOf(d, c)
				h := make([]float32, n)
				of(h, u, k.Theta, b)
				wantQ, wantC := make([]float64, n), make([]float64, n)
				for i := range u {
					s := 0.0
					if float64(u[i]) >= d.Threshold {
						s = 1
					}
					gi := 0.0
					if half {
						gi = float64(g.Half[i].Float32())
					} else {
						gi = float64(g.Float[i])
					}
					prev := d.ResetValue
					if before != nil {
						_, _, prev = d.Step(0, float64(before[i])-d.C0)
					}
					wantQ[i] = gi*float64(h[i]) + float64(carry[i])*d.AfterSlope(float64(u[i]), s, float64(h[i]))
					wantC[i] = wantQ[i] * d.Slope(prev)
				}
				for _, level := range Levels() {
					restore := Use(level)
					what := fmt.Sprintf("%s, %s, %d channels, shape %d", level, name, c, shape)
					q, back := make([]float32, n), slices.Clone(carry)
					to := Rows{Float: q}
					if half {
						to = Rows{Half: make([]BF16, n)}
					}
					k.Backward(to, back, g, Surrogate{Shape(shape), b, h}, u, before)
					if half {
						for i := range q {
							if !roundedNear(to.Half[i], wantQ[i]) {
								t.Fatalf("%s: q[%d] is %v, want %v", what, i, to.Half[i].Float32(), wantQ[i])
							}
						}
					} else {
						near(t, what+" q", q, wantQ, 20)
					}
					near(t, what+" carry", back, wantC, 20)
					if before != nil {
						fired := make([]float32, n)
						k.Fire(fired, before)
						want := make([]float64, n)
						for i, u := range before {
							_, _, want[i] = d.Step(0, float64(u)-d.C0)
						}
						near(t, what+" after reset", fired, want, 3)
					}
					restore()
				}
			}
		}
	}
}

// TestRoundingToBF16 compares with the definition, by search among neighbours.
func TestRoundingToBF16(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var x []float32
	for _, b := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0x18000, 0x3f808000, 0x3f818000, 0x7f7fffff, 0x7f7f7fff, 0x7f800000, 0xff800000, 0x7f800001, 0x7fffffff, 0xffffffff, 0x00800000, 0x807fffff} {
		x = append(x, math.Float32frombits(b))
	}
	for range 1000 {
		x = append(x, math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()&0xffff8000))
	}
	for len(x)%(2*PanelColumns) != 0 {
		x = append(x, 1)
	}
	n := len(x)
	want := make([]BF16, n)
	for i, v := range x {
		want[i] = ToBF16(v)
		got := want[i].Float32()
		down := BF16(math.Float32bits(v) >> 16)
		lo, hi := float64(down.Float32()), float64((down + 1).Float32())
		if math.IsInf(hi, 0) && !math.IsInf(float64(v), 0) {
			hi = math.Copysign(math.Ldexp(1, 128), hi)
		}
		dl, dh := math.Abs(float64(v)-lo), math.Abs(hi-float64(v))
		nearest := down
		if dh < dl || dh == dl && down&1 == 1 {
			nearest = down + 1
		}
		switch {
		case v != v:
			if got == got {
				t.Errorf("NaN %x became %v", math.Float32bits(v), got)
			}
		case math.IsInf(float64(v), 0):
			if got != v {
				t.Errorf("%v became %v", v, got)
			}
		case want[i] != nearest:
			t.Errorf("%x became %x, want %x", math.Float32bits(v), want[i], nearest)
		}
	}
	c := n / 2 // two rows
	one, zero, zero16 := make([]float32, c), make([]float32, c), make([]BF16, n)
	for i := range one {
		one[i] = 1
		zero[i] = float32(math.Copysign(0, -1)) // adding it changes nothing
	}
	for i := range zero16 {
		zero16[i] = ToBF16(zero[0])
	}
	for _, level := range Levels() {
		restore := Use(level)
		got, narrow := make([]BF16, n), make([]BF16, n)
		NormGradientPairs(got, make([]BF16, PairsLen(2, c)), Rows{Float: x}, zero16, one, one, zero)
		Narrow(narrow, x)
		if !slices.Equal(narrow, want) {
			t.Errorf("%s: Narrow wrote %x, want %x", level, narrow, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %x became %x, want %x", level, math.Float32bits(x[i]), got[i], want[i])
			}
		}
		restore()
	}
}

// TestSmoothWindowsAreAccurate counts units in the last place, where z, the
// distance to the threshold, is taken as given.
func TestSmoothWindowsAreAccurate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	u := []float32{0, 1e-40, -1e-30, nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32}
	for z := float32(-110); z <= 110; z += .0037 {
		u = append(u, z)
	}
	for _, w := range []struct {
		name string
		of   Window
		ulp  float64
		at   func(z float64) float64
	}{
		{"gaussian", Gaussian, 3, func(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }},
		{"sigmoid", Sigmoid, 4, func(z float64) float64 { e := math.Exp(-math.Abs(z)); return e / ((1 + e) * (1 + e)) }},
		{"atan", ATan, 3, func(z float64) float64 { return 1 / (math.Pi * (1 + z*z)) }},
	} {
		for _, level := range Levels() {
			restore := Use(level)
			h := make([]float32, len(u))
			w.of(h, u, 0, 1)
			worst := 0.0
			for i, v := range u {
				want := w.at(float64(v))
				ulp := math.Ldexp(1, max(-149, math.Ilogb(want)-23))
				e := math.Abs(float64(h[i])-want) / ulp
				if v == v {
					worst = max(worst, e)
				}
				if v != v && h[i] == h[i] || v == v && !(e <= w.ulp) {
					t.Errorf("%s, %s: h(%v) = %v, want %v: %.1f ulp", level, w.name, v, h[i], want, e)
					break
				}
			}
			t.Logf("%s, %s: at most %.2f ulp", level, w.name, worst)
			restore()
		}
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	s := newScanBench(37, 3, 1)
	for name, pass := range s.passes() {
		for _, level := range Levels() {
			restore := Use(level)
			if n := testing.AllocsPerRun(3, func() { pass(0) }); n > 0 {
				t.Errorf("%s, %s: %v allocations", level, name, n)
			}
			restore()
		}
	}
}
