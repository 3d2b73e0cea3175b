package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gradientPanel and productPanel are the package's.
const (
	gradientPanel = 32
	productPanel  = 64
)

// windowGradient writes the gradient of a 3×3 window. A channel's nine positions
// of a panel of outputs stay in registers over its events; AVX2, with half as many
// registers, takes a row of the window at a time.
func (v isa) windowGradient() {
	const rest = "count []int32, room, right, down int)"
	v.text("windowGradient", "func(sum, dy []float32, index []uint16, "+rest, "is windowGradientPortable.")
	v.windowChannels(false)
	v.text("windowGradientValues", "func(sum, dy []float32, index []uint16, value []float32, "+rest, "is windowGradientValuesPortable.")
	v.windowChannels(true)
}

func (v isa) windowChannels(valued bool) {
	rows := 3 // of the window at a time
	if !v.wide() {
		rows = 1
	}
	sum, index, count, channels := base("sum"), base("index"), base("count"), length("count")
	var value reg.Register
	if valued {
		value = base("value")
	}
	const line = 4 * gradientPanel // bytes of a row of dy
	channel, next := label("channel"), label("next")
	Label(channel)
	events := GP64()
	MOVLQSX(Mem{Base: count}, events)
	TESTQ(events, events)
	JZ(LabelRef(next))
	for ky := 0; ky < 3; ky += rows {
		acc := v.regs(rows * 3 * gradientPanel / v.lanes)
		at := func(j int) Mem { return Mem{Base: sum, Disp: 3*line*ky + j*v.bytes()} }
		for j, r := range acc {
			VMOVUPS(at(j), r)
		}
		v.windowEvents(acc, ky, events, index, value)
		for j, r := range acc {
			VMOVUPS(r, at(j))
		}
	}
	Label(next)
	room := number("room")
	LEAQ(Mem{Base: index, Index: room, Scale: 2}, index)
	if valued {
		LEAQ(Mem{Base: value, Index: room, Scale: 4}, value)
	}
	ADDQ(I32(9*line), sum)
	ADDQ(I32(4), count)
	DECQ(channels)
	JNZ(LabelRef(channel))
	v.end()
}

// windowEvents adds a channel's events to positions from row ky of the window on.
func (v isa) windowEvents(acc []reg.VecVirtual, ky int, events, index, value reg.Register) {
	const shift = 7 // a row of dy has 128 bytes
	dy, right, down := base("dy"), number("right"), number("down")
	SHLQ(Imm(shift), right)
	SHLQ(Imm(shift), down)
	i, loop := GP64(), label("event")
	XORQ(i, i)
	Label(loop)
	var column [3]reg.GPVirtual // of the window, from its right
	for k := range column {
		column[k] = GP64()
	}
	MOVWLZX(Mem{Base: index, Index: i, Scale: 2}, column[0].As32())
	SHLQ(Imm(shift), column[0])
	ADDQ(dy, column[0])
	LEAQ(Mem{Base: column[0], Index: right, Scale: 1}, column[1])
	LEAQ(Mem{Base: column[0], Index: right, Scale: 2}, column[2])
	var x reg.VecVirtual
	if value != nil {
		x = v.spread(Mem{Base: value, Index: i, Scale: 4})
	}
	vectors := gradientPanel / v.lanes
	for j, r := range acc {
		position := 3*ky + j/vectors
		from := Mem{Base: column[2-position%3], Disp: j % vectors * v.bytes()}
		if above := 2 - position/3; above > 0 {
			from.Index, from.Scale = down, uint8(above)
		}
		if value != nil {
			v.fmaLoad(from, everyLane, x, r)
		} else {
			v.addLoad(from, everyLane, r)
		}
	}
	INCQ(i)
	CMPQ(i, events)
	JL(LabelRef(loop))
}

// packRows writes the copy of a panel of rows.
func (v isa) packRows() {
	v.text("packRows", "func(dst, x []float32, rows, stride, panel, width, ahead int, scale float32)", "is packRowsPortable.")
	dst, x, rows, step, scale := base("dst"), base("x"), number("rows"), stride("stride"), v.argument("scale")
	width, panel, ahead := number("width"), number("panel"), stride("ahead")
	wider, done := label("wider"), label("done")
	CMPQ(panel, I32(gradientPanel))
	JNE(LabelRef(wider))
	for _, size := range []int{gradientPanel, productPanel} {
		var masks []*mask
		for j := range size / v.lanes {
			masks = append(masks, v.part(width, j))
		}
		row := label(fmt.Sprintf("row%d_", size))
		Label(row)
		for disp := 0; disp < 4*size; disp += lineBytes {
			PREFETCHT1(at(x, ahead, disp))
		}
		for j, m := range masks {
			z := v.fetch(Mem{Base: x, Disp: j * v.bytes()}, m)
			VMULPS(scale, z, z)
			VMOVUPS(z, Mem{Base: dst, Disp: j * v.bytes()})
		}
		ADDQ(step, x)
		ADDQ(I32(4*size), dst)
		DECQ(rows)
		JNZ(LabelRef(row))
		if size == gradientPanel {
			JMP(LabelRef(done))
			Label(wider)
		}
	}
	Label(done)
	v.end()
}

// transposeNumbers writes the transpose of a matrix in squares of a vector's lanes.
func (v isa) transposeNumbers() {
	v.text("transposeNumbers", "func(dst, x []float32, rows, columns int)", "is transposeNumbersPortable.")
	dst, x, down, across := base("dst"), base("x"), stride("rows"), stride("columns")
	left, row, square := number("rows"), label("row"), label("square")
	Label(row)
	from, to, columns := GP64(), GP64(), number("columns")
	MOVQ(x, from)
	MOVQ(dst, to)
	Label(square)
	z, at := v.regs(v.lanes), GP64()
	MOVQ(from, at)
	for _, r := range z {
		VMOVUPS(Mem{Base: at}, r)
		ADDQ(across, at)
	}
	for _, r := range v.transpose(z) {
		VMOVUPS(r, Mem{Base: to})
		ADDQ(down, to)
	}
	ADDQ(I32(v.bytes()), from)
	SUBQ(I32(v.lanes), columns)
	JNZ(LabelRef(square))
	MOVQ(at, x) // behind the last square's last row is the next row's first …
	SUBQ(across, x)
	ADDQ(I32(v.bytes()), x)
	ADDQ(I32(v.bytes()), dst)
	SUBQ(I32(v.lanes), left)
	JNZ(LabelRef(row))
	v.end()
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
