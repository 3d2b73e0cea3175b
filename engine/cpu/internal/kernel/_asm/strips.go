package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// strips walks the same tiles by columns: several vectors of them together, or
// one at a time where fewer are left, each from the first row to the last, so
// that registers keep what belongs to a channel. before and after are called
// around at most `block` rows, or all if block is 0, with the columns' place in
// rows of parameters, body with that of each row's numbers, for each vector s of
// the strip.
func (v isa) strips(together int, rows, c reg.Register, block int, before, body, after func(s int, p position, m *mask)) {
	v.stripsApart(together, rows, c, c, block, before, body, after)
}

// stripsApart is strips for rows that are `stride` numbers apart.
func (v isa) stripsApart(together int, rows, c, stride reg.Register, block int, before, body, after func(s int, p position, m *mask)) {
	w := strips{v: v, block: block, calls: [3]func(int, position, *mask){before, body, after}}
	w.rows, w.width, w.words = AllocLocal(8), AllocLocal(8), AllocLocal(8)
	MOVQ(rows, w.rows)
	MOVQ(stride, w.width)
	t := GP64()
	MOVQ(c, t)
	ADDQ(Imm(31), t)
	SHRQ(Imm(5), t) // whole words of 32 bits
	SHLQ(Imm(2), t)
	MOVQ(t, w.words)
	w.left = GP64()
	MOVQ(c, w.left)
	w.p = position{channel: GP64(), number: GP64(), bits: GP64()}
	XORQ(w.p.channel, w.p.channel)
	if together > 1 {
		w.whole(together)
	}
	w.whole(1)
	done := label("done")
	TESTQ(w.left, w.left)
	JZ(LabelRef(done))
	w.strip(1, v.first(w.left))
	Label(done)
}

// strips is a walk: the tile's rows, numbers from one to the next and bytes in a row
// of bits, and the columns left.
type strips struct {
	v                  isa
	rows, width, words Mem
	left               reg.GPVirtual
	p                  position
	block              int
	calls              [3]func(s int, p position, m *mask)
}

// whole walks strips of n whole vectors while there are any.
func (w *strips) whole(n int) {
	loop, rest := label("strip"), label("rest")
	Label(loop)
	CMPQ(w.left, I32(n*w.v.lanes))
	JL(LabelRef(rest))
	w.strip(n, everyLane)
	ADDQ(I32(n*w.v.lanes), w.p.channel)
	SUBQ(I32(n*w.v.lanes), w.left)
	JMP(LabelRef(loop))
	Label(rest)
}

// strip walks n vectors down all rows.
func (w *strips) strip(n int, m *mask) {
	begin, row, end := label("begin"), label("row"), label("end")
	call := func(which int) {
		for s := range n {
			p := w.p
			p.ahead = s * w.v.lanes
			w.calls[which](s, p, m)
		}
	}
	all, some := GP64(), GP64() // rows left, in all and in the block
	MOVQ(w.rows, all)
	TESTQ(all, all)
	JLE(LabelRef(end))
	MOVQ(w.p.channel, w.p.number)
	MOVQ(w.p.channel, w.p.bits)
	SHRQ(Imm(3), w.p.bits)
	Label(begin)
	MOVQ(all, some)
	if w.block > 0 {
		limit := GP64()
		MOVQ(U32(w.block), limit)
		CMPQ(some, limit)
		CMOVQGT(limit, some)
	}
	SUBQ(some, all)
	call(0)
	Label(row)
	call(1)
	ADDQ(w.width, w.p.number)
	ADDQ(w.words, w.p.bits)
	DECQ(some)
	JNZ(LabelRef(row))
	call(2)
	TESTQ(all, all)
	JNZ(LabelRef(begin))
	Label(end)
}
