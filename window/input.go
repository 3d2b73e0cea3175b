package window

import (
	"fmt"
	"math"
)

// Input describes the normalised input of a neuron, x[t] ~ N(Mean, Std²). After
// tdBN at initialisation Mean = 0 and Std = αθ.
//
// Rho is the share of the variance that stays the same over time, x[t] = x̄ + ε[t]
// with x̄ ~ N(Mean, Rho·Std²) and ε independent from step to step. A layer that
// sees the same image at each step has Rho = 1, as behind direct coding, deeper
// ones less.
type Input struct{ Mean, Std, Rho float64 }

// Validate refuses numbers that are not finite, a negative deviation and a share
// outside [0, 1].
func (in Input) Validate() error {
	switch {
	case !finite(in.Mean) || !finite(in.Std) || in.Std < 0:
		return fmt.Errorf("input mean %v and deviation %v must be finite, the deviation not negative", in.Mean, in.Std)
	case !(in.Rho >= 0 && in.Rho <= 1):
		return fmt.Errorf("share %v of the input's variance that is constant over time, expected 0 to 1", in.Rho)
	}
	return nil
}

const (
	// staticNoise is the least share of the variance that changes from step to
	// step; less counts as none.
	staticNoise = 1e-4
	// staticBranches is how many values of x̄ lie on either side of its mean where
	// nothing changes, and each has one path.
	staticBranches = 1 << 14
	// staticBlur is the deviation, in those of the input, with which a density is
	// made of such paths.
	staticBlur = .01
	// constantReach is how many deviations of x̄ the branches cover.
	constantReach = 6.5
	// constantPitch is the distance between branches in deviations of x̄, where
	// ρ is small.
	constantPitch = .5
)

// static says whether the input is the same at every step.
func (in Input) static() bool { return in.Std > 0 && 1-in.Rho < staticNoise }

// branches conditions on the constant part: it returns evenly spaced values of
// x̄ with their probabilities, and the deviation of the rest. What is wanted of
// them changes with x̄ over the deviation of the rest, so the product with the
// density of x̄ has the scale √(1−ρ) in deviations of x̄, and even steps of half
// of that integrate it almost exactly: the trapezoidal rule converges faster
// than any power for what is smooth on the whole line, without the loss of
// Gauss–Hermite rules as ρ nears 1. Where nothing is left to smooth, at ρ = 1,
// the steps are merely small.
func (in Input) branches() ([]branch, float64) {
	if in.Rho == 0 || in.Std == 0 {
		return []branch{{weight: 1, mean: in.Mean}}, in.Std
	}
	noise, n := 1-in.Rho, staticBranches
	if in.static() {
		noise = 0
	} else {
		n = int(math.Ceil(constantReach / (constantPitch * math.Sqrt(noise))))
	}
	pitch := constantReach / float64(n)
	all := make([]branch, 2*n+1)
	total := 0.0
	for i := range all {
		z := float64(i-n) * pitch
		all[i] = branch{weight: normalDensity(z), mean: in.Mean + z*in.Std*math.Sqrt(1-noise)}
		total += all[i].weight
	}
	for i := range all {
		all[i].weight /= total
	}
	return all, in.Std * math.Sqrt(noise)
}
