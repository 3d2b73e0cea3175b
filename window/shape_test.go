package window

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// midpoint integrates f over [a, b] by the midpoint rule.
func midpoint(f func(float64) float64, a, b float64, n int) float64 {
	h := (b - a) / float64(n)
	sum := 0.0
	for i := range n {
		sum += f(a + (float64(i)+.5)*h)
	}
	return sum * h
}

// span is the half-width that holds all of a window's mass to ten digits, or
// for the ATan a finite part of it.
func span(s Shape, w float64) float64 { return min(s.Reach(w), 12*w) }

func forShapes(t *testing.T, test func(t *testing.T, s Shape, w float64)) {
	for _, s := range Shapes {
		for _, w := range []float64{.25, 1, 3.7} {
			t.Run(fmt.Sprintf("%s/%v", s, w), func(t *testing.T) { test(t, s, w) })
		}
	}
}

func TestIntegralIsTheAntiderivative(t *testing.T) {
	forShapes(t, func(t *testing.T, s Shape, w float64) {
		low := -span(s, w)
		for i := range 41 {
			d := low + float64(i)/40*(-2*low)
			got := s.Integral(d, w) - s.Integral(low, w)
			want := midpoint(func(x float64) float64 { return s.At(x, w) }, low, d, 20000)
			// The rectangle's step may cut one cell in half.
			if math.Abs(got-want) > 2e-5 {
				t.Errorf("integral to %v is %v, numerically %v", d, got, want)
			}
		}
	})
}

func TestShapesIntegrateToOne(t *testing.T) {
	forShapes(t, func(t *testing.T, s Shape, w float64) {
		low, high := s.Integral(math.Inf(-1), w), s.Integral(math.Inf(1), w)
		if low != 0 || high != 1 {
			t.Errorf("integral runs from %v to %v, want 0 to 1", low, high)
		}
		if half := s.Integral(0, w); half != .5 {
			t.Errorf("integral to the threshold is %v, want .5", half)
		}
		if s == ATan {
			return // has tails beyond any span; the two checks above and the antiderivative bind it
		}
		r := span(s, w)
		got := midpoint(func(x float64) float64 { return s.At(x, w) }, -r, r, 20000)
		if math.Abs(got-1) > 1e-6 {
			t.Errorf("numerical integral %v, want 1", got)
		}
	})
}

func TestShapesHaveTheRectanglesSpread(t *testing.T) {
	forShapes(t, func(t *testing.T, s Shape, w float64) {
		if s == ATan {
			if got := s.At(w/2, w) / s.At(0, w); math.Abs(got-.5) > 1e-12 {
				t.Errorf("value at half the width is %v of the peak, want half", got)
			}
			return
		}
		r := span(s, w)
		got := midpoint(func(x float64) float64 { return x * x * s.At(x, w) }, -r, r, 20000)
		if want := w * w / 12; math.Abs(got/want-1) > 1e-5 {
			t.Errorf("second moment %v, want w²/12 = %v", got, want)
		}
	})
}

func TestReachBoundsTheWindow(t *testing.T) {
	forShapes(t, func(t *testing.T, s Shape, w float64) {
		r := s.Reach(w)
		bounded := s == Rectangular || s == Triangular || s == Epanechnikov
		if math.IsInf(r, 1) == bounded {
			t.Fatalf("reach %v", r)
		}
		for _, sign := range []float64{-1, 1} {
			if in := s.At(sign*.999*min(r, 3*w), w); !(in > 0) {
				t.Errorf("value %v inside the reach", in)
			}
			if out := s.At(sign*1.001*r, w); out != 0 {
				t.Errorf("value %v outside the reach", out)
			}
		}
	})
}

func TestScaleOfKnownShapes(t *testing.T) {
	for s, want := range map[Shape]float64{
		Rectangular:  .5,
		Triangular:   .7071067811865475,
		Epanechnikov: .6454972243679028,
		Gaussian:     .2886751345948129,
		ATan:         .5,
		Sigmoid:      .15915494309189535,
	} {
		if got := s.Scale(1); math.Abs(got-want) > 1e-15 {
			t.Errorf("%s: scale %v for width 1, want %v", s, got, want)
		}
	}
}

func TestParseShape(t *testing.T) {
	for _, s := range Shapes {
		if got, err := ParseShape(string(s)); err != nil || got != s {
			t.Errorf("ParseShape(%q) = %q, %v", s, got, err)
		}
	}
	_, err := ParseShape("cosine")
	if err == nil || !strings.Contains(err.Error(), `"cosine"`) || !strings.Contains(err.Error(), "triangular") {
		t.Errorf("error %v names neither the offender nor the known shapes", err)
	}
}
