package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// optimizers writes the updates and the norm of a gradient.
func (v isa) optimizers() {
	v.sgd()
	v.adamW()
	v.text("sumSquares", "func(x []float32) float64", "is sumSquaresPortable.")
	x, sum := base("x"), v.pair()
	v.flat(length("x"), func(i reg.Register, m *mask) {
		v.halves(v.fetch(at(x, i, 0), m), func(h int, d Op) { VFMADD231PD(d, d, sum[h]) })
	})
	result(ReturnIndex(0), v.total(sum))
	v.end()
}

func (v isa) sgd() {
	v.text("sgd", "func(w, g, m []float32, lr, scale, momentum, decay float32)", "is sgdPortable.")
	w, g, mom := base("w"), base("g"), base("m")
	lr, scale, momentum, decay := v.argument("lr"), v.argument("scale"), v.argument("momentum"), v.argument("decay")
	v.flat(length("w"), func(i reg.Register, m *mask) {
		wi, mi := v.fetch(at(w, i, 0), m), v.fetch(at(mom, i, 0), m)
		VMULPS(momentum, mi, mi)
		VFMADD231PS(v.fetch(at(g, i, 0), m), scale, mi)
		VFMADD231PS(wi, decay, mi)
		v.store(mi, m, at(mom, i, 0))
		VFNMADD231PS(mi, lr, wi)
		v.store(wi, m, at(w, i, 0))
	})
	v.end()
}

func (v isa) adamW() {
	v.text("adamW", "func(w, g, m, v []float32, lr, scale, beta1, beta2, eps, decay, correct1, correct2 float32)", "is adamWPortable.")
	w, g, m1, m2 := base("w"), base("g"), base("m"), base("v")
	lr, scale, eps, decay := v.argument("lr"), v.argument("scale"), v.argument("eps"), v.argument("decay")
	beta1, beta2 := v.argument("beta1"), v.argument("beta2")
	VMULPS(v.argument("correct1"), lr, lr)
	correct2 := v.argument("correct2")
	rest1, rest2 := v.constant(1), v.constant(1)
	VSUBPS(beta1, rest1, rest1)
	VSUBPS(beta2, rest2, rest2)
	v.flat(length("w"), func(i reg.Register, m *mask) {
		gi, t := v.fetch(at(g, i, 0), m), v.reg()
		VMULPS(scale, gi, gi)
		mean := v.fetch(at(m1, i, 0), m)
		VMULPS(beta1, mean, mean)
		VFMADD231PS(gi, rest1, mean)
		v.store(mean, m, at(m1, i, 0))
		square := v.fetch(at(m2, i, 0), m)
		VMULPS(beta2, square, square)
		VMULPS(gi, gi, gi)
		VFMADD231PS(gi, rest2, square)
		v.store(square, m, at(m2, i, 0))
		VMULPS(correct2, square, t)
		VSQRTPS(t, t)
		VADDPS(eps, t, t)
		VMULPS(lr, mean, mean)
		VDIVPS(t, mean, mean)
		wi := v.fetch(at(w, i, 0), m)
		VADDPS(v.decayed(decay, wi), mean, mean)
		VSUBPS(mean, wi, wi)
		v.store(wi, m, at(w, i, 0))
	})
	v.end()
}

func (v isa) decayed(decay, w Op) Op {
	d := v.reg()
	VMULPS(w, decay, d)
	return d
}
