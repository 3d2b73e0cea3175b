package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

func wantRule(t *testing.T, name string, got, want []Point, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d points, want %d", name, len(got), len(want))
		return
	}
	for i := range want {
		if math.Abs(got[i].Value-want[i].Value) > tol || math.Abs(got[i].Weight-want[i].Weight) > tol {
			t.Errorf("%s: point %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}

// ruleOf runs the whole path from moments to nodes.
func ruleOf(t *testing.T, moments []float64) []Point {
	t.Helper()
	r := chebyshev(moments)
	rule, ok := gaussRule(nil, r.alpha[:r.n], r.beta[:r.n])
	if !ok {
		t.Fatalf("no rule for moments %v", moments)
	}
	return rule
}

// normalMoments returns E[z^k], k < n: 1, 0, 1, 0, 3, 0, 15, …
func normalMoments(n int) []float64 {
	m := make([]float64, n)
	m[0] = 1
	for k := 2; k < n; k += 2 {
		m[k] = float64(k-1) * m[k-2]
	}
	return m
}

// uniformMoments returns those of the uniform distribution on [−1, 1].
func uniformMoments(n int) []float64 {
	m := make([]float64, n)
	for k := 0; k < n; k += 2 {
		m[k] = 1 / float64(k+1)
	}
	return m
}

// Five-point rules as tabulated by Abramowitz and Stegun (1964), tables 25.4 and
// 25.10; Gauss–Hermite is rescaled from weight exp(−x²) to the standard normal.
var (
	hermite5  = symmetric(0, .945308720482942, .958572464613819, .393619323152241, 2.020182870456086, .019953242059046, math.Sqrt2, math.Sqrt(math.Pi))
	legendre5 = symmetric(0, .568888888888889, .538469310105683, .478628670499366, .906179845938664, .236926885056189, 1, 2)
)

func symmetric(x0, w0, x1, w1, x2, w2, scale, total float64) []Point {
	return []Point{
		{-x2 * scale, w2 / total}, {-x1 * scale, w1 / total}, {x0, w0 / total},
		{x1 * scale, w1 / total}, {x2 * scale, w2 / total},
	}
}

func TestRulesOfKnownMoments(t *testing.T) {
	r3 := math.Sqrt(3)
	wantRule(t, "Hermite 1", ruleOf(t, normalMoments(2)), []Point{{0, 1}}, 1e-15)
	wantRule(t, "Hermite 2", ruleOf(t, normalMoments(4)), []Point{{-1, .5}, {1, .5}}, 1e-14)
	wantRule(t, "Hermite 3", ruleOf(t, normalMoments(6)), []Point{{-r3, 1. / 6}, {0, 2. / 3}, {r3, 1. / 6}}, 1e-14)
	wantRule(t, "Hermite 5", ruleOf(t, normalMoments(10)), hermite5, 1e-13)
	wantRule(t, "Legendre 2", ruleOf(t, uniformMoments(4)), []Point{{-1 / r3, .5}, {1 / r3, .5}}, 1e-14)
	wantRule(t, "Legendre 5", ruleOf(t, uniformMoments(10)), legendre5, 1e-12)
	wantRule(t, "Legendre 5 by recurrence", legendre(5), legendre5, 1e-14)
}

// A Gauss rule of n points reproduces 2n moments.
func TestRulesReproduceTheirMoments(t *testing.T) {
	check := func(name string, rule []Point, moments []float64) {
		for k, want := range moments {
			got, size := 0.0, 0.0
			for _, p := range rule {
				term := p.Weight * math.Pow(p.Value, float64(k))
				got += term
				size += math.Abs(term)
			}
			if math.Abs(got-want) > 1e-10*max(size, 1) {
				t.Errorf("%s: moment %d is %v, want %v", name, k, got, want)
			}
		}
	}
	for n := 1; n <= MaxNodes; n++ {
		check("Hermite", ruleOf(t, normalMoments(2*n)), normalMoments(2*n))
		check("Legendre", legendre(2*n), uniformMoments(4*n))
	}
	// Skewed: the exponential distribution shifted to mean 0, E[y^k] = the
	// number of derangements of k.
	m := []float64{1, 0}
	for k := 2; k < 16; k++ {
		m = append(m, float64(k-1)*(m[k-1]+m[k-2]))
	}
	rule := ruleOf(t, m)
	check("exponential", rule, m)
	if rule[0].Value <= -1 {
		t.Errorf("exponential: node %v lies outside the support", rule[0].Value)
	}
}

func TestChebyshevStopsAtTheNumberOfPoints(t *testing.T) {
	points := []Point{{-1.25, .3}, {.5, .6}, {.75, .1}}
	m := make([]float64, 16)
	for k := range m {
		for _, p := range points {
			m[k] += p.Weight * math.Pow(p.Value, float64(k))
		}
	}
	wantRule(t, "three points", ruleOf(t, m), points, 1e-9)
	wantRule(t, "one point", ruleOf(t, []float64{1, .5, .25, .125}), []Point{{.5, 1}}, 1e-15)
}

func TestGaussRuleReportsWhatIsNotFinite(t *testing.T) {
	nan := math.NaN()
	for _, alpha := range [][]float64{{nan}, {0, nan}, {0, nan, 0}, {0, 1, nan, 2}} {
		if _, ok := gaussRule(nil, alpha, []float64{1, 1, 1, 1}[:len(alpha)]); ok {
			t.Errorf("a NaN in the Jacobi matrix of diagonal %v went unnoticed", alpha)
		}
	}
}

// One to three points in closed form are those of the eigenvalue iteration, also
// where two nodes nearly meet.
func TestClosedRules(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 3))
	refused := 0
	for range 2000 {
		n := 1 + rng.IntN(3)
		alpha, beta := make([]float64, n), make([]float64, n)
		for i := range n {
			alpha[i], beta[i] = rng.NormFloat64(), math.Exp(6*rng.NormFloat64())
		}
		closed, ok := closedRule(nil, alpha, beta)
		iterated, also := golubWelsch(nil, alpha, beta)
		if !also {
			t.Fatalf("no rule of alpha %v, beta %v", alpha, beta)
		}
		if !ok {
			refused++
			continue
		}
		size := math.Max(math.Abs(iterated[0].Value), math.Abs(iterated[n-1].Value))
		for i, p := range iterated {
			if math.Abs(closed[i].Value-p.Value) > 1e-9*size || math.Abs(closed[i].Weight-p.Weight) > 1e-9 {
				t.Fatalf("alpha %v, beta %v: %v, by iteration %v", alpha, beta, closed, iterated)
			}
		}
	}
	if refused > 100 {
		t.Errorf("%d of 2000 rules are left to the iteration", refused)
	}
}
