package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// pooling writes pooling of rows of packed spikes.
func (v isa) pooling() {
	v.averageBits(single)
	v.averageBits(half)
}

// averageBits counts a window's spikes in whole numbers, so that versions agree
// to the bit.
func (v isa) averageBits(out kind) {
	v.text("averageBits"+out.suffix, "func(y "+out.slice+", x []uint32, rows, c, high, wide, down, across int, share float32)", "is averageBitsPortable, to the bit.")
	y, x, across := base("y"), base("x"), stride("across")
	high, wide, down := memory(Param("high")), memory(Param("wide")), memory(Param("down"))
	share := v.argument("share")
	var r rounding
	if out == half {
		r = v.rounding()
	}
	v.tile(number("rows"), number("c"), func(p position, m *mask) {
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
	})
	v.end()
}
