package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// group is how many events one turn of a sum's loop takes.
const group = 4

// A summation is what accumulate needs to know of its product.
type summation struct {
	y, w, ldy, ldw, width reg.Register
	valued                bool
}

// accumulate writes Events.Accumulate. It keeps a block of a row's columns in
// registers over the row's events. Sums run in as many chains as hide an
// addition's latency: chain k takes events k, k+chains, …
func (v isa) accumulate() {
	const rest = "count []int32, ldy, ldw, room, width int, add bool)"
	v.text("accumulate", "func(y, w []float32, index []uint16, "+rest, "is accumulatePortable.")
	v.accumulateBlocks(false)
	v.text("accumulateValues", "func(y, w []float32, index []uint16, value []float32, "+rest, "is accumulateValuesPortable.")
	v.accumulateBlocks(true)
}

func (v isa) accumulateBlocks(valued bool) {
	s := summation{base("y"), base("w"), stride("ldy"), stride("ldw"), number("width"), valued}
	blocks := []int{4, 3, 2, 1} // panels of 64, 48, 32 and 16 columns are one block each
	if !v.wide() {
		blocks = []int{8, 6, 4, 2, 1}
	}
	for _, vectors := range blocks {
		block, next := label("block"), label("next")
		Label(block)
		CMPQ(s.width, I32(vectors*v.lanes))
		JL(LabelRef(next))
		v.accumulateRows(s, vectors, everyLane)
		ADDQ(I32(vectors*v.bytes()), s.y)
		ADDQ(I32(vectors*v.bytes()), s.w)
		SUBQ(I32(vectors*v.lanes), s.width)
		JMP(LabelRef(block))
		Label(next)
	}
	done := label("done")
	TESTQ(s.width, s.width)
	JZ(LabelRef(done))
	v.accumulateRows(s, 1, v.first(s.width))
	Label(done)
	v.end()
}

// accumulateRows computes a block of columns of all rows.
func (v isa) accumulateRows(s summation, vectors int, m *mask) {
	y, index, count, rows := GP64(), base("index"), base("count"), length("count")
	var value reg.Register
	if s.valued {
		value = base("value")
	}
	MOVQ(s.y, y)
	chains := min(group, max(1, 8/vectors))
	acc := make([][]reg.VecVirtual, chains)
	row, fresh, begun := label("row"), label("fresh"), label("begun")
	Label(row)
	for k := range acc {
		acc[k] = v.regs(vectors)
	}
	add := GP8()
	Load(Param("add"), add)
	TESTB(add, add)
	JZ(LabelRef(fresh))
	for j, r := range acc[0] {
		v.load(Mem{Base: y, Disp: j * v.bytes()}, m, r)
	}
	JMP(LabelRef(begun))
	Label(fresh)
	for _, r := range acc[0] {
		VXORPS(r, r, r)
	}
	Label(begun)
	for _, chain := range acc[1:] {
		for _, r := range chain {
			VXORPS(r, r, r)
		}
	}
	v.prefetchRow(s, y, index, vectors)
	v.accumulateEvents(s, acc, index, value, count, m)
	for j, r := range acc[0] {
		v.store(r, m, Mem{Base: y, Disp: j * v.bytes()})
	}
	room := number("room")
	ADDQ(s.ldy, y)
	LEAQ(Mem{Base: index, Index: room, Scale: 2}, index)
	if s.valued {
		LEAQ(Mem{Base: value, Index: room, Scale: 4}, value)
	}
	ADDQ(I32(4), count)
	DECQ(rows)
	JNZ(LabelRef(row))
}

// prefetchRow asks for the numbers and the list of a row to come: both come from
// afar, and rows of a panel are too far apart for the processor to foresee.
func (v isa) prefetchRow(s summation, y, index reg.Register, vectors int) {
	const rows, lists = 8, 16 // ahead
	ahead := GP64()
	Load(Param("room"), ahead)
	IMUL3Q(I32(2*lists), ahead, ahead)
	PREFETCHT0(Mem{Base: index, Index: ahead, Scale: 1})
	IMUL3Q(I32(rows), s.ldy, ahead)
	for j := 0; j < vectors*v.bytes(); j += lineBytes {
		PREFETCHT0(Mem{Base: y, Index: ahead, Scale: 1, Disp: j})
	}
}

const lineBytes = 64

// accumulateEvents adds a row's events to chain 0 of acc.
func (v isa) accumulateEvents(s summation, acc [][]reg.VecVirtual, index, value, count reg.Register, m *mask) {
	i, left := GP64(), GP64()
	XORQ(i, i)
	event := func(k, chain int) {
		w := GP64()
		MOVWLZX(Mem{Base: index, Index: i, Scale: 2, Disp: 2 * k}, w.As32())
		IMULQ(s.ldw, w)
		ADDQ(s.w, w)
		var x reg.VecVirtual
		if s.valued {
			x = v.spread(Mem{Base: value, Index: i, Scale: 4, Disp: 4 * k})
		}
		for j, r := range acc[chain] {
			from := Mem{Base: w, Disp: j * v.bytes()}
			if s.valued {
				v.fmaLoad(from, m, x, r)
			} else {
				v.addLoad(from, m, r)
			}
		}
	}
	loop, rest, one, done := label("group"), label("few"), label("one"), label("sum")
	MOVLQSX(Mem{Base: count}, left)
	SUBQ(I32(group), left)
	JL(LabelRef(rest))
	Label(loop)
	for k := range group {
		event(k, k%len(acc))
	}
	ADDQ(I32(group), i)
	SUBQ(I32(group), left)
	JGE(LabelRef(loop))
	Label(rest)
	ADDQ(I32(group), left)
	JZ(LabelRef(done))
	Label(one)
	event(0, 0)
	INCQ(i)
	DECQ(left)
	JNZ(LabelRef(one))
	Label(done)
	for n := len(acc); n > 1; n /= 2 {
		for k := range n / 2 {
			for j, r := range acc[k] {
				VADDPS(acc[k+n/2][j], r, r)
			}
		}
	}
}

// addLoad adds memory to acc.
func (v isa) addLoad(from Mem, m *mask, acc reg.VecVirtual) {
	switch {
	case m == everyLane:
		VADDPS(from, acc, acc)
	case v.wide():
		VADDPS(from, acc, m.op, acc)
	default:
		VADDPS(v.load(from, m, v.reg()), acc, acc)
	}
}
