package window

import (
	"fmt"
	"math"
	"sync"

	"github.com/qif-snn/qif/neuron"
)

// Exact returns the distribution of a neuron's membrane potential before firing
// at steps 1..steps to many digits (our derivation): it is what the closed forms
// are judged by.
//
// The density obeys p_t(u) = ∫ p(v)·N(u; f(v) + m, w) dv over the potentials v
// after reset at step t−1, where what sits at the reset value and at the floor is
// a term of its own. Each p_t is smooth up to the threshold, where the reset cuts
// it, and its every feature is at least as wide as the input's deviation. So
// Gauss–Legendre panels between floor, threshold and the ends of the support
// integrate it to 10⁻⁹ or better, if they are also short where the map is
// steep; and a density that is evaluated at their nodes is again a mixture of
// normals, one for each node: no step interpolates anything.
//
// Where potentials run away, a density has no bounded grid. Runaway says what becomes of those. Exact fails where Propagate does, and
// when the support outgrows maxGrid nodes.
func Exact(d neuron.Dynamics, in Input, steps int) ([]Step, error) {
	c, err := newCourse(d, in, steps, &grid{d: d})
	if err != nil {
		return nil, err
	}
	return c.trace(steps)
}

const (
	// supportReach is how many deviations of the input a normal density reaches.
	supportReach = 7.5
	// panelNodes integrate a panel of panelWidth deviations of the input, or of
	// the distance in which the map moves by that much.
	panelNodes, panelWidth = 12, 3.
	// lightest is the least weight of a point that is kept.
	lightest = 1e-20
	// maxGrid is the largest number of nodes.
	maxGrid = 8192
)

var panelRule = sync.OnceValue(func() []Point { return legendre(panelNodes) })

// grid is the settler that replaces what is continuous by the nodes of panels.
type grid struct {
	d     neuron.Dynamics
	finer float64 // than usual, for tests; 0: 1
	parts []interval
}

func (g *grid) settle(v []Point, u Mixture, in core) ([]Point, float64, error) {
	if u.Std == 0 {
		v, escaped := settlePoints(v, u, g.d, in)
		return v, escaped, nil
	}
	sortPoints(u.Points)
	r := resetOf(u, g.d)
	kept, moved, escaped := r.kept, r.moved, 0.0
	if in.forGood {
		kept, moved = kept.within(in.interval), moved.within(in.interval)
		for _, side := range in.outside() {
			for _, pc := range [2]piece{r.kept.within(side), r.moved.within(side)} {
				escaped += u.Between(pc.lo, pc.hi)
			}
		}
	}
	for _, pc := range [2]piece{kept, moved} {
		for _, part := range g.support(u, pc) {
			var err error
			if v, err = g.panels(v, u, part, pc.shift); err != nil {
				return nil, 0, err
			}
		}
	}
	return r.points(v), escaped, nil
}

// support returns the intervals of the piece on which the mixture, whose points
// are sorted, has mass to speak of.
func (g *grid) support(u Mixture, pc piece) []interval {
	g.parts = g.parts[:0]
	reach := supportReach * u.Std
	for _, p := range u.Points {
		lo, hi := max(pc.lo, p.Value-reach), min(pc.hi, p.Value+reach)
		if !(lo < hi) || p.Weight < lightest {
			continue
		}
		if n := len(g.parts); n > 0 && lo <= g.parts[n-1].hi {
			g.parts[n-1].hi = max(hi, g.parts[n-1].hi)
		} else {
			g.parts = append(g.parts, interval{lo, hi})
		}
	}
	return g.parts
}

// panels appends the nodes of panels over one interval, moved by shift, with the
// mass that each stands for.
func (g *grid) panels(v []Point, u Mixture, part interval, shift float64) ([]Point, error) {
	length := func(at float64) float64 {
		return panelWidth * u.Std / (max(1, g.finer) * max(1, math.Abs(g.d.Slope(at+shift))))
	}
	near := u.Points // those that reach the panel
	for lo := part.lo; lo < part.hi; {
		size := min(length(lo), length(lo+length(lo)))
		hi := lo + size
		if hi+.25*size > part.hi { // leave no sliver
			hi = part.hi
		}
		if !(hi > lo) || len(v) > maxGrid {
			return nil, fmt.Errorf("its density needs more than %d nodes", maxGrid)
		}
		reach := supportReach * u.Std
		for len(near) > 0 && near[0].Value < lo-reach {
			near = near[1:]
		}
		for _, node := range panelRule() {
			at := (lo + hi + (hi-lo)*node.Value) / 2
			if q := node.Weight * (hi - lo) * densityNear(near, u.Std, at, reach); q > lightest {
				v = append(v, Point{at + shift, q})
			}
		}
		lo = hi
	}
	return v, nil
}

// densityNear returns the density at u of the sorted points, of which those
// further than reach above do not count.
func densityNear(points []Point, std, u, reach float64) float64 {
	sum, scale := 0.0, 1/std
	for _, p := range points {
		if p.Value > u+reach {
			break
		}
		z := (u - p.Value) * scale
		sum += p.Weight * math.Exp(-z*z/2)
	}
	return sum * scale / math.Sqrt(2*math.Pi)
}
