package kernel

import (
	"maps"
	"math"
	"slices"
)

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
			close, closeWords := a.words(rows * Words(n))
			clear(close)
			if i == 1 {
				close = nil
			}
			var s, sum, sum2 float64
			switch which {
			case 0:
				k.term(x, float, scale, shift, rows, add)
				s, sum, sum2 = k.forward(fired, close, u, v, float, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor, .7)
			case 1:
				k.termBF16(x, half, scale, shift, rows, add)
				s, sum, sum2 = k.forwardBF16(fired, close, u, v, half, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor, .7)
			case 2:
				k.termBits(x, packed, scale, shift, rows, add)
				s, sum, sum2 = k.forwardBits(fired, close, u, v, packed, scale, shift, c2, c1, c0, rows, m, add, theta, r.kept, r.jump, r.floor, .7)
			}
			out = append(append(append(out, words()...), closeWords()...), s, sum, sum2)
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

// different returns how many numbers are not others rounded. Any NaN is as good
// as another: which of two comes out of a sum is the compiler's choice.
func different(got []BF16, want []float32) (n float64) {
	for i, w := range want {
		if got[i] != ToBF16(w) && !(w != w && isNaN(got[i])) {
			n++
		}
	}
	return n
}

func isNaN(h BF16) bool { return h.Float32() != h.Float32() }

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
	dz := [2][]float32{a.floats(m), a.floats(m)}
	widenPortable(z, z16)
	k.normGradient(dz[0], q, z, gain, off, mid, rows)
	k.normGradientQ(dz[1], q16, z, gain, off, mid, rows)
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
		out = append(out, different(to, dz[i]))
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
			var s [15][]float64
			for i := range s {
				s[i] = a.wide(n + 2)
			}
			in := func(i int) []float64 { return s[i][1 : n+1] }
			k.addMoments(in(0), in(1), x, y, rows)
			k.addMomentsZ(in(2), in(3), x, y16, rows)
			k.addMomentsQ(in(4), in(5), x16, y, rows)
			k.addMomentsQZ(in(6), in(7), x16, y16, rows)
			k.addSquares(in(8), in(9), x, rows, n)
			k.addSquares(in(13), in(14), x, rows/2, 2*n)
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
		pixel := rows * Words(n)
		x := a.bits(12*rows, n)
		k.averageBits(a.floats(n*rows), x, rows, n, 2, 3, 4*pixel, pixel, .3)
		y, all := a.halves(n * rows)
		k.averageBitsBF16(y, x, rows, n, 1, 3, 0, 2*pixel, .3)
		return all()
	},
}

func init() { maps.Copy(kernelCases, scanCases) }
