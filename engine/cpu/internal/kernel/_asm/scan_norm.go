package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// normGradients writes the last pass of a normalisation's gradient.
func (v isa) normGradients() {
	for _, in := range []kind{single, half} {
		for _, out := range []kind{single, half} {
			v.normGradient(in, out)
		}
	}
}

func (v isa) normGradient(in, out kind) {
	name := "normGradient"
	if in == half {
		name += "From"
	}
	if out == half {
		name += "To"
	}
	v.text(name, "func(dz "+out.slice+", q []float32, z "+in.slice+", gain, off, mid []float32, rows int)", "is normGradientPortable.")
	dz, q, z := base("dz"), base("q"), base("z")
	gain, off, mid := base("gain"), base("off"), base("mid")
	var r rounding
	if out == half {
		r = v.rounding()
	}
	v.tile(number("rows"), length("gain"), func(p position, m *mask) {
		x := v.fetch(p.parameter(mid), m)
		VFMADD231PS(v.fetch(p.parameter(off), m), v.read(in, z, p, m), x)
		VFMADD231PS(v.fetch(p.parameter(gain), m), v.fetch(p.at(q), m), x)
		if out == half {
			v.storeHalf(r, x, m, p.half(dz))
		} else {
			v.store(x, m, p.at(dz))
		}
	}, func() {})
	v.end()
}

// statistics writes sums over rows, per channel.
func (v isa) statistics() {
	v.addMoments(single)
	v.addMoments(half)
	v.addSquares()
}

// addMoments adds in float64, where products of two float32 are exact, rows in
// order: the bits are the portable version's.
func (v isa) addMoments(k kind) {
	v.text("addMoments"+k.suffix, "func(sum, sumXY []float64, x []float32, y "+k.slice+", rows int)", "is addMomentsPortable, to the bit.")
	sum, sumXY, x, y := base("sum"), base("sumXY"), base("x"), base("y")
	const together = 2
	var acc, accXY [together][2]reg.VecVirtual
	for i := range together {
		acc[i], accXY[i] = v.pair(), v.pair()
	}
	v.strips(together, number("rows"), length("sum"), 0,
		func(s int, p position, m *mask) {
			v.loadWide(acc[s], m, sum, p)
			v.loadWide(accXY[s], m, sumXY, p)
		},
		func(s int, p position, m *mask) {
			a, b := v.wideRead(single, x, p, m), v.wideRead(k, y, p, m)
			for h := range 2 {
				VADDPD(a[h], acc[s][h], acc[s][h])
				VFMADD231PD(b[h], a[h], accXY[s][h])
			}
		},
		func(s int, p position, m *mask) {
			v.putWide(acc[s], m, sum, p)
			v.putWide(accXY[s], m, sumXY, p)
		})
	v.end()
}

// squared is how many rows addSquares adds in float32 before it widens the sums:
// squared in the package.
const squared = 32

func (v isa) addSquares() {
	v.text("addSquares", "func(sum, sum2 []float64, x []float32, rows int)", "is addSquaresPortable.")
	x := base("x")
	to := []reg.Register{base("sum"), base("sum2")}
	const together = 4
	var acc [together][]reg.VecVirtual
	for i := range together {
		acc[i] = v.zeros(2)
	}
	v.strips(together, number("rows"), length("sum"), squared,
		func(s int, _ position, _ *mask) {
			for _, a := range acc[s] {
				VXORPS(a, a, a)
			}
		},
		func(s int, p position, m *mask) {
			r := v.fetch(p.at(x), m)
			VADDPS(r, acc[s][0], acc[s][0])
			VFMADD231PS(r, r, acc[s][1])
		},
		func(s int, p position, m *mask) {
			for i, a := range acc[s] {
				total := [2]reg.VecVirtual(v.regs(2))
				v.loadWide(total, m, to[i], p)
				v.halves(a, func(h int, d Op) { VADDPD(d, total[h], total[h]) })
				v.putWide(total, m, to[i], p)
			}
		})
	v.end()
}

// coefGradient adds in the portable version's order, each product rounded before
// it is added: the bits are the same.
func (v isa) coefGradient() {
	v.text("coefGradient", "func(d2, d1, d0 []float64, q, prev []float32, rows int)", "is coefGradientPortable, to the bit.")
	q, prev := base("q"), base("prev")
	to := []reg.Register{base("d0"), base("d1"), base("d2")}
	var acc [3][2]reg.VecVirtual
	for i := range acc {
		acc[i] = v.pair()
	}
	v.strips(1, number("rows"), length("d0"), 0,
		func(s int, p position, m *mask) {
			for i, a := range acc {
				v.loadWide(a, m, to[i], p)
			}
		},
		func(s int, p position, m *mask) {
			a, b := v.wideRead(single, q, p, m), v.wideRead(single, prev, p, m)
			for h := range 2 {
				VADDPD(a[h], acc[0][h], acc[0][h])
				VMULPD(b[h], a[h], a[h])
				VADDPD(a[h], acc[1][h], acc[1][h])
				VMULPD(b[h], a[h], a[h])
				VADDPD(a[h], acc[2][h], acc[2][h])
			}
		},
		func(s int, p position, m *mask) {
			for i, a := range acc {
				v.putWide(a, m, to[i], p)
			}
		})
	v.end()
}

// wideRead returns the numbers at p as float64.
func (v isa) wideRead(k kind, from reg.Register, p position, m *mask) [2]reg.VecVirtual {
	r := [2]reg.VecVirtual(v.regs(2))
	if k == single && m == everyLane {
		for h := range r {
			VCVTPS2PD(p.at(from).Offset(h*v.bytes()/2), r[h])
		}
		return r
	}
	v.halves(v.read(k, from, p, m), func(h int, d Op) { VMOVAPD(d, r[h]) })
	return r
}

// sums returns the index, in numbers of twice the size of float32 and counted in
// halves of them, of the channels at p.
func (p position) sums() reg.Register {
	i := GP64()
	LEAQ(Mem{Base: p.channel, Index: p.channel, Scale: 1, Disp: p.ahead * 2}, i)
	ADDQ(i, i)
	return i
}

// putWide stores float64 sums of the channels at p, the selected ones.
func (v isa) putWide(r [2]reg.VecVirtual, m *mask, to reg.Register, p position) {
	v.storeWide(r, m, to, p.sums())
}

// loadWide loads two registers of float64, the selected of v.lanes numbers; the
// others become zero.
func (v isa) loadWide(r [2]reg.VecVirtual, m *mask, from reg.Register, p position) {
	i := p.sums()
	for half := range 2 {
		src := Mem{Base: from, Index: i, Scale: 2, Disp: half * v.bytes()}
		switch {
		case m == everyLane:
			VMOVUPD(src, r[half])
		case v.wide():
			k := K()
			KSHIFTRW(Imm(uint64(8*half)), m.op, k)
			VMOVUPD_Z(src, k, r[half])
		default:
			y := YMM()
			VEXTRACTF128(Imm(uint64(half)), m.op, y.AsX())
			VPMOVSXDQ(y.AsX(), y)
			VMASKMOVPD(src, y, r[half])
		}
	}
}
