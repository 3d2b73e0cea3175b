package kernel

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns a copy of x that lies against a page that nothing may touch:
// its end does, or with front its start.
func fenced[T float32 | BF16](t *testing.T, x []T, front bool) []T {
	if len(x) == 0 {
		return x
	}
	page := syscall.Getpagesize()
	bytes := len(x) * int(unsafe.Sizeof(x[0]))
	room := (bytes + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	for _, fence := range [][]byte{m[:page], m[page+room:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page + room - bytes
	if front {
		at = page
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&m[at])), len(x))
	copy(out, x)
	return out
}

// TestProductsStayInside lets every operand begin or end where memory does.
func TestProductsStayInside(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, v := range everyVersion() {
		restore := useKernels(v)
		for _, front := range []bool{false, true} {
			for _, rows := range []int{1, 7, 16, 17, 33, 64} {
				for _, cols := range []int{1, 7, 16, 17, 31, 33, 64} {
					const k, positions = 32, 2
					y := fenced(t, make([]float32, rows*cols), front)
					add := cols%2 == 0

					x, w := fenced(t, random(rng, positions*rows*k), front), fenced(t, random(rng, positions*k*cols), front)
					Product(y, cols, x, k, w, cols, everyPixel(positions, rows*k), everyPixel(positions, k*cols), rows, k, cols, add)

					h, pairs := fenced(t, randomHalf(rng, positions*rows*k), front), fenced(t, randomHalf(rng, positions*PairsLen(k, cols)), front)
					panel := PairsPanelLen(k)
					ProductHalf(y, cols, h, k, pairs, positions*panel, everyPixel(positions, rows*k), everyPixel(positions, panel), rows, k, cols, add)

					PackPairs(fenced(t, make([]BF16, PairsLen(rows, cols)), front), fenced(t, random(rng, rows*cols), front), rows, cols, cols)
					PackPairsHalf(fenced(t, make([]BF16, PairsLen(rows, cols)), front), fenced(t, randomHalf(rng, rows*cols), front), rows, cols, cols)
					Narrow(fenced(t, make([]BF16, rows*cols), front), y)
					Widen(y, fenced(t, randomHalf(rng, rows*cols), front))
				}
			}
		}
		restore()
	}
}
