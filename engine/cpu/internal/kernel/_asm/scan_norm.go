package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// normGradient is the last pass of a normalisation's gradient.
func (v isa) normGradient(letters string, qs kind) {
	v.text("normGradient"+letters, "func(dz []float32, q "+qs.slice+", z []float32, gain, off, mid []float32, rows int)", "is normGradientPortable.")
	dz, q, z := base("dz"), base("q"), base("z")
	n := norm{v, base("gain"), base("off"), base("mid")}
	v.tile(number("rows"), length("gain"), func(p position, m *mask) {
		v.store(n.gradient(v.read(qs, q, p, m), v.fetch(p.at(z), m), p, m), m, p.at(dz))
	})
	v.end()
}

// norm is where a normalisation's parameters lie.
type norm struct {
	v              isa
	gain, off, mid reg.Register
}

// gradient returns q·gain + z·off + mid, of numbers at p.
func (n norm) gradient(q, z reg.VecVirtual, p position, m *mask) reg.VecVirtual {
	x := n.v.fetch(p.parameter(n.mid), m)
	VFMADD231PS(n.v.fetch(p.parameter(n.off), m), z, x)
	VFMADD231PS(n.v.fetch(p.parameter(n.gain), m), q, x)
	return x
}

// normPairs is the same, written as rows and as pairs of rows. Rows are an even
// number, of whole panels.
func (v isa) normPairs(letters string, qs kind) {
	v.text("normPairs"+letters, "func(dz, pairs []BF16, q "+qs.slice+", z []BF16, gain, off, mid []float32, rows, panel int)",
		"is normPairsPortable of an even number of rows of whole panels.")
	dz, pairs, q, z := base("dz"), base("pairs"), base("q"), base("z")
	n := norm{v, base("gain"), base("off"), base("mid")}
	left, panel := AllocLocal(8), AllocLocal(8) // pairs of rows, bytes
	t := number("rows")
	SHRQ(Imm(1), t)
	MOVQ(t, left)
	t = number("panel")
	ADDQ(t, t)
	MOVQ(t, panel)
	r, upper := v.rounding(), v.word(0xffff0000)
	pair, columns, done := label("pair"), label("panel"), label("done")
	p, to := position{channel: GP64(), number: GP64()}, GP64()
	second := p
	second.number = GP64()
	XORQ(p.number, p.number)
	MOVQ(length("gain"), second.number)
	CMPQ(left, Imm(0))
	JEQ(LabelRef(done))
	Label(pair)
	XORQ(p.channel, p.channel)
	MOVQ(pairs, to)
	Label(columns)
	for j := range v.panelVectors() {
		p.ahead, second.ahead = j*v.lanes, j*v.lanes
		var rows [2]reg.VecVirtual
		for i, p := range []position{p, second} {
			rows[i] = r.upper(n.gradient(v.read(qs, q, p, everyLane), v.read(half, z, p, everyLane), p, everyLane))
		}
		v.and(upper, rows[1], rows[1])
		first, last := v.reg(), v.reg()
		VPSRLD(Imm(16), rows[0], first)
		VPSRLD(Imm(16), rows[1], last)
		v.or(first, rows[1], rows[1])
		VMOVUPS(rows[1], Mem{Base: to, Disp: j * v.bytes()})
		v.storeLower(first, everyLane, p.half(dz))
		v.storeLower(last, everyLane, second.half(dz))
	}
	for _, i := range []reg.GPVirtual{p.channel, p.number, second.number} {
		ADDQ(I32(32), i)
	}
	ADDQ(panel, to)
	c := length("gain")
	CMPQ(p.channel, c)
	JL(LabelRef(columns))
	ADDQ(c, p.number)
	ADDQ(c, second.number)
	ADDQ(I32(pairBytes), pairs)
	DECQ(left)
	JNZ(LabelRef(pair))
	Label(done)
	v.end()
}

// statistics writes sums over rows, per channel, and what they are for.
func (v isa) statistics() {
	v.normGradient("", single)
	v.normGradient("Q", half)
	v.normPairs("", single)
	v.normPairs("Q", half)
	for _, q := range []kind{single, half} {
		for _, z := range []kind{single, half} {
			v.addMoments(q, z)
		}
	}
	v.addSquares()
}

// addMoments adds in float64, where products of two float32 are exact, rows in
// order: the bits are the portable version's.
func (v isa) addMoments(qs, zs kind) {
	letters := "" // those of the operands that are BF16
	if qs == half {
		letters += "Q"
	}
	if zs == half {
		letters += "Z"
	}
	v.text("addMoments"+letters, "func(sum, sumQZ []float64, q "+qs.slice+", z "+zs.slice+", rows int)", "is addMomentsPortable, to the bit.")
	sum, sumQZ, q, z := base("sum"), base("sumQZ"), base("q"), base("z")
	const together = 2
	var acc, accQZ [together][2]reg.VecVirtual
	for i := range together {
		acc[i], accQZ[i] = v.pair(), v.pair()
	}
	v.strips(together, number("rows"), length("sum"), 0,
		func(s int, p position, m *mask) {
			v.loadWide(acc[s], m, sum, p)
			v.loadWide(accQZ[s], m, sumQZ, p)
		},
		func(s int, p position, m *mask) {
			a, b := v.wideRead(qs, q, p, m), v.wideRead(zs, z, p, m)
			for h := range 2 {
				VADDPD(a[h], acc[s][h], acc[s][h])
				VFMADD231PD(b[h], a[h], accQZ[s][h])
			}
		},
		func(s int, p position, m *mask) {
			v.putWide(acc[s], m, sum, p)
			v.putWide(accQZ[s], m, sumQZ, p)
		})
	v.end()
}

// squared is how many rows addSquares adds in float32 before it widens the sums:
// squared in the package.
const squared = 32

func (v isa) addSquares() {
	v.text("addSquares", "func(sum, sum2 []float64, x []float32, rows, stride int)", "is addSquaresPortable.")
	x := base("x")
	to := []reg.Register{base("sum"), base("sum2")}
	const together = 4
	var acc [together][]reg.VecVirtual
	for i := range together {
		acc[i] = v.zeros(2)
	}
	v.stripsApart(together, number("rows"), length("sum"), number("stride"), squared,
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
