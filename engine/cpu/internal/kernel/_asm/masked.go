package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	maskedRows = 8  // the package's
	maskedStep = 32 // numbers that one turn of the loop takes of a row and of its weights
	maskedLine = 8  // a row of a panel has 1<<8 bytes
)

// maskedFamily writes the gradient of the input where a mask asks for it.
func maskedFamily() {
	for _, v := range []isa{avx2, avx512} {
		v.maskedDots()
		v.scatterSums()
	}
}

// dots is a walk over channels: where each one's weights, rows and sums begin.
// Rows themselves take nearly all general registers, so these lie on the stack.
type dots struct {
	v                       isa
	w, index, sum, channels Mem
	events                  Mem // that the channel has left
}

// maskedDots writes the inner products of rows with a channel's weights: eight
// rows at a time share each vector of weights, the last four or fewer in two
// sums each.
func (v isa) maskedDots() {
	v.text("maskedDots", "func(sum, dy, w []float32, index []uint16, count, at []int32, room, width int, add bool)", "is maskedDotsPortable.")
	d := dots{v, local(base("w")), local(base("index")), local(base("sum")), local(length("count")), AllocLocal(8)}
	count := local(base("count"))
	channel, eight, four, next := label("channel"), label("eight"), label("four"), label("next")
	Label(channel)
	p, n := GP64(), GP64()
	MOVQ(count, p)
	MOVLQSX(Mem{Base: p}, n)
	MOVQ(n, d.events)
	ADDQ(Imm(4), count)
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
	JLE(LabelRef(next))
	d.block(maskedRows/2, index, sum)
	Label(next)
	room, apart := number("room"), number("width")
	IMULQ(length("at"), apart)
	SHLQ(Imm(2), apart)
	ADDQ(apart, d.w)
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

// block computes the sums of n rows, for which there are eight registers.
func (d dots) block(n int, index, sum Mem) {
	rows, acc := make([]reg.GPVirtual, n), d.v.zeros(maskedRows)
	names := held(index)
	for i := range rows {
		rows[i] = GP64()
		MOVWLZX(Mem{Base: names, Disp: 2 * i}, rows[i].As32())
		SHLQ(Imm(maskedLine), rows[i])
		ADDQ(memory(Param("dy").Base()), rows[i])
	}
	w, tap, loop, turn := held(d.w), GP64(), label("tap"), label("turn")
	XORQ(tap, tap)
	Label(loop)
	at, left := GP64(), number("width")
	MOVQ(memory(Param("at").Base()), at)
	MOVLQSX(Mem{Base: at, Index: tap, Scale: 4}, at)
	SHLQ(Imm(2), at)
	Label(turn)
	for j := range maskedStep / d.v.lanes {
		x := d.v.fetch(Mem{Base: w, Disp: j * d.v.bytes()}, everyLane)
		for i, row := range rows {
			VFMADD231PS(Mem{Base: row, Index: at, Scale: 1, Disp: j * d.v.bytes()}, x, acc[i+j*n%maskedRows])
		}
	}
	ADDQ(I32(4*maskedStep), at)
	ADDQ(I32(4*maskedStep), w)
	SUBQ(I32(maskedStep), left)
	JNZ(LabelRef(turn))
	INCQ(tap)
	CMPQ(tap, memory(Param("at").Len()))
	JL(LabelRef(loop))
	d.store(n, acc, held(sum))
}

// store writes the sums of acc's lanes, or adds them.
func (d dots) store(n int, acc []reg.VecVirtual, to reg.Register) {
	var total Op = d.v.sumLanes(acc)
	if n < maskedRows { // the second half are the same rows'
		upper := XMM()
		VEXTRACTF128(Imm(1), total, upper)
		lower := total.(reg.VecVirtual).AsX()
		VADDPS(upper, lower, lower)
		total = lower
	}
	d.v.where(memory(Param("add")), func() { VADDPS(Mem{Base: to}, total, total) })
	VMOVUPS(total, Mem{Base: to})
}

// sumLanes returns the sums of the lanes of eight registers, in their order.
func (v isa) sumLanes(x []reg.VecVirtual) reg.VecVirtual {
	if v.wide() {
		for i, r := range x {
			upper := YMM()
			VEXTRACTF64X4(Imm(1), r, upper)
			x[i] = r.AsY().(reg.VecVirtual)
			VADDPS(upper, x[i], x[i])
		}
	}
	pair := func(a, b reg.VecVirtual) reg.VecVirtual { VHADDPS(b, a, a); return a }
	a := pair(pair(x[0], x[1]), pair(x[2], x[3])) // of rows 0…3, in both halves
	b := pair(pair(x[4], x[5]), pair(x[6], x[7]))
	upper := YMM()
	VPERM2F128(Imm(0x31), b, a, upper)
	VINSERTF128(Imm(1), b.AsX(), a, a)
	VADDPS(upper, a, a)
	return a
}

// scatterSums writes sums where they belong, one by one.
func (v isa) scatterSums() {
	v.text("scatterSums", "func(dx, sum []float32, index []uint16, count, rowAt []int32, room int, add bool)", "is scatterSumsPortable.")
	dx, sum, index, rowAt := base("dx"), base("sum"), base("index"), base("rowAt")
	count, channels, room := base("count"), length("count"), number("room")
	channel, event, plain, next := label("channel"), label("event"), label("plain"), label("next")
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
	VMOVSS(Mem{Base: sum, Index: i, Scale: 4}, x)
	CMPB(memory(Param("add")), Imm(0))
	JEQ(LabelRef(plain))
	VADDSS(Mem{Base: dx, Index: at, Scale: 4}, x, x)
	Label(plain)
	VMOVSS(x, Mem{Base: dx, Index: at, Scale: 4})
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
