package kernel

import "testing"

func benchProduct(b *testing.B, f func(c, a, w []float32)) {
	a, w, c := make([]float32, 196*144), make([]float32, PackedLen(144, 32)+196*32), make([]float32, 196*144)
	for i := range a {
		a[i] = float32(i % 7)
	}
	b.SetBytes(196 * 144 * 32 * 2) // MB/s reads as MFLOP/s
	for b.Loop() {
		f(c, a, w)
	}
}

func BenchmarkMul(b *testing.B) {
	benchProduct(b, func(c, a, w []float32) { Mul(c[:196*32], a, w, 196, 144, 32, false) })
}

func BenchmarkMulTransposed(b *testing.B) {
	benchProduct(b, func(c, a, w []float32) { MulTransposed(c[:144*32], a, w[:196*32], 196, 144, 144, 32) })
}
