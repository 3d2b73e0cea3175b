package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// surrogate is a window that the backward scan computes itself, or reads.
type surrogate struct {
	name string
	// of returns h from d, the distance to the threshold.
	of func(v isa, d reg.VecVirtual, reach, top, zero Op) reg.VecVirtual
}

var surrogates = []surrogate{
	{"Given", nil},
	{"Rectangular", func(v isa, d reg.VecVirtual, reach, top, zero Op) reg.VecVirtual {
		VANDPS(magnitude, d, d)
		return v.under(v.compare(lessThan, d, reach, everyLane), v.inRegister(top))
	}},
	{"Triangular", func(v isa, d reg.VecVirtual, reach, top, zero Op) reg.VecVirtual {
		VANDPS(magnitude, d, d)
		return v.hat(d, reach, top, zero)
	}},
	{"Epanechnikov", func(v isa, d reg.VecVirtual, reach, top, zero Op) reg.VecVirtual {
		VMULPS(d, d, d)
		return v.hat(d, reach, top, zero)
	}},
}

// hat turns x into max(0, top − x·reach); NaN stays.
func (v isa) hat(x reg.VecVirtual, reach, top, zero Op) reg.VecVirtual {
	VFNMADD213PS(top, v.inRegister(reach), x)
	VMAXPS(x, v.inRegister(zero), x)
	return x
}

func (v isa) backward(k kind, w surrogate) {
	v.text("backward"+w.name+k.suffix,
		"func(q "+k.slice+", carry []float32, g "+k.slice+", h, u, before, c2, c1 []float32, rows, next int, attached, floored bool, theta, kept, jump, floor, keep, reach, top, start float32)",
		"is backwardPortable.")
	q, carry, g, u, before := base("q"), base("carry"), base("g"), base("u"), base("before")
	s := v.spikes()
	keep := v.scalar("keep")
	attached, floored := memory(Param("attached")), memory(Param("floored"))
	var h reg.Register
	var reach, top Op
	if w.of == nil {
		h = base("h")
	} else {
		reach, top = v.scalar("reach"), v.scalar("top")
	}
	one, zero := v.inRegisters(ones), v.inRegisters(zeros)
	var r rounding
	if k == half {
		r = v.rounding()
	}
	var k2, k1 [2]reg.VecVirtual
	for i := range v.together() {
		k2[i], k1[i] = v.reg(), v.reg()
	}
	v.strips(v.together(), number("rows"), length("c2"), 0,
		func(i int, p position, m *mask) {
			v.parameter("c2", p, m, k2[i])
			VADDPS(k2[i], k2[i], k2[i])
			v.parameter("c1", p, m, k1[i])
		},
		func(i int, p position, m *mask) {
			z := v.fetch(p.at(u), m)
			hit := v.compare(greaterEqual, z, s.theta, everyLane)
			slope := v.choose(hit, s.kept, v.inRegister(one))
			var win reg.VecVirtual
			if w.of == nil {
				win = v.fetch(p.at(h), m)
			} else {
				d := v.reg()
				VSUBPS(s.theta, z, d)
				win = w.of(v, d, reach, top, zero)
			}
			v.where(attached, func() { // slope += (jump − keep·u)·h
				back := v.reg()
				VMOVUPS(s.jump, back)
				VFNMADD231PS(keep, z, back)
				VFMADD231PS(win, back, slope)
			})
			v.where(floored, func() {
				v.land(s, z, hit)
				VMOVAPS(v.under(v.compare(notLess, z, v.inRegister(s.floor), everyLane), slope), slope)
			})
			ahead(p, func(p position) {
				fetchAhead(k, g, p)
				fetchAhead(k, q, p)
			})
			v.mulLoad(p.at(carry), m, slope)
			if k == single {
				v.fmaLoad(p.at(g), m, win, slope)
				v.store(slope, m, p.at(q))
			} else {
				VFMADD231PS(v.read(k, g, p, m), win, slope)
				v.storeHalf(r, slope, m, p.half(q))
			}
			prev := v.previous(s, before, p, m)
			VFMADD213PS(k1[i], k2[i], prev)
			VMULPS(slope, prev, prev)
			v.store(prev, m, p.at(carry))
		},
		func(int, position, *mask) {})
	v.end()
}

// previous returns the potential that the step began with: that after the reset
// of the step before, or at the first the start.
func (v isa) previous(s spikes, before reg.Register, p position, m *mask) reg.VecVirtual {
	first, r := label("first"), v.reg()
	VBROADCASTSS(memory(Param("start")), r)
	TESTQ(before, before)
	JZ(LabelRef(first))
	v.load(p.at(before), m, r)
	v.reset(s, r)
	Label(first)
	return r
}

// mulLoad multiplies acc with memory; lanes that are not selected do not matter.
func (v isa) mulLoad(from Mem, m *mask, acc reg.VecVirtual) {
	switch {
	case m == everyLane:
		VMULPS(from, acc, acc)
	case v.wide():
		VMULPS(from, acc, m.op, acc)
	default:
		VMULPS(v.fetch(from, m), acc, acc)
	}
}

// inRegisters returns a constant in a register where there are enough.
func (v isa) inRegisters(m Mem) Op {
	if v.wide() {
		return v.fetch(m, everyLane)
	}
	return m
}
