package main

import (
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
	tileDepth = 32  // bfloat16 of a row
	pairBytes = 128 // of a pair of rows in a panel: 32 columns
	cacheLine = 64
)

// grids are the blocks of the product, in the order of its parameter `shape`.
var grids = []grid{{1, 1}, {1, 2}, {2, 1}, {2, 2}}

// tiles writes the product by tiles.
func tiles() {
	TEXT("productTiles", NOSPLIT, "func(config *byte, shape int, y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, group, blocks, k, panels int, add bool, ahead uintptr, step int)")
	Pragma("noescape")
	Doc("productTiles computes blocks of 1×1, 1×2, 2×1 or 2×2 tiles, as shape counts from 0, whose sizes are the configuration's:",
		"`blocks` of them down, `panels` across. x has k numbers for each position, a multiple of 32. Positions",
		"are taken `group` at a time. With each step of 32 of k, two cache lines are brought to the second-level",
		"cache from ahead on, which moves on by step bytes.")
	config, shape, done, now := reg.RAX, GP64(), label("done"), newBatch()
	MOVQ(number("ahead"), now.ahead)
	MOVQ(number("step"), now.step)
	Load(Param("config"), config)
	LDTILECFG(config)
	MOVQ(U32(pairBytes), pairStride)
	Load(Param("shape"), shape)
	for i, g := range grids {
		next := label("shape")
		CMPQ(shape, I32(i))
		JNE(LabelRef(next))
		now.each(func() { g.tileRows(now) })
		JMP(LabelRef(done))
		Label(next)
	}
	Label(done)
	TILERELEASE()
	RET()
}

// A batch is the positions from first to before end, whose sums begin with what
// y has or with zero, and what to fetch next. It lives in memory.
type batch struct{ first, end, add, ahead, step Mem }

func newBatch() batch {
	return batch{AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8)}
}

// each calls body for one batch of `group` positions after the other. All but
// the first add to y.
func (now batch) each(body func()) {
	next, t, all := label("batch"), GP64(), GP64()
	XORQ(t, t)
	MOVQ(t, now.end)
	Load(Param("add"), t)
	MOVQ(t, now.add)
	Label(next)
	MOVQ(now.end, t)
	MOVQ(t, now.first)
	ADDQ(number("group"), t)
	MOVQ(length("xAt"), all)
	CMPQ(t, all)
	CMOVQGT(all, t)
	MOVQ(t, now.end)
	body()
	MOVQ(I32(1), now.add)
	MOVQ(now.end, t)
	CMPQ(t, length("xAt"))
	JL(LabelRef(next))
}

// tileRows computes all blocks.
func (g grid) tileRows(now batch) {
	y, x, blocks := base("y"), base("x"), number("blocks")
	loop := label("block")
	Label(loop)
	g.tilePanels(now, y, x)
	for _, p := range []struct {
		at     reg.Register
		stride string
		bytes  int
	}{{y, "ldy", 4}, {x, "ldx", 2}} {
		step := number(p.stride)
		IMUL3Q(I32(g.down*tileRows*p.bytes), step, step)
		ADDQ(step, p.at)
	}
	DECQ(blocks)
	JNZ(LabelRef(loop))
}

// tilePanels computes a block of rows of all panels.
func (g grid) tilePanels(now batch, y, x reg.Register) {
	to, w, panels := GP64(), base("w"), number("panels")
	MOVQ(y, to)
	loop := label("panel")
	Label(loop)
	g.tileBlock(now, to, x, w)
	ADDQ(I32(g.across*tileBytes), to)
	panel := number("panel")
	LEAQ(Mem{Base: w, Index: panel, Scale: 2}, w)
	DECQ(panels)
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
func (g grid) tileBlock(now batch, to, from, w reg.Register) {
	fresh, begun := label("fresh"), label("begun")
	CMPQ(now.add, Imm(0))
	JE(LabelRef(fresh))
	g.eachSum(to, func(t tile, m tileMemory) { TILELOADD(m, t) })
	JMP(LabelRef(begun))
	Label(fresh)
	g.clear(to)
	Label(begun)
	g.tilePositions(now, to, from, w)
	g.eachSum(to, TILESTORED)
}

// clear sets the sums to zero, and fetches y meanwhile: else the stores at the
// end would wait for memory.
func (g grid) clear(to reg.Register) {
	row, step := GP64(), stride("ldy")
	MOVQ(to, row)
	for range g.down * tileRows {
		for j := range g.across {
			PREFETCHT0(Mem{Base: row, Disp: j * tileBytes})
		}
		ADDQ(step, row)
	}
	for i := range g.down {
		for j := range g.across {
			TILEZERO(g.sum(i, j))
		}
	}
}

// storeEvery is how much of k may be multiplied without a tile's store. On the
// processor that this was measured on, the first store after some thirty steps
// of 32 takes as long as ten steps, whatever and wherever it stores. So a block
// stores a tile of sums on the way, which the end overwrites.
const storeEvery = 20 * tileDepth

// tilePositions adds the products of a batch.
func (g grid) tilePositions(now batch, to, from, w reg.Register) {
	position, unstored := GP64(), GP64()
	loop, inner, stored, done := label("position"), label("inner"), label("on"), label("sum")
	MOVQ(now.first, position)
	XORQ(unstored, unstored)
	Label(loop)
	CMPQ(position, now.end)
	JGE(LabelRef(done))
	left := number("k")
	ADDQ(left, unstored)
	CMPQ(unstored, I32(storeEvery))
	JLE(LabelRef(stored))
	MOVQ(left, unstored)
	g.place(Mem{Base: to}, "ldy", 2)
	TILESTORED(g.sum(0, 0), tileMemory{tileAt[0], tileStride, 0})
	Label(stored)
	at := GP64()
	MOVLQSX(Mem{Base: base("wAt"), Index: position, Scale: 4}, at)
	LEAQ(Mem{Base: w, Index: at, Scale: 2}, rightAt)
	MOVLQSX(Mem{Base: base("xAt"), Index: position, Scale: 4}, at)
	g.place(Mem{Base: from, Index: at, Scale: 2}, "ldx", 1)
	INCQ(position)
	Label(inner)
	g.multiply()
	ahead := GP64()
	MOVQ(now.ahead, ahead)
	PREFETCHT1(Mem{Base: ahead})
	PREFETCHT1(Mem{Base: ahead, Disp: cacheLine})
	ADDQ(now.step, ahead)
	MOVQ(ahead, now.ahead)
	SUBQ(I32(tileDepth), left)
	JNZ(LabelRef(inner))
	JMP(LabelRef(loop))
	Label(done)
}

// multiply adds the product of tileDepth numbers of each row and moves on.
func (g grid) multiply() {
	for i := range g.down {
		TILELOADD(tileMemory{tileAt[i], tileStride, 0}, g.left(i))
		for j := range g.across {
			if i > 0 {
				TDPBF16PS(g.right(j), g.left(i), g.sum(i, j))
				continue
			}
			TILELOADD(tileMemory{rightAt, pairStride, int8(j * tileBytes)}, g.right(j))
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
