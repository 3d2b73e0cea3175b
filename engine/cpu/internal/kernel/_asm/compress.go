package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// compress writes List.Append. A vector's numbers that are not zero are packed in
// a register and stored whole, so the list needs a vector's room behind its end;
// AVX-512 can compress straight to memory, but many times slower.
func (v isa) compress() {
	v.text("compress", "func(val []float32, row []int32, x []float32, n, lines, line, first, step int) int",
		"is compressPortable; it may write a vector more than it keeps.")
	val, row, x := base("val"), base("row"), base("x")
	lines, line, first, step := number("lines"), stride("line"), number("first"), number("step")
	kept := GP64()
	XORQ(kept, kept)
	index, lanes, zero := v.reg(), v.word(uint32(v.lanes)), v.zeros(1)[0]
	loop, done := label("line"), label("done")
	Label(loop)
	DECQ(lines)
	JL(LabelRef(done))
	v.spreadInt(first, index)
	VPADDD(iota, index, index)
	v.flat(number("n"), func(i reg.Register, m *mask) {
		z := v.fetch(at(x, i, 0), m)
		nonzero := v.compare(notEqual, z, zero, m)
		v.pack(nonzero, z, index, Mem{Base: val, Index: kept, Scale: 4}, Mem{Base: row, Index: kept, Scale: 4})
		VPADDD(lanes, index, index)
		v.count(nonzero, kept)
	})
	ADDQ(line, x)
	ADDQ(step, first)
	JMP(LabelRef(loop))
	Label(done)
	Store(kept, ReturnIndex(0))
	v.end()
}

// spreadInt puts the integer n in every lane.
func (v isa) spreadInt(n reg.GPVirtual, to reg.VecVirtual) {
	if v.wide() {
		VPBROADCASTD(n.As32(), to)
		return
	}
	x := XMM()
	VMOVD(n.As32(), x)
	VPBROADCASTD(x, to)
}

// pack stores the lanes hit of x and of the integers i next to each other.
func (v isa) pack(hit Op, x, i reg.VecVirtual, toX, toI Mem) {
	px, pi := v.reg(), v.reg()
	if v.wide() {
		VCOMPRESSPS_Z(x, hit, px)
		VPCOMPRESSD_Z(i, hit, pi)
	} else {
		bits, table, order := GP64(), GP64(), YMM()
		VMOVMSKPS(hit, bits.As32())
		LEAQ(packTable, table)
		VPMOVZXBD(Mem{Base: table, Index: bits, Scale: 8}, order)
		VPERMPS(x, order, px)
		VPERMD(i, order, pi)
	}
	VMOVUPS(px, toX)
	VMOVUPS(pi, toI)
}

// packTable has for each set of eight lanes its members in order, a byte each.
var packTable = func() Mem {
	t := GLOBL("pack", RODATA|NOPTR)
	for set := range 256 {
		var order uint64
		n := 0
		for lane := range 8 {
			if set>>lane&1 == 1 {
				order |= uint64(lane) << (8 * n)
				n++
			}
		}
		DATA(8*set, U64(order))
	}
	return t
}()

// iota is 0, 1, … 15.
var iota = func() Mem {
	t := GLOBL("iota", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	return t
}()
