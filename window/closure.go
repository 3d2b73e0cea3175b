package window

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/neuron"
)

// MaxNodes is the largest number of quadrature nodes of the closure. Here double
// precision begins to run out: the moments tell no further nodes apart.
const MaxNodes = 16

// A Step is the membrane potential before firing at one time step: its moments,
// and the distribution that they come from.
type Step struct {
	Moments
	Mixture Mixture
}

// Closure predicts the moments of a neuron's membrane potential before firing at
// steps 1..steps, from v[0] = the reset value and normal input, with k quadrature
// nodes. Propagate explains how. It fails where Propagate does.
func Closure(d neuron.Dynamics, in Input, steps, k int) ([]Moments, error) {
	if err := checkNodes(k); err != nil {
		return nil, err
	}
	c, err := newCourse(d, in, steps, &closure{d: d, k: k})
	if err != nil {
		return nil, err
	}
	return c.run(steps)
}

// Propagate predicts the distribution of a neuron's membrane potential before
// firing at steps 1..steps (our derivation).
//
// u[t] = f(v[t−1]) + x[t] with x ~ N(m, w) is exactly a mixture of normals of
// variance w around f(v[t−1]) + m. So the potential after reset is carried, as a
// few weighted points:
//
//  1. f moves the points, the input spreads each into a normal density;
//  2. the mass that the reset leaves continuous has truncated moments in closed
//     form, and the k-point Gauss rule of the first 2k of them replaces it:
//     potentials below the threshold and above the floor, and with a soft reset
//     those above the threshold, moved by −θ. What the map sends elsewhere, up to
//     the threshold by rebound or down to the floor, has a rule of its own, with
//     at most outerNodes points: one rule for both would place its few points in
//     the tail too far apart to tell how much goes where;
//  3. the rest sits in points of its own: spikes at the reset value, and what
//     falls below the floor at the floor.
//
// It is the quadrature method of moments (McGraw, "Description of aerosol
// dynamics by the quadrature method of moments", 1997) applied to a spiking map.
// Mean and deviation are exact at steps 1 and 2 from k = 3 on, and up to k = 3
// every number has a closed form. docs/findings.md says how near k = Nodes stays
// to the exact density.
//
// It fails on parameters that are not finite, k outside [1, MaxNodes] or fewer
// than one step, and with a *Runaway at the step from which more potentials than
// a share of EscapeLimit have run away.
func Propagate(d neuron.Dynamics, in Input, steps, k int) ([]Step, error) {
	if err := checkNodes(k); err != nil {
		return nil, err
	}
	c, err := newCourse(d, in, steps, &closure{d: d, k: k})
	if err != nil {
		return nil, err
	}
	return c.trace(steps)
}

func checkNodes(k int) error {
	if k < 1 || k > MaxNodes {
		return fmt.Errorf("%d quadrature nodes, expected 1 to %d", k, MaxNodes)
	}
	return nil
}

// closure is the settler that replaces what is continuous by its Gauss rule.
type closure struct {
	d neuron.Dynamics
	k int
	survival
}

// outerNodes is the largest number of quadrature nodes for either side of the core.
const outerNodes = 6

func (c *closure) settle(v []Point, u Mixture, in core) ([]Point, float64, error) {
	if u.Std == 0 {
		v, escaped := settlePoints(v, u, c.d, in)
		return v, escaped, nil
	}
	r := resetOf(u, c.d)
	c.of(u, r.kept.within(in.interval), r.moved.within(in.interval))
	v, _ = c.rule(v, c.k)
	escaped := 0.0
	for _, side := range in.outside() {
		c.of(u, r.kept.within(side), r.moved.within(side))
		if in.forGood {
			escaped += c.mass
		} else {
			v, _ = c.rule(v, min(c.k, outerNodes))
		}
	}
	return r.points(v), escaped, nil
}

// settlePoints appends what reset and floor make of a mixture without spread, and
// returns the weight of what leaves the core for good.
func settlePoints(v []Point, u Mixture, d neuron.Dynamics, in core) ([]Point, float64) {
	escaped := 0.0
	for _, p := range u.Points {
		s := 0.0
		if p.Value >= d.Threshold {
			s = 1
		}
		after := d.After(p.Value, s)
		if in.lost(after) {
			escaped += p.Weight
			continue
		}
		v = append(v, Point{after, p.Weight})
	}
	return v, escaped
}

// A resetting is what reset and floor make of a mixture: pieces that stay
// continuous, and two points.
type resetting struct {
	kept, moved       piece // moved, of a soft reset, is empty with a hard one
	atFloor, atReset  float64
	floor, resetValue float64
}

func resetOf(u Mixture, d neuron.Dynamics) resetting {
	theta, inf := d.Threshold, math.Inf(1)
	r := resetting{kept: piece{lo: min(d.Floor, theta), hi: theta}, floor: d.Floor, resetValue: d.After(theta, 1)}
	r.atFloor = u.Between(-inf, r.kept.lo)
	if d.Soft {
		r.moved = piece{lo: theta + max(0, d.Floor), hi: inf, shift: -theta}
		r.atFloor += u.Between(theta, r.moved.lo)
	} else {
		r.atReset = u.Between(theta, inf)
	}
	return r
}

// points appends the points of floor and reset.
func (r *resetting) points(v []Point) []Point {
	if r.atFloor > 0 {
		v = append(v, Point{r.floor, r.atFloor})
	}
	if r.atReset > 0 {
		v = append(v, Point{r.resetValue, r.atReset})
	}
	return v
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }
