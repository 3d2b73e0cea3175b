package neuron

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// equations of the forms as the literature writes them, without c2, c1, c0.
var equations = map[string]func(p []float64, v, x float64) float64{
	"qif":       func(p []float64, v, x float64) float64 { return p[0]*(v-p[1])*(v-p[2]) + x },
	"qif-euler": func(p []float64, v, x float64) float64 { return v + p[0]*(v-p[1])*(v-p[2]) + x },
	"poly":      func(p []float64, v, x float64) float64 { return p[0]*v*v + p[1]*v + p[2] + x },
	"lif":       func(p []float64, v, x float64) float64 { return p[0]*v + x },
	"if":        func(_ []float64, v, x float64) float64 { return v + x },
}

// randomParams draws parameters of a form that Validate accepts with a floor.
func randomParams(f Form, rng *rand.Rand) []float64 {
	p := make([]float64, len(f.Params))
	for i := range p {
		p[i] = 2*rng.Float64() - 1
	}
	return p
}

func TestMapOfEveryForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range Forms {
		equation := equations[f.Name]
		if equation == nil {
			t.Fatalf("no equation to test form %s against", f.Name)
		}
		for range 100 {
			p, v, x := randomParams(f, rng), rng.NormFloat64(), rng.NormFloat64()
			m := f.Map(p)
			if got, want := m.At(v)+x, equation(p, v, x); math.Abs(got-want) > 1e-14*(1+math.Abs(want)) {
				t.Errorf("%s%v at %v: %v, equation %v", f.Name, p, v, got, want)
			}
			const h = 1e-5
			if slope := (m.At(v+h) - m.At(v-h)) / (2 * h); math.Abs(m.Slope(v)-slope) > 1e-8 {
				t.Errorf("%s%v at %v: slope %v, difference quotient %v", f.Name, p, v, m.Slope(v), slope)
			}
		}
	}
}

func TestPullbackIsTheChainRule(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, f := range Forms {
		for range 20 {
			p := randomParams(f, rng)
			d := Map{C2: rng.NormFloat64(), C1: rng.NormFloat64(), C0: rng.NormFloat64()}
			// L = d·(c2, c1, c0) has the gradient d with respect to the polynomial.
			loss := func(p []float64) float64 {
				m := f.Map(p)
				return d.C2*m.C2 + d.C1*m.C1 + d.C0*m.C0
			}
			got := f.Pullback(p, d)
			if len(got) != len(p) {
				t.Fatalf("%s: %d gradients for %d parameters", f.Name, len(got), len(p))
			}
			for i := range p {
				const h = 1e-5
				up, down := append([]float64(nil), p...), append([]float64(nil), p...)
				up[i] += h
				down[i] -= h
				if want := (loss(up) - loss(down)) / (2 * h); math.Abs(got[i]-want) > 1e-8 {
					t.Errorf("%s%v: ∂/∂%s = %v, difference quotient %v", f.Name, p, f.Params[i].Name, got[i], want)
				}
			}
		}
	}
}

func TestStepOfEveryFormResetAndFloor(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	spikes, floors := 0, 0
	for _, f := range Forms {
		for _, reset := range []string{HardReset, SoftReset} {
			for _, floor := range []float64{math.Inf(-1), -.6} {
				m := Model{Form: f.Name, Params: map[string]float64{}, Threshold: .8, Reset: reset, ResetValue: -.25}
				p := make([]float64, len(f.Params))
				for i, spec := range f.Params {
					p[i] = spec.Default
					m.Params[spec.Name] = p[i]
				}
				if !math.IsInf(floor, -1) {
					m.Floor = &floor
				}
				d, err := m.Dynamics()
				if err != nil {
					t.Fatal(err)
				}
				for range 200 {
					v, x := rng.Float64()*2-1, rng.NormFloat64()
					u, spike, next := d.Step(v, x)
					wantU := equations[f.Name](p, v, x)
					wantNext := wantU
					if wantU >= .8 {
						spikes++
						wantNext = -.25
						if reset == SoftReset {
							wantNext = wantU - .8
						}
					}
					if wantNext < floor {
						floors++
						wantNext = floor
					}
					if math.Abs(u-wantU) > 1e-14 || spike != (wantU >= .8) || math.Abs(next-wantNext) > 1e-14 {
						t.Errorf("%s %s floor %v, v=%v x=%v: %v %v %v, want %v %v", f.Name, reset, floor, v, x, u, spike, next, wantU, wantNext)
					}
				}
			}
		}
	}
	if spikes < 100 || floors < 100 {
		t.Errorf("%d spikes and %d potentials at the floor: the test misses a branch", spikes, floors)
	}
}

func TestStepFiresAtTheThreshold(t *testing.T) {
	d := Dynamics{Map: Map{C1: 1}, Threshold: 1, ResetValue: -.5, Floor: math.Inf(-1)}
	if _, spike, next := d.Step(.25, .75); !spike || next != -.5 {
		t.Errorf("u = θ: spike %v, next %v", spike, next)
	}
	if _, spike, _ := d.Step(.25, math.Nextafter(.75, 0)); spike {
		t.Error("spike below θ")
	}
	// A potential that overflowed is reset all the same.
	quadratic := Dynamics{Map: Map{C2: 1}, Threshold: 1, Floor: math.Inf(-1)}
	if u, spike, next := quadratic.Step(1e200, 0); !math.IsInf(u, 1) || !spike || next != 0 {
		t.Errorf("overflow: u %v spike %v next %v, want +Inf true 0", u, spike, next)
	}
	if got := quadratic.AfterSlope(math.Inf(1), 1, 0); got != 0 {
		t.Errorf("overflow: slope %v, want 0", got)
	}
}

// AfterSlope is the derivative of After with the spike taken as a smooth
// function of u, or as a constant if the reset is detached.
func TestAfterSlopeIsTheDerivative(t *testing.T) {
	const theta, sharp = .9, 3.0
	smooth := func(u float64) float64 { return 1 / (1 + math.Exp(-sharp*(u-theta))) }
	for _, soft := range []bool{false, true} {
		for _, detach := range []bool{false, true} {
			for _, floor := range []float64{math.Inf(-1), -.2} {
				d := Dynamics{Threshold: theta, Soft: soft, ResetValue: -.1, Detach: detach, Floor: floor}
				for u := -1.03; u < 2; u += .1 {
					s := smooth(u)
					h := sharp * s * (1 - s)
					const e = 1e-6
					after := func(u float64) float64 {
						if detach {
							return d.After(u, s)
						}
						return d.After(u, smooth(u))
					}
					want := (after(u+e) - after(u-e)) / (2 * e)
					if got := d.AfterSlope(u, s, h); math.Abs(got-want) > 1e-8 {
						t.Errorf("soft %v detached %v floor %v u=%.2f: slope %v, difference quotient %v", soft, detach, floor, u, got, want)
					}
				}
			}
		}
	}
}

func TestMapFormEqualsEulerForm(t *testing.T) {
	mapForm, _ := FormNamed("qif")
	euler, _ := FormNamed("qif-euler")
	a, b := mapForm.Map([]float64{.25, 0, .5}), euler.Map([]float64{.25, 0, 4.5})
	if a != b || a != (Map{.25, -.125, 0}) {
		t.Errorf("map form %v, Euler form %v, want both .25v² − .125v", a, b)
	}
}

// SpikingJelly's QIFNode: H = V + (X + a0(V−v_rest)(V−v_c))/τ with the defaults
// τ = 2, v_c = .8, a0 = 1, θ = 1, v_rest = 0, v_reset = −.1 = V[0]. It is the
// Euler form with κ = a0/τ and input gain 1/τ.
func TestEulerFormEqualsSpikingJelly(t *testing.T) {
	m := Model{Form: "qif-euler", Params: map[string]float64{"kappa": .5, "vr": 0, "vc": .8}, Threshold: 1, Reset: HardReset, ResetValue: -.1}
	d, err := m.Dynamics()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	const tau, vc, a0, theta, rest, reset = 2.0, .8, 1.0, 1.0, 0.0, -.1
	V, v, spikes := reset, d.ResetValue, 0
	for step := range 2000 {
		x := 2 * rng.NormFloat64()
		H := V + (x+a0*(V-rest)*(V-vc))/tau
		fires := H >= theta
		V = H
		if fires {
			V = reset
			spikes++
		}
		u, spike, next := d.Step(v, x/tau)
		if math.Abs(u-H) > 1e-12*(1+math.Abs(H)) || spike != fires || math.Abs(next-V) > 1e-12*(1+math.Abs(V)) {
			t.Fatalf("step %d: u %v spike %v v %v, SpikingJelly %v %v %v", step, u, spike, next, H, fires, V)
		}
		v, V = next, next // rounding does not accumulate
	}
	if spikes < 100 {
		t.Errorf("only %d spikes in 2000 steps", spikes)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	for _, f := range Forms {
		m, err := Default(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := m.Dynamics()
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		vals, _ := m.Values()
		want := Dynamics{Map: f.Map(vals), Threshold: 1, Detach: true, Floor: math.Inf(-1)}
		if d != want {
			t.Errorf("%s: %+v, want %+v", f.Name, d, want)
		}
	}
	if _, err := Default("hh"); err == nil || !strings.Contains(err.Error(), `"hh"`) || !strings.Contains(err.Error(), "qif-euler") {
		t.Errorf("error %v names neither the offender nor the known forms", err)
	}
}

func TestValidateRefuses(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	cases := []struct {
		form   string
		change func(*Model)
		reason string
	}{
		{"qif", func(m *Model) { m.Form = "izhikevich" }, `unknown neuron "izhikevich"`},
		{"qif", func(m *Model) { delete(m.Params, "u2") }, `parameter "u2" is missing`},
		{"lif", func(m *Model) { m.Params["tau"] = 2 }, `no parameter "tau"`},
		{"qif", func(m *Model) { m.Params["u1"] = math.NaN() }, "u1 is NaN, not a finite number"},
		{"lif", func(m *Model) { m.Params["leak"] = math.Inf(1) }, "leak is +Inf, not a finite number"},
		{"qif", func(m *Model) { m.Params["u1"], m.Params["u2"] = 1e200, 1e200 }, "overflow the polynomial"},
		{"if", func(m *Model) { m.Threshold = math.Inf(1) }, "threshold θ is +Inf, not a finite number"},
		{"if", func(m *Model) { m.ResetValue = math.NaN() }, "reset value is NaN, not a finite number"},
		{"if", func(m *Model) { m.Threshold = 0 }, "threshold 0 must lie above the reset value 0"},
		{"if", func(m *Model) { m.ResetValue = 1.5 }, "threshold 1 must lie above the reset value 1.5"},
		{"if", func(m *Model) { m.Reset = "" }, `reset is "", expected "hard" or "soft"`},
		{"if", func(m *Model) { m.Reset, m.Threshold, m.ResetValue = SoftReset, -1, -2 }, "soft reset subtracts the threshold, which is -1"},
		{"if", func(m *Model) { m.Floor = number(math.Inf(-1)) }, "floor is -Inf, not a finite number"},
		{"if", func(m *Model) { m.Floor = number(.5) }, "floor 0.5 lies above the reset value 0"},
		{"qif", func(m *Model) { m.Params["a"] = 0 }, "a is 0, expected a quadratic coefficient other than 0; use lif or if"},
		{"qif-euler", func(m *Model) { m.Params["kappa"] = 0 }, "kappa is 0, expected a quadratic coefficient"},
		{"qif", func(m *Model) { m.Params["a"], m.Floor = 0, number(-2) }, "a is 0"},
		{"qif", func(m *Model) { m.Params["a"] = -.2 }, "a is -0.2; a quadratic coefficient < 0 drives low potentials to −∞; set a floor"},
		{"lif", func(m *Model) { m.Params["leak"] = 1.1 }, "leak 1.1 > 1 drives negative potentials to −∞; set a floor"},
		{"lif", func(m *Model) { m.Params["leak"], m.Reset = -1.1, SoftReset }, "leak -1.1 < −1 with a soft reset"},
		{"lif", func(m *Model) { m.Learn = []string{"tau"} }, `no parameter "tau" to learn`},
		{"qif", func(m *Model) { m.Learn = []string{"a", "u1", "a"} }, `"a" is listed twice`},
		{"lif", func(m *Model) { m.Params["leak"], m.Learn = -.5, []string{"leak"} }, "leak starts at -0.5, outside the interval [0, 1]"},
		{"poly", func(m *Model) { m.Params["c2"] = -.2 }, "a quadratic coefficient < 0 drives low potentials to −∞; set a floor"},
		{"poly", func(m *Model) { m.Params["c2"], m.Learn = 0, []string{"c2"} }, "c2 starts at 0, outside the interval [0.001, +Inf]"},
		{"qif", func(m *Model) { m.Params["a"], m.Learn = 1e-4, []string{"a"} }, "a starts at 0.0001, outside the interval [0.001, +Inf]"},
	}
	for _, c := range cases {
		m, err := Default(c.form)
		if err != nil {
			t.Fatal(err)
		}
		c.change(&m)
		err = m.Validate()
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: error %v, want one about %q", c.form, err, c.reason)
		}
		if _, again := m.Dynamics(); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("%s: Dynamics fails with %v, Validate with %v", c.form, again, err)
		}
	}
}

// What Validate lets pass without a floor stays bounded from below, in a long
// simulation of strong input; what it refuses for lack of a floor does not.
func TestValidateKnowsWhatRunsAway(t *testing.T) {
	lowest := func(m Model) float64 {
		d := m.withMap(mustMap(t, m))
		rng := rand.New(rand.NewPCG(9, 10))
		least := 0.0
		v := d.ResetValue
		for range 5000 {
			if _, _, v = d.Step(v, rng.NormFloat64()); v < least {
				least = v
			}
		}
		return least
	}
	for _, c := range []struct {
		form, param string
		value       float64
		reset       string
		ok          bool
	}{
		{"lif", "leak", .9, HardReset, true},
		{"lif", "leak", .9, SoftReset, true},
		{"lif", "leak", -1.3, HardReset, true},
		{"lif", "leak", -1.3, SoftReset, false},
		{"lif", "leak", 1.2, HardReset, false},
		{"qif", "a", .25, HardReset, true},
		{"qif", "a", -.25, HardReset, false},
	} {
		m, err := Default(c.form)
		if err != nil {
			t.Fatal(err)
		}
		m.Params[c.param], m.Reset = c.value, c.reset
		if err := m.Validate(); (err == nil) != c.ok {
			t.Errorf("%s %s=%v %s: %v", c.form, c.param, c.value, c.reset, err)
		}
		if low := lowest(m); (low > -100) != c.ok {
			t.Errorf("%s %s=%v %s: lowest potential %v, accepted %v", c.form, c.param, c.value, c.reset, low, c.ok)
		}
	}
}

func mustMap(t *testing.T, m Model) Map {
	t.Helper()
	f, err := FormNamed(m.Form)
	if err != nil {
		t.Fatal(err)
	}
	vals, err := m.Values()
	if err != nil {
		t.Fatal(err)
	}
	return f.Map(vals)
}

// A model moved to either end of its bounds is still valid.
func TestBoundsKeepAModelValid(t *testing.T) {
	low := -3.0
	for _, f := range Forms {
		for _, p := range f.Params {
			for _, floor := range []*float64{nil, &low} {
				m, err := Default(f.Name)
				if err != nil {
					t.Fatal(err)
				}
				m.Floor, m.Learn = floor, []string{p.Name}
				lo, hi := m.Bounds(p.Name)
				for _, v := range []float64{max(lo, -50), min(hi, 50)} {
					m.Params[p.Name] = v
					if err := m.Validate(); err != nil {
						t.Errorf("%s with %s = %v: %v", f.Name, p.Name, v, err)
					}
				}
			}
		}
	}
	line := Model{Form: "poly", Params: map[string]float64{"c2": 0, "c1": .5, "c0": 0}}
	if lo, hi := line.Bounds("c1"); lo != 0 || hi != 1 {
		t.Errorf("bounds of a line's slope are [%v, %v]", lo, hi)
	}
	line.Floor = &low
	for _, p := range []string{"c2", "c1", "c0"} {
		if lo, hi := line.Bounds(p); !math.IsInf(lo, -1) || !math.IsInf(hi, 1) {
			t.Errorf("with a floor, bounds of %s are [%v, %v]", p, lo, hi)
		}
	}
	negative := Model{Form: "qif", Params: map[string]float64{"a": -.2, "u1": 0, "u2": .5}, Floor: &low}
	if lo, hi := negative.Bounds("a"); !math.IsInf(lo, -1) || hi >= 0 {
		t.Errorf("bounds of a negative curvature are [%v, %v]", lo, hi)
	}
}

func TestModelAsJSON(t *testing.T) {
	low := -4.0
	m := Model{Form: "qif", Params: map[string]float64{"a": -.2, "u1": 0, "u2": .5}, Threshold: 1, Reset: SoftReset, ResetValue: -.1, Detach: true, Floor: &low, Learn: []string{"a"}, PerChannel: true}
	data, err := json.Marshal(m)
	const want = `{"form":"qif","params":{"a":-0.2,"u1":0,"u2":0.5},"threshold":1,"reset":"soft","reset_value":-0.1,"detach_reset":true,"floor":-4,"learn":["a"],"per_channel":true}`
	if err != nil || string(data) != want {
		t.Errorf("written as %s, %v; want %s", data, err, want)
	}
	var back Model
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("read back as %+v, %v", back, err)
	}
}
