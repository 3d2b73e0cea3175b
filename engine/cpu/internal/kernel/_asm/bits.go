package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bitsPerWord is the number of bits in a word of spikes.
const bitsPerWord = 32

// bitRows calls body for every word of the rows that the slice of numbers x
// covers, c numbers each: at run time, for whole words, where masks are nil, and
// for the rest of a row with a mask for each vector of the word. x and bits are
// advanced.
func (v isa) bitRows(x, bits reg.Register, body func(masks []*mask)) {
	rows, left := v.quotient(length("x"), number("c")), GP64()
	row, word, rest, next := label("row"), label("word"), label("rest"), label("next")
	vectors := bitsPerWord / v.lanes
	Label(row)
	Load(Param("c"), left)
	Label(word)
	CMPQ(left, I32(bitsPerWord))
	JL(LabelRef(rest))
	body(make([]*mask, vectors))
	ADDQ(I32(4*bitsPerWord), x)
	ADDQ(I32(4), bits)
	SUBQ(I32(bitsPerWord), left)
	JMP(LabelRef(word))
	Label(rest)
	TESTQ(left, left)
	JZ(LabelRef(next))
	var masks []*mask
	for j := range vectors {
		masks = append(masks, v.part(left, j))
	}
	body(masks)
	LEAQ(Mem{Base: x, Index: left, Scale: 4}, x)
	ADDQ(I32(4), bits)
	Label(next)
	DECQ(rows)
	JNZ(LabelRef(row))
}

// part returns the mask of those of n ≥ 0 numbers that vector j has.
func (v isa) part(n reg.Register, j int) *mask {
	lanes, zero := GP64(), GP64()
	LEAQ(Mem{Base: n, Disp: -j * v.lanes}, lanes)
	v.limit(lanes)
	XORQ(zero, zero)
	CMPQ(lanes, zero)
	CMOVQLT(zero, lanes)
	return v.first(lanes)
}

// packBits writes PackBits.
func (v isa) packBits() {
	v.text("packBits", "func(bits []uint32, x []float32, c int)", "is packBitsPortable.")
	bits, x, zero := base("bits"), base("x"), v.zeros(1)[0]
	v.bitRows(x, bits, func(masks []*mask) {
		word := GP32()
		for j, m := range masks {
			hit := v.compare(notEqual, v.fetch(Mem{Base: x, Disp: j * v.bytes()}, m), zero, m)
			part := word
			if j > 0 {
				part = GP32()
			}
			if v.wide() {
				KMOVW(hit, part)
			} else {
				VMOVMSKPS(hit, part)
			}
			if j > 0 {
				SHLL(Imm(uint64(j*v.lanes)), part)
				ORL(part, word)
			}
		}
		MOVL(word, Mem{Base: bits})
	})
	v.end()
}

// unpackBits writes UnpackBits.
func (v isa) unpackBits() {
	v.text("unpackBits", "func(x []float32, bits []uint32, c int, value float32)", "is unpackBitsPortable.")
	x, bits, value := base("x"), base("bits"), v.argument("value")
	v.bitRows(x, bits, func(masks []*mask) {
		var lanes func(j int) Op
		if v.wide() {
			word := GP32()
			MOVL(Mem{Base: bits}, word)
			lanes = func(j int) Op {
				k := K()
				if j > 0 {
					SHRL(Imm(uint64(v.lanes)), word)
				}
				KMOVW(word, k)
				return k
			}
		} else {
			word := v.reg()
			VPBROADCASTD(Mem{Base: bits}, word)
			bit := dataTable("bit", bitsPerWord, func(i int) uint32 { return 1 << i })
			lanes = func(j int) Op {
				own, hit := v.fetch(bit.Offset(j*v.bytes()), everyLane), v.reg()
				VPAND(word, own, hit)
				VPCMPEQD(own, hit, hit)
				return hit
			}
		}
		for j, m := range masks {
			v.store(v.under(lanes(j), value), m, Mem{Base: x, Disp: j * v.bytes()})
		}
	})
	v.end()
}

// transposeBits writes TransposeBits for whole squares of bits. It turns a square
// into four vectors, the k-th with byte k of each row, from which the uppermost
// bit of every byte is one row of the transpose.
func (v isa) transposeBits() {
	v.text("transposeBits", "func(dst, bits []uint32, blocks, words, across int)", "is transposeBitsPortable.")
	dst, bits, blocks := base("dst"), base("bits"), number("blocks")
	step, across := stride("words"), stride("across")
	to, left := GP64(), GP64()
	block, word := label("block"), label("word")
	Label(block)
	Load(Param("words"), left)
	MOVQ(dst, to)
	Label(word)
	for _, plane := range v.bytePlanes(bits, step) {
		// Bits 7 … 0 of the bytes, of which the last row is bit 7.
		last := GP64()
		IMUL3Q(I32(8), across, last)
		ADDQ(to, last)
		MOVQ(last, to)
		for range 8 {
			row := GP32()
			SUBQ(across, last)
			VPMOVMSKB(plane, row)
			VPADDB(plane, plane, plane)
			MOVL(row, Mem{Base: last})
		}
	}
	ADDQ(I32(4), bits)
	DECQ(left)
	JNZ(LabelRef(word))
	// bits is at the second row of the block.
	past := GP64()
	IMUL3Q(I32(bitsPerWord-1), step, past)
	ADDQ(past, bits)
	ADDQ(I32(4), dst)
	DECQ(blocks)
	JNZ(LabelRef(block))
	v.end()
}

// bytePlanes loads a word from each of 32 rows, `step` bytes apart, and returns
// four vectors, byte k of each row in vector k.
func (v isa) bytePlanes(from, step reg.Register) []reg.VecVirtual {
	at, step3 := GP64(), GP64()
	MOVQ(from, at)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	quad := func() reg.VecVirtual {
		x := XMM()
		VMOVD(Mem{Base: at}, x)
		VPINSRD(Imm(1), Mem{Base: at, Index: step, Scale: 1}, x, x)
		VPINSRD(Imm(2), Mem{Base: at, Index: step, Scale: 2}, x, x)
		VPINSRD(Imm(3), Mem{Base: at, Index: step3, Scale: 1}, x, x)
		LEAQ(Mem{Base: at, Index: step, Scale: 4}, at)
		return x
	}
	// g[i] has rows 8i … 8i+7, sorted by bytes: k of the eight rows in 64-bit lane k.
	var g [4]reg.VecVirtual
	bytes, lanes := YMM(), YMM()
	// All first bytes of four words, all second ones, …, in each half.
	VMOVDQU(dataTable("byteorder", 8, func(i int) uint32 { return 0x0c080400 + uint32(i%4)*0x01010101 }), bytes)
	// The words of the two halves in turn.
	VMOVDQU(dataTable("laneorder", 8, func(i int) uint32 { return uint32(i/2 + i%2*4) }), lanes)
	for i := range g {
		lo, hi := quad(), quad()
		g[i] = YMM()
		VINSERTI128(Imm(1), hi, lo.AsY(), g[i])
		VPSHUFB(bytes, g[i], g[i])
		VPERMD(g[i], lanes, g[i])
	}
	// A transposition of 64-bit lanes.
	planes := make([]reg.VecVirtual, 4)
	var even, odd [2]reg.VecVirtual
	for i := range even {
		even[i], odd[i] = YMM(), YMM()
		VPUNPCKLQDQ(g[2*i+1], g[2*i], even[i]) // lanes 0 and 2
		VPUNPCKHQDQ(g[2*i+1], g[2*i], odd[i])
	}
	for k, pair := range [][2]reg.VecVirtual{even, odd, even, odd} {
		half := uint64(0x20)
		if k >= 2 {
			half = 0x31
		}
		planes[k] = YMM()
		VPERM2I128(Imm(half), pair[1], pair[0], planes[k])
	}
	return planes
}
