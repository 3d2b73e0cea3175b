package kernel

import "math/bits"

// Spikes are bits: a row of c channels is Words(c) words, bit k of word w is
// channel 32w+k, and the bits behind the last channel are zero.

// wordBits is the number of channels in a word.
const wordBits = 32

// Words is how many words a row of c bits takes.
func Words(c int) int { return (c + wordBits - 1) / wordBits }

// PackBits sets, for each row of c numbers of x, the bits where a number is not
// zero. NaN is not zero.
func PackBits(bits []uint32, x []float32, c int) {
	if len(x) == 0 {
		return
	}
	rows := len(x) / c
	current.packBits(bits[:rows*Words(c)], x[:rows*c], c)
}

func packBitsPortable(bits []uint32, x []float32, c int) {
	for len(x) > 0 {
		row := x[:c]
		for len(row) > 0 {
			n := min(wordBits, len(row))
			var word uint32
			for k, v := range row[:n] {
				var bit uint32
				if v != 0 {
					bit = 1
				}
				word |= bit << k
			}
			bits[0] = word
			bits, row = bits[1:], row[n:]
		}
		x = x[c:]
	}
}

// UnpackBits writes, for each row of c bits, value where a bit is set and 0 where
// it is not.
func UnpackBits(x []float32, bits []uint32, c int, value float32) {
	if len(x) == 0 {
		return
	}
	rows := len(x) / c
	current.unpackBits(x[:rows*c], bits[:rows*Words(c)], c, value)
}

func unpackBitsPortable(x []float32, bits []uint32, c int, value float32) {
	choice := [2]float32{0, value}
	for len(x) > 0 {
		row := x[:c]
		for len(row) > 0 {
			n := min(wordBits, len(row))
			word := bits[0]
			for k := range row[:n] {
				row[k] = choice[word>>k&1]
			}
			bits, row = bits[1:], row[n:]
		}
		x = x[c:]
	}
}

// TransposeBits writes the transpose of a matrix of bits: rows of `words` words
// become words·32 rows of Words(rows) words.
func TransposeBits(dst, bits []uint32, rows, words int) {
	if rows == 0 || words == 0 {
		return
	}
	blocks, across := rows/wordBits, Words(rows)
	dst, bits = dst[:words*wordBits*across], bits[:rows*words]
	if blocks > 0 {
		current.transposeBits(dst, bits, blocks, words, across)
	}
	if blocks == across {
		return
	}
	var square [wordBits]uint32
	for w := range words {
		square = [wordBits]uint32{}
		for r := blocks * wordBits; r < rows; r++ {
			square[r%wordBits] = bits[r*words+w]
		}
		transposeSquare(&square)
		for k, word := range square {
			dst[(w*wordBits+k)*across+blocks] = word
		}
	}
}

// transposeBitsPortable transposes the squares of `blocks` times 32 rows. Rows of
// dst have `across` words, of which it writes the first `blocks`.
func transposeBitsPortable(dst, bits []uint32, blocks, words, across int) {
	var square [wordBits]uint32
	for b := range blocks {
		for w := range words {
			from := bits[b*wordBits*words+w:]
			for r := range square {
				square[r] = from[r*words]
			}
			transposeSquare(&square)
			to := dst[w*wordBits*across+b:]
			for k, word := range square {
				to[k*across] = word
			}
		}
	}
}

// transposeSquare transposes a square of bits in place: it exchanges its
// off-diagonal quarters, then those of its quarters, down to single bits.
func transposeSquare(a *[wordBits]uint32) {
	half, mask := 16, uint32(0xffff)
	for half > 0 {
		for r := 0; r < wordBits; r = (r + half + 1) &^ half { // rows of upper halves
			t := (a[r]>>half ^ a[r+half]) & mask
			a[r] ^= t << half
			a[r+half] ^= t
		}
		half /= 2
		mask ^= mask << half
	}
}

// CountBits returns how many bits are set.
func CountBits(words []uint32) int {
	n := 0
	for len(words) >= 2 {
		n += bits.OnesCount64(uint64(words[0]) | uint64(words[1])<<wordBits)
		words = words[2:]
	}
	for _, w := range words {
		n += bits.OnesCount32(w)
	}
	return n
}
