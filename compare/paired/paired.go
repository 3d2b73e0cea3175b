// Package paired asks whether paired measurements differ, and by how much: the
// interval and test of Student's t, the signed-rank test of Wilcoxon and the
// sign-flip test of Fisher, the last two exact, effect sizes, and Holm's
// correction for several comparisons.
//
// What is tested is the list of differences, one for each pair. All p-values are
// two-sided. A number that does not exist, such as the deviation of one
// difference, is nil.
package paired

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the confidence of the intervals.
const Level = .95

// Result is what differences say.
type Result struct {
	N    int      `json:"n"`
	Mean float64  `json:"mean"`
	SD   *float64 `json:"sd"` // of the differences, n − 1 in the denominator
	Low  *float64 `json:"low"`
	High *float64 `json:"high"` // ends of the t interval of confidence Level

	T  *float64 `json:"t"` // Student's, with n − 1 degrees of freedom
	PT *float64 `json:"p_t"`

	// W is the sum of the ranks of the positive differences; differences of zero
	// are left out, ties share the mean of their ranks.
	W         float64  `json:"w"`
	PWilcoxon *float64 `json:"p_wilcoxon"`

	// PSignFlip is the share of the 2^n ways to flip the differences' signs that
	// give a sum as far from zero. Exact says that all of them were counted, not a
	// sample.
	PSignFlip *float64 `json:"p_sign_flip"`
	Exact     bool     `json:"p_sign_flip_exact"`

	// CohenD is mean over deviation (d_z), HedgesG the same without the bias of
	// small samples.
	CohenD  *float64 `json:"cohen_d"`
	HedgesG *float64 `json:"hedges_g"`

	Above int `json:"above"` // differences above zero
	Equal int `json:"equal"`
	Below int `json:"below"`
}

// Test tests whether differences are centred on zero. It refuses none at all and
// numbers that are not finite.
func Test(differences []float64) (Result, error) {
	if len(differences) == 0 {
		return Result{}, fmt.Errorf("no pairs to compare")
	}
	for i, d := range differences {
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return Result{}, fmt.Errorf("difference %d is %v", i+1, d)
		}
	}
	r := Result{N: len(differences)}
	for _, d := range differences {
		switch {
		case d > 0:
			r.Above++
		case d < 0:
			r.Below++
		default:
			r.Equal++
		}
	}
	r.student(differences)
	w, ranks := wilcoxon(differences)
	flips, exact := signFlip(differences)
	r.W, r.PWilcoxon = w, &ranks
	r.PSignFlip, r.Exact = &flips, exact
	return r, nil
}

// student fills in what follows from mean and deviation.
func (r *Result) student(d []float64) {
	if r.N == 1 {
		r.Mean = d[0]
		return
	}
	mean, sd := stat.MeanStdDev(d, nil)
	if sd <= tied*math.Abs(mean) {
		sd = 0 // all the same, but for rounding
	}
	df := float64(r.N - 1)
	dist := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	se := sd / math.Sqrt(float64(r.N))
	half := dist.Quantile(.5+Level/2) * se
	r.Mean, r.SD, r.Low, r.High = mean, &sd, ptr(mean-half), ptr(mean+half)
	switch {
	case r.Equal == r.N:
		r.PT = ptr(1) // t is 0/0, and nothing could speak less against equality
	case se > 0:
		t := mean / se
		r.T, r.PT = &t, ptr(2*dist.CDF(-math.Abs(t)))
		r.CohenD = ptr(mean / sd)
		if r.N > 2 {
			r.HedgesG = ptr(mean / sd * unbias(df))
		}
	}
}

// unbias is Hedges' factor J for so many degrees of freedom, 2 or more (Hedges
// 1981).
func unbias(df float64) float64 {
	a, _ := math.Lgamma(df / 2)
	b, _ := math.Lgamma((df - 1) / 2)
	return math.Exp(a-b) / math.Sqrt(df/2)
}

func ptr(v float64) *float64 { return &v }

// SmallestP is the smallest p that the exact tests can give with n pairs: all
// differences of one sign.
func SmallestP(n int) float64 { return math.Min(1, math.Ldexp(1, 1-n)) }

// PairsFor is the number of pairs from which on the exact tests can give a p of
// at most alpha.
func PairsFor(alpha float64) int {
	n := 1
	for SmallestP(n) > alpha {
		n++
	}
	return n
}

// Holm returns p-values corrected for their number by Holm's step-down rule
// (1979), in the same order. Those that are nil stay nil and do not count.
func Holm(ps []*float64) []*float64 {
	order := ascending(ps)
	out := make([]*float64, len(ps))
	least := 0.
	for rank, i := range order {
		least = math.Max(least, math.Min(1, *ps[i]*float64(len(order)-rank)))
		out[i] = ptr(least)
	}
	return out
}
