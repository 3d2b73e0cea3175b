package window

import (
	"math"
	"slices"
)

// Moments describes the membrane potential before firing, u[t], at one step.
type Moments struct {
	Mean    float64 `json:"mean"`
	Std     float64 `json:"std"`
	Rate    float64 `json:"rate"`    // P(u ≥ θ)
	Density float64 `json:"density"` // of u at θ; 0 if the input has no spread
}

// Pool returns the moments of the potential at a step drawn at random: the mean
// of the means, the total variance (the mean of the variances plus the spread of
// the means), the mean rate and the mean density. Without steps it is zero.
func Pool(m []Moments) Moments {
	weights := make([]float64, len(m))
	for t := range weights {
		weights[t] = 1 / float64(len(m))
	}
	return pool(m, weights)
}

// pool is Pool for moments with weights that sum to 1.
func pool(m []Moments, weights []float64) Moments {
	var pool Moments
	for t, m := range m {
		pool.Mean += weights[t] * m.Mean
		pool.Rate += weights[t] * m.Rate
		pool.Density += weights[t] * m.Density
	}
	variance := 0.0
	for t, m := range m {
		d := m.Mean - pool.Mean
		variance += weights[t] * (m.Std*m.Std + d*d)
	}
	pool.Std = math.Sqrt(variance)
	return pool
}

// momentsOf returns the steps' moments.
func momentsOf(steps []Step) []Moments {
	m := make([]Moments, len(steps))
	for t, s := range steps {
		m[t] = s.Moments
	}
	return m
}

// A Point is a value that a potential takes with some probability.
type Point struct{ Value, Weight float64 }

// A Mixture is the distribution of a membrane potential before firing: normal
// densities of one common deviation Std around weighted points. That form is
// exact, not fitted: u[t] = f(v[t−1]) + x[t] adds normal input to whatever
// distribution f(v[t−1]) has.
type Mixture struct {
	Points []Point // weights sum to 1, less the share of potentials that ran away
	Std    float64 // of the input; 0 leaves bare points
}

// standard returns (u−centre)/Std. Without spread it is −Inf at and below the
// centre, so that a potential equal to the threshold counts as a spike.
func (m Mixture) standard(u, centre float64) float64 {
	if m.Std > 0 {
		return (u - centre) / m.Std
	}
	if u > centre {
		return math.Inf(1)
	}
	return math.Inf(-1)
}

// mass returns the sum of the weights.
func (m Mixture) mass() float64 {
	sum := 0.0
	for _, p := range m.Points {
		sum += p.Weight
	}
	return sum
}

// Mean returns E[u].
func (m Mixture) Mean() float64 {
	mean := 0.0
	for _, p := range m.Points {
		mean += p.Weight * p.Value
	}
	return mean / m.mass()
}

// Between returns P(lo ≤ u < hi).
func (m Mixture) Between(lo, hi float64) float64 {
	sum := 0.0
	for _, p := range m.Points {
		sum += p.Weight * normalMass(m.standard(lo, p.Value), m.standard(hi, p.Value))
	}
	return sum
}

// Density returns the probability density at u, 0 if the mixture has no spread.
func (m Mixture) Density(u float64) float64 {
	if m.Std == 0 {
		return 0
	}
	sum := 0.0
	for _, p := range m.Points {
		if z := (u - p.Value) / m.Std; math.Abs(z) < 39 { // else it is 0 in double precision
			sum += p.Weight * normalDensity(z)
		}
	}
	return sum / m.Std
}

// Curvature returns the second derivative of the density at u, which sets the
// bias of a window: E[h] − p(θ) ≈ p″(θ)·α²/24 for every shape of
// rectangle-equivalent width α that has a second moment.
func (m Mixture) Curvature(u float64) float64 {
	if m.Std == 0 {
		return 0
	}
	sum := 0.0
	for _, p := range m.Points {
		z := (u - p.Value) / m.Std
		sum += p.Weight * normalDensity(z) * (z*z - 1)
	}
	return sum / (m.Std * m.Std * m.Std)
}

// WindowMean returns E[h(u−θ)] for a window of the given shape and width: what a
// surrogate gradient takes for the density at θ.
func (m Mixture) WindowMean(s Shape, width, theta float64) float64 {
	if m.Std == 0 {
		sum := 0.0
		for _, p := range m.Points {
			sum += p.Weight * s.At(p.Value-theta, width)
		}
		return sum
	}
	switch s {
	case Rectangular:
		return m.Between(theta-width/2, theta+width/2) / width
	case Gaussian: // the sum of two normals is normal
		return Mixture{m.Points, math.Hypot(m.Std, s.Scale(width))}.Density(theta)
	}
	lo, hi := math.Inf(1), math.Inf(-1) // beyond there is no mass
	for _, p := range m.Points {
		lo, hi = min(lo, p.Value-8*m.Std-theta), max(hi, p.Value+8*m.Std-theta)
	}
	reach := s.Reach(width)
	product := func(x float64) float64 { return s.At(x, width) * m.Density(theta+x) }
	panel := min(2*m.Std, 4*s.Scale(width))
	return integrate(product, max(lo, -reach), min(hi, 0), panel) + integrate(product, max(lo, 0), min(hi, reach), panel)
}

// integrate returns ∫f over [lo, hi], 0 if it is empty, by Gauss–Legendre rules
// on panels of at most the given length.
func integrate(f func(float64) float64, lo, hi, panel float64) float64 {
	if !(lo < hi) {
		return 0
	}
	n := math.Ceil((hi - lo) / panel)
	half, sum := (hi-lo)/(2*n), 0.0
	for mid := lo + half; mid < hi; mid += 2 * half {
		for _, node := range panelRule() {
			sum += node.Weight * f(mid+half*node.Value)
		}
	}
	return 2 * half * sum
}

// thinned returns a mixture with at most two points in every eighth of Std, in
// ascending order, that have the mass, mean and variance of those that were there.
// It keeps the density to about 10⁻⁵ of itself.
func (m Mixture) thinned() Mixture {
	points := slices.Clone(m.Points)
	sortPoints(points)
	thin := Mixture{Std: m.Std}
	for len(points) > 0 {
		end, mass, mean := 0, 0.0, 0.0
		for end < len(points) && points[end].Value < points[0].Value+m.Std/8 {
			mass += points[end].Weight
			mean += points[end].Weight * (points[end].Value - points[0].Value)
			end++
		}
		if end <= 2 || mass == 0 {
			end = max(end, 1)
			thin.Points = append(thin.Points, points[:end]...)
		} else {
			mean = points[0].Value + mean/mass
			variance := 0.0
			for _, p := range points[:end] {
				variance += p.Weight / mass * (p.Value - mean) * (p.Value - mean)
			}
			std := math.Sqrt(variance)
			thin.Points = append(thin.Points, Point{mean - std, mass / 2}, Point{mean + std, mass / 2})
		}
		points = points[end:]
	}
	return thin
}

// moments returns what Moments records of the mixture for threshold theta.
func (m Mixture) moments(theta float64) Moments {
	mean, total, spread := m.Mean(), m.mass(), 0.0
	for _, p := range m.Points {
		d := p.Value - mean
		spread += p.Weight * d * d
	}
	return Moments{
		Mean:    mean,
		Std:     math.Sqrt(m.Std*m.Std + spread/total),
		Rate:    min(1, m.Between(theta, math.Inf(1))),
		Density: m.Density(theta),
	}
}

// normalDensity is the standard normal density φ(z).
func normalDensity(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// normalMass returns Φ(b) − Φ(a), keeping its relative precision in both tails.
func normalMass(a, b float64) float64 {
	switch {
	case a >= b:
		return 0
	case a > 0:
		return (math.Erfc(a/math.Sqrt2) - math.Erfc(b/math.Sqrt2)) / 2
	default:
		return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
	}
}
