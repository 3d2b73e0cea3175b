package kernel

import (
	"math"
	"unsafe"
)

// BF16 is a bfloat16: the upper half of a float32.
type BF16 uint16

// Float32 returns the number, which is exact.
func (h BF16) Float32() float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBF16 returns the bfloat16 nearest to x, of two the even one. NaN stays NaN.
func ToBF16(x float32) BF16 {
	u := math.Float32bits(x)
	if x != x {
		return BF16(u>>16 | 1<<6) // quiet: the payload may have been all below
	}
	return BF16((u + 0x7fff + u>>16&1) >> 16)
}

// conversionKernels convert from and to bfloat16. The vectors' versions take
// whole groups of `group` numbers, a power of two, panels of all 32 columns and rows of a
// multiple of 32 numbers; exported functions leave the rest to the portable ones.
// All versions agree to the bit.
type conversionKernels struct {
	group         int
	widen         func(dst []float32, src []BF16)
	narrow        func(dst []BF16, src []float32)
	addNarrow     func(dst []BF16, src []float32, next int)
	addHalf       func(dst, src []BF16, next int)
	addWide       func(dst []float32, src []BF16, next int)
	packPanel     func(dst []BF16, src []float32, rows, ldsrc int)
	packPanelHalf func(dst, src []BF16, rows, ldsrc int)
	splitPairs    func(dst []float32, w []BF16)
	unpackHalf    func(x []BF16, ld int, bits []uint32, words int, value uint16)
}

var conversionsPortable = conversionKernels{
	group: 1, widen: widenPortable, narrow: narrowPortable,
	addNarrow: addNarrowPortable, addHalf: addHalfPortable, addWide: addWidePortable, packPanel: packPanelPortable, packPanelHalf: packPanelHalfPortable,
	splitPairs: splitPairsPortable, unpackHalf: unpackHalfPortable,
}

// Widen writes src as float32.
func Widen(dst []float32, src []BF16) {
	dst = dst[:len(src)]
	n := len(src) &^ (current.group - 1)
	current.widen(dst[:n], src[:n])
	widenPortable(dst[n:], src[n:])
}

func widenPortable(dst []float32, src []BF16) {
	dst = dst[:len(src)]
	for i, h := range src {
		dst[i] = h.Float32()
	}
}

// Narrow writes src as bfloat16, as ToBF16 rounds.
func Narrow(dst []BF16, src []float32) {
	dst = dst[:len(src)]
	n := len(src) &^ (current.group - 1)
	current.narrow(dst[:n], src[:n])
	narrowPortable(dst[n:], src[n:])
}

func narrowPortable(dst []BF16, src []float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = ToBF16(x)
	}
}

// UnpackHalf writes rows of c packed bits, ⌈c/32⌉ words each, as rows of
// ld ≥ c numbers: value where a bit is set, zero elsewhere and behind c.
func UnpackHalf(x []BF16, ld int, bits []uint32, c int, value BF16) {
	if c <= 0 {
		return
	}
	words := (c + 31) / 32
	rows := len(bits) / words
	x, bits = x[:rows*ld], bits[:rows*words]
	if ld%32 == 0 {
		current.unpackHalf(x, ld, bits, words, uint16(value))
	} else {
		unpackHalfPortable(x, ld, bits, words, uint16(value))
	}
}

func unpackHalfPortable(x []BF16, ld int, bits []uint32, words int, value uint16) {
	for ; len(bits) > 0; bits, x = bits[words:], x[ld:] {
		row := x[:ld]
		for _, w := range bits[:words] {
			part := row[:min(32, len(row))]
			for k := range part {
				part[k] = BF16(value & -uint16(w>>k&1))
			}
			row = row[len(part):]
		}
		clear(row)
	}
}

// OneHalf is 1.
const OneHalf BF16 = 0x3f80

// TransposeHalf writes the transpose of x [rows][c], c whole panels of columns, as
// c rows of as many numbers as a panel of pairs has rows, zeros behind the last.
// A panel's pairs are words of 32 bits, whose transpose it is. spare has room for
// one panel.
func TransposeHalf(dst, x []BF16, rows, c int, spare []BF16) {
	n := PairsPanelLen(rows)
	panel := spare[:n]
	for j := 0; j < c; j += PanelColumns {
		PackPairsHalf(panel, x[j:], rows, PanelColumns, c)
		current.transposeNumbers(asPairs(dst[j/PanelColumns*n:][:n]), asPairs(panel), n/pairNumbers, PanelColumns)
	}
}

// asPairs returns pairs of numbers as words that kernels of float32 move.
func asPairs(x []BF16) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}
