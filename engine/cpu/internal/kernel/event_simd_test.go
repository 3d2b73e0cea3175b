package kernel

import "maps"

// The event kernels are among those of which TestVersionsAgree compares versions.
func init() { maps.Copy(kernelCases, eventCases) }

// eventCases lead to at least one row each: exported functions see to that.
var eventCases = map[string]kernelCase{
	"accumulate": func(k *kernels, a *arena, n, rows int) []float64 {
		ldy, ldw := n+rows, n+2
		for _, add := range []bool{false, true} {
			l := a.lists(rows+1, 4*n)
			y, w := a.floats(rows*ldy+n), a.floats((4*n-1)*ldw+n)
			k.accumulate(y, w, l.index, l.count, ldy, ldw, l.room, n, add)
			k.accumulateValues(y, w, l.index, l.value, l.count, ldy, ldw, l.room, n, add)
		}
		return nil
	},
	"window gradient": func(k *kernels, a *arena, n, rows int) []float64 {
		right, down := rows+1, n+2
		l := a.lists(rows+1, n)
		sum, dy := a.floats((rows+1)*9*gradientPanel), a.floats((n+2*(right+down))*gradientPanel)
		k.windowGradient(sum, dy, l.index, l.count, l.room, right, down)
		k.windowGradientValues(sum, dy, l.index, l.value, l.count, l.room, right, down)
		return nil
	},
	"list rows": func(k *kernels, a *arena, n, rows int) []float64 {
		l, stride := newLists(rows+1, n, true), n+rows
		x, names := a.floats(rows*stride+n), make([]uint16, Words(n)*wordBits)
		for i := range names {
			names[i] = uint16(3 * i)
		}
		for i := range x {
			x[i] *= float32(a.rng.IntN(2))
		}
		k.listRows(l.index, l.value, l.count, l.room, names, x, stride, n)
		return l.events()
	},
	"list bits": func(k *kernels, a *arena, n, rows int) []float64 {
		l, stride := newLists(rows+1, n, false), Words(n)+rows
		names := make([]uint16, Words(n)*wordBits)
		for i := range names {
			names[i] = uint16(3 * i)
		}
		k.listBits(l.index, l.count, l.room, names, randomBits(a.rng, rows+1, stride*wordBits, .5), stride)
		return l.events()
	},
	"pack rows": func(k *kernels, a *arena, n, rows int) []float64 {
		for _, panel := range []int{gradientPanel, productPanel} {
			width := min(n, panel)
			k.packRows(a.floats((rows+1)*panel), a.floats(rows*n+width), rows+1, n, panel, width, n, .5)
		}
		return nil
	},
	"transpose numbers": func(k *kernels, a *arena, n, rows int) []float64 {
		n = wholeSquares(n)
		k.transposeNumbers(a.floats((rows+1)*square*n), a.floats((rows+1)*square*n), (rows+1)*square, n)
		return nil
	},
}

// lists returns lists of random lengths of some of n columns.
func (a *arena) lists(rows, n int) lists {
	l := newLists(rows, n, true)
	for i := range l.index {
		l.index[i] = uint16(a.rng.IntN(n))
	}
	for i := range l.value {
		l.value[i] = float32(a.rng.NormFloat64())
	}
	for i := range l.count {
		l.count[i] = int32(a.rng.IntN(min(n, 40) + 1))
	}
	return l
}

// events returns what the lists hold.
func (l *lists) events() []float64 {
	var all []float64
	for r, n := range l.count {
		all = append(all, float64(n))
		for i := r * l.room; i < r*l.room+int(n); i++ {
			all = append(all, float64(l.index[i]))
			if l.value != nil {
				all = append(all, float64(l.value[i]))
			}
		}
	}
	return all
}
