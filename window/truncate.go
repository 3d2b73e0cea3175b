package window

import (
	"math"
	"sync"
)

// A piece is an interval [lo, hi) of potentials before firing that stay
// continuous through the reset, moved by shift.
type piece struct{ lo, hi, shift float64 }

// within returns the part of the piece that lies in an interval after the reset.
func (p piece) within(i interval) piece {
	return piece{max(p.lo, i.lo-p.shift), min(p.hi, i.hi-p.shift), p.shift}
}

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

// A cut is what a piece keeps of one normal density of a mixture: a ≤ z < b of
// y = mu + std·z with weight q.
type cut struct {
	q, mu, std   float64
	a, b         float64
	mass         float64 // Φ(b) − Φ(a)
	phiA, phiB   float64 // density of z at the ends
	piece, point int     // which made it
}

// A survival is the part of a mixture that the reset leaves continuous, as
// potentials after it. Its memory is reused from step to step.
type survival struct {
	cuts []cut
	mass float64
}

// of sets the survival to what the pieces keep of a mixture with spread.
func (s *survival) of(u Mixture, pieces ...piece) {
	s.cuts, s.mass = s.cuts[:0], 0
	for i, pc := range pieces {
		for j, p := range u.Points {
			a, b := pc.limits(u, p.Value)
			if !(a < b) {
				continue
			}
			c := cut{q: p.Weight, mu: p.Value + pc.shift, std: u.Std, a: a, b: b, mass: normalMass(a, b), piece: i, point: j}
			c.phiA, c.phiB = normalDensity(a), normalDensity(b)
			s.cuts = append(s.cuts, c)
			s.mass += c.q * c.mass
		}
	}
}

// negligible is the share of the surviving mass that no moment notices.
const negligible = 1e-20

// moments sets sum[k] to M_k = E[y^k; survives] with y = (v − centre)/scale.
func (s *survival) moments(sum []float64, centre, scale float64) {
	clear(sum)
	for i := range s.cuts {
		if c := &s.cuts[i]; c.q*c.mass > negligible*s.mass {
			c.addMoments(sum, (c.mu-centre)/scale, c.std/scale)
		}
	}
}

// hull returns the interval that holds all of the surviving mass but e⁻⁴⁰.
func (s *survival) hull() interval {
	h := interval{math.Inf(1), math.Inf(-1)}
	for _, c := range s.cuts {
		h.lo, h.hi = min(h.lo, c.mu+c.a*c.std), max(h.hi, c.mu+c.b*c.std)
	}
	return h
}

// vanishing is a mass that no moment notices.
const vanishing = 1e-100

// A measure is a Gauss rule with what it was made from.
type measure struct {
	mass, centre, scale float64 // nodes are centre + scale·y
	first               int     // place of the first point
	n                   int
}

// rule appends to v at most k points with the surviving mass's moments: its
// Gauss rule, or that of fewer points where k cannot be told apart in double
// precision. No survivors give no points.
func (s *survival) rule(v []Point, k int) ([]Point, measure) {
	m := measure{mass: s.mass, scale: 1, first: len(v)}
	if s.mass < vanishing {
		return v, m
	}
	m.n = 1
	var about [3]float64
	for range 2 { // from 0, then from the mean, where nothing cancels
		s.moments(about[:], m.centre, 1)
		m.centre += about[1] / about[0]
		shift := about[1] / about[0]
		variance := about[2]/about[0] - shift*shift
		switch {
		case !finite(variance):
			return append(v, Point{math.NaN(), s.mass}), m // the next step reports that it ran away
		case variance > 1e-3*about[2]/about[0]:
			return s.spread(v, k, m, math.Sqrt(variance))
		}
	}
	return append(v, Point{m.centre, s.mass}), m
}

// spread is rule for a mass with a centre and a scale.
func (s *survival) spread(v []Point, k int, m measure, scale float64) ([]Point, measure) {
	var sum [2 * MaxNodes]float64
	s.moments(sum[:2*k], m.centre, scale)
	r := chebyshev(sum[:2*k])
	h := s.hull()
	lo, hi := (h.lo-m.centre)/scale, (h.hi-m.centre)/scale
	// A Gauss rule's nodes lie inside its measure's support. Rounding in the
	// highest moments can push one out; a rule of fewer points then serves.
	for n := r.n; n > 1; n-- {
		rule, ok := gaussRule(v, r.alpha[:n], r.beta[:n])
		if !ok || rule[m.first].Value < lo || rule[len(rule)-1].Value > hi {
			continue
		}
		for i, p := range rule[m.first:] {
			rule[m.first+i] = Point{m.centre + scale*p.Value, s.mass * p.Weight}
		}
		m.n, m.scale = n, scale
		return rule, m
	}
	return append(v, Point{m.centre, s.mass}), m
}

// addMoments adds q·E[y^k; a ≤ z < b] to sum[k] for y = mu + tau·z and z
// standard normal. By partial integration
//
//	J_k = mu·J_{k−1} + (k−1)·tau²·J_{k−2} − tau·[y^{k−1}·φ(z)]ₐᵇ
//
// which subtracts nearly equal numbers where the interval is narrow, and in high
// moments where it lies in a tail; there the integral is taken numerically.
func (c *cut) addMoments(sum []float64, mu, tau float64) {
	switch {
	case c.b-c.a < 2:
		c.integrateMoments(sum, mu, tau, narrowRule())
		return
	case (c.a > 3 || c.b < -3) && len(sum) > 3:
		c.integrateMoments(sum, mu, tau, tailRule())
		return
	}
	ya, yb := mu+tau*c.a, mu+tau*c.b
	edgeA, edgeB := tau*c.phiA, tau*c.phiB // times y^{k−1}
	before, last := 0.0, c.mass
	sum[0] += c.q * last
	for k := 1; k < len(sum); k++ {
		before, last = last, mu*last+float64(k-1)*tau*tau*before-(edgeB-edgeA)
		sum[k] += c.q * last
		edgeA *= ya
		edgeB *= yb
	}
}

var (
	narrowRule = sync.OnceValue(func() []Point { return legendre(16) })
	tailRule   = sync.OnceValue(func() []Point { return legendre(24) })
)

// integrateMoments is addMoments by a Gauss–Legendre rule.
func (c *cut) integrateMoments(sum []float64, mu, tau float64, rule []Point) {
	for _, node := range rule {
		z := (c.a + c.b + (c.b-c.a)*node.Value) / 2
		y := mu + tau*z
		term := c.q * node.Weight * (c.b - c.a) * normalDensity(z)
		for k := range sum {
			sum[k] += term
			term *= y
		}
	}
}
