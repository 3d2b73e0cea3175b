package window

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/neuron"
)

// An interval of potentials.
type interval struct{ lo, hi float64 }

func (i interval) String() string { return fmt.Sprintf("[%.4g, %.4g]", i.lo, i.hi) }

// A core is the potentials after reset that share one fate. What lies outside has
// another, and is a small part of the whole: it runs away, falls to the floor, or
// rebounds, that is, inhibition so strong makes the neuron fire at the next step.
type core struct {
	interval
	forGood bool // what leaves runs away
	fires   bool // and fires at every step on its way
	edge    edge // what its edges are made of
}

// An edge is a way in which a core ends.
type edge int

const (
	nowhere  edge = iota
	rebound       // lo, where f(v) + x = θ
	unstable      // at an unstable fixed point and its mirror
	narrow        // where f(v) − v comes closest to a fixed point, and its mirror
	held          // at 0 and its mirror
)

// coreOf returns a neuron's core under constant input x.
//
// Where something runs away or falls, its edges are the unstable fixed point of
// the map with its reset, and the point that maps to the same potential. The map
// of a potential that spikes at every step of a soft reset is f(v) + x − θ, that
// of one which falls is f(v) + x. Else it ends where f(v) + x reaches θ.
func coreOf(d neuron.Dynamics, x float64) core {
	c := core{interval: interval{math.Inf(-1), math.Inf(1)}}
	var at float64
	switch {
	case d.C2 > 0 && d.Soft:
		at, c.edge = unstablePoint(d.Map, x-d.Threshold)
		if at <= 0 { // a spike leaves at least 0
			at, c.edge = 0, held
		}
		c.forGood, c.fires = true, true
	case d.C2 < 0:
		at, c.edge = unstablePoint(d.Map, x)
		c.forGood = math.IsInf(d.Floor, -1)
	default:
		d.C0 += x
		if v, ok := d.Rebound(); ok && v < d.Threshold {
			c.lo, c.edge = v, rebound
		}
		return c
	}
	mirror, _ := d.Mirror(at)
	c.lo, c.hi = min(at, mirror), max(at, mirror)
	return c
}

// lost says whether a potential has left for good.
func (c core) lost(v float64) bool { return c.forGood && (v < c.lo || v > c.hi) }

// outside returns what lies on the two sides of the core, empty where it has no
// edge.
func (c core) outside() [2]interval {
	return [2]interval{{math.Inf(-1), c.lo}, {c.hi, math.Inf(1)}}
}

// unstablePoint returns the fixed point beyond which a quadratic map grows
// without end, or if there is none the place where it lingers longest.
func unstablePoint(m neuron.Map, x float64) (float64, edge) {
	middle := (1 - m.C1) / (2 * m.C2) // where f(v) − v is closest to 0
	half := (m.C1-1)*(m.C1-1)/(4*m.C2*m.C2) - (m.C0+x)/m.C2
	if half <= 0 {
		return middle, narrow
	}
	return middle + math.Copysign(math.Sqrt(half), m.C2), unstable
}
