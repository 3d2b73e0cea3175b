package window

import (
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

// chebyshev returns the recurrence coefficients of the measure with moments
// m[0..2n−1], m[0] > 0, by Chebyshev's algorithm (Gautschi, "Orthogonal
// Polynomials: Computation and Approximation", 2004, §2.1.7). Moments should be
// standardised. Where the measure is too close to one of fewer than n points for
// more, the coefficients are fewer than n, at least one. beta[0] is m[0].
func chebyshev(m []float64) (alpha, beta []float64) {
	n := len(m) / 2
	alpha, beta = append(alpha, m[1]/m[0]), append(beta, m[0])
	before := make([]float64, 2*n) // σ_{k−2,l}
	last := slices.Clone(m)        // σ_{k−1,l} = E[π_{k−1}(y)·y^l]
	for k := 1; k < n; k++ {
		this := make([]float64, 2*n)
		for l := k; l < 2*n-k; l++ {
			this[l] = last[l+1] - alpha[k-1]*last[l] - beta[k-1]*before[l]
		}
		if !(this[k] > breakdown*m[2*k]) {
			break
		}
		alpha = append(alpha, this[k+1]/this[k]-last[k]/last[k-1])
		beta = append(beta, this[k]/last[k-1])
		before, last = last, this
	}
	return alpha, beta
}

// golubWelsch returns the Gauss rule of the recurrence coefficients as points in
// ascending order with weights that sum to 1 (Golub and Welsch, "Calculation of
// Gauss quadrature rules", 1969). It reports false if the eigenvalue iteration
// does not converge, which takes coefficients that are not finite.
func golubWelsch(alpha, beta []float64) ([]Point, bool) {
	n := len(alpha)
	diag := slices.Clone(alpha)
	off := make([]float64, n) // off[i] couples i and i+1; the last entry is scratch
	for i := range n - 1 {
		off[i] = math.Sqrt(beta[i+1])
	}
	first := make([]float64, n) // first components of the eigenvectors
	first[0] = 1
	if !tridiagonalQL(diag, off, first) {
		return nil, false
	}
	rule := make([]Point, n)
	for i := range rule {
		rule[i] = Point{diag[i], first[i] * first[i]}
	}
	slices.SortFunc(rule, func(a, b Point) int {
		if a.Value < b.Value {
			return -1
		}
		return 1
	})
	return rule, true
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
	g = diag[m] - diag[l] + off[l]/(g+math.Copysign(math.Hypot(g, 1), g))
	s, c, p := 1., 1., 0.
	for i := m - 1; i >= l; i-- {
		f, b := s*off[i], c*off[i]
		r := math.Hypot(f, g)
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
// sum to 1.
func legendre(n int) []Point {
	alpha, beta := make([]float64, n), make([]float64, n)
	for k := range n {
		k2 := float64(k * k)
		beta[k] = k2 / (4*k2 - 1)
	}
	rule, _ := golubWelsch(alpha, beta) // finite coefficients: it converges
	return rule
}
