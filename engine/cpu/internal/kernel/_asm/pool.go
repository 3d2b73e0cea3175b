package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pooling writes average pooling of one row of windows, forwards and back.
func (v isa) pooling() {
	const parameters = "windows, step, line, size, c int, scale float32)"
	v.text("average", "func(y, x []float32, "+parameters, "is averagePortable.")
	scale := v.argument("scale")
	v.eachWindow("y", "x", func(y Mem, pixels func(do func(x Mem)), m *mask) {
		sum := v.zeros(1)[0]
		pixels(func(x Mem) { VADDPS(v.fetch(x, m), sum, sum) })
		VMULPS(scale, sum, sum)
		v.store(sum, m, y)
	})
	v.end()

	v.text("averageBack", "func(dy, dx []float32, "+parameters, "is averageBackPortable.")
	scale = v.argument("scale")
	v.eachWindow("dy", "dx", func(dy Mem, pixels func(do func(dx Mem)), m *mask) {
		share := v.fetch(dy, m)
		VMULPS(scale, share, share)
		pixels(func(dx Mem) {
			z := v.fetch(dx, m)
			VADDPS(share, z, z)
			v.store(z, m, dx)
		})
	})
	v.end()
}

// eachWindow calls body, for every vector of channels of every window, with
// those channels of the window's output and a loop over its input pixels.
func (v isa) eachWindow(output, input string, body func(out Mem, pixels func(do func(in Mem)), m *mask)) {
	out, in := base(output), base(input)
	line, width, size := stride("line"), stride("c"), number("size")
	window, done := label("window"), label("done")
	left, step := number("windows"), stride("step")
	Label(window)
	TESTQ(left, left)
	JZ(LabelRef(done))
	v.flat(number("c"), func(i reg.Register, m *mask) {
		row, rows := GP64(), GP64()
		LEAQ(at(in, i, 0), row)
		MOVQ(size, rows)
		body(at(out, i, 0), func(do func(in Mem)) {
			down, across := label("down"), label("across")
			Label(down)
			pixel, columns := GP64(), GP64()
			MOVQ(row, pixel)
			MOVQ(size, columns)
			Label(across)
			do(Mem{Base: pixel})
			ADDQ(width, pixel)
			DECQ(columns)
			JNZ(LabelRef(across))
			ADDQ(line, row)
			DECQ(rows)
			JNZ(LabelRef(down))
		}, m)
	})
	ADDQ(width, out)
	ADDQ(step, in)
	DECQ(left)
	JMP(LabelRef(window))
	Label(done)
}
