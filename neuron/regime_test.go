package neuron

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomQuadratic draws a map and an input with discriminant d.
func randomQuadratic(rng *rand.Rand, d float64) (m Map, x float64) {
	m = Map{C2: .05 + rng.Float64(), C1: 4*rng.Float64() - 2, C0: 2*rng.Float64() - 1}
	if rng.IntN(2) == 0 {
		m.C2 = -m.C2
	}
	x, _ = m.InputAt(d)
	return m, x
}

func TestInputAt(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	for range 1000 {
		d := 20*rng.Float64() - 5
		m, x := randomQuadratic(rng, d)
		if got := m.Discriminant(x); !near(got, d, 1e-12*(1+math.Abs(m.C2*x))*10) {
			t.Errorf("%+v at x = %v: D = %v, want %v", m, x, got, d)
		}
	}
	if _, ok := (Map{C1: .5}).InputAt(4); ok {
		t.Error("a line has inputs of given discriminant")
	}
}

// The 2-cycle against iteration: its potentials are carried into each other, its
// multiplier is what a small deviation is multiplied by in two steps.
func TestTwoCycleAgainstIteration(t *testing.T) {
	rng := rand.New(rand.NewPCG(32, 1))
	stable := 0
	for range 3000 {
		d := 12 * rng.Float64()
		m, x := randomQuadratic(rng, d)
		c, ok := m.TwoCycle(x)
		if ok != (d > 4) {
			t.Fatalf("D = %v: 2-cycle %v", d, ok)
		}
		if !ok || d < 4.01 {
			continue
		}
		size := 1 + math.Abs(c.Low) + math.Abs(c.High)
		if !(c.Low < c.High) || !near(m.At(c.Low)+x, c.High, 1e-9*size*size) || !near(m.At(c.High)+x, c.Low, 1e-9*size*size) {
			t.Errorf("%+v x = %v: %+v becomes %v, %v", m, x, c, m.At(c.Low)+x, m.At(c.High)+x)
		}
		const e = 1e-5
		twice := func(v float64) float64 { return m.At(m.At(v)+x) + x }
		if got := (twice(c.Low+e) - twice(c.Low-e)) / (2 * e); !near(got, c.Multiplier, 1e-6*size*size) {
			t.Errorf("%+v x = %v: multiplier %v, difference quotient %v", m, x, c.Multiplier, got)
		}
		if c.Stable() != (d < 6) {
			t.Errorf("D = %v: %+v stable %v", d, c, c.Stable())
		}
		if d > 4.1 && d < 5.9 { // the turn's orbit finds what is stable (Fatou)
			v, _ := m.Vertex()
			for range 4000 {
				v = m.At(v) + x
			}
			if !near(v, c.Low, 1e-6*size) && !near(v, c.High, 1e-6*size) {
				t.Errorf("%+v x = %v: %v after 4000 steps, not on %+v", m, x, v, c)
			}
			stable++
		}
	}
	if stable < 100 {
		t.Errorf("only %d stable 2-cycles", stable)
	}
	for _, m := range []Map{{C1: -1}, {C1: -2}, {C2: 1e-320, C1: -1.5}} {
		if c, ok := m.TwoCycle(0); ok {
			t.Errorf("%+v has the 2-cycle %+v", m, c)
		}
	}
}

// simulate returns what a long plain run shows: how often the neuron fires in
// its second half, and the potentials there.
func simulate(d Dynamics, x float64, steps int) (rate float64, spikes int, late []float64) {
	v, lateSpikes := d.ResetValue, 0
	for t := range steps {
		_, spike, next := d.Step(v, x)
		v = next
		if spike {
			spikes++
		}
		if math.Abs(v) > 1e100 { // it stays so, until numbers end
			break
		}
		if 2*t >= steps {
			late = append(late, v)
			if spike {
				lateSpikes++
			}
		}
	}
	return float64(lateSpikes) / max(1, float64(len(late))), spikes, late
}

// randomNeuron draws neurons from all regimes, in any units.
func randomNeuron(rng *rand.Rand) (d Dynamics, x float64) {
	d = Dynamics{Map: Map{C2: 2*rng.Float64() - .7, C1: 3*rng.Float64() - 1.5, C0: rng.Float64() - .5}, Threshold: 1, ResetValue: .8*rng.Float64() - .4, Floor: math.Inf(-1)}
	if rng.IntN(4) == 0 {
		d.C2 = 0
	}
	d.Soft = rng.IntN(3) == 0
	if rng.IntN(3) == 0 {
		d.Floor = d.ResetValue - 3*rng.Float64()
	}
	return d, 5*rng.Float64() - 3.5
}

// Regimes against a plain run of 20,000 steps.
func TestRegimeAgainstSimulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 1))
	seen := map[State]int{}
	for range 20000 {
		d, x := randomNeuron(rng)
		r := d.Regime(x)
		seen[r.State]++
		if seen[r.State] > 150 { // enough of them
			continue
		}
		rate, spikes, late := simulate(d, x, 20000)
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range late {
			lo, hi = min(lo, v), max(hi, v)
		}
		bad := ""
		switch r.State {
		case Rests, Alternates, AtFloor:
			if spikes > 0 || hi-lo > 1e-3 || r.State == AtFloor != (lo == d.Floor) || r.Rate != 0 {
				bad = "does not rest"
			}
		case Cycles, Irregular:
			if spikes > 0 || hi-lo < 1e-6 || hi > 1e8 || r.State == Cycles && !repeats(late, r.Period) {
				bad = "does not cycle"
			}
		case FiresTransient:
			if spikes != r.Spikes || rate != 0 {
				bad = "does not stop firing"
			}
		case Fires:
			if math.Abs(rate-r.Rate) > 1e-3 || !near(r.Rate, float64(r.Spikes)/float64(r.Period), 1e-15) || !repeats(late, r.Period) {
				bad = "does not fire so"
			}
		case FiresIrregular:
			if math.Abs(rate-r.Rate) > .02 || rate == 0 {
				bad = "does not fire so"
			}
		case Escapes:
			// Linearly, or until the run ends early.
			if len(late) == 10000 && (math.Abs(late[len(late)-1]) < 10 || math.Abs(rate-r.Rate) > 1e-3) || r.Rate > 0 && spikes < 4 {
				bad = "does not escape"
			}
		default:
			bad = "is undecided"
		}
		if bad != "" {
			t.Errorf("%+v x = %v: %+v %s; rate %v, %d spikes, late in [%v, %v]", d, x, r, bad, rate, spikes, lo, hi)
		}
	}
	for _, s := range []State{Rests, Alternates, AtFloor, Cycles, Irregular, FiresTransient, Fires, FiresIrregular, Escapes} {
		if seen[s] < 20 {
			t.Errorf("%s occurs %d times: the test misses it", s, seen[s])
		}
	}
}

func repeats(vs []float64, period int) bool {
	for i := len(vs) - 500; i < len(vs); i++ {
		if math.Abs(vs[i]-vs[i-period]) > 1e-6 {
			return false
		}
	}
	return true
}

func TestRegimesOfTheDefaultNeuron(t *testing.T) {
	d := Dynamics{Map: rest, Threshold: 1, Floor: math.Inf(-1)}
	for _, c := range []struct {
		x    float64
		want Regime
	}{
		{-5, Regime{Fires, 2, 1, .5}}, // f(−5) + x = 1.875: inhibition excites at once
		{-3.2, Regime{State: Cycles, Period: 2}},
		{-2.7, Regime{State: Alternates}},
		{0, Regime{State: Alternates}},
		{.3, Regime{State: Rests}},
		{.874, Regime{State: Rests}},
		{.9, Regime{Fires, 3, 1, 1. / 3}},
		{1, Regime{Fires, 1, 1, 1}},
	} {
		if got := d.Regime(c.x); got != c.want {
			t.Errorf("x = %v: %+v, want %+v", c.x, got, c.want)
		}
	}
}

// Potentials that start on a fixed point which has doubled its period leave it;
// ones on a fixed point that is merely left to one side stay.
func TestRegimeOnAnUnstableFixedPoint(t *testing.T) {
	d := Dynamics{Map: Map{C2: .25, C1: -1.25}, Threshold: 3, Floor: math.Inf(-1)}
	if got, want := d.Regime(0), (Regime{State: Cycles, Period: 2}); got != want {
		t.Errorf("slope −1.25: %+v, want %+v", got, want)
	}
	d = Dynamics{Map: Map{C1: 1.25}, Threshold: 1, Floor: -2}
	if got, want := d.Regime(0), (Regime{State: Rests}); got != want {
		t.Errorf("slope 1.25: %+v, want %+v", got, want)
	}
}

// The period of a linear neuron with a hard reset is the first n at which
// v* + λⁿ(v[0] − v*) ≥ θ.
func TestPeriodOfLinesInClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(34, 1))
	fired := 0
	for range 2000 {
		d := Dynamics{Map: Map{C1: .05 + .9*rng.Float64(), C0: rng.Float64() - .5}, Threshold: .25 + rng.Float64(), ResetValue: .4*rng.Float64() - .3, Floor: math.Inf(-1)}
		x := 3*rng.Float64() - 1
		rest := (d.C0 + x) / (1 - d.C1)
		r := d.Regime(x)
		if rest < d.Threshold {
			if r.Fires() {
				t.Errorf("%+v x = %v: %+v, but the fixed point %v lies below θ", d, x, r, rest)
			}
			continue
		}
		n := math.Ceil(math.Log((rest-d.Threshold)/(rest-d.ResetValue)) / math.Log(d.C1))
		if fired++; r.State != Fires || float64(r.Period) != max(n, 1) {
			t.Errorf("%+v x = %v: %+v, want period %v", d, x, r, n)
		}
	}
	if fired < 500 {
		t.Errorf("only %d fire", fired)
	}
}

// A soft reset carries the rest over, so an IF neuron's rate is x/θ.
func TestRateOfSoftIF(t *testing.T) {
	d := Dynamics{Map: Map{C1: 1}, Threshold: 1, Soft: true, Floor: math.Inf(-1)}
	for _, x := range []float64{.1, .25, 1 / math.Pi, .7, math.Sqrt(.7), 1} {
		if r := d.Regime(x); math.Abs(r.Rate-x) > 3e-4 || !r.Fires() {
			t.Errorf("x = %v: %+v", x, r)
		}
	}
	if r := d.Regime(1.5); r.State != Escapes || r.Rate != 1 {
		t.Errorf("x = 1.5 > θ: %+v", r)
	}
	if r := d.Regime(-.1); r.State != Escapes || r.Rate != 0 {
		t.Errorf("x < 0: %+v", r)
	}
}

// At the rheobase firing begins, and above it, up to saturation, it never stops.
func TestRheobaseAgainstRegimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 1))
	closed, scanned := 0, 0
	for range 400 {
		d, _ := randomNeuron(rng)
		x, exact, ok := d.Rheobase()
		if !ok {
			continue
		}
		if exact {
			closed++
		} else {
			scanned++
		}
		e := 1e-6 * (1 + math.Abs(x))
		if below := d.Regime(x - e); below.Fires() {
			t.Errorf("%+v: rheobase %v (closed %v), but below it %+v", d, x, exact, below)
		}
		top := max(d.Saturation(), x) + 1
		for i := range 200 {
			at := x + e + (top-x)*float64(i)/200
			if r := d.Regime(at); !r.Fires() {
				t.Errorf("%+v: rheobase %v (closed %v), but at %v %+v", d, x, exact, at, r)
				break
			}
		}
		if d.Soft {
			continue
		}
		if sat := d.Saturation(); d.Regime(sat+e).Period != 1 || d.Regime(sat-e).Period == 1 {
			t.Errorf("%+v: saturation %v", d, sat)
		}
	}
	if min(closed, scanned) < 40 {
		t.Errorf("%d in closed form, %d scanned: the test misses one", closed, scanned)
	}
}

func TestRheobaseOfTheDefaultNeurons(t *testing.T) {
	for _, c := range []struct {
		m    Map
		want float64
	}{
		{rest, .875},               // the fixed point reaches θ before the saddle node at 1.266
		{Map{C1: .5}, .5},          // λ = .5
		{Map{C1: 1}, 0},            // no leak
		{Map{C2: .2, C1: .8}, .05}, // f′(θ) = 1.2: the saddle node, (.2)²/.8
	} {
		d := Dynamics{Map: c.m, Threshold: 1, Floor: math.Inf(-1)}
		if x, closed, ok := d.Rheobase(); !ok || !closed || !near(x, c.want, 1e-12) {
			t.Errorf("%+v: rheobase %v, closed %v, %v; want %v", c.m, x, closed, ok, c.want)
		}
	}
}
