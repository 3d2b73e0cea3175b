package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// combination is what a block of columns needs to know.
type combination struct {
	acc, rows, row, val, count, columns, stride reg.Register
}

// combine writes List.Combine. It keeps a block of columns in registers over the
// whole list. Loads bound it: one for each product. Sums run in as many chains
// as hide an addition's latency: chain k takes list elements k, k+chains, …
func (v isa) combine() {
	v.text("combine", "func(acc, rows []float32, row []int32, val []float32)", "is combinePortable.")
	c := combination{
		acc: base("acc"), columns: length("acc"), rows: base("rows"),
		row: base("row"), count: length("row"), val: base("val"), stride: GP64(),
	}
	MOVQ(c.columns, c.stride)
	SHLQ(Imm(2), c.stride)
	for _, vectors := range []int{8, 4, 2, 1} {
		block, next := label("block"), label("next")
		Label(block)
		CMPQ(c.columns, I32(vectors*v.lanes))
		JL(LabelRef(next))
		v.combineBlock(c, vectors, everyLane)
		ADDQ(I32(vectors*v.bytes()), c.acc)
		ADDQ(I32(vectors*v.bytes()), c.rows)
		SUBQ(I32(vectors*v.lanes), c.columns)
		JMP(LabelRef(block))
		Label(next)
	}
	done := label("done")
	TESTQ(c.columns, c.columns)
	JZ(LabelRef(done))
	v.combineBlock(c, 1, v.first(c.columns))
	Label(done)
	v.end()
}

// group is how many list elements one turn of the loop takes.
const group = 4

func (v isa) combineBlock(c combination, vectors int, m *mask) {
	chains := min(group, 8/vectors)
	acc := make([][]reg.VecVirtual, chains)
	acc[0] = v.regs(vectors)
	for j, r := range acc[0] {
		v.load(Mem{Base: c.acc, Disp: j * v.bytes()}, m, r)
	}
	for k := 1; k < chains; k++ {
		acc[k] = v.zeros(vectors)
	}
	row, val, left := GP64(), GP64(), GP64()
	MOVQ(c.row, row)
	MOVQ(c.val, val)
	MOVQ(c.count, left)
	element := func(k, chain int) {
		at := GP64()
		MOVLQSX(Mem{Base: row, Disp: 4 * k}, at)
		IMULQ(c.stride, at)
		x := v.spread(Mem{Base: val, Disp: 4 * k})
		for j, r := range acc[chain] {
			v.fmaLoad(Mem{Base: c.rows, Index: at, Scale: 1, Disp: j * v.bytes()}, m, x, r)
		}
	}
	step := func(by int) {
		ADDQ(I32(4*by), row)
		ADDQ(I32(4*by), val)
		SUBQ(I32(by), left)
	}
	loop, rest, one, done := label("group"), label("few"), label("one"), label("sum")
	SUBQ(I32(group), left)
	JL(LabelRef(rest))
	Label(loop)
	for k := range group {
		element(k, k%chains)
	}
	step(group)
	JGE(LabelRef(loop))
	Label(rest)
	ADDQ(I32(group), left)
	JZ(LabelRef(done))
	Label(one)
	element(0, 0)
	step(1)
	JNZ(LabelRef(one))
	Label(done)
	for n := chains; n > 1; n /= 2 {
		for k := range n / 2 {
			for j, r := range acc[k] {
				VADDPS(acc[k+n/2][j], r, r)
			}
		}
	}
	for j, r := range acc[0] {
		v.store(r, m, Mem{Base: c.acc, Disp: j * v.bytes()})
	}
}
