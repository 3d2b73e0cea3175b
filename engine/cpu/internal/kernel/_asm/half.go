package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half writes the conversions from and to bfloat16. All but unpackHalf move
// whole groups of numbers: `lanes` in float32, or the 32 columns of a panel.
func (v isa) half() {
	v.widen()
	v.narrow()
	v.addition("addNarrow", half, single)
	v.addition("addHalf", half, half)
	v.addition("addWide", single, half)
	v.packPanel()
	v.packPanelHalf()
	v.splitPairs()
	v.unpackHalf()
}

// groups calls body for every whole vector of n numbers. i counts them.
func (v isa) groups(n reg.Register, body func(i reg.Register)) {
	i, loop, done := GP64(), label("loop"), label("done")
	XORQ(i, i)
	Label(loop)
	CMPQ(i, n)
	JGE(LabelRef(done))
	body(i)
	ADDQ(I32(v.lanes), i)
	JMP(LabelRef(loop))
	Label(done)
}

func (v isa) widen() {
	v.text("widen", "func(dst []float32, src []BF16)", "is widenPortable of a multiple of 16 numbers.")
	dst, src := base("dst"), base("src")
	v.groups(length("src"), func(i reg.Register) {
		VMOVUPS(v.readHalf(Mem{Base: src, Index: i, Scale: 2}, everyLane), Mem{Base: dst, Index: i, Scale: 4})
	})
	v.end()
}

// words returns 16-bit words in 32-bit lanes.
func (v isa) words(from Mem) reg.VecVirtual {
	r := v.reg()
	VPMOVZXWD(from, r)
	return r
}

// or and its like have names of their own in AVX-512.
func (v isa) or(a, b, to Op) {
	if v.wide() {
		VPORD(a, b, to)
	} else {
		VPOR(a, b, to)
	}
}

func (v isa) and(a, b, to Op) {
	if v.wide() {
		VPANDD(a, b, to)
	} else {
		VPAND(a, b, to)
	}
}

// A rounding rounds float32 to the nearest bfloat16, ties to even, in the upper
// halves of lanes: it adds half a unit less one, and one more if the last bit
// that stays is odd.
type rounding struct {
	v                 isa
	below, one, quiet reg.VecVirtual
}

func (v isa) rounding() rounding {
	return rounding{v, v.word(0x7fff), v.word(1), v.word(0x400000)}
}

const unordered = 0x03

// upper returns x rounded; the lower halves are of no account. The carry must
// not turn NaN to infinity: NaN becomes quiet instead.
func (r rounding) upper(x reg.VecVirtual) reg.VecVirtual {
	v := r.v
	up := v.reg()
	VPSRLD(Imm(16), x, up)
	v.and(r.one, up, up)
	VPADDD(r.below, up, up)
	VPADDD(x, up, up)
	nan := v.compare(unordered, x, x, everyLane)
	if v.wide() {
		VPORD(r.quiet, x, nan, up)
	} else {
		q := v.reg()
		VPOR(r.quiet, x, q)
		VBLENDVPS(nan, q, up, up)
	}
	return up
}

func (v isa) narrow() {
	v.text("narrow", "func(dst []BF16, src []float32)", "is narrowPortable of a multiple of 16 numbers, to the bit.")
	dst, src, r := base("dst"), base("src"), v.rounding()
	v.groups(length("src"), func(i reg.Register) {
		v.storeHalf(r, v.fetch(Mem{Base: src, Index: i, Scale: 4}, everyLane), everyLane, Mem{Base: dst, Index: i, Scale: 2})
	})
	v.end()
}

// addition adds numbers of a kind to those of another.
func (v isa) addition(name string, to, of kind) {
	v.text(name, "func(dst "+to.slice+", src "+of.slice+", next int)", "is "+name+"Portable of a multiple of 16 numbers, to the bit.")
	dst, src := base("dst"), base("src")
	var r rounding
	if to == half {
		r = v.rounding()
	}
	v.groups(length("src"), func(i reg.Register) {
		p := position{number: i.(reg.GPVirtual)}
		x := v.read(of, src, p, everyLane)
		ahead(p, func(p position) { fetchAhead(to, dst, p) })
		VADDPS(v.read(to, dst, p, everyLane), x, x)
		if to == half {
			v.storeHalf(r, x, everyLane, p.half(dst))
		} else {
			v.store(x, everyLane, p.at(dst))
		}
	})
	v.end()
}

// panelVectors is how many vectors hold the 32 columns of a panel.
func (v isa) panelVectors() int { return 32 / v.lanes }

// pairs writes the pairs of the rows of a panel: `pair` returns lanes of the
// first row's numbers in the lower and the second's in the upper half, from
// byte offsets of two rows of elements of 1<<shift bytes.
func (v isa) pairs(shift uint64, pair func(first, second Mem) reg.VecVirtual) {
	dst, src, left, next, step := base("dst"), base("src"), number("rows"), GP64(), number("ldsrc")
	SHLQ(Imm(shift), step)
	loop, done := label("pair"), label("done")
	SHRQ(Imm(1), left)
	JZ(LabelRef(done))
	Label(loop)
	LEAQ(Mem{Base: src, Index: step, Scale: 1}, next)
	for j := range v.panelVectors() {
		disp := j * v.lanes << shift
		VMOVUPS(pair(Mem{Base: src, Disp: disp}, Mem{Base: next, Disp: disp}), Mem{Base: dst, Disp: j * v.bytes()})
	}
	ADDQ(I32(pairBytes), dst)
	LEAQ(Mem{Base: src, Index: step, Scale: 2}, src)
	DECQ(left)
	JNZ(LabelRef(loop))
	Label(done)
	v.end()
}

func (v isa) packPanel() {
	v.text("packPanel", "func(dst []BF16, src []float32, rows, ldsrc int)", "packs an even number of rows of 32 columns.")
	r, upper := v.rounding(), v.word(0xffff0000)
	v.pairs(2, func(first, second Mem) reg.VecVirtual {
		a, b := r.upper(v.fetch(first, everyLane)), r.upper(v.fetch(second, everyLane))
		VPSRLD(Imm(16), a, a)
		v.and(upper, b, b)
		v.or(a, b, b)
		return b
	})
}

func (v isa) packPanelHalf() {
	v.text("packPanelHalf", "func(dst, src []BF16, rows, ldsrc int)", "packs an even number of rows of 32 columns.")
	v.pairs(1, func(first, second Mem) reg.VecVirtual {
		a, b := v.words(first), v.words(second)
		VPSLLD(Imm(16), b, b)
		v.or(a, b, b)
		return b
	})
}

func (v isa) splitPairs() {
	v.text("splitPairs", "func(dst []float32, w []BF16)", "is splitPairsPortable.")
	dst, w, left, upper := base("dst"), base("w"), length("w"), v.word(0xffff0000)
	loop, done := label("pair"), label("done")
	SHRQ(Imm(6), left)
	JZ(LabelRef(done))
	Label(loop)
	for j := range v.panelVectors() {
		pair := v.fetch(Mem{Base: w, Disp: j * v.bytes()}, everyLane)
		first := v.reg()
		VPSLLD(Imm(16), pair, first)
		v.and(upper, pair, pair)
		VMOVUPS(first, Mem{Base: dst, Disp: j * v.bytes()})
		VMOVUPS(pair, Mem{Base: dst, Disp: pairBytes + j*v.bytes()})
	}
	ADDQ(I32(pairBytes), w)
	ADDQ(I32(2*pairBytes), dst)
	DECQ(left)
	JNZ(LabelRef(loop))
	Label(done)
	v.end()
}

// unpackHalf writes rows of ld numbers, a multiple of 32, from rows of words.
func (v isa) unpackHalf() {
	v.text("unpackHalf", "func(x []BF16, ld int, bits []uint32, words int, value uint16)", "is unpackHalfPortable of ld a multiple of 32.")
	x, bits, words := base("x"), base("bits"), number("words")
	expand := v.expansion()
	end, behind, rest := length("bits"), number("ld"), GP64()
	LEAQ(Mem{Base: bits, Index: end, Scale: 4}, end)
	SHRQ(Imm(5), behind)
	SUBQ(words, behind)
	row, word, blank, next, done := label("row"), label("word"), label("blank"), label("next"), label("done")
	zero := v.zeros(1)[0]
	Label(row)
	CMPQ(bits, end)
	JGE(LabelRef(done))
	MOVQ(words, rest)
	Label(word)
	expand(bits, x)
	ADDQ(I32(4), bits)
	ADDQ(I32(64), x)
	DECQ(rest)
	JNZ(LabelRef(word))
	MOVQ(behind, rest)
	Label(blank)
	DECQ(rest)
	JL(LabelRef(next))
	for j := range 64 / v.bytes() {
		VMOVUPS(zero, Mem{Base: x, Disp: j * v.bytes()})
	}
	ADDQ(I32(64), x)
	JMP(LabelRef(blank))
	Label(next)
	JMP(LabelRef(row))
	Label(done)
	v.end()
}

// expansion returns what writes 32 numbers for the word at bits.
func (v isa) expansion() func(bits, x reg.Register) {
	w, s, value := GP32(), XMM(), v.reg()
	Load(Param("value"), w)
	VMOVD(w, s)
	VPBROADCASTW(s, value)
	if v.wide() {
		return func(bits, x reg.Register) {
			k, r := K(), v.reg()
			KMOVD(Mem{Base: bits}, k)
			VMOVDQU16_Z(value, k, r)
			VMOVUPS(r, Mem{Base: x})
		}
	}
	lane := v.fetch(bitOfWord(), everyLane)
	return func(bits, x reg.Register) {
		for j := range 2 {
			r := v.reg()
			VPBROADCASTW(Mem{Base: bits, Disp: 2 * j}, r)
			VPAND(lane, r, r)
			VPCMPEQW(lane, r, r)
			VPAND(value, r, r)
			VMOVUPS(r, Mem{Base: x, Disp: j * v.bytes()})
		}
	}
}

// Registers of the product by VDPBF16PS: sums first.
const (
	dotRows    = 12
	dotVectors = 2 // of a panel
)

func dotSum(i, j int) reg.VecPhysical  { return zmm(i*dotVectors + j) }
func dotWeights(j int) reg.VecPhysical { return zmm(dotRows*dotVectors + j) }

var dotX = zmm(dotRows*dotVectors + dotVectors)

func zmm(i int) reg.VecPhysical { return reg.Vector.Lookup(reg.Index(i), reg.S512).(reg.VecPhysical) }

// productDot writes the product of one panel by AVX-512's dot products of
// bfloat16.
func productDot() {
	v := avx512
	v.text("productDot", "func(y []float32, ldy int, x []BF16, ldx int, w []BF16, xAt, wAt []int32, rows, k, cols int, add bool)",
		"computes up to 32 columns of ProductHalf with VDPBF16PS.")
	masks := [dotVectors]*mask{}
	for j := range masks {
		n, zero, most := number("cols"), GP64(), GP64()
		XORQ(zero, zero)
		MOVQ(I32(v.lanes), most)
		SUBQ(I32(j*v.lanes), n)
		CMOVQLT(zero, n)
		CMPQ(n, most)
		CMOVQGT(most, n)
		masks[j] = v.first(n)
	}
	to, from, left := base("y"), base("x"), number("rows")
	for _, n := range []int{dotRows, 8, 4, 2, 1} {
		again, next := label("rows"), label("next")
		Label(again)
		CMPQ(left, I32(n))
		JL(LabelRef(next))
		dotBlock(to, from, n, masks)
		step, apart := stride("ldy"), number("ldx")
		IMUL3Q(I32(n), step, step)
		IMUL3Q(I32(2*n), apart, apart)
		ADDQ(step, to)
		ADDQ(apart, from)
		SUBQ(I32(n), left)
		JMP(LabelRef(again))
		Label(next)
	}
	v.end()
}

// dotBlock computes n rows.
func dotBlock(to, from reg.Register, n int, masks [dotVectors]*mask) {
	v := avx512
	for i := range n {
		for j := range dotVectors {
			VXORPS(dotSum(i, j), dotSum(i, j), dotSum(i, j))
		}
	}
	dotPositions(from, n)
	plain, add, at, step := label("store"), GP8(), GP64(), stride("ldy")
	each := func(fn func(sum reg.VecPhysical, m *mask, at Mem)) {
		MOVQ(to, at)
		for i := range n {
			for j, m := range masks {
				fn(dotSum(i, j), m, Mem{Base: at, Disp: j * v.bytes()})
			}
			ADDQ(step, at)
		}
	}
	Load(Param("add"), add)
	TESTB(add, add)
	JZ(LabelRef(plain))
	each(func(sum reg.VecPhysical, m *mask, at Mem) { VADDPS(at, sum, m.op, sum) })
	Label(plain)
	each(func(sum reg.VecPhysical, m *mask, at Mem) { VMOVUPS(sum, m.op, at) })
}

// dotPositions adds every position's products to the sums of n rows.
func dotPositions(from reg.Register, n int) {
	v := avx512
	position, loop, inner, done := GP64(), label("position"), label("inner"), label("sum")
	XORQ(position, position)
	Label(loop)
	CMPQ(position, length("xAt"))
	JGE(LabelRef(done))
	at := func(name string, from reg.Register) reg.Register {
		r := GP64()
		MOVLQSX(Mem{Base: base(name), Index: position, Scale: 4}, r)
		LEAQ(Mem{Base: from, Index: r, Scale: 2}, r)
		return r
	}
	ldx, left := number("ldx"), number("k")
	SHLQ(Imm(1), ldx)
	rows, line := addresses(matrix{at("xAt", from), ldx}, n), at("wAt", base("w"))
	Label(inner)
	for j := range dotVectors {
		VMOVUPS(Mem{Base: line, Disp: j * v.bytes()}, dotWeights(j))
	}
	for i := range n {
		VPBROADCASTD(rows.at(i), dotX)
		for j := range dotVectors {
			VDPBF16PS(dotWeights(j), dotX, dotSum(i, j))
		}
	}
	rows.advance(4)
	ADDQ(I32(pairBytes), line)
	SUBQ(I32(2), left)
	JNZ(LabelRef(inner))
	INCQ(position)
	JMP(LabelRef(loop))
	Label(done)
}
