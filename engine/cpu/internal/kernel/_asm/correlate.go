package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// correlate writes the dense convolution. A block of pixels times vectors of
// channels stays in registers over all window positions and channels of the
// other side; each weight vector that is loaded serves every pixel of the
// block.
func (v isa) correlate() {
	v.text("correlate", "func(y, x, w []float32, xAt, wAt []int32, pixels, step, apart, k, n int, add bool)", "is correlatePortable.")
	y, w, left := base("y"), base("w"), number("n")
	blocks := []int{8, 4, 2, 1}
	if !v.wide() {
		blocks = blocks[1:] // sixteen registers in all
	}
	for _, vectors := range []int{2, 1} {
		channels, next := label("channels"), label("next")
		Label(channels)
		CMPQ(left, I32(vectors*v.lanes))
		JL(LabelRef(next))
		v.correlatePixels(y, w, vectors, blocks, everyLane)
		ADDQ(I32(vectors*v.bytes()), y)
		ADDQ(I32(vectors*v.bytes()), w)
		SUBQ(I32(vectors*v.lanes), left)
		JMP(LabelRef(channels))
		Label(next)
	}
	done := label("done")
	TESTQ(left, left)
	JZ(LabelRef(done))
	v.correlatePixels(y, w, 1, blocks, v.first(left))
	Label(done)
	v.end()
}

// number returns an int parameter in a register.
func number(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// stride returns an int parameter, a number of float32, in bytes.
func stride(name string) reg.GPVirtual {
	r := number(name)
	SHLQ(Imm(2), r)
	return r
}

// correlatePixels computes all pixels of a block of channels.
func (v isa) correlatePixels(y, w reg.Register, vectors int, blocks []int, m *mask) {
	to, from, left := GP64(), base("x"), number("pixels")
	MOVQ(y, to)
	for _, n := range blocks {
		again, next := label("pixels"), label("next")
		Label(again)
		CMPQ(left, I32(n))
		JL(LabelRef(next))
		v.correlateBlock(to, from, w, n, vectors, m)
		step, apart := stride("step"), stride("apart")
		IMUL3Q(I32(n), step, step)
		IMUL3Q(I32(n), apart, apart)
		ADDQ(step, to)
		ADDQ(apart, from)
		SUBQ(I32(n), left)
		JMP(LabelRef(again))
		Label(next)
	}
}

// correlateBlock computes n pixels.
func (v isa) correlateBlock(to, from, w reg.Register, n, vectors int, m *mask) {
	acc := make([][]reg.VecVirtual, n)
	for p := range acc {
		acc[p] = v.zeros(vectors)
	}
	v.correlatePositions(from, w, acc, m)

	stored, plain := label("store"), label("plain")
	step, add := stride("step"), GP8()
	at := GP64()
	MOVQ(to, at)
	Load(Param("add"), add)
	TESTB(add, add)
	JZ(LabelRef(plain))
	for p := range acc {
		for j, r := range acc[p] {
			VADDPS(v.fetch(Mem{Base: at, Disp: j * v.bytes()}, m), r, r)
			v.store(r, m, Mem{Base: at, Disp: j * v.bytes()})
		}
		ADDQ(step, at)
	}
	JMP(LabelRef(stored))
	Label(plain)
	for p := range acc {
		for j, r := range acc[p] {
			v.store(r, m, Mem{Base: at, Disp: j * v.bytes()})
		}
		ADDQ(step, at)
	}
	Label(stored)
}

// correlatePositions adds every window position's products to acc.
func (v isa) correlatePositions(from, w reg.Register, acc [][]reg.VecVirtual, m *mask) {
	position, loop, inner, done := GP64(), label("position"), label("inner"), label("sum")
	XORQ(position, position)
	Label(loop)
	CMPQ(position, length("xAt"))
	JGE(LabelRef(done))
	rows, at := GP64(), GP64()
	MOVLQSX(Mem{Base: base("xAt"), Index: position, Scale: 4}, at)
	LEAQ(Mem{Base: from, Index: at, Scale: 4}, at)
	MOVLQSX(Mem{Base: base("wAt"), Index: position, Scale: 4}, rows)
	LEAQ(Mem{Base: w, Index: rows, Scale: 4}, rows)

	// Pixel p is at `at` + p·apart: two bases reach eight.
	apart, left, row := stride("apart"), number("k"), stride("n")
	apart3, at4 := GP64(), GP64()
	LEAQ(Mem{Base: apart, Index: apart, Scale: 2}, apart3)
	LEAQ(Mem{Base: at, Index: apart, Scale: 4}, at4)
	pixel := func(p int) Mem {
		b := at
		if p >= 4 {
			b = at4
		}
		return []Mem{{Base: b}, {Base: b, Index: apart, Scale: 1}, {Base: b, Index: apart, Scale: 2}, {Base: b, Index: apart3, Scale: 1}}[p%4]
	}
	Label(inner)
	weights := v.regs(len(acc[0]))
	for j, r := range weights {
		v.load(Mem{Base: rows, Disp: j * v.bytes()}, m, r)
	}
	for p := range acc {
		x := v.spread(pixel(p))
		for j, r := range acc[p] {
			VFMADD231PS(weights[j], x, r)
		}
	}
	ADDQ(I32(4), at)
	if len(acc) > 4 {
		ADDQ(I32(4), at4)
	}
	ADDQ(row, rows)
	DECQ(left)
	JNZ(LabelRef(inner))
	INCQ(position)
	JMP(LabelRef(loop))
	Label(done)
}
