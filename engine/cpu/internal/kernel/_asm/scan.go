package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scanFamily writes the scan of tiles and what lies around it.
func scanFamily() {
	for _, v := range []isa{avx2, avx512} {
		for _, k := range []kind{single, half, bit} {
			v.term(k)
			v.forward(k)
		}
		v.fire()
		for _, k := range []kind{single, half} {
			for _, s := range surrogates {
				v.backward(k, s)
			}
		}
		v.normGradients()
		v.statistics()
		v.coefGradient()
		v.smoothWindows()
		v.pixelPooling()
	}
}

// normalised returns z·scale + shift at p.
func (v isa) normalised(k kind, z, scale, shift reg.Register, p position, m *mask) reg.VecVirtual {
	r := v.fetch(p.parameter(shift), m)
	VFMADD231PS(v.fetch(p.parameter(scale), m), v.read(k, z, p, m), r)
	return r
}

func (v isa) term(k kind) {
	v.text("term"+k.suffix, "func(x []float32, z "+k.slice+", scale, shift []float32, rows int, add bool)", "is termPortable.")
	x, z, scale, shift := base("x"), base("z"), base("scale"), base("shift")
	add := memory(Param("add"))
	v.tile(number("rows"), length("scale"), func(p position, m *mask) {
		r := v.normalised(k, z, scale, shift, p, m)
		v.unless(add, func() { VADDPS(v.fetch(p.at(x), m), r, r) })
		v.store(r, m, p.at(x))
	}, func() {})
	v.end()
}

// unless skips body where the bool at m is false.
func (v isa) unless(m Mem, body func()) {
	skip := label("skip")
	CMPB(m, Imm(0))
	JEQ(LabelRef(skip))
	body()
	Label(skip)
}

// spikes is what the reset needs to know of a potential: the threshold and, for
// the lanes that fire, v = u·kept + jump; then the floor.
type spikes struct{ theta, kept, jump, floor Op }

func (v isa) spikes() spikes {
	s := spikes{v.argument("theta"), v.argument("kept"), v.argument("jump"), v.argument("floor")}
	return s
}

// land returns u·kept + jump in the lanes hit, u in the others.
func (v isa) land(s spikes, u reg.VecVirtual, hit Op) reg.VecVirtual {
	r := v.reg()
	VMOVAPS(u, r)
	if v.wide() {
		VFMADD213PS(s.jump, s.kept, hit, r)
	} else {
		VFMADD213PS(s.jump, s.kept, r)
		VBLENDVPS(hit, r, u, r)
	}
	return r
}

// observed is how many potentials a lane adds up in float32 before it widens the
// sum: observed in the package.
const observed = 16

func (v isa) forward(k kind) {
	v.text("forward"+k.suffix, "func(fired []uint32, u, v []float32, z "+k.slice+", scale, shift, c2, c1, c0 []float32, rows int, add bool, theta, kept, jump, floor float32) (spikes, sum, sum2 float64)",
		"is forwardPortable.")
	bits, u, pot, z := base("fired"), base("u"), base("v"), base("z")
	scale, shift := base("scale"), base("shift")
	c2, c1, c0 := base("c2"), base("c1"), base("c0")
	s, add := v.spikes(), memory(Param("add"))
	budget := AllocLocal(8)
	MOVQ(I32(observed), budget)
	spikes := v.zeros(1)[0]
	sums := v.zeros(4) // Σu and Σu² in float32, then in float64
	widen := func() {
		for i, x := range sums[:2] {
			v.halves(x, func(_ int, d Op) { VADDPD(d, sums[2+i], sums[2+i]) })
			VXORPS(x, x, x)
		}
	}
	v.tile(number("rows"), length("c2"), func(p position, m *mask) {
		x := v.normalised(k, z, scale, shift, p, m)
		VADDPS(v.fetch(p.parameter(c0), m), x, x)
		v.unless(add, func() { VADDPS(v.fetch(p.at(u), m), x, x) })
		old, r := v.fetch(p.at(pot), m), v.fetch(p.parameter(c2), m)
		VFMADD213PS(v.fetch(p.parameter(c1), m), old, r)
		VFMADD213PS(x, old, r)
		drop := label("drop")
		TESTQ(u, u)
		JZ(LabelRef(drop))
		v.store(r, m, p.at(u))
		Label(drop)
		hit := v.compare(greaterEqual, r, s.theta, m)
		v.storeBits(hit, p.packed(bits))
		v.countHits(hit, spikes)
		next := v.land(s, r, hit)
		VMAXPS(next, s.floor, next) // NaN stays
		v.store(next, m, p.at(pot))
		VADDPS(r, sums[0], sums[0])
		VFMADD231PS(r, r, sums[1])
		skip := label("skip")
		DECQ(budget)
		JNZ(LabelRef(skip))
		widen()
		MOVQ(I32(observed), budget)
		Label(skip)
	}, func() {})
	widen()
	VCVTDQ2PS(spikes, spikes) // exact: no lane sees 2²⁴ potentials of a tile
	total := v.zeros(1)[0]
	v.halves(spikes, func(_ int, d Op) { VADDPD(d, total, total) })
	for i, x := range []reg.VecVirtual{total, sums[2], sums[3]} {
		result(ReturnIndex(i), v.total([2]reg.VecVirtual{x, v.zeros(1)[0]}))
	}
	v.end()
}

// fire is the reset alone, for whole slices.
func (v isa) fire() {
	v.text("fire", "func(v, u []float32, theta, kept, jump, floor float32)", "is firePortable.")
	pot, u, s := base("v"), base("u"), v.spikes()
	v.flat(length("u"), func(i reg.Register, m *mask) {
		next := v.fired(s, v.fetch(at(u, i, 0), m))
		v.store(next, m, at(pot, i, 0))
	})
	v.end()
}

// fired returns the potential after the reset of u.
func (v isa) fired(s spikes, u reg.VecVirtual) reg.VecVirtual {
	next := v.land(s, u, v.compare(greaterEqual, u, s.theta, everyLane))
	VMAXPS(next, s.floor, next) // NaN stays
	return next
}
