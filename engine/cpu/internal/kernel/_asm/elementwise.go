package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise writes additions of slices and of rows.
func (v isa) elementwise() {
	v.text("axpy", "func(dst, src []float32, a float32)", "is axpyPortable.")
	dst, src, a := base("dst"), base("src"), v.argument("a")
	v.flat(length("dst"), func(i reg.Register, m *mask) {
		z := v.fetch(at(dst, i, 0), m)
		v.fmaLoad(at(src, i, 0), m, a, z)
		v.store(z, m, at(dst, i, 0))
	})
	v.end()

	v.text("addBias", "func(y, bias []float32)", "is addBiasPortable.")
	y, bias := base("y"), base("bias")
	rows, b := v.rowCount("y", "bias"), v.reg()
	v.columns(rows, length("bias"),
		func(i reg.Register, m *mask) { v.load(at(bias, i, 0), m, b) },
		func(i reg.Register, m *mask) {
			z := v.fetch(at(y, i, 0), m)
			VADDPS(b, z, z)
			v.store(z, m, at(y, i, 0))
		},
		nothing)
	v.end()

	v.text("sumRows", "func(sum, y []float32)", "is sumRowsPortable, to the bit.")
	sum, y := base("sum"), base("y")
	rows, s := v.rowCount("y", "sum"), v.reg()
	v.columns(rows, length("sum"),
		func(i reg.Register, m *mask) { v.load(at(sum, i, 0), m, s) },
		func(i reg.Register, m *mask) { VADDPS(v.fetch(at(y, i, 0), m), s, s) },
		func(i reg.Register, m *mask) { v.store(s, m, at(sum, i, 0)) })
	v.end()
}
