package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pixelPooling writes pooling of rows of packed spikes.
func (v isa) pixelPooling() {
	v.averageBits(single)
	v.averageBits(half)
	v.text("scale", "func(dst, src []float32, a float32)", "is scalePortable, to the bit.")
	dst, src, a := base("dst"), base("src"), v.argument("a")
	v.flat(length("dst"), func(i reg.Register, m *mask) {
		z := v.fetch(at(src, i, 0), m)
		VMULPS(a, z, z)
		v.store(z, m, at(dst, i, 0))
	})
	v.end()
}

// averageBits counts a window's spikes in whole numbers, so that versions agree
// to the bit.
func (v isa) averageBits(out kind) {
	v.text("averageBits"+out.suffix, "func(y "+out.slice+", x []uint32, rows, c, apart, high, wide, down, across int, share float32)", "is averageBitsPortable, to the bit.")
	y, x, across := base("y"), base("x"), stride("across")
	high, wide, down := memory(Param("high")), memory(Param("wide")), memory(Param("down"))
	share := v.argument("share")
	pad, c := GP64(), number("c")
	Load(Param("apart"), pad)
	SUBQ(c, pad) // numbers between one row of y and the next
	var r rounding
	size := 4
	if out == half {
		r, size = v.rounding(), 2
	}
	v.tile(number("rows"), c, func(p position, m *mask) {
		count := v.zeros(1)[0]
		line, lines := GP64(), GP64()
		LEAQ(p.packed(x), line)
		MOVQ(high, lines)
		nextLine, nextPixel := label("line"), label("pixel")
		Label(nextLine)
		pixel, pixels := GP64(), GP64()
		MOVQ(line, pixel)
		MOVQ(wide, pixels)
		Label(nextPixel)
		v.countHits(v.loadBits(Mem{Base: pixel}), count)
		ADDQ(across, pixel)
		DECQ(pixels)
		JNZ(LabelRef(nextPixel))
		MOVQ(down, pixel)
		LEAQ(Mem{Base: line, Index: pixel, Scale: 4}, line)
		DECQ(lines)
		JNZ(LabelRef(nextLine))
		VCVTDQ2PS(count, count)
		VMULPS(share, count, count)
		if out == half {
			v.storeHalf(r, count, m, p.half(y))
		} else {
			v.store(count, m, p.at(y))
		}
	}, func() { LEAQ(Mem{Base: y, Index: pad, Scale: uint8(size)}, y) })
	v.end()
}
