package neuron

import "math"

// Saturation returns the least constant input from which on a neuron with a hard
// reset fires at every step, θ − f(reset value).
func (d Dynamics) Saturation() float64 { return d.Threshold - d.At(d.ResetValue) }

// ThresholdInput returns the constant input that holds the potential at θ, x =
// θ − f(θ), if potentials just below rise to it: 0 ≤ f′(θ) < 1.
func (d Dynamics) ThresholdInput() (x float64, ok bool) {
	slope := d.Slope(d.Threshold)
	return d.Threshold - d.At(d.Threshold), slope >= 0 && slope < 1
}

// Rheobase returns the least constant input above which the neuron always fires
// repeatedly from v[0] = the reset value; closed says whether it is exact, or
// found by scanning the regimes to about nine digits. Below it there can be
// other inputs that fire, by rebound.
//
// Closed forms (ours): where the potential rises to its fixed point from one
// side, firing begins where that meets the threshold, at θ − f(θ), or, if
// f′(θ) ≥ 1, where it vanishes before that, at the saddle node. A linear map of
// slope 1 or more fires as soon as its reset value lies above the fixed point; with
// a soft reset this holds for slope 1 alone.
//
// It gives false where there is no such input or none was found: a soft reset
// outside the closed forms can stop firing again.
func (d Dynamics) Rheobase() (x float64, closed, ok bool) {
	if x, ok := d.onset(); ok {
		return x, true, true
	}
	if d.Soft {
		return 0, false, false
	}
	x, ok = d.scanOnset()
	return x, false, ok
}

// onset returns the rheobase in closed form where it has one.
func (d Dynamics) onset() (x float64, ok bool) {
	if d.C2 == 0 && (d.C1 == 1 || d.C1 > 1 && !d.Soft) {
		return d.ResetValue*(1-d.C1) - d.C0, true
	}
	if d.C2 < 0 || d.C2 == 0 && d.C1 > 1 {
		return 0, false
	}
	x, ok = d.ThresholdInput()
	limit, turn := d.Threshold, math.Inf(-1)
	if d.C2 > 0 {
		turn, _ = d.Vertex()
		if d.Slope(d.Threshold) >= 1 {
			x, ok = d.SaddleNode()
			limit = (1 - d.C1) / (2 * d.C2)
		}
	}
	return x, ok && d.risesTo(x, turn, limit)
}

// risesTo reports whether under constant input x the potential comes to lie
// between the map's turn and the limit without firing. From there on it rises to
// the limit, or to a fixed point below it if the input is a little less.
func (d Dynamics) risesTo(x, turn, limit float64) bool {
	const enough = 64 // steps; inhibition that takes longer is left to the scan
	v := d.ResetValue
	for range enough {
		if v >= turn {
			return v <= limit
		}
		_, spike, next := d.Step(v, x)
		if spike {
			return false
		}
		v = next
	}
	return false
}

// scanOnset looks for the highest input that does not fire, from the input that
// fires at once downwards, and then halves the interval.
func (d Dynamics) scanOnset() (x float64, ok bool) {
	const perScale, scales, halvings = 256, 16, 40
	step := (d.Threshold - d.ResetValue) / perScale
	fires := d.Saturation()
	for range perScale * scales {
		if silent := fires - step; !d.Regime(silent).Fires() {
			for range halvings {
				if mid := (silent + fires) / 2; d.Regime(mid).Fires() {
					fires = mid
				} else {
					silent = mid
				}
			}
			return fires, true
		}
		fires -= step
	}
	return 0, false
}
