package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// listBits writes Events.ListBits. What a load's bits select of its names is
// packed in a register and stored whole: that stays within the list's room,
// since a list is never longer than the names before. AVX-512 needs VBMI2.
func (v isa) listBits() {
	v.text("listBits", "func(index []uint16, count []int32, room int, names []uint16, bits []uint32, stride int)", "is listBitsPortable.")
	index, bits, step := base("index"), base("bits"), stride("stride")
	v.eachList(index, nil, func(kept reg.Register) {
		word, name, from, loop := GP64(), base("names"), GP64(), label("word")
		left := length("names")
		MOVQ(bits, from)
		Label(loop)
		MOVL(Mem{Base: from}, word.As32())
		to := Mem{Base: index, Index: kept, Scale: 2}
		if v.wide() {
			k, x := K(), ZMM()
			KMOVD(word.As32(), k)
			VMOVDQU16(Mem{Base: name}, x)
			compressWords(x, k, x)
			VMOVDQU16(x, to)
			v.countWord(word, kept)
		} else {
			for j := range bitsPerWord / 8 {
				set := GP64()
				MOVBLZX(word.As8(), set.As32())
				VMOVDQU(packWords(Mem{Base: name, Disp: 16 * j}, set), to)
				v.countWord(set, kept)
				SHRL(Imm(8), word.As32())
			}
		}
		ADDQ(I32(4), from)
		ADDQ(I32(2*bitsPerWord), name)
		SUBQ(I32(bitsPerWord), left)
		JNZ(LabelRef(loop))
		ADDQ(step, bits)
	})
}

// listRows writes Events.ListRows.
func (v isa) listRows() {
	v.text("listRows", "func(index []uint16, value []float32, count []int32, room int, names []uint16, x []float32, stride, n int)", "is listRowsPortable.")
	index, value, x, step, zero := base("index"), base("value"), base("x"), stride("stride"), v.zeros(1)[0]
	v.eachList(index, value, func(kept reg.Register) {
		name := base("names")
		v.flat(number("n"), func(i reg.Register, m *mask) {
			z, half := v.fetch(at(x, i, 0), m), GP64()
			MOVQ(i, half)
			SHRQ(Imm(1), half)
			hit := v.compare(notEqual, z, zero, m)
			packed, from := v.reg(), Mem{Base: name, Index: half, Scale: 1}
			toIndex, toValue := Mem{Base: index, Index: kept, Scale: 2}, Mem{Base: value, Index: kept, Scale: 4}
			if v.wide() {
				VCOMPRESSPS_Z(z, hit, packed)
				y := YMM()
				VMOVDQU16(from, y)
				compressWords(y, hit, y)
				VMOVDQU16(y, toIndex)
			} else {
				set, order := GP64(), YMM()
				VMOVMSKPS(hit, set.As32())
				VPMOVZXBD(packed8(set), order)
				VPERMPS(z, order, packed)
				VMOVDQU(packWords(from, set), toIndex)
			}
			VMOVUPS(packed, toValue)
			v.count(hit, kept)
		})
		ADDQ(step, x)
	})
}

// eachList writes the loop over lists and the function's end. body is called to
// write one of them; it raises `kept`, the events so far.
func (v isa) eachList(index, value reg.Register, body func(kept reg.Register)) {
	count, rows, kept, row := base("count"), length("count"), GP64(), label("list")
	Label(row)
	XORQ(kept, kept)
	body(kept)
	MOVL(kept.As32(), Mem{Base: count})
	ADDQ(I32(4), count)
	room := number("room")
	LEAQ(Mem{Base: index, Index: room, Scale: 2}, index)
	if value != nil {
		LEAQ(Mem{Base: value, Index: room, Scale: 4}, value)
	}
	DECQ(rows)
	JNZ(LabelRef(row))
	v.end()
}

// countWord adds the number of bits of a word to n and destroys the word.
func (v isa) countWord(word reg.GPVirtual, n reg.Register) {
	POPCNTL(word.As32(), word.As32())
	ADDQ(word, n)
}

// packed8 is where packTable has a set of eight lanes.
func packed8(set reg.Register) Mem {
	table := GP64()
	LEAQ(packTable(), table)
	return Mem{Base: table, Index: set, Scale: 8}
}

// packWords returns those of eight 16-bit names that are in a set next to each
// other.
func packWords(names Mem, set reg.Register) reg.VecVirtual {
	// Name i is bytes 2i and 2i+1.
	order, twice, packed := XMM(), XMM(), XMM()
	VPMOVZXBW(packed8(set), order)
	VPADDW(order, order, order)
	VPSLLW(Imm(8), order, twice)
	VPADDW(twice, order, order)
	VPADDW(dataTable("oddbytes", 4, func(int) uint32 { return 0x01000100 }), order, order)
	VMOVDQU(names, packed)
	VPSHUFB(order, packed, packed)
	return packed
}

// compressWords packs the 16-bit lanes of x that k selects. avo does not know
// the instruction, which is of VBMI2.
func compressWords(x, k, to Op) {
	Instruction(&ir.Instruction{
		Opcode: "VPCOMPRESSW", Suffixes: []string{"Z"}, Operands: []Op{x, k, to},
		Inputs: []Op{x, k}, Outputs: []Op{to},
	})
}
