package window

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

// shifted returns neuron and input with one parameter moved by h.
func shifted(d neuron.Dynamics, in Input, parameter int, h float64) (neuron.Dynamics, Input) {
	*[]*float64{&d.C2, &d.C1, &d.C0, &d.Threshold, &in.Mean, &in.Std}[parameter] += h
	return d, in
}

// The derivatives are those of the closure itself, edges of its pieces included.
func TestSensitivityAgainstFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 8))
	uniform := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
	names := [parameters]string{"c2", "c1", "c0", "θ", "mean", "std"}
	worst := 0.0
	for range 60 {
		theta := uniform(.25, 2)
		d := qif(uniform(.05, 1), uniform(-1, 1), uniform(-1, 1), theta)
		in := Input{Mean: uniform(-.2, .2), Std: theta * uniform(.6, 1)}
		switch rng.IntN(5) {
		case 0:
			d = qif(-uniform(.05, .3), uniform(-1, 1), uniform(-1, 1), theta)
			d.Floor, d.Soft = -4*theta, rng.IntN(2) == 0
		case 1:
			d = qif(uniform(.02, .1)/theta, uniform(-1, 1), uniform(-1, 1), theta)
			d.Soft = true
		case 2:
			d.Floor = -uniform(0, 3)
		case 3:
			d = lif(uniform(-.9, .95), theta)
			d.Floor, d.Soft = -3*theta, rng.IntN(2) == 0
		}
		if rng.IntN(4) == 0 {
			in.Rho = uniform(.1, .8)
		}
		const steps = 5
		m, g, err := Sensitivity(d, in, steps, Nodes)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Closure(d, in, steps, Nodes)
		if err != nil {
			t.Fatal(err)
		}
		for p, name := range names {
			if p == byC2 && d.C2 == 0 && d.C1 < 0 {
				continue // the core of a falling line ends elsewhere than a parabola's
			}
			const h = 1e-5
			up, inUp := shifted(d, in, p, h)
			down, inDown := shifted(d, in, p, -h)
			hi, err := Closure(up, inUp, steps, Nodes)
			if err != nil {
				t.Fatal(err)
			}
			lo, err := Closure(down, inDown, steps, Nodes)
			if err != nil {
				t.Fatal(err)
			}
			for s := range m {
				got := [parameters]Moments{g[s].C2, g[s].C1, g[s].C0, g[s].Threshold, g[s].Mean, g[s].Std}[p]
				for i, pair := range [][2]float64{
					{got.Mean, (hi[s].Mean - lo[s].Mean) / (2 * h)}, {got.Std, (hi[s].Std - lo[s].Std) / (2 * h)},
					{got.Rate, (hi[s].Rate - lo[s].Rate) / (2 * h)}, {got.Density, (hi[s].Density - lo[s].Density) / (2 * h)},
				} {
					e := math.Abs(pair[0]-pair[1]) / (1 + math.Abs(pair[1]))
					worst = max(worst, e)
					if e > 1e-4 {
						t.Errorf("%+v %+v step %d: derivative %d with respect to %s is %v, difference quotient %v", d, in, s+1, i, name, pair[0], pair[1])
					}
				}
			}
		}
		for s := range m {
			if m[s] != plain[s] {
				t.Errorf("step %d: moments %+v, without derivatives %+v", s+1, m[s], plain[s])
			}
		}
	}
	t.Logf("largest deviation %.1e", worst)
}
