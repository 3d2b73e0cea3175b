package kernel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// atEachLevel runs a benchmark with every version of the kernels.
func atEachLevel(b *testing.B, fn func(b *testing.B)) {
	for _, level := range Levels() {
		b.Run(level, func(b *testing.B) {
			defer Use(level)()
			fn(b)
		})
	}
}

// The convolution of 16 to 32 channels on 14×14 pixels at several shares of
// numbers that are not zero. Rates are dense-equivalent.
func BenchmarkConvolution(b *testing.B) { atEachLevel(b, benchmarkConvolution) }

func benchmarkConvolution(b *testing.B) {
	g := Geometry{H: 14, W: 14, C: 16, OutH: 14, OutW: 14, Kernel: 3, Stride: 1, Pad: 1}
	const out = 32
	rng := rand.New(rand.NewPCG(1, 1))
	w, dy := random(rng, g.Patch()*out), random(rng, 196*out)
	back := make([]float32, len(w))
	rate := func(b *testing.B) {
		b.ReportMetric(2*196*float64(g.Patch())*out*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
	}
	l, cols := NewList(g.Patch()), NewColumns(16, 196)
	corr := NewCorrelation(g, out)
	grid := make([]float32, corr.ScratchLen())
	for _, share := range []float64{1, .5, .15} {
		x := sparse(rng, random(rng, 196*16), 1-share)
		b.Run(fmt.Sprintf("forward/%.2f", share), func(b *testing.B) {
			y := make([]float32, 196*out)
			for b.Loop() {
				Convolve(y, x, w, g, out, &l)
			}
			rate(b)
		})
		b.Run(fmt.Sprintf("weights/%.2f", share), func(b *testing.B) {
			dw := make([]float32, len(w))
			for b.Loop() {
				corr.Weights(dw, x, dy, 0, 16, cols, grid)
			}
			rate(b)
		})
	}
	b.Run("input", func(b *testing.B) {
		corr.TransposePositions(back, w)
		dx := make([]float32, 196*16)
		for b.Loop() {
			corr.Input(dx, dy, back, false, grid)
		}
		rate(b)
	})
}

// One call on 256 rows of 16 channels; of Combine, of the 22 rows of 32 columns
// that a 3×3 window on 16 channels finds not zero at a share of .15.
func BenchmarkKernels(b *testing.B) {
	const c, rows = 16, 256
	rng := rand.New(rand.NewPCG(2, 1))
	x := make([][]float32, 7)
	k0, k1, k2 := make([]float32, c), random(rng, c), make([]float32, c)
	total, sums, products := make([]float32, c), make([]float64, c), make([]float64, c)
	spikes := sparse(rng, random(rng, c*rows), .85)
	row := make([]int32, 22)
	for i := range row {
		row[i] = int32(rng.IntN(rows / 2))
	}
	list, cols, table := NewList(c*rows), NewColumns(c, rows), NewRowTable(rows, c)
	calls := map[string]func(k *kernels){
		"combine": func(k *kernels) { k.combine(x[0][:32], x[1], row, x[2][:len(row)]) },
		"compress": func(k *kernels) {
			k.compress(list.Val[:cap(list.Val)], list.Row[:cap(list.Row)], spikes, c*rows, 1, 0, 0, 0)
		},
		"gather": func(k *kernels) {
			clear(cols.count)
			k.gather(cols.val, cols.row, cols.count, cols.room, spikes, table.offset, table.index)
		},
		"step":         func(k *kernels) { k.step(x[0], x[1], x[2], x[3], k2, k0, k0, 1, 1, 0, -1) },
		"after":        func(k *kernels) { k.after(x[0], x[1], spikes, 1, 0, -1) },
		"back":         func(k *kernels) { k.back(x[0], x[1], x[2], x[3], x[4], spikes, x[5], k2, k0, 1, 0, -1, 1) },
		"rectangular":  func(k *kernels) { k.rectangular(x[0], x[1], 1, .5) },
		"triangular":   func(k *kernels) { k.triangular(x[0], x[1], 1, .5) },
		"epanechnikov": func(k *kernels) { k.epanechnikov(x[0], x[1], 1, .5) },
		"affine":       func(k *kernels) { k.affine(x[0], x[1], k1, k2) },
		"affinePair":   func(k *kernels) { k.affinePair(x[0], x[1], x[2], k1, k2, k0) },
		"moments":      func(k *kernels) { k.moments(sums, products, x[0], x[1]) },
		"axpy":         func(k *kernels) { k.axpy(x[0], x[1], 0) },
		"addBias":      func(k *kernels) { k.addBias(x[0], k0) },
		"sumRows":      func(k *kernels) { k.sumRows(total, x[0]) },
		"average":      func(k *kernels) { k.average(x[0], x[1], 8, 2*c, 16*c, 2, c, .25) },
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
