package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// grid is how many tiles a block of the product has, down and across. The block
// of sums, a column of tiles of x and a row of tiles of w fill the registers.
type grid struct{ down, across int }

func (g grid) sum(i, j int) tile { return tile(i*2 + j) }
func (g grid) left(i int) tile   { return tile(4 + i) }
func (g grid) right(j int) tile  { return tile(6 + j) }

// Registers that instructions written as bytes use: for the rows of tiles of y
// or of x, in turn, and for w.
var (
	tileAt     = [2]reg.Physical{reg.RSI, reg.R9}
	tileStride = reg.R11
	rightAt    = reg.RDX
	pairStride = reg.RBX
)

const (
	tileRows  = 16
	tileBytes = 64  // of a row
	pairBytes = 128 // of a pair of rows in a panel: 32 columns
)

// tiles writes the product of blocks of g tiles.
func (g grid) tiles() {
	name := fmt.Sprintf("productTiles%d%d", g.down, g.across)
	TEXT(name, NOSPLIT, "func(config *byte, y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, blocks, k, panels int, add bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes blocks of %d×%d tiles, whose sizes are the configuration's:", name, g.down, g.across),
		"`blocks` of them down, `panels` across. x has k numbers for each position, a multiple of 32.")
	config := reg.RAX
	Load(Param("config"), config)
	LDTILECFG(config)
	MOVQ(U32(pairBytes), pairStride)
	y, w, panels := base("y"), base("w"), number("panels")
	loop := label("panel")
	Label(loop)
	g.tileRows(y, w)
	ADDQ(I32(g.across*tileBytes), y)
	panel := number("panel")
	LEAQ(Mem{Base: w, Index: panel, Scale: 2}, w)
	DECQ(panels)
	JNZ(LabelRef(loop))
	TILERELEASE()
	RET()
}

// tileRows computes all rows of a panel.
func (g grid) tileRows(y, w reg.Register) {
	to, from, blocks := GP64(), base("x"), number("blocks")
	MOVQ(y, to)
	loop := label("block")
	Label(loop)
	g.tileBlock(to, from, w)
	for _, p := range []struct {
		at     reg.Register
		stride string
		bytes  int
	}{{to, "ldy", 4}, {from, "ldx", 2}} {
		step := number(p.stride)
		IMUL3Q(I32(g.down*tileRows*p.bytes), step, step)
		ADDQ(step, p.at)
	}
	DECQ(blocks)
	JNZ(LabelRef(loop))
}

// place makes tiles address rows from `at` on, which are the given number of
// numbers apart, each of 1<<shift bytes.
func (g grid) place(at Op, distance string, shift uint64) {
	LEAQ(at, tileAt[0])
	Load(Param(distance), tileStride)
	SHLQ(Imm(shift), tileStride)
	if g.down == 2 {
		MOVQ(tileStride, tileAt[1])
		SHLQ(Imm(4), tileAt[1])
		ADDQ(tileAt[0], tileAt[1])
	}
}

// eachSum calls fn with every tile of sums and its memory.
func (g grid) eachSum(to reg.Register, fn func(t tile, m tileMemory)) {
	g.place(Mem{Base: to}, "ldy", 2)
	for i := range g.down {
		for j := range g.across {
			fn(g.sum(i, j), tileMemory{tileAt[i], tileStride, int8(j * tileBytes)})
		}
	}
}

// tileBlock computes one block.
func (g grid) tileBlock(to, from, w reg.Register) {
	add, fresh, begun := GP8(), label("fresh"), label("begun")
	Load(Param("add"), add)
	TESTB(add, add)
	JZ(LabelRef(fresh))
	g.eachSum(to, func(t tile, m tileMemory) { TILELOADD(m, t) })
	JMP(LabelRef(begun))
	Label(fresh)
	for i := range g.down {
		for j := range g.across {
			TILEZERO(g.sum(i, j))
		}
	}
	Label(begun)

	position, loop, inner, done := GP64(), label("position"), label("inner"), label("sum")
	XORQ(position, position)
	Label(loop)
	CMPQ(position, length("xAt"))
	JGE(LabelRef(done))
	at := GP64()
	MOVLQSX(Mem{Base: base("xAt"), Index: position, Scale: 4}, at)
	g.place(Mem{Base: from, Index: at, Scale: 2}, "ldx", 1)
	MOVLQSX(Mem{Base: base("wAt"), Index: position, Scale: 4}, at)
	LEAQ(Mem{Base: w, Index: at, Scale: 2}, rightAt)
	left := number("k")
	Label(inner)
	g.multiply()
	SUBQ(I32(32), left)
	JNZ(LabelRef(inner))
	INCQ(position)
	JMP(LabelRef(loop))
	Label(done)
	g.eachSum(to, TILESTORED)
}

// multiply adds the product of 32 numbers of each row and moves on.
func (g grid) multiply() {
	for i := range g.down {
		TILELOADD(tileMemory{tileAt[i], tileStride, 0}, g.left(i))
		for j := range g.across {
			if i == 0 {
				TILELOADD(tileMemory{rightAt, pairStride, int8(j * tileBytes)}, g.right(j))
			}
			TDPBF16PS(g.right(j), g.left(i), g.sum(i, j))
		}
	}
	for i := range g.down {
		ADDQ(I32(tileBytes), tileAt[i])
	}
	ADDQ(I32(tileRows*pairBytes), rightAt)
}

// features writes what asks the processor for its features.
func features() {
	TEXT("cpuid", NOSPLIT, "func(leaf, subleaf uint32) (a, b, c, d uint32)")
	Doc("cpuid is the instruction of that name.")
	Load(Param("leaf"), reg.EAX)
	Load(Param("subleaf"), reg.ECX)
	CPUID()
	for _, r := range []struct {
		name string
		from reg.Register
	}{{"a", reg.EAX}, {"b", reg.EBX}, {"c", reg.ECX}, {"d", reg.EDX}} {
		Store(r.from, Return(r.name))
	}
	RET()

	TEXT("xgetbv", NOSPLIT, "func() (low, high uint32)")
	Doc("xgetbv returns which register states the operating system saves.")
	XORL(reg.ECX, reg.ECX)
	XGETBV()
	Store(reg.EAX, Return("low"))
	Store(reg.EDX, Return("high"))
	RET()
}
