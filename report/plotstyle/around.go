package plotstyle

import "math"

// Around returns the range of the finite numbers with a margin, a share of their
// spread; [0, 1] if there are none.
func Around(vs []float64, margin float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range vs {
		if finite(v) {
			v = min(max(v, -1e100), 1e100) // beyond, axes would overflow
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	switch spread := hi - lo; {
	case lo > hi:
		return 0, 1
	case spread <= 1e-9*math.Abs(hi):
		half := max(.1*math.Abs(hi), 1e-9)
		return lo - half, hi + half
	default:
		return lo - margin*spread, hi + margin*spread
	}
}
