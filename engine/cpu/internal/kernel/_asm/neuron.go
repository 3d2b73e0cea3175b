package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reset is the potential after reset, max(u·(1 − keep·s) + jump·s, floor): see
// Neuron.reset in the package.
type reset struct{ one, keep, jump, floor Op }

// resetArguments loads the parameters keep, jump and floor.
func (v isa) resetArguments() reset {
	return reset{v.constant(1), v.argument("keep"), v.argument("jump"), v.argument("floor")}
}

// kept returns 1 − keep·s.
func (v isa) kept(r reset, s Op) Op {
	k := v.reg()
	VMOVAPS(r.one, k)
	VFNMADD231PS(s, r.keep, k)
	return k
}

// after turns kept into u·kept + jump·s.
func (v isa) after(r reset, u, s, kept Op) {
	VMULPS(u, kept, kept)
	VFMADD231PS(s, r.jump, kept)
}

// floored raises x to the floor; a potential that is not a number stays one.
func (v isa) floored(r reset, x Op) { VMAXPS(x, r.floor, x) }

func (v isa) scan() {
	v.step()
	v.afterReset()
	v.back()
}

func (v isa) step() {
	v.text("step", "func(s, u, v, x, c2, c1, c0 []float32, theta, keep, jump, floor float32) (spikes int, sum, sum2 float64)", "is stepPortable.")
	s, u, pot, x := base("s"), base("u"), base("v"), base("x")
	c2, c1, c0 := base("c2"), base("c1"), base("c0")
	theta, r := v.argument("theta"), v.resetArguments()
	rows := v.rowCount("x", "c2")
	spikes := GP64()
	XORQ(spikes, spikes)
	sum, sum2 := v.pair(), v.pair()
	k2, k1, k0 := v.reg(), v.reg(), v.reg()
	v.columns(rows, length("c2"),
		func(i reg.Register, m *mask) {
			v.load(at(c2, i, 0), m, k2)
			v.load(at(c1, i, 0), m, k1)
			v.load(at(c0, i, 0), m, k0)
		},
		func(i reg.Register, m *mask) {
			old := v.fetch(at(pot, i, 0), m)
			in := v.fetch(at(x, i, 0), m)
			z := v.reg() // (c2·v + c1)·v + (c0 + x)
			VMOVAPS(k1, z)
			VFMADD231PS(old, k2, z)
			VADDPS(k0, in, in)
			VFMADD213PS(in, old, z)
			v.store(z, m, at(u, i, 0))
			hit := v.compare(greaterEqual, z, theta, m)
			v.count(hit, spikes)
			fired := v.under(hit, r.one)
			v.store(fired, m, at(s, i, 0))
			next := v.kept(r, fired)
			v.after(r, z, fired, next)
			v.floored(r, next)
			v.store(next, m, at(pot, i, 0))
			v.halves(z, func(h int, d Op) {
				VADDPD(d, sum[h], sum[h])
				VFMADD231PD(d, d, sum2[h])
			})
		},
		nothing)
	Store(spikes, Return("spikes"))
	result(Return("sum"), v.total(sum))
	result(Return("sum2"), v.total(sum2))
	v.end()
}

// rowCount returns how many rows of len(channels) numbers the slice holds. The
// caller has at least one channel.
func (v isa) rowCount(slice, channels string) reg.Register {
	return v.quotient(length(slice), length(channels))
}

// quotient returns n/d, for n ≥ 0 and d > 0.
func (v isa) quotient(n, d reg.Register) reg.Register {
	MOVQ(n, reg.RAX)
	XORL(reg.EDX, reg.EDX)
	DIVQ(d)
	q := GP64()
	MOVQ(reg.RAX, q)
	return q
}

func (v isa) afterReset() {
	v.text("after", "func(v, u, s []float32, keep, jump, floor float32)", "is afterPortable.")
	pot, u, s := base("v"), base("u"), base("s")
	r := v.resetArguments()
	v.flat(length("v"), func(i reg.Register, m *mask) {
		fired := v.fetch(at(s, i, 0), m)
		z := v.fetch(at(u, i, 0), m)
		next := v.kept(r, fired)
		v.after(r, z, fired, next)
		v.floored(r, next)
		v.store(next, m, at(pot, i, 0))
	})
	v.end()
}

func (v isa) back() {
	v.text("back", "func(q, carry, g, h, u, s, prev, c2, c1 []float32, keep, jump, floor, attach float32)", "is backPortable.")
	q, carry, g, h := base("q"), base("carry"), base("g"), base("h")
	u, s, prev := base("u"), base("s"), base("prev")
	c2, c1 := base("c2"), base("c1")
	r, attach := v.resetArguments(), v.argument("attach")
	rows := v.rowCount("u", "c2")
	k2, k1 := v.reg(), v.reg()
	v.columns(rows, length("c2"),
		func(i reg.Register, m *mask) {
			v.load(at(c2, i, 0), m, k2)
			VADDPS(k2, k2, k2)
			v.load(at(c1, i, 0), m, k1)
		},
		func(i reg.Register, m *mask) {
			fired, z := v.fetch(at(s, i, 0), m), v.fetch(at(u, i, 0), m)
			win := v.fetch(at(h, i, 0), m)
			kept := v.kept(r, fired)
			slope, jump := v.reg(), v.reg() // kept + (jump − keep·u)·h
			VMOVAPS(r.jump, jump)
			VFNMADD231PS(z, r.keep, jump)
			VMULPS(win, attach, slope)
			VFMADD213PS(kept, jump, slope)
			v.after(r, z, fired, kept)
			slope = v.under(v.compare(notLess, kept, r.floor, everyLane), slope)
			VMULPS(v.fetch(at(carry, i, 0), m), slope, slope)
			VFMADD231PS(v.fetch(at(g, i, 0), m), win, slope)
			v.store(slope, m, at(q, i, 0))
			back := v.reg()
			VMOVAPS(k1, back)
			VFMADD231PS(v.fetch(at(prev, i, 0), m), k2, back)
			VMULPS(slope, back, back)
			v.store(back, m, at(carry, i, 0))
		},
		nothing)
	v.end()
}
