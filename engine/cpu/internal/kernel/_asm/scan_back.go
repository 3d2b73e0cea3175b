package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// surrogate is a window that the backward scan computes itself, or reads.
type surrogate struct {
	name string
	// of returns h from d, the distance to the threshold, with the window's reach
	// and top.
	of func(v isa, d reg.VecVirtual, reach, top Op) reg.VecVirtual
}

var surrogates = []surrogate{
	{"Given", nil},
	{"Rectangular", func(v isa, d reg.VecVirtual, reach, top Op) reg.VecVirtual {
		VANDPS(magnitude, d, d)
		return v.under(v.compare(lessThan, d, reach, everyLane), top)
	}},
	{"Triangular", func(v isa, d reg.VecVirtual, reach, top Op) reg.VecVirtual {
		VANDPS(magnitude, d, d)
		h := v.fetch(ones, everyLane)
		VFNMADD231PS(d, reach, h)
		return v.positiveTimes(h, top)
	}},
	{"Epanechnikov", func(v isa, d reg.VecVirtual, reach, top Op) reg.VecVirtual {
		VMULPS(reach, d, d)
		h := v.fetch(ones, everyLane)
		VFNMADD231PS(d, d, h)
		return v.positiveTimes(h, top)
	}},
}

// positiveTimes returns max(h, 0)·top; NaN stays.
func (v isa) positiveTimes(h reg.VecVirtual, top Op) reg.VecVirtual {
	VMAXPS(h, v.zeros(1)[0], h)
	VMULPS(top, h, h)
	return h
}

func (v isa) backward(k kind, w surrogate) {
	v.text("backward"+w.name+k.suffix,
		"func(q, carry []float32, g "+k.slice+", h, u, before, c2, c1 []float32, rows int, theta, kept, jump, floor, keepPassed, jumpPassed, reach, top, start float32)",
		"is backwardPortable.")
	q, carry, g, u, before := base("q"), base("carry"), base("g"), base("u"), base("before")
	c2, c1 := base("c2"), base("c1")
	s := v.spikes()
	keep, jump := v.argument("keepPassed"), v.argument("jumpPassed")
	var h reg.Register
	var reach, top Op
	if w.of == nil {
		h = base("h")
	} else {
		reach, top = v.argument("reach"), v.argument("top")
	}
	start := memory(Param("start"))
	v.tile(number("rows"), length("c2"), func(p position, m *mask) {
		z := v.fetch(p.at(u), m)
		hit := v.compare(greaterEqual, z, s.theta, everyLane)
		landed := v.land(s, z, hit)
		slope := v.choose(hit, s.kept, v.fetch(ones, everyLane))
		back := v.reg() // slope = kept + (jump − keep·u)·h where gradients pass
		VMOVAPS(jump, back)
		VFNMADD231PS(z, keep, back)
		var win reg.VecVirtual
		if w.of == nil {
			win = v.fetch(p.at(h), m)
		} else {
			VSUBPS(s.theta, z, z)
			win = w.of(v, z, reach, top)
		}
		VFMADD231PS(win, back, slope)
		slope = v.under(v.compare(notLess, landed, s.floor, everyLane), slope)
		VMULPS(v.fetch(p.at(carry), m), slope, slope)
		VFMADD231PS(v.read(k, g, p, m), win, slope)
		v.store(slope, m, p.at(q))
		prev := v.previous(s, before, start, p, m)
		VADDPS(prev, prev, prev)
		b := v.fetch(p.parameter(c1), m)
		VFMADD231PS(v.fetch(p.parameter(c2), m), prev, b)
		VMULPS(slope, b, b)
		v.store(b, m, p.at(carry))
	}, func() {})
	v.end()
}

// previous returns the potential that the step began with: that after the reset
// of the step before, or at the first the start.
func (v isa) previous(s spikes, before reg.Register, start Mem, p position, m *mask) reg.VecVirtual {
	first, done := label("first"), label("done")
	r := v.reg()
	TESTQ(before, before)
	JZ(LabelRef(first))
	VMOVAPS(v.fired(s, v.fetch(p.at(before), m)), r)
	JMP(LabelRef(done))
	Label(first)
	VBROADCASTSS(start, r)
	Label(done)
	return r
}
