// Package window computes surrogate-gradient windows from a neuron's own
// parameters: the moments of its membrane potential, the policies that turn
// moments into a width, and the window's shape.
package window

import (
	"fmt"
	"math"
	"strings"
)

// A Shape is the form of a surrogate window h(u−θ). Every shape integrates to
// one. The width given to its methods is that of the rectangle of equal second
// moment, so that shapes compare at equal spread; the ATan window has no second
// moment and matches the rectangle's full width at half height instead.
type Shape string

// The window shapes.
const (
	Rectangular  Shape = "rectangular"
	Triangular   Shape = "triangular"
	Epanechnikov Shape = "epanechnikov"
	Gaussian     Shape = "gaussian"
	ATan         Shape = "atan"
	Sigmoid      Shape = "sigmoid"
)

// Shapes lists all shapes in the order that help texts show.
var Shapes = []Shape{Rectangular, Triangular, Epanechnikov, Gaussian, ATan, Sigmoid}

// ParseShape returns the shape of that name.
func ParseShape(name string) (Shape, error) {
	var names []string
	for _, s := range Shapes {
		if string(s) == name {
			return s, nil
		}
		names = append(names, string(s))
	}
	return "", fmt.Errorf("unknown window shape %q; known: %s", name, strings.Join(names, ", "))
}

// Scale returns the shape's own parameter for a rectangle-equivalent width w:
// the half-width of a bounded shape, the standard deviation of the Gaussian,
// the half-width at half height of the ATan, the inverse slope of the sigmoid.
func (s Shape) Scale(w float64) float64 {
	switch s {
	case Rectangular:
		return w / 2
	case Triangular: // variance b²/6 = w²/12
		return w / math.Sqrt2
	case Epanechnikov: // variance b²/5 = w²/12
		return w * math.Sqrt(5./12)
	case Gaussian:
		return w / math.Sqrt(12)
	case ATan:
		return w / 2
	case Sigmoid: // variance π²b²/3 = w²/12
		return w / (2 * math.Pi)
	}
	panic("window: unknown shape " + string(s))
}

// At returns the window's value at distance d = u − θ from the threshold.
func (s Shape) At(d, w float64) float64 {
	b := s.Scale(w)
	z := math.Abs(d) / b
	switch s {
	case Rectangular:
		if z < 1 {
			return 1 / w
		}
		return 0
	case Triangular:
		return math.Max(0, 1-z) / b
	case Epanechnikov:
		return .75 * math.Max(0, 1-z*z) / b
	case Gaussian:
		return math.Exp(-z*z/2) / (b * math.Sqrt(2*math.Pi))
	case ATan:
		return 1 / (math.Pi * b * (1 + z*z))
	default:
		e := math.Exp(-z)
		return e / (b * (1 + e) * (1 + e))
	}
}

// Integral returns the window's integral from −∞ to d: the smooth step whose
// derivative the window is.
func (s Shape) Integral(d, w float64) float64 {
	b := s.Scale(w)
	z := d / b
	switch s {
	case Rectangular:
		return math.Min(1, math.Max(0, .5+d/w))
	case Triangular:
		z = math.Min(1, math.Max(-1, z))
		return .5 + z - z*math.Abs(z)/2
	case Epanechnikov:
		z = math.Min(1, math.Max(-1, z))
		return .5 + .75*z - .25*z*z*z
	case Gaussian:
		return .5 * math.Erfc(-z/math.Sqrt2)
	case ATan:
		return .5 + math.Atan(z)/math.Pi
	default:
		return 1 / (1 + math.Exp(-z))
	}
}

// Reach returns the distance from the threshold beyond which the window is
// zero, or +Inf for a shape without bound.
func (s Shape) Reach(w float64) float64 {
	switch s {
	case Rectangular, Triangular, Epanechnikov:
		return s.Scale(w)
	}
	return math.Inf(1)
}
