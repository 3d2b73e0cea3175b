package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// kind is what rows of numbers are made of: Rows in the package.
type kind struct{ suffix, slice string }

var (
	single = kind{"", "[]float32"}
	half   = kind{"BF16", "[]BF16"}
	bit    = kind{"Bits", "[]uint32"}
)

// position is where a tile's walk is: the channel, the number counted from the
// tile's first, and the byte of packed bits. What it names lies some numbers ahead.
type position struct {
	channel, number, bits reg.GPVirtual
	ahead                 int
}

// at is the memory of the numbers at p in a tile of float32.
func (p position) at(base reg.Register) Mem {
	return Mem{Base: base, Index: p.number, Scale: 4, Disp: 4 * p.ahead}
}

// parameter is the memory of the channels at p in a row of float32.
func (p position) parameter(base reg.Register) Mem {
	return Mem{Base: base, Index: p.channel, Scale: 4, Disp: 4 * p.ahead}
}

// half is the memory of the numbers at p in a tile of BF16.
func (p position) half(base reg.Register) Mem {
	return Mem{Base: base, Index: p.number, Scale: 2, Disp: 2 * p.ahead}
}

// packed is the memory of the bits at p.
func (p position) packed(base reg.Register) Mem {
	return Mem{Base: base, Index: p.bits, Scale: 1, Disp: p.ahead / 8}
}

// tile walks `rows` rows of c ≥ 1 numbers, which follow one another, row by row:
// body is called for the vectors of a row and, under a mask, for its rest. Rows
// of bits begin at whole words.
func (v isa) tile(rows, c reg.Register, body func(p position, m *mask)) {
	row, loop, rest, next, done := label("row"), label("loop"), label("rest"), label("next"), label("done")
	left, whole, tail := AllocLocal(8), AllocLocal(8), AllocLocal(8)
	p := position{channel: GP64(), number: GP64(), bits: GP64()}
	t := GP64()
	MOVQ(rows, left)
	TESTQ(rows, rows)
	JLE(LabelRef(done))
	MOVQ(c, t)
	ANDQ(I32(v.lanes-1), t)
	MOVQ(t, tail)
	m := v.first(t)
	SUBQ(t, c)
	MOVQ(c, whole)
	XORQ(p.number, p.number)
	XORQ(p.bits, p.bits)
	Label(row)
	XORQ(p.channel, p.channel)
	Label(loop)
	CMPQ(p.channel, whole)
	JGE(LabelRef(rest))
	body(p, everyLane)
	ADDQ(I32(v.lanes), p.channel)
	ADDQ(I32(v.lanes), p.number)
	ADDQ(I32(v.lanes/8), p.bits)
	JMP(LabelRef(loop))
	Label(rest)
	CMPQ(tail, Imm(0))
	JEQ(LabelRef(next))
	body(p, m)
	ADDQ(tail, p.number)
	ADDQ(I32(v.lanes/8), p.bits)
	Label(next)
	ADDQ(Imm(3), p.bits) // to the next whole word
	ANDQ(I32(-4), p.bits)
	DECQ(left)
	JNZ(LabelRef(row))
	Label(done)
}

// read returns the numbers at p of rows of a kind.
func (v isa) read(k kind, from reg.Register, p position, m *mask) reg.VecVirtual {
	switch k {
	case half:
		return v.readHalf(p.half(from), m)
	case bit:
		one := v.reg()
		VMOVUPS(ones, one)
		return v.under(v.loadBits(p.packed(from)), one)
	}
	return v.fetch(p.at(from), m)
}

// readHalf reads BF16 numbers; unselected lanes are zero.
func (v isa) readHalf(from Mem, m *mask) reg.VecVirtual {
	var r reg.VecVirtual
	switch {
	case m == everyLane:
		r = v.words(from)
	case v.wide():
		r = v.reg()
		VPMOVZXWD_Z(from, m.op, r)
	default:
		r = v.words(v.wordsIn(from, m))
	}
	VPSLLD(Imm(16), r, r)
	return r
}

// wordsIn copies the selected of eight 16-bit words, which AVX2 cannot mask, to a
// vector of zeros on the stack.
func (v isa) wordsIn(from Mem, m *mask) Mem {
	words := AllocLocal(16)
	zero := XMM()
	VPXOR(zero, zero, zero)
	VMOVDQU(zero, words)
	v.eachWord(m, func(i reg.Register, t reg.GPVirtual) {
		MOVWLZX(behind(from, i), t.As32())
		MOVW(t.As16(), behind(words, i))
	})
	return words
}

// eachWord calls body for the byte offsets of the selected of eight words, of
// which there is one at least, with a register to move one.
func (v isa) eachWord(m *mask, body func(i reg.Register, t reg.GPVirtual)) {
	loop := label("word")
	i, t := GP64(), GP64()
	VMOVMSKPS(m.op, i.As32())
	POPCNTQ(i, i)
	Label(loop)
	body(i, t)
	DECQ(i)
	JNZ(LabelRef(loop))
}

// behind is the word i−1 words behind m, whose address may have an index; then
// the address is computed first.
func behind(m Mem, i reg.Register) Mem {
	if m.Index == nil {
		return Mem{Base: m.Base, Symbol: m.Symbol, Disp: m.Disp - 2, Index: i, Scale: 2}
	}
	a := GP64()
	LEAQ(m, a)
	return Mem{Base: a, Index: i, Scale: 2, Disp: -2}
}

// storeHalf stores x as BF16.
func (v isa) storeHalf(r rounding, x reg.VecVirtual, m *mask, to Mem) {
	t := r.upper(x)
	VPSRLD(Imm(16), t, t)
	v.storeLower(t, m, to)
}

// storeLower stores the lower halves of lanes, whose upper halves are zero.
func (v isa) storeLower(t reg.VecVirtual, m *mask, to Mem) {
	switch {
	case v.wide() && m == everyLane:
		VPMOVDW(t, to)
	case v.wide():
		VPMOVDW(t, m.op, to)
	default:
		VPACKUSDW(t, t, t)
		VPERMQ(Imm(0x8), t, t)
		v.storeWords(t.AsX(), m, to)
	}
}

// storeWords stores the selected of eight words.
func (v isa) storeWords(x Op, m *mask, to Mem) {
	if m == everyLane {
		VMOVDQU(x, to)
		return
	}
	words := AllocLocal(16)
	VMOVDQU(x, words)
	v.eachWord(m, func(i reg.Register, t reg.GPVirtual) {
		MOVWLZX(behind(words, i), t.As32())
		MOVW(t.As16(), behind(to, i))
	})
}

// loadBits returns the lanes whose bits are set.
func (v isa) loadBits(from Mem) Op {
	if v.wide() {
		k := K()
		KMOVW(from, k)
		return k
	}
	r := v.reg()
	VPBROADCASTB(from, r)
	VPAND(bitOfLane(), r, r)
	VPCMPEQD(bitOfLane(), r, r)
	return r
}

// storeBits stores the lanes hit as bits.
func (v isa) storeBits(hit Op, to Mem) {
	if v.wide() {
		KMOVW(hit, to)
		return
	}
	t := GP32()
	VMOVMSKPS(hit, t)
	MOVB(t.As8(), to)
}

// choose returns yes in the lanes hit, no in the others.
func (v isa) choose(hit, yes, no Op) reg.VecVirtual {
	r := v.reg()
	if v.wide() {
		VBLENDMPS(yes, no, hit, r)
	} else {
		VBLENDVPS(hit, yes, no, r)
	}
	return r
}

// countHits adds one to the integers of count in the lanes hit.
func (v isa) countHits(hit Op, count reg.VecVirtual) {
	if v.wide() {
		VPADDD_BCST(integerOne, count, hit, count)
	} else {
		VPSUBD(hit, count, count) // a lane hit is −1
	}
}
