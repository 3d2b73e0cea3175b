package neuron

import "math"

// This file describes a neuron's potential under constant input x, left alone by
// threshold, reset and floor unless said otherwise: v ← f(v) + x.

// A Kind says how potentials near a fixed point move, which is decided by the
// slope f′ there.
type Kind string

// The kinds of fixed point.
const (
	Monotone      Kind = "monotone"       // 0 ≤ f′ < 1: stable, approached from one side
	Alternating   Kind = "alternating"    // −1 < f′ < 0: stable, approached in a damped oscillation of period 2
	Unstable      Kind = "unstable"       // f′ > 1: left to one side
	PeriodDoubled Kind = "period-doubled" // f′ < −1: left in a growing oscillation of period 2
	SaddleNode    Kind = "saddle-node"    // f′ = 1: two fixed points meet; stable from one side only
	Flip          Kind = "flip"           // f′ = −1: where period doubling begins
)

func kindOf(slope float64) Kind {
	switch {
	case slope > 1:
		return Unstable
	case slope == 1:
		return SaddleNode
	case slope >= 0:
		return Monotone
	case slope > -1:
		return Alternating
	case slope == -1:
		return Flip
	}
	return PeriodDoubled
}

// A FixedPoint is a potential V with f(V) + x = V.
type FixedPoint struct {
	V     float64
	Slope float64 // f′(V)
	Kind  Kind
}

// Stable reports whether all potentials near the fixed point approach it.
func (p FixedPoint) Stable() bool { return math.Abs(p.Slope) < 1 }

// Discriminant returns D(x) = (c1−1)² − 4·c2·(c0+x). A quadratic map has two
// fixed points if it is positive, where f′ = 1 ∓ √D, and none if it is negative.
func (m Map) Discriminant(x float64) float64 {
	return discriminant(m.C2, m.C1-1, m.C0+x)
}

// FixedPoints returns the fixed points under constant input x in ascending
// order: none, one or two. A line of slope 1 has none, or (without c0 and input)
// leaves every potential where it is, which counts as none.
func (m Map) FixedPoints(x float64) []FixedPoint {
	if m.C2 == 0 {
		if m.C1 == 1 {
			return nil
		}
		return []FixedPoint{{(m.C0 + x) / (1 - m.C1), m.C1, kindOf(m.C1)}}
	}
	lower, upper, ok := quadraticRoots(m.C2, m.C1-1, m.C0+x)
	if !ok {
		return nil
	}
	spread := math.Copysign(math.Sqrt(m.Discriminant(x)), m.C2)
	low := FixedPoint{lower, 1 - spread, kindOf(1 - spread)}
	if spread == 0 {
		return []FixedPoint{low}
	}
	return []FixedPoint{low, {upper, 1 + spread, kindOf(1 + spread)}}
}

// InputAt returns the constant input at which the discriminant is D,
// x = ((c1−1)² − D)/(4·c2) − c0. All that the map does by itself depends on D
// alone, since v = (z − c1/2)/c2 turns it into z ← z² + (1−D)/4 (a textbook
// conjugacy):
//
//	D < 0        no fixed point
//	0 < D < 4    a stable fixed point; it alternates from D = 1 on
//	4 < D < 6    a stable 2-cycle around it
//	6 < D < 9    cycles of 4, 8, ... up to D ≈ 6.6046, then chaos between windows of other cycles
//	9 < D        almost every potential escapes
//
// A linear map has no such inputs and gives false.
func (m Map) InputAt(discriminant float64) (x float64, ok bool) {
	if m.C2 == 0 {
		return 0, false
	}
	return ((m.C1-1)*(m.C1-1)-discriminant)/(4*m.C2) - m.C0, true
}

// SaddleNode returns the input at which the two fixed points meet and vanish,
// where D = 0: with c2 > 0 a neuron fires repeatedly under any constant input
// above it, whatever its threshold, and with c2 < 0 its potential falls without
// end under any input below it. A linear map has no such input and gives false.
func (m Map) SaddleNode() (x float64, ok bool) { return m.InputAt(0) }

// A TwoCycle is a pair of potentials that the map carries into each other.
type TwoCycle struct {
	Low, High  float64
	Multiplier float64 // f′(Low)·f′(High) = 5 − D
}

// Stable reports whether all potentials near the cycle approach it.
func (c TwoCycle) Stable() bool { return math.Abs(c.Multiplier) < 1 }

// TwoCycle returns the 2-cycle under constant input x, the roots of what is left
// of f(f(v)) = v without the fixed points,
//
//	c2²·v² + c2·(c1+1)·v + c2·(c0+x) + c1 + 1 = 0,   v = (−(c1+1) ± √(D−4))/(2·c2)
//
// which exist beyond the period doubling at D = 4. It gives false where there is
// none that double precision can hold, and for linear maps.
func (m Map) TwoCycle(x float64) (c TwoCycle, ok bool) {
	d := m.Discriminant(x)
	if m.C2 == 0 || !(d > 4) {
		return c, false
	}
	low, high, ok := quadraticRoots(m.C2, m.C1+1, m.C0+x+(m.C1+1)/m.C2)
	if !ok || !finite(low) || !finite(high) || low == high {
		return c, false
	}
	return TwoCycle{low, high, 5 - d}, true
}

// Vertex returns the potential −c1/(2·c2) at which a quadratic map turns: for
// c2 > 0, inhibition below it raises the next potential. A linear map gives
// false.
func (m Map) Vertex() (v float64, ok bool) {
	if m.C2 == 0 {
		return 0, false
	}
	return -m.C1 / (2 * m.C2), true
}

// Mirror returns the potential on the other side of the vertex with the same
// image as v. The mirror of the unstable fixed point is the other end of the
// basin of rest. A linear map gives false.
func (m Map) Mirror(v float64) (mirror float64, ok bool) {
	if m.C2 == 0 {
		return 0, false
	}
	return -m.C1/m.C2 - v, true
}

// Rebound returns the rebound floor: the level of the potential after reset at
// and below which the neuron fires at the next step without input, f(v) ≥ θ, where
// the map falls. It says how strong inhibition must be to excite, and is +Inf if
// every potential fires. It gives false for a neuron without rebound: one whose
// map does not rise towards low potentials, or whose floor lies above the level.
func (d Dynamics) Rebound() (v float64, ok bool) { return d.ReboundAt(0) }

// ReboundAt is Rebound under constant input x: f(v) + x ≥ θ.
func (d Dynamics) ReboundAt(x float64) (v float64, ok bool) {
	c0 := d.C0 + x
	switch {
	case d.C2 > 0:
		if v, _, ok = quadraticRoots(d.C2, d.C1, c0-d.Threshold); !ok {
			v = math.Inf(1) // the whole parabola lies above θ
		}
	case d.C2 == 0 && d.C1 < 0:
		v = (d.Threshold - c0) / d.C1
	case d.C2 == 0 && d.C1 == 0 && c0 >= d.Threshold:
		v = math.Inf(1)
	default:
		return 0, false
	}
	if v < d.Floor {
		return 0, false
	}
	return v, true
}

func discriminant(a, b, c float64) float64 { return b*b - 4*a*c }

// quadraticRoots returns the real roots of a·v² + b·v + c, a ≠ 0, in ascending
// order. Neither is computed as a difference of nearly equal numbers, so that
// the root near rest keeps its digits when the curvature is small.
func quadraticRoots(a, b, c float64) (lower, upper float64, ok bool) {
	d := discriminant(a, b, c)
	if !(d >= 0) {
		return 0, 0, false
	}
	q := -(b + math.Copysign(math.Sqrt(d), b)) / 2
	if q == 0 { // b = c = 0
		return 0, 0, true
	}
	return min(q/a, c/q), max(q/a, c/q), true
}
