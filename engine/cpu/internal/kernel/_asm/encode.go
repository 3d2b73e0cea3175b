package main

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Instructions that neither avo nor Go's assembler has are written as bytes.
// Their registers must be physical, since the bytes are made before registers
// are allocated; avo is told which they read and write, so that it keeps its own
// off them.

// bfloat16 makes the package's type known to signatures.
func bfloat16() {
	name := types.NewTypeName(token.NoPos, nil, "BF16", nil)
	types.NewNamed(name, types.Typ[types.Uint16], nil)
	types.Universe.Insert(name)
}

func init() { bfloat16() }

// code is the bytes of an instruction and its name in Go's order of operands.
type code struct {
	bytes []byte
	name  string
}

// emit writes an instruction as bytes. Its text goes where avo would print a
// label, the one operand that is a string.
func emit(c code, inputs, outputs []operand.Op) {
	var s []string
	for _, b := range c.bytes {
		s = append(s, fmt.Sprintf("$0x%02x", b))
	}
	text := operand.LabelRef(strings.Join(s, "; BYTE ") + " // " + c.name)
	Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{text}, Inputs: inputs, Outputs: outputs})
}

// Opcode prefixes and maps, as VEX and EVEX number them.
const (
	prefixNone = 0
	prefixF3   = 2
	prefixF2   = 3
	map0F38    = 2
)

// vex returns the three-byte VEX prefix of 128 bits, W0, and the opcode. v is
// the number of the register that VEX holds; r, x and b are the fourth bits of
// the registers in ModRM and SIB.
func vex(prefix, opcode byte, v, r, x, b int) []byte {
	return []byte{
		0xc4,
		byte(^r&1)<<7 | byte(^x&1)<<6 | byte(^b&1)<<5 | map0F38,
		byte(^v&15)<<3 | prefix,
		opcode,
	}
}

// number of a register as instructions encode it.
func encoding(r reg.Physical) int { return int(r.PhysicalIndex()) }

// tile is one of the eight tile registers.
type tile int

func (t tile) String() string { return fmt.Sprintf("TMM%d", int(t)) }

// tileMemory is a tile's memory: rows `stride` bytes apart, from base + disp.
type tileMemory struct {
	base, stride reg.Physical
	disp         int8
}

func (m tileMemory) String() string {
	return fmt.Sprintf("%d(%s)(%s*1)", m.disp, m.base.Asm(), m.stride.Asm())
}

// access encodes a tile's load or store.
func (t tile) access(prefix byte, m tileMemory) []byte {
	base, index := encoding(m.base), encoding(m.stride)
	if index == 4 {
		panic("the stack pointer is no index")
	}
	b := vex(prefix, 0x4b, 0, 0, index>>3, base>>3)
	return append(b, 1<<6|byte(t)<<3|4, byte(index&7)<<3|byte(base&7), byte(m.disp))
}

// TILELOADD reads a tile.
func TILELOADD(m tileMemory, t tile) {
	emit(code{t.access(prefixF2, m), fmt.Sprintf("TILELOADD %v, %v", m, t)}, []operand.Op{m.base, m.stride}, nil)
}

// TILESTORED writes a tile.
func TILESTORED(t tile, m tileMemory) {
	emit(code{t.access(prefixF3, m), fmt.Sprintf("TILESTORED %v, %v", t, m)}, []operand.Op{m.base, m.stride}, nil)
}

// TILEZERO clears a tile.
func TILEZERO(t tile) {
	emit(code{append(vex(prefixF2, 0x49, 0, 0, 0, 0), 3<<6|byte(t)<<3), fmt.Sprintf("TILEZERO %v", t)}, nil, nil)
}

// TDPBF16PS adds to c the product of a and of b, whose rows are pairs of the
// matrix's rows.
func TDPBF16PS(b, a, c tile) {
	emit(code{append(vex(prefixF3, 0x5c, int(b), 0, 0, 0), 3<<6|byte(c)<<3|byte(a)), fmt.Sprintf("TDPBF16PS %v, %v, %v", b, a, c)}, nil, nil)
}

// LDTILECFG sets the tiles' sizes from 64 bytes at base.
func LDTILECFG(base reg.Physical) {
	n := encoding(base)
	if n&7 == 4 || n&7 == 5 {
		panic("needs a longer encoding")
	}
	emit(code{append(vex(prefixNone, 0x49, 0, 0, 0, n>>3), byte(n&7)), fmt.Sprintf("LDTILECFG (%s)", base.Asm())}, []operand.Op{base}, nil)
}

// TILERELEASE returns the tiles to their initial state.
func TILERELEASE() {
	emit(code{append(vex(prefixNone, 0x49, 0, 0, 0, 0), 0xc0), "TILERELEASE"}, nil, nil)
}

// VDPBF16PS adds to the float32 lanes of acc the products of both bfloat16 of
// the lanes of a and b.
func VDPBF16PS(b, a, acc reg.VecPhysical) {
	n, m, d := encoding(b), encoding(a), encoding(acc)
	bytes := []byte{
		0x62,
		byte(^(d>>3)&1)<<7 | byte(^(n>>4)&1)<<6 | byte(^(n>>3)&1)<<5 | byte(^(d>>4)&1)<<4 | map0F38,
		byte(^m&15)<<3 | 1<<2 | prefixF3,
		2<<5 | byte(^(m>>4)&1)<<3, // 512 bits
		0x52,
		3<<6 | byte(d&7)<<3 | byte(n&7),
	}
	name := fmt.Sprintf("VDPBF16PS %s, %s, %s", b.Asm(), a.Asm(), acc.Asm())
	emit(code{bytes, name}, []operand.Op{b, a, acc}, []operand.Op{acc})
}
