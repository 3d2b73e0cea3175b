package window

import (
	"math"
	"sync"
)

// A piece is an interval [lo, hi) of potentials before firing that stay
// continuous through the reset, moved by shift.
type piece struct{ lo, hi, shift float64 }

// limits returns the piece's ends in units of the mixture's deviation from the
// centre f, cut where the normal density has fallen to e⁻⁴⁰ of its largest value
// in the piece. They are equal where the piece holds no mass in double precision.
func (p piece) limits(m Mixture, f float64) (a, b float64) {
	a, b = m.standard(p.lo, f), m.standard(p.hi, f)
	nearest := max(0, a, -b)
	if nearest > 38 { // φ(38) is the last to keep all its digits
		return 0, 0
	}
	reach := math.Sqrt(nearest*nearest + 80)
	return max(a, -reach), min(b, reach)
}

// survivors is the part of a mixture that the reset leaves continuous.
type survivors struct {
	Mixture
	pieces []piece
}

// moments returns M_0..M_{n−1} of the surviving mass, M_k = E[y^k; survives]
// with y = (v − centre)/scale and v the potential after reset.
func (s survivors) moments(centre, scale float64, n int) []float64 {
	sum := make([]float64, n)
	for _, pc := range s.pieces {
		for _, p := range s.Points {
			a, b := pc.limits(s.Mixture, p.Value)
			if a < b {
				addTruncated(sum, p.Weight, (p.Value+pc.shift-centre)/scale, s.Std/scale, a, b)
			}
		}
	}
	return sum
}

// hull returns the interval that holds all of the surviving mass but e⁻⁴⁰.
func (s survivors) hull() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, pc := range s.pieces {
		for _, p := range s.Points {
			if a, b := pc.limits(s.Mixture, p.Value); a < b {
				lo = min(lo, p.Value+a*s.Std+pc.shift)
				hi = max(hi, p.Value+b*s.Std+pc.shift)
			}
		}
	}
	return lo, hi
}

// vanishing is a mass that no moment notices.
const vanishing = 1e-100

// rule returns at most k points with the surviving mass's moments: its Gauss
// rule, or that of fewer points where k cannot be told apart in double
// precision. No survivors give no points.
func (s survivors) rule(k int) []Point {
	about := s.moments(s.Mean(), 1, 2)
	mass := about[0]
	if mass < vanishing {
		return nil
	}
	centre := s.Mean() + about[1]/mass
	about = s.moments(centre, 1, 3)
	shift := about[1] / mass // what rounding left in the centre
	variance := about[2]/mass - shift*shift
	switch {
	case !finite(variance):
		return []Point{{math.NaN(), mass}} // the next step reports that it ran away
	case variance <= 0:
		return []Point{{centre, mass}}
	}
	scale := math.Sqrt(variance)
	alpha, beta := chebyshev(s.moments(centre, scale, 2*k))
	lo, hi := s.hull()
	lo, hi = (lo-centre)/scale, (hi-centre)/scale
	// A Gauss rule's nodes lie inside its measure's support. Rounding in the
	// highest moments can push one out; a rule of fewer points then serves.
	for n := len(alpha); n > 1; n-- {
		rule, ok := golubWelsch(alpha[:n], beta[:n])
		if !ok || rule[0].Value < lo || rule[n-1].Value > hi {
			continue
		}
		for i, p := range rule {
			rule[i] = Point{centre + scale*p.Value, mass * p.Weight}
		}
		return rule
	}
	return []Point{{centre, mass}}
}

// addTruncated adds q·E[y^k; a ≤ z < b] to sum[k] for y = mu + tau·z and z
// standard normal. By partial integration
//
//	J_k = mu·J_{k−1} + (k−1)·tau²·J_{k−2} − tau·[y^{k−1}·φ(z)]ₐᵇ
//
// which subtracts nearly equal numbers where the interval is narrow or lies in a
// tail; there the integral is taken numerically.
func addTruncated(sum []float64, q, mu, tau, a, b float64) {
	if b-a < 2 || a > 3 || b < -3 {
		integrateTruncated(sum, q, mu, tau, a, b)
		return
	}
	ya, yb := mu+tau*a, mu+tau*b
	edgeA, edgeB := tau*normalDensity(a), tau*normalDensity(b) // times y^{k−1}
	before, last := 0.0, normalMass(a, b)
	sum[0] += q * last
	for k := 1; k < len(sum); k++ {
		before, last = last, mu*last+float64(k-1)*tau*tau*before-(edgeB-edgeA)
		sum[k] += q * last
		edgeA *= ya
		edgeB *= yb
	}
}

var legendre32 = sync.OnceValue(func() []Point { return legendre(32) })

// integrateTruncated is addTruncated by Gauss–Legendre quadrature.
func integrateTruncated(sum []float64, q, mu, tau, a, b float64) {
	for _, node := range legendre32() {
		z := (a + b + (b-a)*node.Value) / 2
		y := mu + tau*z
		term := q * node.Weight * (b - a) * normalDensity(z)
		for k := range sum {
			sum[k] += term
			term *= y
		}
	}
}
