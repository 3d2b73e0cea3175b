package kernel

import "math"

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
