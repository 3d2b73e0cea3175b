package analysis

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Rebound is how many of a neuron's spikes are made by inhibition. A spike at
// step t is a rebound if f(v[t−1]) ≥ θ where the map falls, which means that v[t−1]
// lies at or below the rebound floor: it had come without input.
type Rebound struct {
	InputMean float64        `json:"input_mean"`
	Steps     int            `json:"steps"` // T, from v[0] = the reset value
	Samples   int            `json:"samples"`
	Seed      uint64         `json:"seed"`
	Points    []ReboundPoint `json:"points"`
}

// A ReboundPoint is the share of rebounds among all spikes of steps 1..T under
// independent normal input of one deviation.
type ReboundPoint struct {
	InputSD float64 `json:"input_sd"`
	// Simulated; the share and its standard error are nil without spikes.
	Rate          float64  `json:"rate"` // spikes per step
	Share         *float64 `json:"share"`
	StandardError *float64 `json:"standard_error"`
	// Integrated over the exact density of the potential; nil where that has no
	// bounded grid, which Problem then says.
	IntegratedRate  *float64 `json:"rate_integrated"`
	IntegratedShare *float64 `json:"share_integrated"`
	Problem         *string  `json:"problem"`
}

// reboundLevel is the rebound floor as rebounds are counted: −Inf without one.
// If every potential fires by itself, it is the vertex, below which the map
// falls.
func reboundLevel(d neuron.Dynamics) float64 {
	level, ok := d.Rebound()
	if ok && math.IsInf(level, 1) {
		level, ok = d.Vertex()
	}
	if !ok {
		return math.Inf(-1)
	}
	return level
}

// reboundBlock is how many neurons a task simulates.
const reboundBlock = 2000

// A reboundCount sums over the neurons of a block: spikes s and rebounds r.
type reboundCount struct {
	neurons       int
	s, r          float64
	ss, sr, rr    float64 // Σ s², Σ s·r, Σ r²
	deviationFrom int     // index into the deviations
}

type reboundStudy struct {
	d      neuron.Dynamics
	o      DynamicsOptions
	counts []reboundCount
	points []ReboundPoint
}

func newReboundStudy(d neuron.Dynamics, o DynamicsOptions) *reboundStudy {
	s := &reboundStudy{d: d, o: o, points: make([]ReboundPoint, len(o.Deviations))}
	for i := range o.Deviations {
		for left := o.Samples; left > 0; left -= reboundBlock {
			s.counts = append(s.counts, reboundCount{neurons: min(left, reboundBlock), deviationFrom: i})
		}
	}
	return s
}

// tasks returns tasks that simulate blocks and integrate densities.
func (s *reboundStudy) tasks() []func() {
	var tasks []func()
	for i := range s.counts {
		tasks = append(tasks, func() {
			c := &s.counts[i]
			c.simulate(s.d, s.o, rand.New(rand.NewPCG(s.o.Seed, uint64(i))))
		})
	}
	for i, sd := range s.o.Deviations {
		tasks = append(tasks, func() {
			p := &s.points[i]
			p.InputSD = sd
			rate, share, err := integrateRebound(s.d, window.Input{Mean: s.o.Input, Std: sd}, s.o.Steps)
			if err != nil {
				text := err.Error()
				p.Problem = &text
				return
			}
			p.IntegratedRate, p.IntegratedShare = number(rate, true), number(share, rate > 0)
		})
	}
	return tasks
}

func (c *reboundCount) simulate(d neuron.Dynamics, o DynamicsOptions, rng *rand.Rand) {
	level, sd := reboundLevel(d), o.Deviations[c.deviationFrom]
	for range c.neurons {
		v, s, r := d.ResetValue, 0.0, 0.0
		for range o.Steps {
			_, spike, next := d.Step(v, o.Input+sd*rng.NormFloat64())
			if spike {
				s++
				if v <= level {
					r++
				}
			}
			v = next
		}
		c.s, c.r = c.s+s, c.r+r
		c.ss, c.sr, c.rr = c.ss+s*s, c.sr+s*r, c.rr+r*r
	}
}

// result adds the blocks up, in their order.
func (s *reboundStudy) result() Rebound {
	totals := make([]reboundCount, len(s.points))
	for _, c := range s.counts {
		t := &totals[c.deviationFrom]
		t.neurons += c.neurons
		t.s, t.r = t.s+c.s, t.r+c.r
		t.ss, t.sr, t.rr = t.ss+c.ss, t.sr+c.sr, t.rr+c.rr
	}
	for i, t := range totals {
		p := &s.points[i]
		p.Rate = t.s / float64(t.neurons) / float64(s.o.Steps)
		if t.s == 0 {
			continue
		}
		share := t.r / t.s
		p.Share = &share
		// The share is a ratio of means over neurons, whose spikes are not
		// independent over time: its error is that of the residuals r − share·s.
		residual := t.rr - 2*share*t.sr + share*share*t.ss
		if n := float64(t.neurons); n > 1 {
			p.StandardError = number(math.Sqrt(max(0, residual)*n/(n-1))/t.s, true)
		}
	}
	return Rebound{InputMean: s.o.Input, Steps: s.o.Steps, Samples: s.o.Samples, Seed: s.o.Seed, Points: s.points}
}

// integrateRebound returns the rate of steps 1..T and the share of rebounds among
// the spikes (ours): before step t, u[t−1] is a mixture of normals, so
//
//	P(rebound at t) = ∫ p(v)·P(f(v) + x ≥ θ) dv over v ≤ the rebound floor
//
// where p is the density of v[t−1] after reset, with points at floor and reset
// value.
func integrateRebound(d neuron.Dynamics, in window.Input, steps int) (rate, share float64, err error) {
	course, err := window.Exact(d, in, steps)
	if err != nil {
		return 0, 0, err
	}
	level := reboundLevel(d)
	fires := func(v float64) float64 { return math.Erfc((d.Threshold-d.At(v)-in.Mean)/in.Std/math.Sqrt2) / 2 }
	spikes, rebounds := 0.0, 0.0
	if d.ResetValue <= level {
		rebounds += fires(d.ResetValue)
	}
	for t, step := range course {
		spikes += step.Rate
		if t+1 < steps {
			rebounds += reboundAfter(d, step.Mixture, level, fires)
		}
	}
	return spikes / float64(steps), rebounds / spikes, nil
}

// reboundAfter returns the probability of a rebound at the step after one whose
// potential before firing has the distribution u.
func reboundAfter(d neuron.Dynamics, u window.Mixture, level float64, fires func(v float64) float64) float64 {
	p := 0.0
	point := func(v, mass float64) {
		if v <= level && mass > 0 {
			p += mass * fires(v)
		}
	}
	p += integrate(u, d.Floor, min(level, d.Threshold), 0, fires)
	point(d.Floor, u.Between(math.Inf(-1), min(d.Floor, d.Threshold)))
	if !d.Soft {
		point(d.ResetValue, u.Between(d.Threshold, math.Inf(1)))
		return p
	}
	p += integrate(u, max(0, d.Floor), level, d.Threshold, fires)
	point(d.Floor, u.Between(d.Threshold, d.Threshold+max(0, d.Floor)))
	return p
}

// integrate returns ∫ p(v + shift)·g(v) dv from lo to hi for the density p of u.
func integrate(u window.Mixture, lo, hi, shift float64, g func(v float64) float64) float64 {
	const nodes, reach = 160, 10 // reach in deviations
	least := math.Inf(1)
	for _, p := range u.Points {
		least = min(least, p.Value)
	}
	lo = max(lo, least-reach*u.Std-shift)
	if !(lo < hi) {
		return 0
	}
	return quad.Fixed(func(v float64) float64 { return u.Density(v+shift) * g(v) }, lo, hi, nodes, quad.Legendre{}, 0)
}
