package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// shape is what a window's formula needs: constants, the scale b and 1/b.
type shape struct{ zero, half, threeQuarters, one, magnitude, b, inv Op }

// windows writes the shapes that need no exponential and no division. Each
// turns d, the distance to the threshold, into h.
func (v isa) windows() {
	v.window("rectangular", func(s shape, d reg.VecVirtual) Op {
		VANDPS(s.magnitude, d, d)
		h := v.under(v.compare(lessThan, d, s.b, everyLane), s.half)
		VMULPS(s.inv, h, h)
		return h
	})
	v.window("triangular", func(s shape, d reg.VecVirtual) Op {
		VANDPS(s.magnitude, d, d)
		h := v.reg()
		VMOVAPS(s.one, h)
		VFNMADD231PS(d, s.inv, h)
		VMAXPS(h, s.zero, h) // NaN stays
		VMULPS(s.inv, h, h)
		return h
	})
	v.window("epanechnikov", func(s shape, d reg.VecVirtual) Op {
		h := v.reg()
		VMULPS(s.inv, d, d)
		VMOVAPS(s.one, h)
		VFNMADD231PS(d, d, h)
		VMAXPS(h, s.zero, h) // NaN stays
		VMULPS(s.threeQuarters, h, h)
		VMULPS(s.inv, h, h)
		return h
	})
}

func (v isa) window(name string, formula func(s shape, d reg.VecVirtual) Op) {
	v.text(name, "func(h, u []float32, theta, b float32)", "is "+name+"Portable.")
	h, u := base("h"), base("u")
	theta, b := v.argument("theta"), v.argument("b")
	s := shape{
		zero: v.zeros(1)[0], half: v.constant(.5), threeQuarters: v.constant(.75), one: v.constant(1),
		magnitude: v.word(0x7fffffff), b: b, inv: v.reg(),
	}
	VDIVPS(b, s.one, s.inv)
	v.flat(length("u"), func(i reg.Register, m *mask) {
		d := v.fetch(at(u, i, 0), m)
		VSUBPS(theta, d, d)
		v.store(formula(s, d), m, at(h, i, 0))
	})
	v.end()
}
