package kernel

import "math"

// A Window writes a surrogate window's values h at potentials u. b is the
// shape's own scale, window.Shape.Scale, whose definitions these follow.
type Window func(h, u []float32, theta, b float32)

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// Rectangular has half-width b.
func Rectangular(h, u []float32, theta, b float32) { current.rectangular(h[:len(u)], u, theta, b) }

func rectangularPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	top := .5 / b
	for i, ui := range u {
		var v float32
		if abs(ui-theta) < b {
			v = top
		}
		h[i] = v
	}
}

// Triangular has half-width b.
func Triangular(h, u []float32, theta, b float32) { current.triangular(h[:len(u)], u, theta, b) }

func triangularPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	inv := 1 / b
	for i, ui := range u {
		h[i] = max(0, 1-abs(ui-theta)*inv) * inv
	}
}

// Epanechnikov has half-width b.
func Epanechnikov(h, u []float32, theta, b float32) { current.epanechnikov(h[:len(u)], u, theta, b) }

func epanechnikovPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	inv := 1 / b
	for i, ui := range u {
		z := (ui - theta) * inv
		h[i] = .75 * inv * max(0, 1-z*z)
	}
}

// Gaussian has standard deviation b.
func Gaussian(h, u []float32, theta, b float32) { current.gaussian(h[:len(u)], u, theta, b) }

func gaussianPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	inv := 1 / b
	top := inv / float32(math.Sqrt(2*math.Pi))
	for i, ui := range u {
		z := float64((ui - theta) * inv)
		h[i] = top * float32(math.Exp(-z*z/2))
	}
}

// ATan has half-width at half height b.
func ATan(h, u []float32, theta, b float32) { current.atan(h[:len(u)], u, theta, b) }

func atanPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	inv := 1 / b
	top := inv / math.Pi
	for i, ui := range u {
		z := (ui - theta) * inv
		h[i] = top / (1 + z*z)
	}
}

// Sigmoid has inverse slope b.
func Sigmoid(h, u []float32, theta, b float32) { current.sigmoid(h[:len(u)], u, theta, b) }

func sigmoidPortable(h, u []float32, theta, b float32) {
	h = h[:len(u)]
	inv := 1 / b
	for i, ui := range u {
		e := float32(math.Exp(-float64(abs(ui-theta) * inv)))
		h[i] = inv * e / ((1 + e) * (1 + e))
	}
}
