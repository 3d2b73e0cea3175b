package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a vector width. Both have fused multiply-add and BMI2.
type isa struct {
	suffix string
	lanes  int // float32 per vector
}

var (
	avx2   = isa{"AVX2", 8}
	avx512 = isa{"AVX512", 16}
)

// Predicates of VCMPPS, quiet. With NaN, those that say "not" hold.
const (
	notEqual     = 0x04
	lessThan     = 0x11
	notLess      = 0x15
	greaterEqual = 0x1d
)

func (v isa) wide() bool { return v.lanes == 16 }
func (v isa) bytes() int { return 4 * v.lanes }

// text begins a function of this width.
func (v isa) text(name, signature, doc string) {
	TEXT(name+v.suffix, NOSPLIT, signature)
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s %s", name, v.suffix, doc))
}

func (v isa) end() {
	VZEROUPPER()
	RET()
}

func (v isa) reg() reg.VecVirtual {
	if v.wide() {
		return ZMM()
	}
	return YMM()
}

// regs returns n registers.
func (v isa) regs(n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = v.reg()
	}
	return r
}

// zeros returns n registers set to zero.
func (v isa) zeros(n int) []reg.VecVirtual {
	r := v.regs(n)
	for _, x := range r {
		VXORPS(x, x, x)
	}
	return r
}

// pair returns two registers set to zero.
func (v isa) pair() [2]reg.VecVirtual { return [2]reg.VecVirtual(v.zeros(2)) }

// constant returns a register with x in every lane.
func (v isa) constant(x float32) reg.VecVirtual { return v.word(math.Float32bits(x)) }

// word returns a register with w in every lane.
func (v isa) word(w uint32) reg.VecVirtual {
	t, x, r := GP32(), XMM(), v.reg()
	MOVL(U32(w), t)
	VMOVD(t, x)
	VBROADCASTSS(x, r)
	return r
}

// spread returns a register with the number at m in every lane.
func (v isa) spread(m Mem) reg.VecVirtual {
	r := v.reg()
	VBROADCASTSS(m, r)
	return r
}

// argument returns a register with a float32 parameter in every lane. Neither it
// nor result may use instructions older than AVX: each costs tens of cycles where
// registers hold whole vectors.
func (v isa) argument(name string) reg.VecVirtual { return v.spread(memory(Param(name))) }

// result returns the number in the lowest lane of x, a float64.
func result(c gotypes.Component, x reg.Register) { VMOVSD(x, memory(c)) }

// memory is where a parameter or a result of the function lies.
func memory(c gotypes.Component) Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// at is the number at byte offset disp behind base and index.
func at(base, index reg.Register, disp int) Mem {
	return Mem{Base: base, Index: index, Scale: 1, Disp: disp}
}

// number returns an int parameter in a register.
func number(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// stride returns an int parameter, a number of float32, in bytes.
func stride(name string) reg.GPVirtual {
	r := number(name)
	SHLQ(Imm(2), r)
	return r
}

func base(name string) reg.Register   { return Load(Param(name).Base(), GP64()) }
func length(name string) reg.Register { return Load(Param(name).Len(), GP64()) }

// A mask selects the first lanes of a vector: a mask register in AVX-512, a
// vector of all-one lanes in AVX2. The nil mask selects all.
type mask struct{ op Op }

var everyLane *mask

// first returns the mask of the first n lanes, 0 ≤ n < lanes.
func (v isa) first(n reg.Register) *mask {
	if v.wide() {
		ones, k := GP64(), K()
		MOVQ(U32(0xffff), ones)
		BZHIQ(n, ones, ones)
		KMOVW(ones.As32(), k)
		return &mask{k}
	}
	table, m := GP64(), YMM()
	LEAQ(laneTable(), table)
	i := GP64()
	MOVQ(n, i)
	NEGQ(i)
	VMOVUPS(Mem{Base: table, Index: i, Scale: 4, Disp: 4 * v.lanes}, m)
	return &mask{m}
}

// limit lowers n to the number of lanes.
func (v isa) limit(n reg.Register) {
	lanes := GP64()
	MOVQ(U32(v.lanes), lanes)
	CMPQ(n, lanes)
	CMOVQGT(lanes, n)
}

// load reads the selected lanes and zeroes the others.
func (v isa) load(from Mem, m *mask, to reg.VecVirtual) reg.VecVirtual {
	switch {
	case m == everyLane:
		VMOVUPS(from, to)
	case v.wide():
		VMOVUPS_Z(from, m.op, to)
	default:
		VMASKMOVPS(from, m.op, to)
	}
	return to
}

// store writes the selected lanes and leaves the others' memory alone.
func (v isa) store(from Op, m *mask, to Mem) {
	switch {
	case m == everyLane:
		VMOVUPS(from, to)
	case v.wide():
		VMOVUPS(from, m.op, to)
	default:
		VMASKMOVPS(from, m.op, to)
	}
}

// fmaLoad adds a·memory to acc.
func (v isa) fmaLoad(from Mem, m *mask, a, acc Op) {
	switch {
	case m == everyLane:
		VFMADD231PS(from, a, acc)
	case v.wide():
		VFMADD231PS(from, a, m.op, acc)
	default:
		VFMADD231PS(v.load(from, m, v.reg()), a, acc)
	}
}

// compare returns the selected lanes in which a ⟨predicate⟩ b holds.
func (v isa) compare(predicate uint64, a, b Op, m *mask) (hit Op) {
	switch {
	case !v.wide():
		hit = v.reg()
		VCMPPS(Imm(predicate), b, a, hit)
		if m != everyLane {
			VANDPS(m.op, hit, hit)
		}
	case m == everyLane:
		hit = K()
		VCMPPS(Imm(predicate), b, a, hit)
	default:
		hit = K()
		VCMPPS(Imm(predicate), b, a, m.op, hit)
	}
	return hit
}

// under returns x in the lanes hit, zero in the others.
func (v isa) under(hit, x Op) reg.VecVirtual {
	r := v.reg()
	if v.wide() {
		VMOVAPS_Z(x, hit, r)
	} else {
		VANDPS(x, hit, r)
	}
	return r
}

// count adds the number of lanes hit to n.
func (v isa) count(hit Op, n Op) {
	c := GP64()
	if v.wide() {
		KMOVW(hit, c.As32())
	} else {
		VMOVMSKPS(hit, c.As32())
	}
	POPCNTQ(c, c)
	ADDQ(c, n)
}

// halves calls fn with the lower and the upper half of x as float64.
func (v isa) halves(x reg.VecVirtual, fn func(half int, wide Op)) {
	lo, hi := v.reg(), v.reg()
	if v.wide() {
		VCVTPS2PD(x.AsY(), lo)
		fn(0, lo)
		y := YMM()
		VEXTRACTF32X8(Imm(1), x, y)
		VCVTPS2PD(y, hi)
	} else {
		VCVTPS2PD(x.AsX(), lo)
		fn(0, lo)
		y := XMM()
		VEXTRACTF128(Imm(1), x, y)
		VCVTPS2PD(y, hi)
	}
	fn(1, hi)
}

// total adds the float64 lanes of two registers and returns the sum.
func (v isa) total(r [2]reg.VecVirtual) reg.Register {
	y, x := YMM(), XMM()
	VADDPD(r[1], r[0], r[0])
	if v.wide() {
		VEXTRACTF64X4(Imm(1), r[0], y)
		VADDPD(y, r[0].AsY(), y)
	} else {
		VMOVAPD(r[0], y)
	}
	VEXTRACTF128(Imm(1), y, x)
	VADDPD(x, y.AsX(), x)
	VHADDPD(x, x, x)
	return x
}

// storeWide stores two registers of float64, the selected of v.lanes numbers.
func (v isa) storeWide(r [2]reg.VecVirtual, m *mask, to reg.Register, i reg.Register) {
	for half := range 2 {
		dst := Mem{Base: to, Index: i, Scale: 2, Disp: half * v.bytes()}
		switch {
		case m == everyLane:
			VMOVUPD(r[half], dst)
		case v.wide():
			k := K()
			KSHIFTRW(Imm(uint64(8*half)), m.op, k)
			VMOVUPD(r[half], k, dst)
		default:
			y := YMM()
			VEXTRACTF128(Imm(uint64(half)), m.op, y.AsX())
			VPMOVSXDQ(y.AsX(), y)
			VMASKMOVPD(r[half], y, dst)
		}
	}
}

var labels int

// label returns a name for a jump's target that no other has.
func label(what string) string {
	labels++
	return fmt.Sprintf("%s%d", what, labels)
}

// fetch loads into a new register.
func (v isa) fetch(from Mem, m *mask) reg.VecVirtual { return v.load(from, m, v.reg()) }

// flat calls body for the vectors of n numbers: at run time, for whole ones and
// at last for the rest under a mask. i is the byte offset.
func (v isa) flat(n reg.Register, body func(i reg.Register, m *mask)) {
	loop, rest, done := label("loop"), label("rest"), label("done")
	i := GP64()
	XORQ(i, i)
	Label(loop)
	CMPQ(n, I32(v.lanes))
	JL(LabelRef(rest))
	body(i, everyLane)
	ADDQ(I32(v.bytes()), i)
	SUBQ(I32(v.lanes), n)
	JMP(LabelRef(loop))
	Label(rest)
	TESTQ(n, n)
	JZ(LabelRef(done))
	body(i, v.first(n))
	Label(done)
}

// columns walks a matrix of `rows` ≥ 0 rows and c columns in vectors of columns,
// each from the first row to the last: before is called with the columns' byte
// offset, body with each row's, after with the columns' again.
func (v isa) columns(rows, c reg.Register, before, body, after func(i reg.Register, m *mask)) {
	stride := GP64()
	MOVQ(c, stride)
	SHLQ(Imm(2), stride)
	v.flat(c, func(i reg.Register, m *mask) {
		before(i, m)
		row, end := label("row"), label("end")
		left, j := GP64(), GP64()
		MOVQ(i, j)
		MOVQ(rows, left)
		TESTQ(left, left)
		JZ(LabelRef(end))
		Label(row)
		body(j, m)
		ADDQ(stride, j)
		DECQ(left)
		JNZ(LabelRef(row))
		Label(end)
		after(i, m)
	})
}

func nothing(reg.Register, *mask) {}
