package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gather writes Columns.gather. A square of rows and columns is transposed in
// registers, so that each column packs as many rows at a time as a vector has
// lanes. Columns beyond a vector's lanes are another round.
func (v isa) gather() {
	v.text("gather", "func(val []float32, row []int32, count []int, room int, x []float32, offset, index []int32)",
		"is gatherPortable for up to 16 columns; it may write a vector more than it keeps.")
	done := label("done")
	zero := v.zeros(1)[0]
	for c := 0; c < 16; c += v.lanes {
		columns, x, n := length("count"), base("x"), length("offset")
		SUBQ(I32(c), columns)
		JLE(LabelRef(done))
		ADDQ(I32(4*c), x)
		v.limit(columns)
		wanted := v.first(columns)
		i, loop, next := GP64(), label("rows"), label("next")
		XORQ(i, i)
		Label(loop)
		CMPQ(i, n)
		JGE(LabelRef(next))
		v.gatherSquare(c, x, i, n, columns, wanted, zero)
		ADDQ(I32(v.lanes), i)
		JMP(LabelRef(loop))
		Label(next)
	}
	Label(done)
	v.end()
}

// limit lowers n to the number of lanes.
func (v isa) limit(n reg.Register) {
	lanes := GP64()
	MOVQ(U32(v.lanes), lanes)
	CMPQ(n, lanes)
	CMOVQGT(lanes, n)
}

// gatherSquare takes the rows from i on of the columns from c on.
func (v isa) gatherSquare(c int, x, i, n, columns reg.Register, wanted *mask, zero reg.VecVirtual) {
	offset, last := base("offset"), GP64()
	LEAQ(Mem{Base: n, Disp: -1}, last)
	z := make([]reg.VecVirtual, v.lanes)
	for j := range z { // behind the last row it is taken again
		at := GP64()
		LEAQ(Mem{Base: i, Disp: j}, at)
		CMPQ(at, last)
		CMOVQGT(last, at)
		MOVLQSX(Mem{Base: offset, Index: at, Scale: 4}, at)
		z[j] = v.fetch(Mem{Base: x, Index: at, Scale: 4}, wanted)
	}
	z = v.transpose(z)

	left := GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	v.limit(left)
	lanes := v.first(left)
	rows := v.fetch(Mem{Base: base("index"), Index: i, Scale: 4}, lanes)
	val, row, count, room, done := base("val"), base("row"), base("count"), stride("room"), label("packed")
	if c > 0 {
		before := GP64()
		IMUL3Q(I32(c), room, before)
		ADDQ(before, val)
		ADDQ(before, row)
	}
	for j := range z {
		CMPQ(columns, I32(j))
		JLE(LabelRef(done))
		held := GP64()
		MOVQ(Mem{Base: count, Disp: 8 * (c + j)}, held)
		hit := v.compare(notEqual, z[j], zero, lanes)
		v.pack(hit, z[j], rows, Mem{Base: val, Index: held, Scale: 4}, Mem{Base: row, Index: held, Scale: 4})
		v.count(hit, held)
		MOVQ(held, Mem{Base: count, Disp: 8 * (c + j)})
		ADDQ(room, val)
		ADDQ(room, row)
	}
	Label(done)
}

// transpose transposes a square matrix: words within pairs of rows, pairs of
// words within four rows, then the 128-bit blocks of those.
func (v isa) transpose(r []reg.VecVirtual) []reg.VecVirtual {
	n := len(r)
	t, u, out := v.regs(n), v.regs(n), v.regs(n)
	for i := 0; i < n; i += 2 {
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < n; i += 4 {
		for k := range 2 {
			VUNPCKLPD(t[i+2+k], t[i+k], u[i+2*k])
			VUNPCKHPD(t[i+2+k], t[i+k], u[i+2*k+1])
		}
	}
	for c := range 4 {
		if !v.wide() {
			VPERM2F128(Imm(0x20), u[4+c], u[c], out[c])
			VPERM2F128(Imm(0x31), u[4+c], u[c], out[4+c])
			continue
		}
		const even, odd = 0x88, 0xdd
		for k, blocks := range []uint64{even, odd} {
			upper, lower := ZMM(), ZMM()
			VSHUFF32X4(Imm(blocks), u[4+c], u[c], upper)
			VSHUFF32X4(Imm(blocks), u[12+c], u[8+c], lower)
			VSHUFF32X4(Imm(even), lower, upper, out[4*k+c])
			VSHUFF32X4(Imm(odd), lower, upper, out[8+4*k+c])
		}
	}
	return out
}
