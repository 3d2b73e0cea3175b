package kernel

import (
	"math"
	"testing"
)

// guarded is a slice between guards. Nothing may write to them, and where they
// are NaN nothing may use them.
type guarded[T float32 | BF16 | uint32] struct {
	all, x []T
	guard  T
}

func newGuarded[T float32 | BF16 | uint32](x []T, guard T, offset int) guarded[T] {
	g := guarded[T]{all: make([]T, offset+len(x)+guardWidth), guard: guard}
	for i := range g.all {
		g.all[i] = guard
	}
	g.x = g.all[offset:][:len(x):len(x)]
	copy(g.x, x)
	return g
}

// check fails if a guard was written to.
func (g guarded[T]) check(t *testing.T, what string) {
	t.Helper()
	front := len(g.all) - len(g.x) - guardWidth
	for i, v := range g.all {
		if inside := i >= front && i < front+len(g.x); !inside && !sameBits(v, g.guard) {
			t.Fatalf("%s: element %d of %d was written", what, i-front, len(g.x))
		}
	}
}

func sameBits[T float32 | BF16 | uint32](a, b T) bool {
	if x, ok := any(a).(float32); ok {
		return math.Float32bits(x) == math.Float32bits(any(b).(float32))
	}
	return a == b
}

const (
	guardHalf = BF16(0x7fc1)
	guardWord = uint32(0xdeadbeef)
)

var guardFloat = math.Float32frombits(0x7fc00001)
