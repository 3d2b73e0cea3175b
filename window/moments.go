package window

import "math"

// Input describes the normalised input of a neuron at one step, x ~ N(Mean,
// Std²), independent over time. After tdBN at initialisation Mean = 0 and
// Std = αθ.
type Input struct{ Mean, Std float64 }

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
	if len(m) == 0 {
		return Moments{}
	}
	var pool Moments
	share := 1 / float64(len(m))
	for _, t := range m {
		pool.Mean += share * t.Mean
		pool.Rate += share * t.Rate
		pool.Density += share * t.Density
	}
	variance := 0.0
	for _, t := range m {
		d := t.Mean - pool.Mean
		variance += share * (t.Std*t.Std + d*d)
	}
	pool.Std = math.Sqrt(variance)
	return pool
}

// A Point is a value that a potential takes with some probability.
type Point struct{ Value, Weight float64 }

// A Mixture is the distribution of a membrane potential before firing: normal
// densities of one common deviation Std around weighted points. That form is
// exact, not fitted: u[t] = f(v[t−1]) + x[t] adds normal input to whatever
// distribution f(v[t−1]) has.
type Mixture struct {
	Points []Point // weights sum to 1
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

// Mean returns E[u].
func (m Mixture) Mean() float64 {
	mean := 0.0
	for _, p := range m.Points {
		mean += p.Weight * p.Value
	}
	return mean
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
		sum += p.Weight * normalDensity((u-p.Value)/m.Std)
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

// moments returns what Moments records of the mixture for threshold theta.
func (m Mixture) moments(theta float64) Moments {
	mean := m.Mean()
	variance := m.Std * m.Std
	for _, p := range m.Points {
		d := p.Value - mean
		variance += p.Weight * d * d
	}
	return Moments{
		Mean:    mean,
		Std:     math.Sqrt(variance),
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
