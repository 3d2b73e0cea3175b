package window

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/neuron"
)

// A Gradient holds the derivatives of a step's moments with respect to the
// coefficients of the map, the threshold, and the input's mean and deviation.
// neuron.Form.Pullback leads from (C2, C1, C0) to the parameters of a form. Behind
// tdBN the input's deviation is αθ, and the whole derivative with respect to θ is
// Threshold + α·Std.
type Gradient struct {
	C2, C1, C0, Threshold, Mean, Std Moments
}

// The parameters of a Gradient in the order of its fields.
const (
	byC2 = iota
	byC1
	byC0
	byThreshold
	byMean
	byStd
	parameters
)

// A tangent is the derivatives of one number with respect to all parameters.
type tangent [parameters]float64

// add adds f·s.
func (t *tangent) add(f float64, s *tangent) {
	for i := range t {
		t[i] += f * s[i]
	}
}

// mapTangent returns the derivative of f(v) + x at fixed v, given that of x.
func mapTangent(v float64, x tangent) tangent {
	x[byC2] += v * v
	x[byC1] += v
	x[byC0]++
	return x
}

// Sensitivity returns the moments that Closure gives and their derivatives (our
// derivation).
//
// Points and weights carry their derivatives along. The only step that needs
// thought is the Gauss rule. Its 2n numbers are defined by Σ w_i·x_i^k = M_k for
// k < 2n, so a change dM of the moments, seen as a linear form on polynomials,
// changes them by
//
//	w_i·dx_i = dM[(x − x_i)·l_i(x)²]    dw_i = dM[(1 − 2l_i′(x_i)(x − x_i))·l_i(x)²]
//
// with Lagrange's polynomials l_i of the nodes: the arguments are the basis of
// Hermite interpolation, each of which sees one of the 2n numbers alone. The
// truncated moments change as their densities and limits move.
//
// It fails where Closure does, and for input that is the same at every step. Shares that run away, below EscapeLimit, count as
// constant.
func Sensitivity(d neuron.Dynamics, in Input, steps, k int) ([]Moments, []Gradient, error) {
	if err := checkNodes(k); err != nil {
		return nil, nil, err
	}
	if in.static() {
		return nil, nil, fmt.Errorf("share %v of the input's variance is constant; without noise at each step, rates have no derivatives", in.Rho)
	}
	s := &sensitive{closure: closure{d: d, k: k}}
	c, err := newCourse(d, in, steps, s)
	if err != nil {
		return nil, nil, err
	}
	s.input(in, c)
	m, g := make([]Moments, steps), make([]Gradient, steps)
	for t := range m {
		s.turn = 0
		if m[t], err = c.advance(); err != nil {
			return nil, nil, err
		}
		g[t] = s.gradient(c, m[t])
	}
	return m, g, nil
}

// sensitive is the settler of Closure that keeps derivatives beside each branch.
type sensitive struct {
	closure
	branches []sensitiveBranch
	turn     int                               // the branch that settles next
	std      tangent                           // of the deviation about the constant part
	change   [parameters][2 * MaxNodes]float64 // of a measure's moments; scratch
}

type sensitiveBranch struct {
	mean   tangent    // of the input
	dv, dq []tangent  // of the points after reset
	du     []tangent  // of the points before firing
	core   [2]tangent // of its edges
}

// input sets the derivatives of what the branches start from.
func (s *sensitive) input(in Input, c *course) {
	if in.Std > 0 {
		s.std[byStd] = c.std / in.Std
	}
	for _, b := range c.branches {
		sb := sensitiveBranch{dv: make([]tangent, 1), dq: make([]tangent, 1)}
		sb.mean[byMean] = 1
		if in.Std > 0 {
			sb.mean[byStd] = (b.mean - in.Mean) / in.Std
		}
		sb.core = edgeTangents(s.d, b.core, sb.mean)
		s.branches = append(s.branches, sb)
	}
}

// edgeTangents differentiates the edges that coreOf finds.
func edgeTangents(d neuron.Dynamics, c core, dx tangent) (edges [2]tangent) {
	at, side := c.lo, 0
	if c.edge != rebound && d.C2 > 0 {
		at, side = c.hi, 1
	}
	rise := mapTangent(at, dx) // of f(v) + x − θ, or of f(v) + x where v falls
	if d.C2 > 0 || c.edge == rebound {
		rise[byThreshold]--
	}
	switch c.edge {
	case nowhere:
		return edges
	case rebound:
		edges[side].add(-1/d.Slope(at), &rise)
		return edges
	case unstable:
		edges[side].add(-1/(d.Slope(at)-1), &rise)
	case narrow:
		edges[side][byC1], edges[side][byC2] = -1/(2*d.C2), -at/d.C2
	}
	edges[1-side].add(-1, &edges[side]) // the other edge is −C1/C2 − v
	edges[1-side][byC1] -= 1 / d.C2
	edges[1-side][byC2] += d.C1 / (d.C2 * d.C2)
	return edges
}

// gradient differentiates the moments before firing, and keeps the derivatives
// of the points for what follows.
func (s *sensitive) gradient(c *course, m Moments) Gradient {
	var mean, second, rate, density, mass tangent // second: E[(u−mean)²] at fixed mean
	total := 0.0
	for i, b := range c.branches {
		sb := &s.branches[i]
		sb.du = sb.du[:0]
		for j, p := range b.v {
			u, q := b.u.Points[j].Value, b.weight*p.Weight
			du := mapTangent(p.Value, sb.mean)
			du.add(s.d.Slope(p.Value), &sb.dv[j])
			sb.du = append(sb.du, du)
			dq := tangent{}
			dq.add(b.weight, &sb.dq[j])
			total += q
			mass.add(1, &dq)
			mean.add(q, &du)
			mean.add(u-m.Mean, &dq)
			second.add(2*q*(u-m.Mean), &du)
			second.add((u-m.Mean)*(u-m.Mean), &dq)
			if c.std == 0 {
				continue
			}
			z := (s.d.Threshold - u) / c.std
			dz := s.standardTangent(z, c.std, du)
			phi := normalDensity(z)
			rate.add(normalMass(z, math.Inf(1)), &dq)
			rate.add(-q*phi, &dz)
			density.add(phi/c.std, &dq)
			density.add(-q*z*phi/c.std, &dz)
			density.add(-q*phi/(c.std*c.std), &s.std)
		}
	}
	spread := m.Std*m.Std - c.std*c.std
	var g Gradient
	for i, to := range [parameters]*Moments{&g.C2, &g.C1, &g.C0, &g.Threshold, &g.Mean, &g.Std} {
		*to = Moments{Mean: mean[i] / total, Rate: rate[i], Density: density[i]}
		if m.Std > 0 {
			variance := (second[i]-spread*mass[i])/total + 2*c.std*s.std[i]
			to.Std = variance / (2 * m.Std)
		}
	}
	return g
}

// standardTangent differentiates z = (θ − u)/std.
func (s *sensitive) standardTangent(z, std float64, du tangent) (dz tangent) {
	dz[byThreshold] = 1 / std
	dz.add(-1/std, &du)
	dz.add(-z/std, &s.std)
	return dz
}
