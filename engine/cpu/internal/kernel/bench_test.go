package kernel

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// BenchmarkKernels makes one call on 256 rows of 16 channels.
func BenchmarkKernels(b *testing.B) {
	const c, rows = 16, 256
	rng := rand.New(rand.NewPCG(2, 1))
	x := make([][]float32, 7)
	k0, k2 := make([]float32, c), make([]float32, c)
	total := make([]float32, c)
	spikes := sparse(rng, random(rng, c*rows), .85)
	calls := map[string]func(k *kernels){
		"step":         func(k *kernels) { k.step(x[0], x[1], x[2], x[3], k2, k0, k0, 1, 1, 0, -1) },
		"after":        func(k *kernels) { k.after(x[0], x[1], spikes, 1, 0, -1) },
		"back":         func(k *kernels) { k.back(x[0], x[1], x[2], x[3], x[4], spikes, x[5], k2, k0, 1, 0, -1, 1) },
		"rectangular":  func(k *kernels) { k.rectangular(x[0], x[1], 1, .5) },
		"triangular":   func(k *kernels) { k.triangular(x[0], x[1], 1, .5) },
		"epanechnikov": func(k *kernels) { k.epanechnikov(x[0], x[1], 1, .5) },
		"axpy":         func(k *kernels) { k.axpy(x[0], x[1], 0) },
		"addBias":      func(k *kernels) { k.addBias(x[0], k0) },
		"sumRows":      func(k *kernels) { k.sumRows(total, x[0]) },
		"sgd":          func(k *kernels) { k.sgd(x[0], x[1], x[2], 0, 1, .9, .01) },
		"adamW":        func(k *kernels) { k.adamW(x[0], x[1], x[2], x[6], 0, 1, .9, .99, 1e-8, .01, 1, 1) },
		"sumSquares":   func(k *kernels) { k.sumSquares(x[0]) },
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		for _, v := range versions {
			b.Run(name+"/"+v.level, func(b *testing.B) {
				for i := range x { // calls change them
					x[i] = random(rng, c*rows)
				}
				for i, v := range x[6] {
					x[6][i] = abs(v) // a second moment
				}
				for b.Loop() {
					calls[name](v)
				}
			})
		}
	}
}
