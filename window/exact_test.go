package window

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

// midpointDensity carries the density on a plain grid, for a hard reset, no floor
// and a map with a least value: p_t(u) = ∫ p_{t−1}(v)·N(u; f(v), w) dv by the
// midpoint rule over cells that end at the threshold, plus the reset value with
// the weight of the spikes. Its error falls with the square of the cells.
func midpointDensity(d neuron.Dynamics, std float64, steps, cells int) []Moments {
	low := d.At(-d.C1/(2*d.C2)) - 7*std
	h := (d.Threshold - low) / float64(cells)
	v, mass := make([]float64, cells+1), make([]float64, cells+1)
	for i := range cells {
		v[i] = low + (float64(i)+.5)*h
	}
	v[cells], mass[cells] = d.ResetValue, 1
	m := make([]Moments, steps)
	for t := range m {
		density := make([]float64, cells)
		for i, q := range mass {
			f := d.At(v[i])
			m[t].Mean += q * f
			m[t].Std += q * (f*f + std*std) // E[u²] for now
			m[t].Rate += q * .5 * math.Erfc((d.Threshold-f)/(std*math.Sqrt2))
			if q == 0 {
				continue
			}
			for j := range density {
				z := (v[j] - f) / std
				density[j] += q * math.Exp(-z*z/2) / (std * math.Sqrt(2*math.Pi))
			}
		}
		m[t].Std = math.Sqrt(m[t].Std - m[t].Mean*m[t].Mean)
		for j, p := range density {
			mass[j] = p * h
		}
		mass[cells] = m[t].Rate
	}
	return m
}

// The plain grid's values, extrapolated to infinitely many cells, are the exact
// density's.
func TestExactAgainstAPlainGrid(t *testing.T) {
	for _, d := range []neuron.Dynamics{qif(.25, 0, .5, 1), qif(1, -1, 1, 1), qif(.6, .7, -.2, .4)} {
		const steps = 4
		std := d.Threshold
		exact, err := Exact(d, Input{Std: std}, steps)
		if err != nil {
			t.Fatal(err)
		}
		coarse, fine := midpointDensity(d, std, steps, 300), midpointDensity(d, std, steps, 600)
		for s, m := range exact {
			limit := func(c, f float64) float64 { return f + (f-c)/3 }
			if e := math.Abs(m.Mean - limit(coarse[s].Mean, fine[s].Mean)); e > 1e-7 {
				t.Errorf("step %d: mean off by %v", s+1, e)
			}
			if e := math.Abs(m.Std - limit(coarse[s].Std, fine[s].Std)); e > 1e-7 {
				t.Errorf("step %d: deviation off by %v", s+1, e)
			}
			if e := math.Abs(m.Rate - limit(coarse[s].Rate, fine[s].Rate)); e > 1e-7 {
				t.Errorf("step %d: rate off by %v", s+1, e)
			}
		}
	}
}

// Over the whole box, all mass is somewhere and every number lies within the
// simulation's uncertainty.
func TestExactAgainstSimulation(t *testing.T) {
	const seed, sets, samples = 7, 16, 60_000
	rng := rand.New(rand.NewPCG(seed, 12))
	worst, beyond, all := 0.0, 0, 0
	for i := range sets {
		c, steps := draw(rng), 10
		if i%4 == 3 { // some with a constant part
			c.in.Rho, steps = []float64{.1, .5, .9, 1}[i/4], 4
		}
		var exact []Step
		_, stayed := steadyMoments(t, c, steps, func(n int) (_ []Moments, err error) {
			exact, err = Exact(c.d, c.in, n)
			return momentsOf(exact), err
		})
		sim, err := Simulate(context.Background(), c.d, c.in, Simulation{Steps: stayed, Samples: samples, Seed: uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		for s, m := range exact {
			if mass := m.Mixture.mass(); math.Abs(mass-1) > 1.01e-6 {
				t.Errorf("%+v step %d: mass %v", c, s+1, mass)
			}
			got := sim[s]
			for j, pair := range [][3]float64{
				{m.Mean, got.Mean, got.Errors.Mean}, {m.Std, got.Std, got.Errors.Std},
				{m.Rate, got.Rate, got.Errors.Rate}, {m.Density, got.Density, got.Errors.Density},
			} {
				if pair[2] < 1e-12 {
					continue // without spread both are the same number
				}
				z := math.Abs(pair[0]-pair[1]) / pair[2]
				all++
				worst = max(worst, z)
				if z > 2.5758 {
					beyond++
				}
				if z > 5.5 {
					t.Errorf("%+v step %d, number %d: %v, simulated %v ± %v", c, s+1, j, pair[0], pair[1], pair[2])
				}
			}
		}
	}
	t.Logf("%d of %d numbers lie outside the 99 %% interval, the furthest at %.1f standard errors", beyond, all, worst)
	if beyond*40 > all {
		t.Errorf("%d of %d numbers lie outside the 99 %% interval", beyond, all)
	}
}

// Panels half as long and with more nodes give the same numbers.
func TestExactHasConverged(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 2))
	for range 20 {
		c := draw(rng)
		usual, stayed := steadyMoments(t, c, 6, func(n int) ([]Moments, error) {
			all, err := Exact(c.d, c.in, n)
			return momentsOf(all), err
		})
		fine, err := newCourse(c.d, c.in, stayed, &grid{d: c.d, finer: 2})
		if err != nil {
			t.Fatal(err)
		}
		m, err := fine.run(stayed)
		if err != nil {
			t.Fatal(err)
		}
		for s := range m {
			if math.Abs(m[s].Std/usual[s].Std-1) > 1e-8 || math.Abs(m[s].Rate-usual[s].Rate) > 1e-8 || math.Abs(m[s].Mean-usual[s].Mean) > 1e-8 {
				t.Errorf("%+v step %d: %+v, with panels half as long %+v", c, s+1, usual[s], m[s])
			}
		}
	}
}

// Input that is all constant: the neuron follows its map from each x̄.
func TestConstantInput(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	in := Input{Std: 1, Rho: 1}
	const steps = 4
	exact, err := Exact(d, in, steps)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := Closure(d, in, steps, Nodes)
	if err != nil {
		t.Fatal(err)
	}
	const n = 200_000
	var mean, square, rate [steps]float64
	for i := range n {
		z := 16*(float64(i)+.5)/n - 8
		weight := normalDensity(z) * 16 / n
		v := d.ResetValue
		for s := range steps {
			u, spike, next := d.Step(v, z)
			mean[s] += weight * u
			square[s] += weight * u * u
			if spike {
				rate[s] += weight
			}
			v = next
		}
	}
	for s := range steps {
		std := math.Sqrt(square[s] - mean[s]*mean[s])
		for _, m := range []Moments{exact[s].Moments, closed[s]} {
			if math.Abs(m.Mean-mean[s]) > 2e-4 || math.Abs(m.Std-std) > 3e-4 || math.Abs(m.Rate-rate[s]) > 2e-4 {
				t.Errorf("step %d: %+v, want mean %v deviation %v rate %v", s+1, m, mean[s], std, rate[s])
			}
		}
	}
}

// The share of constant input leaves step 1 as it is and reaches the later steps.
func TestCorrelatedInputJoinsItsEnds(t *testing.T) {
	d := lif(.9, 1e9) // without spikes: σ_t² from the sums of constant and fresh parts
	for _, rho := range []float64{0, .01, .3, .7, .99, 1} {
		m, err := Closure(d, Input{Mean: .1, Std: 1, Rho: rho}, 5, Nodes)
		if err != nil {
			t.Fatal(err)
		}
		constant, fresh := 0.0, 0.0 // factor of x̄, and variance of the rest
		for s := range m {
			constant, fresh = .9*constant+1, .81*fresh+1
			want := math.Sqrt(rho*constant*constant + (1-rho)*fresh)
			if math.Abs(m[s].Std/want-1) > 1e-4 {
				t.Errorf("ρ = %v step %d: deviation %v, want %v", rho, s+1, m[s].Std, want)
			}
		}
	}
}
