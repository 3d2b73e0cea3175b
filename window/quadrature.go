package window

import (
	"cmp"
	"math"
	"slices"
)

// This file turns moments into quadrature rules. A measure's monic orthogonal
// polynomials obey
//
//	π_{k+1}(y) = (y − α_k)·π_k(y) − β_k·π_{k−1}(y)
//
// and the n-point Gauss rule, exact for polynomials of degree 2n−1, has the
// eigenvalues of the symmetric tridiagonal (Jacobi) matrix with diagonal α_0 …
// α_{n−1} and off-diagonal √β_1 … √β_{n−1} as its nodes; the squared first
// components of the eigenvectors are its weights.

// breakdown is the share of the moment E[y^2k] below which E[π_k²] is rounding
// noise: the measure then has no more than k points that matter.
const breakdown = 1e-12

// A recurrence holds the coefficients of the first n orthogonal polynomials.
type recurrence struct {
	n           int
	alpha, beta [MaxNodes]float64 // beta[0] is the measure's mass
}

// chebyshev returns the recurrence coefficients of the measure with moments
// m[0..2n−1], m[0] > 0, n ≤ MaxNodes, by Chebyshev's algorithm (Gautschi,
// "Orthogonal Polynomials: Computation and Approximation", 2004, §2.1.7).
// Moments should be standardised. Where the measure is too close to one of fewer
// than n points for more, the coefficients are fewer than n, at least one.
func chebyshev(m []float64) (r recurrence) {
	n := len(m) / 2
	r.n, r.alpha[0], r.beta[0] = 1, m[1]/m[0], m[0]
	var rows [3][2 * MaxNodes]float64
	before, last, this := &rows[0], &rows[1], &rows[2]
	copy(last[:], m) // last[l] is σ_{k−1,l} = E[π_{k−1}(y)·y^l]
	for k := 1; k < n; k++ {
		for l := k; l < 2*n-k; l++ {
			this[l] = last[l+1] - r.alpha[k-1]*last[l] - r.beta[k-1]*before[l]
		}
		if !(this[k] > breakdown*m[2*k]) {
			break
		}
		r.alpha[k] = this[k+1]/this[k] - last[k]/last[k-1]
		r.beta[k] = this[k] / last[k-1]
		r.n++
		before, last, this = last, this, before
	}
	return r
}

// gaussRule appends to dst the Gauss rule of the recurrence coefficients as
// points in ascending order with weights that sum to 1. Up to three points are
// in closed form. It reports false if coefficients are not finite, or if the
// eigenvalue iteration for more points does not converge.
func gaussRule(dst []Point, alpha, beta []float64) ([]Point, bool) {
	for i := range alpha {
		if !finite(alpha[i]) || !finite(beta[i]) {
			return dst, false
		}
	}
	if len(alpha) <= 3 {
		if rule, ok := closedRule(dst, alpha, beta); ok {
			return rule, true
		}
	}
	return golubWelsch(dst, alpha, beta)
}

// closedRule is gaussRule for one to three points. Nodes are the roots of π_n,
// of which the cubic has three real ones (Viète's trigonometric form, and one
// step of Newton's method for the digits that cancel), and the weight at a node
// is 1/Σ π_k²/(β_1…β_k). It reports false where two nodes are so close that the
// polynomial does not hold them apart.
func closedRule(dst []Point, alpha, beta []float64) ([]Point, bool) {
	n := len(alpha)
	mean := 0.0
	for _, a := range alpha {
		mean += a / float64(n)
	}
	var roots [3]float64
	switch n {
	case 1:
		return append(dst, Point{alpha[0], 1}), true
	case 2:
		half := math.Hypot((alpha[0]-alpha[1])/2, math.Sqrt(beta[1]))
		roots = [3]float64{mean - half, mean + half}
	case 3:
		a, b, c := alpha[0]-mean, alpha[1]-mean, alpha[2]-mean
		p := -(a*b + b*c + c*a - beta[1] - beta[2]) // y³ = p·y + q
		q := a*b*c - c*beta[1] - a*beta[2]
		radius := 2 * math.Sqrt(p/3)
		angle := math.Acos(min(1, max(-1, 4*q/(radius*radius*radius))))
		for i := range roots {
			y := radius * math.Cos((angle+2*math.Pi*float64(2-i))/3)
			if slope := 3*y*y - p; slope != 0 {
				y -= (y*y*y - p*y - q) / slope
			}
			roots[i] = mean + y
		}
		if roots[0] > roots[1] {
			roots[0], roots[1] = roots[1], roots[0]
		}
	}
	total := 0.0
	for _, x := range roots[:n] {
		before, last, norm, sum := 0.0, 1.0, 1.0, 1.0
		for k := 1; k < n; k++ {
			before, last = last, (x-alpha[k-1])*last-beta[k-1]*before
			norm *= beta[k]
			sum += last * last / norm
		}
		dst = append(dst, Point{x, 1 / sum})
		total += 1 / sum
	}
	return dst, math.Abs(total-1) < 1e-12
}

// golubWelsch is gaussRule by the eigenvalues of the Jacobi matrix (Golub and
// Welsch, "Calculation of Gauss quadrature rules", 1969), for up to maxRule points.
func golubWelsch(dst []Point, alpha, beta []float64) ([]Point, bool) {
	n := len(alpha)
	var diag, off, first [maxRule]float64 // off[i] couples i and i+1
	copy(diag[:], alpha)
	for i := range n - 1 {
		off[i] = math.Sqrt(beta[i+1])
	}
	first[0] = 1 // of the eigenvectors' first components
	if !tridiagonalQL(diag[:n], off[:n], first[:n]) {
		return dst, false
	}
	at := len(dst)
	for i := range n {
		dst = append(dst, Point{diag[i], first[i] * first[i]})
	}
	sortPoints(dst[at:])
	return dst, true
}

// maxRule is the number of points of the largest rule.
const maxRule = 32

func sortPoints(p []Point) {
	slices.SortFunc(p, func(a, b Point) int { return cmp.Compare(a.Value, b.Value) })
}

// tridiagonalQL diagonalises a symmetric tridiagonal matrix in place by the
// implicit QL method with Wilkinson's shift (EISPACK's imtql2), applying its
// rotations to a single row of the eigenvector matrix. It reports whether it
// converged.
func tridiagonalQL(diag, off, row []float64) bool {
	const eps, maxSweeps = 0x1p-52, 60
	n := len(diag)
	for l := range n {
		for sweep := 0; ; sweep++ {
			m := l // the first split at or after l
			for m < n-1 && !(math.Abs(off[m]) <= eps*(math.Abs(diag[m])+math.Abs(diag[m+1]))) {
				m++
			}
			if m == l {
				break
			}
			if sweep == maxSweeps {
				return false
			}
			qlSweep(diag, off, row, l, m)
		}
	}
	return true
}

// qlSweep chases one shift from m up to l.
func qlSweep(diag, off, row []float64, l, m int) {
	g := (diag[l+1] - diag[l]) / (2 * off[l])
	g = diag[m] - diag[l] + off[l]/(g+math.Copysign(math.Sqrt(g*g+1), g))
	s, c, p := 1., 1., 0.
	for i := m - 1; i >= l; i-- {
		f, b := s*off[i], c*off[i]
		r := math.Sqrt(f*f + g*g)
		off[i+1] = r
		if r == 0 { // the matrix split on the way: start again from there
			diag[i+1] -= p
			off[m] = 0
			return
		}
		s, c = f/r, g/r
		g = diag[i+1] - p
		r = (diag[i]-g)*s + 2*c*b
		p = s * r
		diag[i+1] = g + p
		g = c*r - b
		row[i+1], row[i] = s*row[i]+c*row[i+1], c*row[i]-s*row[i+1]
	}
	diag[l] -= p
	off[l] = g
	off[m] = 0
}

// legendre returns the n-point Gauss–Legendre rule on [−1, 1] with weights that
// sum to 1, n ≤ maxRule.
func legendre(n int) []Point {
	alpha, beta := make([]float64, n), make([]float64, n)
	for k := range n {
		k2 := float64(k * k)
		beta[k] = k2 / (4*k2 - 1)
	}
	rule, _ := golubWelsch(nil, alpha, beta) // finite coefficients: it converges
	return rule
}
