package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A blocking is how many vectors of columns a block of the product has, and the
// numbers of rows that it comes in, each of which is tried after the ones
// before it.
type blocking struct {
	vectors int
	rows    []int
}

// blockings returns those of the product, the widest first. They fill the
// registers: the sums, the vectors of w and one number of x.
func (v isa) blockings() []blocking {
	if v.wide() {
		return []blocking{{4, []int{6, 4, 2, 1}}, {3, []int{8, 4, 2, 1}}, {2, []int{12, 8, 4, 2, 1}}, {1, []int{12, 8, 4, 2, 1}}}
	}
	return []blocking{{3, []int{4, 2, 1}}, {2, []int{6, 4, 2, 1}}, {1, []int{8, 4, 2, 1}}}
}

// matrix is a matrix's place and its rows' distance in bytes.
type matrix struct{ at, stride reg.Register }

// product writes the batch-reduce product. A block of rows times vectors of
// columns stays in registers over all positions and all of k; each vector of w
// that is loaded serves every row of the block. Columns that fill no vector come
// last, one vector under a mask: a masked load takes the place of a multiply-add.
func (v isa) product() {
	v.text("product", "func(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool)", "is productPortable.")
	y, w, left := base("y"), base("w"), number("cols")
	blockings := v.blockings()
	for i, b := range blockings {
		again, next := label("columns"), label("next")
		Label(again)
		CMPQ(left, I32(b.vectors*v.lanes))
		JL(LabelRef(next))
		v.productRows(y, w, b, everyLane)
		ADDQ(I32(b.vectors*v.bytes()), y)
		ADDQ(I32(b.vectors*v.bytes()), w)
		SUBQ(I32(b.vectors*v.lanes), left)
		if i == 0 {
			JMP(LabelRef(again))
		}
		Label(next)
	}
	done := label("done")
	TESTQ(left, left)
	JZ(LabelRef(done))
	v.productRows(y, w, blockings[len(blockings)-1], v.first(left))
	Label(done)
	v.end()
}

// productRows computes all rows of a block of columns, whose last vector is
// under a mask.
func (v isa) productRows(y, w reg.Register, b blocking, m *mask) {
	to, from, left := GP64(), base("x"), number("rows")
	MOVQ(y, to)
	for _, n := range b.rows {
		again, next := label("rows"), label("next")
		Label(again)
		CMPQ(left, I32(n))
		JL(LabelRef(next))
		v.productBlock(to, from, w, n, b.vectors, m)
		for _, p := range []struct {
			at     reg.Register
			stride string
		}{{to, "ldy"}, {from, "ldx"}} {
			step := stride(p.stride)
			IMUL3Q(I32(n), step, step)
			ADDQ(step, p.at)
		}
		SUBQ(I32(n), left)
		JMP(LabelRef(again))
		Label(next)
	}
}

// productBlock computes n rows of a block of columns.
func (v isa) productBlock(to, from, w reg.Register, n, vectors int, m *mask) {
	acc := make([][]reg.VecVirtual, n)
	for i := range acc {
		acc[i] = v.zeros(vectors)
	}
	v.productPositions(from, w, acc, m)
	v.storeBlock(matrix{to, stride("ldy")}, acc, m)
}

// lastMask is the mask of vector j of those of a block.
func lastMask(j, vectors int, m *mask) *mask {
	if j == vectors-1 {
		return m
	}
	return everyLane
}

// storeBlock writes sums to y, or with the parameter add adds them.
func (v isa) storeBlock(y matrix, acc [][]reg.VecVirtual, m *mask) {
	plain, add, at := label("store"), GP8(), GP64()
	eachVector := func(fn func(at Mem, r reg.VecVirtual, m *mask)) {
		MOVQ(y.at, at)
		for i := range acc {
			for j, r := range acc[i] {
				fn(Mem{Base: at, Disp: j * v.bytes()}, r, lastMask(j, len(acc[i]), m))
			}
			ADDQ(y.stride, at)
		}
	}
	Load(Param("add"), add)
	TESTB(add, add)
	JZ(LabelRef(plain))
	eachVector(func(at Mem, r reg.VecVirtual, m *mask) { VADDPS(v.fetch(at, m), r, r) })
	Label(plain)
	eachVector(func(at Mem, r reg.VecVirtual, m *mask) { v.store(r, m, at) })
}

// productPositions adds every position's products to acc.
func (v isa) productPositions(from, w reg.Register, acc [][]reg.VecVirtual, m *mask) {
	position, loop, done := GP64(), label("position"), label("sum")
	XORQ(position, position)
	Label(loop)
	CMPQ(position, length("xAt"))
	JGE(LabelRef(done))
	at := func(name string, from reg.Register) reg.Register {
		r := GP64()
		MOVLQSX(Mem{Base: base(name), Index: position, Scale: 4}, r)
		LEAQ(Mem{Base: from, Index: r, Scale: 4}, r)
		return r
	}
	rows := addresses(matrix{at("xAt", from), stride("ldx")}, len(acc))
	line, ldw, left := at("wAt", w), stride("ldw"), number("k")
	lines := addresses(matrix{line, ldw}, unroll)
	inner, rest, end := label("inner"), label("rest"), label("end")
	SUBQ(I32(unroll), left)
	JL(LabelRef(rest))
	Label(inner)
	for u := range unroll {
		v.multiply(acc, rows, lines.at(u), 4*u, m)
	}
	rows.advance(4 * unroll)
	LEAQ(Mem{Base: line, Index: ldw, Scale: unroll}, line)
	SUBQ(I32(unroll), left)
	JGE(LabelRef(inner))
	Label(rest)
	ADDQ(I32(unroll), left)
	JZ(LabelRef(end))
	one := label("one")
	Label(one)
	v.multiply(acc, rows, lines.at(0), 0, m)
	rows.advance(4)
	ADDQ(ldw, line)
	DECQ(left)
	JNZ(LabelRef(one))
	Label(end)
	INCQ(position)
	JMP(LabelRef(loop))
	Label(done)
}

// unroll is how many steps of k one turn of the loop takes. Two instead of one
// gained 4 % with AVX2 and 0 to 2 % with AVX-512; four gained no more.
const unroll = 2

// multiply adds to acc one step of k: a vector of each row's number of x times
// the vectors of a line of w.
func (v isa) multiply(acc [][]reg.VecVirtual, rows rowSet, line Mem, disp int, m *mask) {
	weights := v.regs(len(acc[0]))
	for j, r := range weights {
		v.load(line.Offset(j*v.bytes()), lastMask(j, len(weights), m), r)
	}
	for i := range acc {
		x := v.spread(rows.at(i).Offset(disp))
		for j, r := range acc[i] {
			VFMADD231PS(weights[j], x, r)
		}
	}
}

// rowSet addresses up to 14 rows of a matrix: seven from each of two bases, by
// one, three and five strides.
type rowSet struct {
	bases                    []reg.Register
	stride, stride3, stride5 reg.Register
}

const rowsPerBase = 7

func addresses(m matrix, n int) rowSet {
	s := rowSet{bases: []reg.Register{m.at}, stride: m.stride}
	if n > 3 {
		s.stride3 = GP64()
		LEAQ(Mem{Base: m.stride, Index: m.stride, Scale: 2}, s.stride3)
	}
	if n > 5 {
		s.stride5 = GP64()
		LEAQ(Mem{Base: m.stride, Index: m.stride, Scale: 4}, s.stride5)
	}
	if n > rowsPerBase {
		second := GP64()
		LEAQ(Mem{Base: m.at, Index: s.stride3, Scale: 2}, second)
		ADDQ(m.stride, second)
		s.bases = append(s.bases, second)
	}
	return s
}

// at is the first number of row i.
func (s rowSet) at(i int) Mem {
	b := s.bases[i/rowsPerBase]
	return []Mem{
		{Base: b}, {Base: b, Index: s.stride, Scale: 1}, {Base: b, Index: s.stride, Scale: 2}, {Base: b, Index: s.stride3, Scale: 1},
		{Base: b, Index: s.stride, Scale: 4}, {Base: b, Index: s.stride5, Scale: 1}, {Base: b, Index: s.stride3, Scale: 2},
	}[i%rowsPerBase]
}

// advance moves all rows on by a number of bytes.
func (s rowSet) advance(by int) {
	for _, b := range s.bases {
		ADDQ(I32(by), b)
	}
}

// peak writes a loop of independent multiply-adds in registers alone: what
// bounds any product.
func (v isa) peak() {
	v.text("peak", "func(rounds int) float32", "is peakPortable.")
	left, done, loop := number("rounds"), label("done"), label("loop")
	acc, x := v.zeros(peakSums), v.constant(1)
	TESTQ(left, left)
	JLE(LabelRef(done))
	Label(loop)
	for _, r := range acc {
		VFMADD231PS(x, x, r)
	}
	DECQ(left)
	JNZ(LabelRef(loop))
	Label(done)
	Store(acc[0].AsX(), ReturnIndex(0))
	v.end()
}

// peakSums is enough to hide a multiply-add's latency.
const peakSums = 12
