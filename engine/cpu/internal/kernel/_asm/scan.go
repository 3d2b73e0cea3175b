package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scanFamily writes the scan of tiles and what lies around it.
func scanFamily() {
	constants()
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
		v.statistics()
		v.coefGradient()
		v.smoothWindows()
		v.pooling()
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
		v.where(add, func() { VADDPS(v.fetch(p.at(x), m), r, r) })
		v.store(r, m, p.at(x))
	})
	v.end()
}

// ahead calls body with the place of the same numbers in the tile that follows:
// `next` numbers on. Hardware does not see that one coming, since a strip takes
// but a part of each row.
func ahead(p position, body func(p position)) {
	n := GP64()
	MOVQ(memory(Param("next")), n)
	ADDQ(p.number, n)
	p.number = n
	body(p)
}

// fetchAhead brings the numbers at p to the cache.
func fetchAhead(k kind, from reg.Register, p position) {
	if k == half {
		PREFETCHT0(p.half(from))
	} else {
		PREFETCHT0(p.at(from))
	}
}

// where skips body if the bool at m is false: a branch that is always the same
// costs less than arithmetic without effect.
func (v isa) where(m Mem, body func()) {
	skip := label("skip")
	CMPB(m, Imm(0))
	JEQ(LabelRef(skip))
	body()
	Label(skip)
}

// spikes is what the reset needs to know of a potential: the threshold and, for
// the lanes that fire, v = u·kept + jump; then the floor. In AVX2 they lie in
// memory.
type spikes struct{ theta, kept, jump, floor Op }

func (v isa) spikes() spikes {
	return spikes{v.scalar("theta"), v.scalar("kept"), v.scalar("jump"), v.scalar("floor")}
}

// scalar returns a float32 parameter in every lane: in a register, or on the stack
// where registers are short.
func (v isa) scalar(name string) Op {
	r := v.argument(name)
	if v.wide() {
		return r
	}
	m := AllocLocal(v.bytes())
	VMOVUPS(r, m)
	return m
}

// inRegister returns x, in a register if it is not.
func (v isa) inRegister(x Op) Op {
	if m, ok := x.(Mem); ok {
		return v.fetch(m, everyLane)
	}
	return x
}

// land turns u into u·kept + jump in the lanes hit.
func (v isa) land(s spikes, u reg.VecVirtual, hit Op) {
	if v.wide() {
		VFMADD213PS(s.jump, s.kept, hit, u)
		return
	}
	r := v.reg()
	VMOVUPS(s.kept, r)
	VFMADD213PS(s.jump, u, r)
	VBLENDVPS(hit, r, u, u)
}

// raise lifts x to the floor; NaN stays.
func (v isa) raise(s spikes, x reg.VecVirtual) { VMAXPS(x, v.inRegister(s.floor), x) }

// observed is how many potentials a lane adds up in float32 before it widens the
// sum.
const observed = 16

// together is how many vectors of neurons go side by side.
func (v isa) together() int { return v.lanes / 8 }

// parameter loads channels of a parameter that no register keeps the address of.
func (v isa) parameter(name string, p position, m *mask, to reg.VecVirtual) {
	v.load(p.parameter(base(name)), m, to)
}

func (v isa) forward(k kind) {
	v.text("forward"+k.suffix, "func(fired, near []uint32, u, v []float32, z "+k.slice+", scale, shift, c2, c1, c0 []float32, rows, next int, add bool, theta, kept, jump, floor, reach float32) (spikes, sum, sum2 float64)",
		"is forwardPortable.")
	bits, u, pot, z := base("fired"), base("u"), base("v"), base("z")
	s, add, reach := v.spikes(), memory(Param("add")), v.scalar("reach")
	spikes := v.zeros(1)[0]
	total := [2]reg.VecVirtual(v.zeros(2)) // Σu and Σu²
	type channels struct{ k2, k1, scale, shift, sum, sum2 reg.VecVirtual }
	var of [2]channels
	for i := range v.together() {
		r := v.regs(6)
		of[i] = channels{r[0], r[1], r[2], r[3], r[4], r[5]}
	}
	v.strips(v.together(), number("rows"), length("c2"), observed,
		func(i int, p position, m *mask) {
			c := of[i]
			v.parameter("c2", p, m, c.k2)
			v.parameter("c1", p, m, c.k1)
			v.parameter("scale", p, m, c.scale)
			v.parameter("shift", p, m, c.shift)
			VADDPS(v.fetch(p.parameter(base("c0")), m), c.shift, c.shift)
			VXORPS(c.sum, c.sum, c.sum)
			VXORPS(c.sum2, c.sum2, c.sum2)
		},
		func(i int, p position, m *mask) {
			c := of[i]
			x := v.read(k, z, p, m)
			if k != bit { // bits are too few to be worth it
				ahead(p, func(p position) { fetchAhead(k, z, p) })
			}
			VFMADD213PS(c.shift, c.scale, x)
			v.where(add, func() { VADDPS(v.fetch(p.at(u), m), x, x) })
			old, r := v.fetch(p.at(pot), m), v.reg()
			VMOVAPS(c.k1, r)
			VFMADD231PS(c.k2, old, r)
			VFMADD213PS(x, old, r)
			drop := label("drop")
			TESTQ(u, u)
			JZ(LabelRef(drop))
			v.store(r, m, p.at(u))
			Label(drop)
			hit := v.compare(greaterEqual, r, s.theta, m)
			v.storeBits(hit, p.packed(bits))
			v.countHits(hit, spikes)
			v.storeNear(s, reach, r, p, m)
			VADDPS(r, c.sum, c.sum)
			VFMADD231PS(r, r, c.sum2)
			v.land(s, r, hit)
			v.raise(s, r)
			v.store(r, m, p.at(pot))
		},
		func(i int, p position, m *mask) {
			for j, x := range []reg.VecVirtual{of[i].sum, of[i].sum2} {
				v.halves(x, func(_ int, d Op) { VADDPD(d, total[j], total[j]) })
			}
		})
	VCVTDQ2PS(spikes, spikes) // exact: no lane sees 2²⁴ potentials of a tile
	fired := v.zeros(1)[0]
	v.halves(spikes, func(_ int, d Op) { VADDPD(d, fired, fired) })
	for i, x := range []reg.VecVirtual{fired, total[0], total[1]} {
		result(ReturnIndex(i), v.total([2]reg.VecVirtual{x, v.zeros(1)[0]}))
	}
	v.end()
}

// storeNear stores as bits which potentials lie near the threshold, if asked to.
func (v isa) storeNear(s spikes, reach Op, u reg.VecVirtual, p position, m *mask) {
	skip, near, d := label("far"), GP64(), v.reg()
	CMPQ(memory(Param("near").Base()), Imm(0))
	JEQ(LabelRef(skip))
	MOVQ(memory(Param("near").Base()), near)
	VSUBPS(s.theta, u, d)
	VANDPS(magnitude, d, d)
	v.storeBits(v.compare(lessThan, d, reach, m), p.packed(near))
	Label(skip)
}

// fire is the reset alone, for whole slices.
func (v isa) fire() {
	v.text("fire", "func(v, u []float32, theta, kept, jump, floor float32)", "is firePortable.")
	pot, u, s := base("v"), base("u"), v.spikes()
	v.flat(length("u"), func(i reg.Register, m *mask) {
		z := v.fetch(at(u, i, 0), m)
		v.reset(s, z)
		v.store(z, m, at(pot, i, 0))
	})
	v.end()
}

// reset turns a potential into that after the reset.
func (v isa) reset(s spikes, u reg.VecVirtual) {
	v.land(s, u, v.compare(greaterEqual, u, s.theta, everyLane))
	v.raise(s, u)
}
