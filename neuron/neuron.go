// Package neuron defines the discrete spiking neurons of this project as one
// family of polynomial maps, their reference step, and their dynamics.
//
// Time runs t = 1..T. With x[t] the normalised input, u[t] the membrane
// potential before firing, s[t] the spike and v[t] the potential after reset,
//
//	u[t] = f(v[t−1]) + x[t],   f(v) = c2·v² + c1·v + c0
//	s[t] = 1 if u[t] ≥ θ, else 0
//	v[t] = reset(u[t], s[t]), then max(v[t], floor) if there is a floor
//	v[0] = the reset value
//
// The map form u' = a(u−u1)(u−u2) + x with threshold and reset is that of
// Jahns, Moreno, Stojkov and Kinsy, "A discretized QIF neuron for deep SNNs"
// (arXiv 2510.05168, Eq. 11). IF, LIF and the Euler form of the continuous QIF
// are members of the same family, so one step serves them all. The floor is
// this project's addition.
package neuron

import "math"

// Map is the polynomial f(v) = C2·v² + C1·v + C0 applied to the potential left
// by the previous step.
type Map struct{ C2, C1, C0 float64 }

// At returns f(v), in Horner form: two multiplications and two additions.
func (m Map) At(v float64) float64 { return (m.C2*v+m.C1)*v + m.C0 }

// Slope returns f′(v).
func (m Map) Slope(v float64) float64 { return 2*m.C2*v + m.C1 }

// Dynamics is a neuron ready to step: the map, the threshold and what happens
// at a spike. It is the only description that kernels and closed forms need.
type Dynamics struct {
	Map
	Threshold  float64
	Soft       bool    // v = u − θ·s instead of v = Reset at a spike
	ResetValue float64 // v after a hard reset, and v[0] in every mode
	Detach     bool    // gradients do not flow through the reset
	Floor      float64 // lower bound of v; −Inf if there is none
}

// Step advances one neuron by one time step from the potential v and the input
// x. It returns the potential before firing, whether the neuron fires, and the
// potential it carries into the next step.
func (d Dynamics) Step(v, x float64) (u float64, spike bool, next float64) {
	u = d.At(v) + x
	spike = u >= d.Threshold
	s := 0.0
	if spike {
		s = 1
	}
	return u, spike, d.After(u, s)
}

// After returns the potential after reset and floor, given the potential
// before firing and the spike s. A fractional s, as a smoothed network
// produces, blends the two outcomes linearly.
func (d Dynamics) After(u, s float64) float64 {
	return math.Max(d.reset(u, s), d.Floor)
}

func (d Dynamics) reset(u, s float64) float64 {
	switch {
	case d.Soft:
		return u - d.Threshold*s
	case s == 1: // even if u overflowed
		return d.ResetValue
	}
	return u*(1-s) + d.ResetValue*s
}

// AfterSlope returns ∂v[t]/∂u[t] given u, the spike s and the surrogate
// window's value h = h(u): 1−s for a detached hard reset, 1 for a detached soft
// one, each less the reset's own sensitivity if gradients flow through it, and
// 0 where the floor holds the potential.
func (d Dynamics) AfterSlope(u, s, h float64) float64 {
	if d.reset(u, s) < d.Floor {
		return 0
	}
	keep, drop := 1-s, u-d.ResetValue
	if d.Soft {
		keep, drop = 1, d.Threshold
	}
	if d.Detach || h == 0 {
		return keep
	}
	return keep - drop*h
}
