package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gather writes Columns.gather for AVX-512: sixteen rows of sixteen columns are
// transposed in registers, so that each column packs sixteen rows at a time.
func gather() {
	v := avx512
	v.text("gather", "func(val []float32, row []int32, count []int, room int, x []float32, offset, index []int32)",
		"is gatherPortable for up to 16 columns; it may write 16 numbers more than it keeps.")
	x, offset, index := base("x"), base("offset"), base("index")
	n, last, i, zero := length("offset"), GP64(), GP64(), v.zeros(1)[0]
	wanted := v.first(length("count"))
	LEAQ(Mem{Base: n, Disp: -1}, last)
	XORQ(i, i)
	loop, done := label("rows"), label("done")
	Label(loop)
	CMPQ(i, n)
	JGE(LabelRef(done))

	var z [16]reg.VecVirtual
	for j := range z { // behind the last row it is taken again
		at := GP64()
		LEAQ(Mem{Base: i, Disp: j}, at)
		CMPQ(at, last)
		CMOVQGT(last, at)
		MOVLQSX(Mem{Base: offset, Index: at, Scale: 4}, at)
		z[j] = v.fetch(Mem{Base: x, Index: at, Scale: 4}, wanted)
	}
	z = transpose16(z)

	left, sixteen := GP64(), GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	MOVQ(U32(16), sixteen)
	CMPQ(left, sixteen)
	CMOVQGT(sixteen, left)
	lanes := v.first(left)
	rows := v.fetch(Mem{Base: index, Index: i, Scale: 4}, lanes)

	val, row, count, columns, room := base("val"), base("row"), base("count"), length("count"), GP64()
	Load(Param("room"), room)
	next := label("next")
	for c := range z {
		CMPQ(columns, I32(c))
		JLE(LabelRef(next))
		packed, where, held := v.reg(), v.reg(), GP64()
		hit := v.compare(notEqual, z[c], zero, lanes)
		VCOMPRESSPS_Z(z[c], hit, packed)
		VPCOMPRESSD_Z(rows, hit, where)
		MOVQ(Mem{Base: count, Disp: 8 * c}, held)
		VMOVUPS(packed, Mem{Base: val, Index: held, Scale: 4})
		VMOVDQU32(where, Mem{Base: row, Index: held, Scale: 4})
		v.count(hit, held)
		MOVQ(held, Mem{Base: count, Disp: 8 * c})
		LEAQ(Mem{Base: val, Index: room, Scale: 4}, val)
		LEAQ(Mem{Base: row, Index: room, Scale: 4}, row)
	}
	Label(next)
	ADDQ(I32(16), i)
	JMP(LabelRef(loop))
	Label(done)
	v.end()
}

// transpose16 transposes a 16×16 matrix: words within pairs of rows, pairs of
// words within four rows, then the 128-bit blocks of those.
func transpose16(r [16]reg.VecVirtual) (out [16]reg.VecVirtual) {
	var t, u [16]reg.VecVirtual
	for i := 0; i < 16; i += 2 {
		t[i], t[i+1] = ZMM(), ZMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 16; i += 4 {
		for k := range 2 {
			lo, hi := ZMM(), ZMM()
			VUNPCKLPD(t[i+2+k], t[i+k], lo)
			VUNPCKHPD(t[i+2+k], t[i+k], hi)
			u[i+2*k], u[i+2*k+1] = lo, hi
		}
	}
	const even, odd = 0x88, 0xdd
	for c := range 4 {
		for k, blocks := range []uint64{even, odd} {
			upper, lower := ZMM(), ZMM()
			VSHUFF32X4(Imm(blocks), u[4+c], u[c], upper)
			VSHUFF32X4(Imm(blocks), u[12+c], u[8+c], lower)
			out[4*k+c], out[8+4*k+c] = ZMM(), ZMM()
			VSHUFF32X4(Imm(even), lower, upper, out[4*k+c])
			VSHUFF32X4(Imm(odd), lower, upper, out[8+4*k+c])
		}
	}
	return out
}
