package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// norm writes what a normalisation does to rows of channels.
func (v isa) norm() {
	v.affine()
	v.affinePair("affinePair", "is affinePairPortable without add.", false)
	v.affinePair("affinePairAdd", "is affinePairPortable with add.", true)
	v.moments()
}

func (v isa) affine() {
	v.text("affine", "func(y, x, scale, shift []float32)", "is affinePortable.")
	y, x, scale, shift := base("y"), base("x"), base("scale"), base("shift")
	rows := v.rowCount("x", "scale")
	k, b := v.reg(), v.reg()
	v.columns(rows, length("scale"),
		func(i reg.Register, m *mask) {
			v.load(at(scale, i, 0), m, k)
			v.load(at(shift, i, 0), m, b)
		},
		func(i reg.Register, m *mask) {
			z := v.fetch(at(x, i, 0), m)
			VFMADD213PS(b, k, z)
			v.store(z, m, at(y, i, 0))
		},
		nothing)
	v.end()
}

func (v isa) affinePair(name, doc string, add bool) {
	v.text(name, "func(dx, dy, x, gain, off, mid []float32)", doc)
	dx, dy, x := base("dx"), base("dy"), base("x")
	gain, off, mid := base("gain"), base("off"), base("mid")
	rows := v.rowCount("x", "gain")
	k, o, b := v.reg(), v.reg(), v.reg()
	v.columns(rows, length("gain"),
		func(i reg.Register, m *mask) {
			v.load(at(gain, i, 0), m, k)
			v.load(at(off, i, 0), m, o)
			v.load(at(mid, i, 0), m, b)
		},
		func(i reg.Register, m *mask) {
			z := v.fetch(at(x, i, 0), m)
			VFMADD213PS(b, o, z)
			VFMADD231PS(v.fetch(at(dy, i, 0), m), k, z)
			if add {
				VADDPS(v.fetch(at(dx, i, 0), m), z, z)
			}
			v.store(z, m, at(dx, i, 0))
		},
		nothing)
	v.end()
}

// moments writes the per-channel sums. Products of two float32 are exact in
// float64 and rows are added in order: the bits are the portable version's.
func (v isa) moments() {
	v.text("moments", "func(sum, sumXY []float64, x, y []float32)", "is momentsPortable.")
	sum, sumXY, x, y := base("sum"), base("sumXY"), base("x"), base("y")
	rows := v.rowCount("x", "sum")
	acc, accXY := v.pair(), v.pair()
	v.columns(rows, length("sum"),
		func(reg.Register, *mask) {
			for h := range 2 {
				VXORPD(acc[h], acc[h], acc[h])
				VXORPD(accXY[h], accXY[h], accXY[h])
			}
		},
		func(i reg.Register, m *mask) {
			var wide [2]Op
			v.halves(v.fetch(at(x, i, 0), m), func(h int, d Op) {
				VADDPD(d, acc[h], acc[h])
				wide[h] = d
			})
			v.halves(v.fetch(at(y, i, 0), m), func(h int, d Op) {
				VFMADD231PD(d, wide[h], accXY[h])
			})
		},
		func(i reg.Register, m *mask) {
			v.storeWide(acc, m, sum, i)
			v.storeWide(accXY, m, sumXY, i)
		})
	v.end()
}
