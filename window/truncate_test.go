package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTruncatedMoments(t *testing.T) {
	inf := math.Inf(1)
	cases := []struct {
		name        string
		mu, tau     float64
		a, b        float64
		numericPath bool
	}{
		{"whole line", 0, 1, -inf, inf, false},
		{"whole line, moved", .7, .4, -inf, inf, false},
		{"below the threshold", .2, 1.1, -inf, .8, false},
		{"above the threshold", -.3, .9, -.5, inf, false},
		{"between floor and threshold", .1, 1, -1.5, 1.2, false},
		{"narrow", 0, 5, -.2, .1, true},
		{"upper tail", -4, 1, 4, inf, true},
		{"lower tail", 6, 1, -inf, -6, true},
	}
	for _, c := range cases {
		var s survival
		s.of(Mixture{Points: []Point{{0, .5}}, Std: 1}, piece{lo: c.a, hi: c.b})
		closed, numeric := make([]float64, 16), make([]float64, 16)
		s.cuts[0].addMoments(closed, c.mu, c.tau)
		s.cuts[0].integrateMoments(numeric, c.mu, c.tau, legendre(32))
		lo, hi := max(c.a, -14), min(c.b, 14)
		for k := range closed {
			f := func(z float64) float64 {
				return .5 * math.Pow(c.mu+c.tau*z, float64(k)) * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
			}
			want := midpoint(f, lo, hi, 20000)
			size := midpoint(func(z float64) float64 { return math.Abs(f(z)) }, lo, hi, 20000)
			if math.Abs(closed[k]-want) > 3e-6*size {
				t.Errorf("%s: moment %d is %v, want %v", c.name, k, closed[k], want)
			}
			if c.numericPath && math.Abs(numeric[k]-closed[k]) > 1e-9*size {
				t.Errorf("%s: moment %d took the recursion: %v, integral %v", c.name, k, closed[k], numeric[k])
			}
		}
	}
}

func TestNormalMassKeepsTails(t *testing.T) {
	for _, c := range []struct{ a, b, want float64 }{
		// Φ(−8), Φ(−1) and Φ(−20) from the tables of the error function.
		{math.Inf(-1), -8, 6.220960574271786e-16},
		{8, math.Inf(1), 6.220960574271786e-16},
		{math.Inf(-1), -20, 2.7536241186062337e-89},
		{-1, 1, 1 - 2*.15865525393145707},
		{1, 1, 0},
		{2, 1, 0},
	} {
		if got := normalMass(c.a, c.b); math.Abs(got-c.want) > 1e-13*c.want {
			t.Errorf("mass of [%v, %v) is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestMixtureDerivatives(t *testing.T) {
	m := Mixture{Points: []Point{{-.4, .3}, {.2, .5}, {1.5, .2}}, Std: .7}
	for _, u := range []float64{-1, 0, .5, 1, 2} {
		const h = 1e-3
		slope := (m.Between(math.Inf(-1), u+h) - m.Between(math.Inf(-1), u-h)) / (2 * h)
		if got := m.Density(u); math.Abs(got-slope) > 1e-6 {
			t.Errorf("density %v at %v, difference quotient %v", got, u, slope)
		}
		second := (m.Density(u+h) - 2*m.Density(u) + m.Density(u-h)) / (h * h)
		if got := m.Curvature(u); math.Abs(got-second) > 1e-5 {
			t.Errorf("curvature %v at %v, difference quotient %v", got, u, second)
		}
		// The bias of every window is p″α²/24 to leading order.
		const w = .05
		for _, s := range Shapes {
			if s == ATan {
				continue
			}
			r := span(s, w)
			mean := midpoint(func(x float64) float64 { return s.At(x, w) * m.Density(u+x) }, -r, r, 4000)
			if want := m.Curvature(u) * w * w / 24; math.Abs(mean-m.Density(u)-want) > .02*math.Abs(want)+1e-7 {
				t.Errorf("%s: bias %v at %v, want %v", s, mean-m.Density(u), u, want)
			}
		}
	}
	if d, c := (Mixture{Points: []Point{{1, 1}}}).Density(1), (Mixture{Points: []Point{{1, 1}}}).Curvature(1); d != 0 || c != 0 {
		t.Errorf("a bare point has density %v and curvature %v, want 0", d, c)
	}
}

// Whatever the mixture, a rule is a measure of the surviving mass inside its
// support with its mean and, from two points on, its variance.
func TestSurvivingRuleIsAMeasure(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	logUniform := func(lo, hi float64) float64 { return lo * math.Pow(hi/lo, rng.Float64()) }
	for range 3000 {
		m := Mixture{Std: logUniform(1e-9, 1e3)}
		for range 1 + rng.IntN(10) {
			m.Points = append(m.Points, Point{rng.NormFloat64() * logUniform(1e-6, 1e3), logUniform(1e-12, 1)})
		}
		total := 0.0
		for _, p := range m.Points {
			total += p.Weight
		}
		for i := range m.Points {
			m.Points[i].Weight /= total
		}
		theta := rng.NormFloat64()
		floor := theta - logUniform(1e-4, 1e2)
		pieces := []piece{{floor, theta, 0}}
		want := m.Between(floor, theta)
		lo, hi := floor, theta
		var alive survival
		if rng.IntN(2) == 0 {
			pieces = append(pieces, piece{theta, math.Inf(1), -1})
			want += m.Between(theta, math.Inf(1))
			alive.of(m, pieces...)
			hi = alive.hull().hi
			lo, hi = min(lo, theta-1), max(hi, theta)
		}
		alive.of(m, pieces...)
		rule, _ := alive.rule(nil, 1+rng.IntN(Nodes))
		if want < 2*vanishing {
			continue
		}
		mass, mean := 0.0, 0.0
		for _, p := range rule {
			mass += p.Weight
			mean += p.Weight * p.Value
			if !(p.Weight >= 0) || p.Value < lo-1e-9*math.Abs(lo) || p.Value > hi+1e-9*math.Abs(hi) {
				t.Fatalf("point %v outside [%v, %v)", p, lo, hi)
			}
		}
		if math.Abs(mass-want) > 1e-9*want {
			t.Fatalf("mass %v, want %v", mass, want)
		}
		exact := make([]float64, 2)
		alive.moments(exact, 0, 1)
		if size := want * max(math.Abs(lo), math.Abs(hi)); math.Abs(mean-exact[1]) > 1e-9*size {
			t.Fatalf("mean × mass %v, want %v", mean, exact[1])
		}
	}
}
