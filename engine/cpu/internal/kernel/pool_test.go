package kernel

import (
	"fmt"
	"testing"
)

func TestPooling(t *testing.T) {
	for _, g := range []Conv{
		{H: 4, W: 4, C: 3, OutH: 2, OutW: 2, Out: 3, KernelH: 2, KernelW: 2, Stride: 2},
		{H: 5, W: 5, C: 32, OutH: 2, OutW: 2, Out: 32, KernelH: 3, KernelW: 3, Stride: 2},
		{H: 4, W: 5, C: 70, OutH: 3, OutW: 4, Out: 70, KernelH: 2, KernelW: 2, Stride: 1},
		{H: 5, W: 7, C: 1, OutH: 2, OutW: 3, Out: 1, KernelH: 1, KernelW: 1, Stride: 3},
		{H: 6, W: 6, C: 33, OutH: 2, OutW: 2, Out: 33, KernelH: 2, KernelW: 2, Stride: 4},
	} {
		for frames := range 4 {
			a := newArena(uint64(g.C+frames), false)
			in, out, n := g.H*g.W, g.OutH*g.OutW, frames*g.C
			x := a.bits(in*frames, g.C)
			bit := func(p, i int) uint32 { // of pixel p, number i of [frames][C]
				return x[(p*frames+i/g.C)*Words(g.C)+i%g.C/32] >> (i % g.C % 32) & 1
			}
			avg := make([]float64, out*n)
			global := make([]float64, n)
			share := 1 / float64(g.KernelH*g.KernelH)
			for p := range in {
				for i := range n {
					global[i] += float64(bit(p, i)) / float64(in)
				}
			}
			for o := range out {
				for k := range g.KernelH * g.KernelH {
					p := (o/g.OutW*g.Stride+k/g.KernelH)*g.W + o%g.OutW*g.Stride + k%g.KernelH
					for i := range n {
						avg[o*n+i] += share * float64(bit(p, i))
					}
				}
			}
			for _, v := range plainVersions() {
				restore := useKernels(v)
				what := fmt.Sprintf("%s, %+v, %d frames", v.level, g, frames)
				for o := range out {
					y := a.floats(n)
					AvgPoolBits(y, x, g, frames, o)
					near(t, what+" average", y, avg[o*n:(o+1)*n], 1)
					half, _ := a.halves(n)
					AvgPoolBitsBF16(half, x, g, frames, o)
					for i := range n {
						if got := half[i]; got != ToBF16(y[i]) {
							t.Fatalf("%s: BF16 average %v, want %v", what, got.Float32(), y[i])
						}
					}
				}
				y := a.floats(n)
				GlobalAvgPoolBits(y, x, frames, g.C, in)
				near(t, what+" global average", y, global, 1)
				restore()
			}
		}
	}
}
