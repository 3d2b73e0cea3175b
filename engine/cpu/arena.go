package cpu

import (
	"slices"
	"unsafe"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// buffer is a piece of a plan's memory. Buffers whose uses never meet share
// their place in the arena.
type buffer struct {
	words int // of 32 bits
	first int // the first and the last moment of use: operation i runs forward
	last  int // at moment i, of n, and backward at moment 2n−1−i
	kept  bool
	at    int
	mem   []float32
}

// buffers are the pieces that an operation touches in each direction.
type buffers struct{ forward, backward []*buffer }

// used widens a buffer's time of use.
func (b *buffer) used(moment int) {
	if b == nil {
		return
	}
	b.first, b.last = min(b.first, moment), max(b.last, moment)
}

func (b *buffer) meets(o *buffer) bool {
	return b.kept || o.kept || b.first <= o.last && o.first <= b.last
}

// line is the words of a cache line: buffers begin at one.
const line = 16

// layout places buffers and returns the size of the arena: the largest first,
// each as low as those that it meets allow.
func layout(all []*buffer) int {
	bySize := slices.Clone(all)
	slices.SortStableFunc(bySize, func(a, b *buffer) int { return b.words - a.words })
	total := 0
	var placed []*buffer // by place
	for _, b := range bySize {
		if b.first > b.last && !b.kept {
			continue // nothing uses it
		}
		b.at = 0
		for _, o := range placed {
			if o.meets(b) && b.at+b.words > o.at && o.at+o.words > b.at {
				b.at = (o.at + o.words + line - 1) / line * line
			}
		}
		i, _ := slices.BinarySearchFunc(placed, b, func(o, b *buffer) int { return o.at - b.at })
		placed = slices.Insert(placed, i, b)
		total = max(total, b.at+b.words)
	}
	return total
}

// attach gives every buffer its piece of an arena of total words.
func attach(all []*buffer, total int) {
	mem := newMemory(total + line)
	skip := int(-uintptr(unsafe.Pointer(&mem[0]))/4) & (line - 1)
	for _, b := range all {
		if b.kept || b.first <= b.last {
			b.mem = mem[skip+b.at:][:b.words:b.words]
		}
	}
}

// newMemory returns n numbers, in huge pages where the system has them.
func newMemory(n int) []float32 {
	mem := make([]float32, n)
	if n > 0 {
		inHugePages(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(mem))), 4*n))
	}
	return mem
}

// asWords returns float32 memory as words of bits.
func asWords(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// asFloat64 returns float32 memory, aligned as buffers are, as numbers of twice
// the width.
func asFloat64(x []float32) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}

// asHalf returns float32 memory as twice as many bfloat16 numbers.
func asHalf(x []float32) []kernel.BF16 {
	return unsafe.Slice((*kernel.BF16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}
