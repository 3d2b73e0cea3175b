package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWidthGradient compares with the sum written out, over all kinds of reset,
// in both precisions of the gradient and with spikes given or not.
func TestWidthGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range []Neuron{
		{Theta: 1, Floor: float32(math.Inf(-1)), Detach: true},
		{Theta: 1, Reset: -.5, Floor: float32(math.Inf(-1))},
		{Theta: .5, Floor: -.25},
		{Theta: .5, Floor: -.25, Soft: true},
		{Theta: .5, Floor: float32(math.Inf(-1)), Soft: true},
	} {
		for _, c := range []int{1, 31, 33, 64} {
			const rows = 5
			p.C2 = make([]float32, c)
			draw := func() []float32 {
				x := make([]float32, rows*c)
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				return x
			}
			g, carry, h, u, s := draw(), draw(), draw(), draw(), make([]float32, rows*c)
			half, want, size := make([]BF16, rows*c), 0., 0.
			for i := range g {
				half[i] = ToBF16(g[i])
				g[i] = half[i].Float32()
				v := float64(u[i])
				if u[i] >= p.Theta {
					s[i] = 1
					if v = float64(p.Reset); p.Soft {
						v = float64(u[i] - p.Theta)
					}
				}
				through := float64(p.Reset - u[i])
				if p.Soft {
					through = -float64(p.Theta)
				}
				if p.Detach || v < float64(p.Floor) {
					through = 0
				}
				term := (float64(g[i]) + through*float64(carry[i])) * float64(h[i]) * float64(u[i]-p.Theta)
				want, size = want+term, size+math.Abs(term)
			}
			for name, got := range map[string]float64{
				"float32":        p.WidthGradient(Rows{Float: g}, carry, h, u, nil),
				"bfloat16":       p.WidthGradient(Rows{Half: half}, carry, h, u, nil),
				"spikes at hand": p.WidthGradient(Rows{Float: g}, carry, h, u, s),
			} {
				if math.Abs(got-want) > 1e-6*size {
					t.Errorf("%+v, %d channels, %s: %v, want %v", p, c, name, got, want)
				}
			}
		}
	}
}
