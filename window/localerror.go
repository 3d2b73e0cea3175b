package window

import (
	"fmt"
	"math"
)

// This file finds the width for which a rectangular window errs least about the
// density at the threshold, from the density itself.
//
// Over N terms that share a weight's gradient, a window of width α estimates p(θ)
// with the squared error
//
//	bias² + variance = (E[h] − p(θ))² + (E[h²] − E[h]²)/N
//	E[h] = P(|u−θ| < α/2)/α,  E[h²] = E[h]/α
//
// At one given threshold its minimum is no rule: near an inflection of the density
// the bias of wide windows passes through zero, and the minimum jumps to that
// accident, also if only the first minimum from below is taken (from 2.15 over 1.57 to
// 1.08 deviations for a normal density, N = 1000 and thresholds 1, 1.2 and 1.4). But
// no threshold is given so exactly. Normalisation shifts each channel's potential by
// a trained amount, and the distribution moves during training. So the error is
// averaged over thresholds N(θ, (σ/4)²): the least blur, in quarters of σ,
// with which the minimum moves steadily with θ for N from 100 to 10⁶, and so
// little that it still answers for θ (TestExactWidthMovesSteadily). Fewer terms
// are too few to tell anything by; there, widths beyond twice that of "bandwidth"
// are not considered.

const (
	blurShare = .25 // deviation of the threshold in deviations of the potential
	blurReach = 3   // deviations of the threshold that count
	blurPitch = .5  // between thresholds, in their deviations
)

// exactWidth returns the width of least blurred error for N terms.
func (m Mixture) exactWidth(theta, std, terms float64) (float64, error) {
	if m.Std == 0 {
		return 0, fmt.Errorf("the potential has no density: its input does not vary")
	}
	typical := std * bandwidth(terms)
	lo, hi := typical/8, 2*typical
	e := localError{terms: terms}
	for z := -float64(blurReach); z <= blurReach; z += blurPitch {
		at := theta + blurShare*std*z
		e.thresholds = append(e.thresholds, thresholdNear{at, normalDensity(z), m.Density(at)})
	}
	reach := hi/2 + blurReach*blurShare*std
	var err error
	if e.profile, err = m.profile(theta-reach, theta+reach); err != nil {
		return 0, err
	}
	const n = 60
	width := func(i float64) float64 { return lo * math.Pow(hi/lo, i/n) }
	best, at := math.Inf(1), 0
	for i := range n + 1 {
		if now := e.of(width(float64(i))); now < best {
			best, at = now, i
		}
	}
	return width(minimise(func(i float64) float64 { return e.of(width(i)) }, float64(at-1), float64(at+1))), nil
}

// A localError is the squared error of rectangular windows about a density near
// the threshold.
type localError struct {
	profile
	thresholds []thresholdNear
	terms      float64
}

// A thresholdNear is a threshold that counts with some weight, and the density
// there.
type thresholdNear struct{ at, weight, density float64 }

// of returns the error of windows of width w, averaged over the thresholds.
func (e *localError) of(w float64) float64 {
	sum, total := 0.0, 0.0
	for _, t := range e.thresholds {
		mean := (e.below(t.at+w/2) - e.below(t.at-w/2)) / w
		bias := mean - t.density
		sum += t.weight * (bias*bias + mean*max(0, 1/w-mean)/e.terms)
		total += t.weight
	}
	return sum / total
}

// minimise returns where f is least in [a, b], in which it falls and then rises,
// by golden sections.
func minimise(f func(float64) float64, a, b float64) float64 {
	ratio := (math.Sqrt(5) - 1) / 2
	x, y := b-ratio*(b-a), a+ratio*(b-a)
	fx, fy := f(x), f(y)
	for b-a > 1e-5 {
		if fx < fy {
			b, y, fy = y, x, fx
			x = b - ratio*(b-a)
			fx = f(x)
		} else {
			a, x, fx = x, y, fy
			y = a + ratio*(b-a)
			fy = f(y)
		}
	}
	return (a + b) / 2
}

// A profile is a density and its integral on an even grid.
type profile struct {
	lo, pitch float64
	p, mass   []float64 // mass is that below, less a constant
}

// maxProfile is the largest number of points of a profile.
const maxProfile = 1 << 15

// profile samples the mixture finely enough for cubic interpolation.
func (m Mixture) profile(lo, hi float64) (profile, error) {
	n := math.Ceil((hi-lo)/(m.Std/6)) + 1
	if !(n <= maxProfile) {
		return profile{}, fmt.Errorf("its density from %.3g to %.3g needs more than %d points", lo, hi, maxProfile)
	}
	pr := profile{lo: lo, pitch: (hi - lo) / (n - 1), p: make([]float64, int(n)), mass: make([]float64, int(n))}
	const reach = 9                     // deviations
	whole := make([]float64, len(pr.p)) // weights that lie below this point and the ones after
	for _, p := range m.Points {
		from, to := (p.Value-reach*m.Std-lo)/pr.pitch, (p.Value+reach*m.Std-lo)/pr.pitch
		for i := int(max(0, math.Ceil(from))); i < len(pr.p); i++ {
			if float64(i) > to {
				whole[i] += p.Weight
				break
			}
			z := (lo + float64(i)*pr.pitch - p.Value) / m.Std
			pr.p[i] += p.Weight * normalDensity(z) / m.Std
			pr.mass[i] += p.Weight * normalMass(-reach, z)
		}
	}
	below := 0.0
	for i, w := range whole {
		below += w
		pr.mass[i] += below
	}
	return pr, nil
}

// below returns the mass below u, less a constant, by cubic interpolation; its
// slope at the grid's points is the density.
func (pr *profile) below(u float64) float64 {
	x := (u - pr.lo) / pr.pitch
	i := min(max(int(x), 0), len(pr.p)-2)
	x -= float64(i)
	rise := (pr.mass[i+1] - pr.mass[i]) / pr.pitch
	return pr.mass[i] + pr.pitch*x*(rise+(1-x)*((pr.p[i]-rise)*(1-x)-(pr.p[i+1]-rise)*x))
}
