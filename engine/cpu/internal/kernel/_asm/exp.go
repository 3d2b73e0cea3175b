package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants in memory: vectors of sixteen registers leave none for them.
var (
	magnitude, sign, zeros, ones, integerOne, minusHalf, far Mem

	least, log2e, ln2, ln2Rest Mem
	expPoly                    []Mem // of r, from the highest power
)

// constants writes them, for the families that need them.
func constants() {
	magnitude, sign = everyWord("magnitude", 0x7fffffff), everyWord("sign", 0x80000000)
	zeros, ones, integerOne = everyWord("zeros", 0), everyWord("ones", real(1)), everyWord("integerOne", 1)
	minusHalf, far = everyWord("minusHalf", real(-.5)), everyWord("far", real(64))

	least = everyWord("least", real(-104)) // its exponential underflows to zero
	log2e = everyWord("log2e", real(1.44269504088896341))
	ln2, ln2Rest = everyWord("ln2", real(.693359375)), everyWord("ln2Rest", real(-2.12194440e-4))
	for _, c := range []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1} {
		expPoly = append(expPoly, everyWord(fmt.Sprint("exp", len(expPoly)), real(c)))
	}
}

func real(x float32) uint32 { return math.Float32bits(x) }

// exp returns e to the power of x + rest for x ≤ 0, where rest is a correction
// far smaller than x, or nil. Below −104 it is zero; NaN stays. x is changed.
//
// It follows Cody and Waite: eˣ = 2ⁿ·eʳ with n the integer next to x/ln 2 and
// r = x − n·ln 2, |r| ≤ ln 2/2, where ln 2 is a number of few digits, whose
// product with n is exact, and a rest. eʳ = 1 + r + r²·p(r) with the polynomial
// of Cephes' expf (Moshier).
func (v isa) exp(x, rest reg.VecVirtual) reg.VecVirtual {
	VMAXPS(x, v.fetch(least, everyLane), x) // NaN stays
	n := v.reg()
	VMULPS(log2e, x, n)
	if v.wide() {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	VFNMADD231PS(ln2, n, x)
	VFNMADD231PS(ln2Rest, n, x)
	if rest != nil {
		VADDPS(rest, x, x)
	}
	p, square := v.fetch(expPoly[0], everyLane), v.reg()
	for _, c := range expPoly[1:] {
		VFMADD213PS(c, x, p)
	}
	VMULPS(x, x, square)
	VFMADD213PS(x, square, p)
	VADDPS(ones, p, p)
	v.timesPowerOfTwo(p, n)
	return p
}

// timesPowerOfTwo multiplies p by 2ⁿ, −252 ≤ n ≤ 0. In AVX2 in two factors: the
// first product is exact, and the second rounds only what falls below the
// smallest normal number.
func (v isa) timesPowerOfTwo(p, n reg.VecVirtual) {
	if v.wide() {
		VSCALEFPS(n, p, p)
		return
	}
	near, rest := v.reg(), v.reg()
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, near)
	VPSUBD(near, n, rest)
	for _, f := range []reg.VecVirtual{near, rest} {
		VPSLLD(Imm(23), f, f)
		VPADDD(ones, f, f)
		VMULPS(f, p, p)
	}
}

// smoothWindows writes the shapes without compact support.
func (v isa) smoothWindows() {
	const root2Pi = 2.50662827463100050242
	v.smoothWindow("gaussian", root2Pi, func(z reg.VecVirtual, top Op) Op {
		// z² needs its rounding error: without, the window is wrong in the fifth
		// digit at z = 10.
		square, rest := v.reg(), v.reg()
		VANDPS(magnitude, z, z)
		VMINPS(z, v.fetch(far, everyLane), z) // ∞ has no error to add; NaN stays
		VMULPS(z, z, square)
		VMOVAPS(square, rest)
		VFMSUB231PS(z, z, rest)
		VMULPS(minusHalf, square, square)
		VMULPS(minusHalf, rest, rest)
		h := v.exp(square, rest)
		VMULPS(top, h, h)
		return h
	})
	v.smoothWindow("sigmoid", 1, func(z reg.VecVirtual, top Op) Op {
		VORPS(sign, z, z)
		h, d := v.exp(z, nil), v.reg()
		VADDPS(ones, h, d)
		VMULPS(d, d, d)
		VMULPS(top, h, h)
		VDIVPS(d, h, h)
		return h
	})
	v.smoothWindow("atan", math.Pi, func(z reg.VecVirtual, top Op) Op {
		d, h := v.fetch(ones, everyLane), v.reg()
		VFMADD231PS(z, z, d)
		VDIVPS(d, top, h)
		return h
	})
}

// smoothWindow turns z, the distance to the threshold in units of the scale b,
// into h, where top is 1/(b·area).
func (v isa) smoothWindow(name string, area float32, formula func(z reg.VecVirtual, top Op) Op) {
	v.text(name, "func(h, u []float32, theta, b float32)", "is "+name+"Portable.")
	h, u := base("h"), base("u")
	theta, b := v.argument("theta"), v.argument("b")
	inv, top := v.fetch(ones, everyLane), v.reg()
	VDIVPS(b, inv, inv)
	VDIVPS(v.constant(area), inv, top)
	v.flat(length("u"), func(i reg.Register, m *mask) {
		z := v.fetch(at(u, i, 0), m)
		VSUBPS(theta, z, z)
		VMULPS(inv, z, z)
		v.store(formula(z, top), m, at(h, i, 0))
	})
	v.end()
}
