package paired

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is missing, want %v", what, want)
	} else if math.Abs(*got-want) > tolerance {
		t.Errorf("%s is %v, want %v", what, *got, want)
	}
}

func tested(t *testing.T, d []float64) Result {
	t.Helper()
	r, err := Test(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// maize is Darwin's plants, crossed minus self-fertilised in eighths of an inch,
// as Fisher analyses them in The Design of Experiments (1935), sections 17 and 21:
// t = 2.148 with 14 degrees of freedom, p = .0497; of the 2^15 ways to flip signs
// 863 give a sum as large in either direction, 5.267 % in both.
var maize = []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}

func TestFisherOnDarwinsMaize(t *testing.T) {
	r := tested(t, maize)
	near(t, "mean", &r.Mean, 20.933, 5e-4)
	near(t, "t", r.T, 2.148, 5e-4)
	near(t, "p of t", r.PT, .0497, 5e-5)
	near(t, "p of flips", r.PSignFlip, 2*863/32768., 1e-15)
	if !r.Exact || r.Above != 13 || r.Below != 2 || r.Equal != 0 {
		t.Errorf("got %+v", r)
	}
}

// sleep is Student's data on two drugs (1908), extra hours of sleep; the numbers
// are those that R's t.test(extra ~ group, paired) prints for its data set sleep.
func TestStudentOnSleep(t *testing.T) {
	r := tested(t, []float64{1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, .8, 4.6, 1.4})
	near(t, "mean", &r.Mean, 1.58, 1e-12)
	near(t, "t", r.T, 4.0621, 5e-5)
	near(t, "p of t", r.PT, .002833, 5e-7)
	near(t, "low", r.Low, .7001142, 5e-8)
	near(t, "high", r.High, 2.4598858, 5e-8)
	near(t, "W", &r.W, 45, 0)
	near(t, "p of W", r.PWilcoxon, 2./512, 1e-15) // nine differences, all above zero
	if r.Equal != 1 {
		t.Errorf("%d zeros, want 1", r.Equal)
	}
}

// Two-sided p of the signed-rank statistic from the tables of Wilcoxon and Wilcox
// (1964) for the smaller rank sum.
func TestWilcoxonTables(t *testing.T) {
	for _, c := range []struct {
		n, w int
		p    float64
	}{
		{5, 0, .0625}, {6, 0, .03125}, {6, 2, .09375}, {7, 2, .046875}, {8, 3, .0390625}, {8, 5, .078125},
		{10, 8, .048828125}, {10, 10, .083984375}, {15, 25, .0479}, {20, 52, .0484}, {25, 89, .0483},
	} {
		// Differences 1..n have the ranks 1..n; make the smaller sum w.
		d := make([]float64, c.n)
		left := c.w
		for i := c.n; i > 0; i-- {
			d[i-1] = float64(i)
			if i <= left {
				d[i-1], left = -d[i-1], left-i
			}
		}
		r := tested(t, d)
		near(t, "p", r.PWilcoxon, c.p, 5e-5)
		for i := range d {
			d[i] = -d[i]
		}
		if mirrored := tested(t, d); mirrored.W != float64(c.w) || *mirrored.PWilcoxon != *r.PWilcoxon {
			t.Errorf("n = %d: mirrored, W is %v and p %v, want %d and %v", c.n, mirrored.W, *mirrored.PWilcoxon, c.w, *r.PWilcoxon)
		}
	}
}

// bruteForce counts all signs of the differences for both exact tests.
func bruteForce(d []float64) (wilcoxon, flips float64) {
	n := len(d)
	rank := make([]float64, n)
	for i, a := range d {
		for _, b := range d {
			switch {
			case a == 0 || b == 0:
			case math.Abs(b) < math.Abs(a)-1e-12:
				rank[i]++
			case math.Abs(b) < math.Abs(a)+1e-12:
				rank[i] += .5
			}
		}
		if a != 0 {
			rank[i] += .5
		}
	}
	// Signed sums: of ranks for Wilcoxon, of differences for the flips.
	observed := [2]float64{}
	for i, v := range d {
		observed[0] += math.Copysign(rank[i], v)
		observed[1] += v
	}
	var count [2]int
	for m := range 1 << n {
		var s [2]float64
		for i, v := range d {
			sign := float64(1 - 2*(m>>i&1))
			s[0] += sign * rank[i]
			s[1] += sign * v
		}
		for k := range s {
			if math.Abs(s[k]) >= math.Abs(observed[k])-1e-9 {
				count[k]++
			}
		}
	}
	all := math.Ldexp(1, n)
	return float64(count[0]) / all, float64(count[1]) / all
}

func TestExactTestsAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 300 {
		d := make([]float64, 1+rng.IntN(9))
		for i := range d {
			d[i] = (float64(rng.IntN(13)) - 5) / 2000 * 3 // many ties and zeros
		}
		r := tested(t, d)
		w, f := bruteForce(d)
		near(t, "Wilcoxon's p", r.PWilcoxon, w, 1e-12)
		near(t, "the flips' p", r.PSignFlip, f, 1e-12)
	}
}

// With many pairs flips are sampled; the normal law and the t test are near.
func TestSampledFlips(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	for _, n := range []int{21, 65} {
		d := make([]float64, n)
		for i := range d {
			d[i] = rng.NormFloat64() + 1.6/math.Sqrt(float64(n))
		}
		r := tested(t, d)
		if again := tested(t, d); *again.PSignFlip != *r.PSignFlip || r.Exact {
			t.Errorf("n = %d: %v, then %v, exact %v", n, *r.PSignFlip, *again.PSignFlip, r.Exact)
		}
		near(t, "p", r.PSignFlip, *r.PT, .012)
	}
	exact := append(slices.Clone(maize), maize...)[:20]
	p, _ := signFlip(exact)
	sum := 0.
	for _, v := range exact {
		sum += v
	}
	got := sampledFlips(exact, math.Abs(sum)-1e-6)
	near(t, "sampled p", &got, p, 5*math.Sqrt(p*(1-p)/samples))
}

func TestFewPairs(t *testing.T) {
	one := tested(t, []float64{.25})
	if one.Mean != .25 || one.SD != nil || one.T != nil || one.Low != nil || *one.PSignFlip != 1 || *one.PWilcoxon != 1 {
		t.Errorf("one pair: %+v", one)
	}
	same := tested(t, []float64{.1, .3 - .2, .1}) // the same, but for rounding
	if *same.SD != 0 || same.T != nil || same.PT != nil || same.CohenD != nil || *same.PSignFlip != .25 || *same.Low != same.Mean {
		t.Errorf("three equal differences: %+v", same)
	}
	zero := tested(t, make([]float64, 4))
	if *zero.PT != 1 || *zero.PSignFlip != 1 || *zero.PWilcoxon != 1 || zero.T != nil || zero.Equal != 4 {
		t.Errorf("no difference: %+v", zero)
	}
	if r := tested(t, []float64{1, 2}); r.HedgesG != nil || r.CohenD == nil {
		t.Errorf("two pairs: %+v", r)
	}
	for _, d := range [][]float64{nil, {math.NaN()}, {1, math.Inf(1)}} {
		if _, err := Test(d); err == nil {
			t.Errorf("%v was tested", d)
		}
	}
}

// J(df) as Hedges (1981) tabulates it.
func TestUnbias(t *testing.T) {
	for df, want := range map[float64]float64{2: .5642, 3: .7236, 4: .7979, 10: .9228, 50: .9849} {
		got := unbias(df)
		near(t, "J", &got, want, 5e-4)
	}
}

// The corrected values are those of R's p.adjust(c(.01, .04, .03, .005), "holm").
func TestHolm(t *testing.T) {
	in := []*float64{ptr(.01), ptr(.04), nil, ptr(.03), ptr(.005)}
	out := Holm(in)
	for i, want := range []float64{.03, .06, -1, .06, .02} {
		if want < 0 {
			if out[i] != nil {
				t.Errorf("p %d appeared", i)
			}
			continue
		}
		near(t, "p", out[i], want, 1e-15)
	}
	near(t, "a large p", Holm([]*float64{ptr(.9), ptr(.8)})[0], 1, 0)
}

func TestWhatPairsCanShow(t *testing.T) {
	for n, want := range map[int]float64{1: 1, 2: .5, 3: .25, 5: .0625, 6: .03125} {
		if got := SmallestP(n); got != want {
			t.Errorf("%d pairs: %v, want %v", n, got, want)
		}
		d := make([]float64, n)
		for i := range d {
			d[i] = 1 + float64(i)
		}
		near(t, "smallest p", tested(t, d).PSignFlip, want, 0)
	}
	if PairsFor(.05) != 6 || PairsFor(.05/3) != 7 {
		t.Errorf("%d and %d pairs", PairsFor(.05), PairsFor(.05/3))
	}
}
