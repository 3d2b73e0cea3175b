package main

import (
	"go/token"
	"go/types"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Signatures name the package's own BF16, which is known to avo like a type of
// the language.
func init() {
	name := types.NewTypeName(token.NoPos, nil, "BF16", nil)
	types.NewNamed(name, types.Typ[types.Uint16], nil)
	types.Universe.Insert(name)
}

// words returns 16-bit words in 32-bit lanes.
func (v isa) words(from Mem) reg.VecVirtual {
	r := v.reg()
	VPMOVZXWD(from, r)
	return r
}

// and has a name of its own in AVX-512.
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
