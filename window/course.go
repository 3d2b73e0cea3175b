package window

import (
	"fmt"
	"math"
	"slices"

	"github.com/qif-snn/qif/neuron"
)

// A course carries the distribution of a neuron's potential from step to step.
// Given the part of the input that stays constant, u[t] = f(v[t−1]) + x[t] is a
// mixture of normals around f(v[t−1]); there is a branch for each value of that
// part that stands for its distribution.
type course struct {
	d        neuron.Dynamics
	branches []branch
	std      float64 // of the input about its constant part
	blur     float64 // of the densities: std, or a little where that is 0
	settler  settler
	limit    float64 // share of potentials that may run away
	t        int
	points   []Point // of the joint mixture; reused
}

// A branch is the neuron under one value of the constant part of its input.
type branch struct {
	weight  float64 // probability of that value
	mean    float64 // of the input, given it
	v       []Point // potential after reset; weights sum to 1 less what escaped
	u       Mixture // potential before firing
	core    core
	escaped float64
}

// A settler appends to v the potential after reset and floor as points, given
// the potential before firing and the core, and returns what leaves it for good.
type settler interface {
	settle(v []Point, u Mixture, in core) (_ []Point, escaped float64, _ error)
}

func newCourse(d neuron.Dynamics, in Input, steps int, s settler) (*course, error) {
	if err := check(d, in, steps); err != nil {
		return nil, err
	}
	c := &course{d: d, settler: s, limit: EscapeLimit}
	c.branches, c.std = in.branches()
	if c.blur = c.std; in.static() {
		c.blur = staticBlur * in.Std
	}
	for i := range c.branches {
		b := &c.branches[i]
		b.v = append(b.v, Point{d.ResetValue, 1})
		b.core = coreOf(d, b.mean)
	}
	return c, nil
}

// run returns the moments at all steps.
func (c *course) run(steps int) ([]Moments, error) {
	all := make([]Moments, steps)
	for t := range all {
		var err error
		if all[t], err = c.advance(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// trace returns the distributions at all steps.
func (c *course) trace(steps int) ([]Step, error) {
	all := make([]Step, steps)
	for t := range all {
		m, err := c.advance()
		if err != nil {
			return nil, err
		}
		u := Mixture{slices.Clone(c.points), c.blur}
		if len(c.branches) > 1 {
			u = u.thinned()
		}
		all[t] = Step{m, u}
	}
	return all, nil
}

// advance goes one step further and returns the moments before firing there.
func (c *course) advance() (Moments, error) {
	c.t++
	if c.t > 1 {
		if err := c.settle(); err != nil {
			return Moments{}, err
		}
	}
	c.points = c.points[:0]
	for i := range c.branches {
		b := &c.branches[i]
		b.u.Std, b.u.Points = c.std, b.u.Points[:0]
		for _, p := range b.v {
			u := c.d.At(p.Value) + b.mean
			b.u.Points = append(b.u.Points, Point{u, p.Weight})
			c.points = append(c.points, Point{u, b.weight * p.Weight})
		}
	}
	return c.moments()
}

// settle takes every branch from before firing to after reset.
func (c *course) settle() error {
	for i := range c.branches {
		b := &c.branches[i]
		v, escaped, err := c.settler.settle(b.v[:0], b.u, b.core)
		if err != nil {
			return &Runaway{Step: c.t, Reason: err.Error()}
		}
		b.v = v
		b.escaped += escaped
	}
	return nil
}

// moments returns the moments before firing, those of the potentials that stay,
// and the rate of all.
func (c *course) moments() (Moments, error) {
	escaped, firing := 0.0, 0.0
	for i := range c.branches {
		b := &c.branches[i]
		escaped += b.weight * b.escaped
		if b.core.fires {
			firing += b.weight * b.escaped
		}
	}
	if escaped > c.limit {
		return Moments{}, &Runaway{Step: c.t, Reason: fmt.Sprintf("a share of %.1g of it has left %v, and nothing brings it back", escaped, c.branches[len(c.branches)/2].core.interval)}
	}
	m := Mixture{c.points, c.std}.moments(c.d.Threshold)
	m.Rate = min(1, m.Rate+firing)
	if c.blur != c.std {
		m.Density = Mixture{c.points, c.blur}.Density(c.d.Threshold)
	}
	if !finite(m.Mean) || !finite(m.Std) || !finite(m.Rate) || !finite(m.Density) {
		return Moments{}, &Runaway{Step: c.t, Reason: "its moments leave the range of double precision"}
	}
	return m, nil
}

func check(d neuron.Dynamics, in Input, steps int) error {
	switch {
	case !finite(d.C2) || !finite(d.C1) || !finite(d.C0):
		return fmt.Errorf("map %v·v² + %v·v + %v has a coefficient that is not finite", d.C2, d.C1, d.C0)
	case !finite(d.Threshold) || !finite(d.ResetValue):
		return fmt.Errorf("threshold %v and reset value %v must be finite", d.Threshold, d.ResetValue)
	case math.IsNaN(d.Floor) || math.IsInf(d.Floor, 1):
		return fmt.Errorf("floor %v must be finite, or −Inf for none", d.Floor)
	case steps < 1:
		return fmt.Errorf("%d time steps, expected at least 1", steps)
	}
	return in.Validate()
}
