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
			v.narrow(r, x, m, p.half(dz))
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
		func(s int, channel reg.Register, m *mask) {
			v.loadWide(acc[s], m, sum, channel)
			v.loadWide(accXY[s], m, sumXY, channel)
		},
		func(s int, p position, m *mask) {
			a, b := v.wideRead(single, x, s, p, m), v.wideRead(k, y, s, p, m)
			for h := range 2 {
				VADDPD(a[h], acc[s][h], acc[s][h])
				VFMADD231PD(b[h], a[h], accXY[s][h])
			}
		},
		func(s int, channel reg.Register, m *mask) {
			v.storeWide(acc[s], m, sum, channel)
			v.storeWide(accXY[s], m, sumXY, channel)
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
		func(s int, _ reg.Register, _ *mask) {
			for _, a := range acc[s] {
				VXORPS(a, a, a)
			}
		},
		func(s int, p position, m *mask) {
			r := v.fetch(v.beside(p.at(x), s), m)
			VADDPS(r, acc[s][0], acc[s][0])
			VFMADD231PS(r, r, acc[s][1])
		},
		func(s int, channel reg.Register, m *mask) {
			for i, a := range acc[s] {
				total := [2]reg.VecVirtual(v.regs(2))
				v.loadWide(total, m, to[i], channel)
				v.halves(a, func(h int, d Op) { VADDPD(d, total[h], total[h]) })
				v.storeWide(total, m, to[i], channel)
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
		func(s int, channel reg.Register, m *mask) {
			for i, a := range acc {
				v.loadWide(a, m, to[i], channel)
			}
		},
		func(s int, p position, m *mask) {
			a, b := v.wideRead(single, q, s, p, m), v.wideRead(single, prev, s, p, m)
			for h := range 2 {
				VADDPD(a[h], acc[0][h], acc[0][h])
				VMULPD(b[h], a[h], a[h])
				VADDPD(a[h], acc[1][h], acc[1][h])
				VMULPD(b[h], a[h], a[h])
				VADDPD(a[h], acc[2][h], acc[2][h])
			}
		},
		func(s int, channel reg.Register, m *mask) {
			for i, a := range acc {
				v.storeWide(a, m, to[i], channel)
			}
		})
	v.end()
}

// beside is the memory s vectors of float32 behind m.
func (v isa) beside(m Mem, s int) Mem { return m.Offset(s * v.bytes()) }

// strips walks a matrix of `rows` ≥ 0 rows and c columns, several vectors of
// columns together, or one at a time where fewer are left, each from the first
// row to the last: before is called with the columns' byte offset in a row of
// float32, body for each row, after with the columns again. If block is not 0,
// before and after are called around at most so many rows.
func (v isa) strips(together int, rows, c reg.Register, block int,
	before func(s int, channel reg.Register, m *mask), body func(s int, p position, m *mask), after func(s int, channel reg.Register, m *mask)) {
	count, width := AllocLocal(8), AllocLocal(8)
	MOVQ(rows, count)
	MOVQ(c, width)
	left := GP64() // columns
	MOVQ(c, left)
	p := position{channel: GP64(), number: GP64()}
	XORQ(p.channel, p.channel)
	strip := func(n int, m *mask) {
		begin, row, end := label("begin"), label("row"), label("end")
		i, j := GP64(), GP64() // rows left, in all and in the block
		each := func(fn func(s int, channel reg.Register, m *mask)) {
			for s := range n {
				at := GP64()
				MOVQ(p.channel, at)
				SHLQ(Imm(2), at)
				if s > 0 {
					ADDQ(I32(s*v.bytes()), at)
				}
				fn(s, at, m)
			}
		}
		MOVQ(p.channel, p.number)
		MOVQ(count, i)
		TESTQ(i, i)
		JLE(LabelRef(end))
		Label(begin)
		MOVQ(i, j)
		if block > 0 {
			limit := GP64()
			MOVQ(U32(block), limit)
			CMPQ(j, limit)
			CMOVQGT(limit, j)
		}
		SUBQ(j, i)
		each(before)
		Label(row)
		for s := range n {
			body(s, p, m)
		}
		ADDQ(width, p.number)
		DECQ(j)
		JNZ(LabelRef(row))
		each(after)
		TESTQ(i, i)
		JNZ(LabelRef(begin))
		Label(end)
	}
	walk := func(n int, next string) {
		loop := label("strip")
		Label(loop)
		CMPQ(left, I32(n*v.lanes))
		JL(LabelRef(next))
		strip(n, everyLane)
		ADDQ(I32(n*v.lanes), p.channel)
		SUBQ(I32(n*v.lanes), left)
		JMP(LabelRef(loop))
	}
	if together > 1 {
		single := label("single")
		walk(together, single)
		Label(single)
	}
	rest, done := label("rest"), label("done")
	walk(1, rest)
	Label(rest)
	TESTQ(left, left)
	JZ(LabelRef(done))
	strip(1, v.first(left))
	Label(done)
}

// wideRead returns as float64 the numbers of vector s at p.
func (v isa) wideRead(k kind, from reg.Register, s int, p position, m *mask) [2]reg.VecVirtual {
	r := [2]reg.VecVirtual(v.regs(2))
	if k == single && m == everyLane {
		for h := range r {
			VCVTPS2PD(v.beside(p.at(from), s).Offset(h*v.bytes()/2), r[h])
		}
		return r
	}
	var x reg.VecVirtual
	if k == half {
		x = v.widen(p.half(from).Offset(s*v.bytes()/2), m)
	} else {
		x = v.fetch(v.beside(p.at(from), s), m)
	}
	v.halves(x, func(h int, d Op) { VMOVAPD(d, r[h]) })
	return r
}

// loadWide loads two registers of float64, the selected of v.lanes numbers; the
// others become zero.
func (v isa) loadWide(r [2]reg.VecVirtual, m *mask, from, i reg.Register) {
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
