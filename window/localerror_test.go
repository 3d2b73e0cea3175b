package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The minimum itself, from the mixture and without interpolation.
func TestExactWidthMinimisesTheBlurredError(t *testing.T) {
	steps, err := Exact(qif(.5, 0, .5, 1), Input{Std: 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	m, std := steps[2].Mixture, steps[2].Std
	square := func(w, terms float64) float64 {
		return midpoint(func(z float64) float64 {
			theta := 1 + blurShare*std*z
			mean := m.WindowMean(Rectangular, w, theta)
			bias := mean - m.Density(theta)
			return normalDensity(z) * (bias*bias + (mean/w-mean*mean)/terms)
		}, -blurReach-blurPitch/2, blurReach+blurPitch/2, 13)
	}
	for _, terms := range []float64{30, 1000, 1e5} {
		w, err := m.exactWidth(1, std, terms)
		if err != nil {
			t.Fatal(err)
		}
		least := square(w, terms)
		for _, by := range []float64{.5, .8, .97, 1.03, 1.25, 2} {
			if e := square(w*by, terms); e <= least {
				t.Errorf("N = %v: error %v at the width %v, %v at %v times it", terms, least, w, e, by)
			}
		}
	}
}

// Neighbouring thresholds have neighbouring widths, over all of a density and for
// any number of terms; without the blur they have not (TestPointwiseBandwidthJumps).
func TestExactWidthMovesSteadily(t *testing.T) {
	normal := Mixture{[]Point{{0, 1}}, 1}
	for _, terms := range []float64{100, 1000, 1e4, 1e6} {
		last := 0.0
		for i := range 61 {
			w, err := normal.exactWidth(float64(i)/20, 1, terms)
			if err != nil {
				t.Fatal(err)
			}
			if ratio := w / bandwidth(terms); ratio < .75 || ratio > 1.7 {
				t.Errorf("N = %v, θ = %v: width %v, %v times that of \"bandwidth\"", terms, float64(i)/20, w, ratio)
			}
			if i > 0 && math.Abs(math.Log(w/last)) > .1 {
				t.Errorf("N = %v: width %v at θ = %v, %v a twentieth of a deviation before", terms, w, float64(i)/20, last)
			}
			last = w
		}
	}
}

func TestExactWidthsOverTheParameterBox(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 41))
	policy, err := ParsePolicy("exact")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		c := draw(rng)
		w, err := Spec{Policy: policy, Shape: Triangular}.Compute(c.d, c.in, 4)
		if err != nil {
			continue // it ran away
		}
		for s, m := range w.Moments {
			if ratio := w.Widths[s] / m.Std; ratio < .3 || ratio > 2.5 {
				t.Errorf("%+v step %d: width %v σ", c, s+1, ratio)
			}
		}
	}
}

func TestExactWidthRefuses(t *testing.T) {
	if _, err := (Mixture{Points: []Point{{0, 1}}}).exactWidth(1, 1, 1000); err == nil {
		t.Error("a potential without density has a width")
	}
	if _, err := (Mixture{[]Point{{0, .5}, {1e6, .5}}, 1}).exactWidth(1, 5e5, 1000); err == nil {
		t.Error("a density without end has a width")
	}
}
