package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const maskedRows = 8 // the package's

// dots is a walk over channels: where each one's weights, rows and sums begin, and
// where the window's next column and row lie. Rows themselves take nearly all
// general registers, so these lie on the stack.
type dots struct {
	v             isa
	w, index, sum Mem
	channels      Mem // left
	events        Mem // that the channel has left
	right, next   Mem // from a column to the next, from a row's last to the next row's first
	held          []reg.VecVirtual
}

// windowDots writes the inner products of rows' windows with a channel's weights,
// eight rows at a time, the last four or fewer in two sums each. AVX-512 keeps the
// weights in registers; in AVX2 eight rows share each load of them.
func (v isa) windowDots() {
	v.text("windowDots", "func(sum, dy, w []float32, index []uint16, count []int32, room, right, down int, add bool)", "is windowDotsPortable.")
	d := dots{v: v, w: local(base("w")), index: local(base("index")), sum: local(base("sum")), channels: local(length("count")), events: AllocLocal(8)}
	right, next := number("right"), number("down")
	SUBQ(right, next)
	SUBQ(right, next)
	for _, r := range []reg.GPVirtual{right, next} {
		SHLQ(Imm(7), r) // a row of dy has 128 bytes
	}
	d.right, d.next = local(right), local(next)
	count := local(base("count"))
	channel, eight, four, end := label("channel"), label("eight"), label("four"), label("end")
	Label(channel)
	p, n := GP64(), GP64()
	MOVQ(count, p)
	MOVLQSX(Mem{Base: p}, n)
	MOVQ(n, d.events)
	ADDQ(Imm(4), count)
	TESTQ(n, n)
	JZ(LabelRef(end))
	if v.wide() {
		d.held = v.regs(9 * gradientPanel / v.lanes)
		w := held(d.w)
		for i, r := range d.held {
			VMOVUPS(Mem{Base: w, Disp: i * v.bytes()}, r)
		}
	}
	index, sum := local(held(d.index)), local(held(d.sum))
	Label(eight)
	CMPQ(d.events, Imm(maskedRows/2))
	JLE(LabelRef(four))
	d.block(maskedRows, index, sum)
	ADDQ(I32(2*maskedRows), index)
	ADDQ(I32(4*maskedRows), sum)
	SUBQ(I32(maskedRows), d.events)
	JMP(LabelRef(eight))
	Label(four)
	CMPQ(d.events, Imm(0))
	JLE(LabelRef(end))
	d.block(maskedRows/2, index, sum)
	Label(end)
	room := number("room")
	ADDQ(I32(4*9*gradientPanel), d.w)
	SHLQ(Imm(1), room)
	ADDQ(room, d.index)
	SHLQ(Imm(1), room)
	ADDQ(room, d.sum)
	DECQ(d.channels)
	JNZ(LabelRef(channel))
	v.end()
}

// local keeps a register's value on the stack.
func local(r reg.Register) Mem {
	m := AllocLocal(8)
	MOVQ(r, m)
	return m
}

// held returns what local has kept.
func held(m Mem) reg.Register {
	r := GP64()
	MOVQ(m, r)
	return r
}

// block computes the sums of n rows, for which there are eight registers. A row's
// name is where its window's last position lies.
func (d dots) block(n int, index, sum Mem) {
	rows, acc := make([]reg.GPVirtual, n), d.v.zeros(maskedRows)
	names, at, w := held(index), GP64(), held(d.w)
	for i := range rows {
		rows[i] = GP64()
		MOVWLZX(Mem{Base: names, Disp: 2 * i}, rows[i].As32())
		SHLQ(Imm(7), rows[i])
		ADDQ(memory(Param("dy").Base()), rows[i])
	}
	XORQ(at, at)
	vectors := gradientPanel / d.v.lanes
	for position := 8; position >= 0; position-- {
		for j := range vectors {
			x := d.weights(w, position*vectors+j)
			for i, row := range rows {
				VFMADD231PS(Mem{Base: row, Index: at, Scale: 1, Disp: j * d.v.bytes()}, x, acc[i+j*n%maskedRows])
			}
		}
		if position%3 > 0 {
			ADDQ(d.right, at)
		} else {
			ADDQ(d.next, at)
		}
	}
	d.store(n, acc, held(sum))
}

// weights returns vector i of the channel's weights.
func (d dots) weights(w reg.Register, i int) reg.VecVirtual {
	if d.held != nil {
		return d.held[i]
	}
	return d.v.fetch(Mem{Base: w, Disp: i * d.v.bytes()}, everyLane)
}

// store writes the sums of acc's lanes, or adds them.
func (d dots) store(n int, acc []reg.VecVirtual, to reg.Register) {
	var total Op
	if d.v.wide() {
		total = sumLanes512(acc)
	} else {
		total = sumLanes256(acc)
	}
	if n < maskedRows { // the second half are the same rows'
		lower, upper := total.(reg.VecVirtual).AsX(), XMM()
		if d.v.wide() {
			VEXTRACTF32X4(Imm(1), total, upper)
		} else {
			VEXTRACTF128(Imm(1), total, upper)
		}
		VADDPS(upper, lower, lower)
		total = lower
	}
	d.v.where(memory(Param("add")), func() { VADDPS(Mem{Base: to}, total, total) })
	VMOVUPS(total, Mem{Base: to})
}

// sumLanes256 returns the sums of the lanes of eight registers, in their order.
func sumLanes256(x []reg.VecVirtual) reg.VecVirtual {
	pair := func(a, b reg.VecVirtual) reg.VecVirtual { VHADDPS(b, a, a); return a }
	a := pair(pair(x[0], x[1]), pair(x[2], x[3])) // of rows 0…3, in both halves
	b := pair(pair(x[4], x[5]), pair(x[6], x[7]))
	upper := YMM()
	VPERM2F128(Imm(0x31), b, a, upper)
	VINSERTF128(Imm(1), b.AsX(), a, a)
	VADDPS(upper, a, a)
	return a
}

// sumLanes512 is sumLanes256 for wider registers. It halves the registers by
// adding two that are put together from pieces of both, until each quarter of one
// is a pair of rows i and 4+i.
func sumLanes512(x []reg.VecVirtual) reg.VecVirtual {
	pair := func(a, b reg.VecVirtual, lower, upper uint64) reg.VecVirtual {
		t := ZMM()
		VSHUFF32X4(Imm(upper), b, a, t)
		VSHUFF32X4(Imm(lower), b, a, a)
		VADDPS(t, a, a)
		return a
	}
	four := func(x []reg.VecVirtual) reg.VecVirtual { // a quarter is a row
		return pair(pair(x[0], x[1], 0x44, 0xee), pair(x[2], x[3], 0x44, 0xee), 0x88, 0xdd)
	}
	a, b, t := four(x[:4]), four(x[4:]), ZMM()
	VUNPCKHPS(b, a, t)
	VUNPCKLPS(b, a, a)
	VADDPS(t, a, a)
	VSHUFPS(Imm(0x4e), a, a, t)
	VADDPS(t, a, a)
	order := ZMM() // of the sums, a quarter for each pair
	VMOVDQU32(dataTable("rowOrder", 16, func(i int) uint32 { return uint32(i%4*4 + i/4) }), order)
	VPERMPS(a, order, a)
	return a.AsY().(reg.VecVirtual)
}

// scatterSums writes sums where they belong, one by one, or adds them.
func (v isa) scatterSums() {
	v.text("scatterSums", "func(dx, sum []float32, index []uint16, count, rowAt []int32, room int, add bool)", "is scatterSumsPortable.")
	plain := label("plain")
	CMPB(memory(Param("add")), Imm(0))
	JEQ(LabelRef(plain))
	scatterChannels(func(at Mem, x reg.VecVirtual) { VADDSS(at, x, x) })
	Label(plain)
	scatterChannels(func(Mem, reg.VecVirtual) {})
}

// scatterChannels scatters what change makes of each sum and returns.
func scatterChannels(change func(at Mem, x reg.VecVirtual)) {
	dx, sum, index, rowAt := base("dx"), base("sum"), base("index"), base("rowAt")
	count, channels, room := base("count"), length("count"), number("room")
	channel, event, next := label("channel"), label("event"), label("next")
	Label(channel)
	i, n := GP64(), GP64()
	MOVLQSX(Mem{Base: count}, n)
	TESTQ(n, n)
	JZ(LabelRef(next))
	XORQ(i, i)
	Label(event)
	at, x := GP64(), XMM()
	MOVWLZX(Mem{Base: index, Index: i, Scale: 2}, at.As32())
	MOVLQSX(Mem{Base: rowAt, Index: at, Scale: 4}, at)
	to := Mem{Base: dx, Index: at, Scale: 4}
	VMOVSS(Mem{Base: sum, Index: i, Scale: 4}, x)
	change(to, x)
	VMOVSS(x, to)
	INCQ(i)
	CMPQ(i, n)
	JL(LabelRef(event))
	Label(next)
	ADDQ(Imm(4), dx)
	ADDQ(Imm(4), count)
	LEAQ(Mem{Base: sum, Index: room, Scale: 4}, sum)
	LEAQ(Mem{Base: index, Index: room, Scale: 2}, index)
	DECQ(channels)
	JNZ(LabelRef(channel))
	RET()
}
