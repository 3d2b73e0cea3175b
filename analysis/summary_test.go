package analysis

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// model returns the default model of a form with some parameters changed.
func model(t testing.TB, form string, params map[string]float64) neuron.Model {
	t.Helper()
	m, err := neuron.Default(form)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range params {
		m.Params[name] = v
	}
	return m
}

func floored(m neuron.Model, floor float64) neuron.Model {
	m.Floor = &floor
	return m
}

func summarize(t testing.TB, m neuron.Model, inputs ...float64) Summary {
	t.Helper()
	o := DefaultSummaryOptions(m)
	o.Inputs = append(o.Inputs, inputs...)
	s, err := Summarize(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func is(p *float64, want float64) bool { return p != nil && math.Abs(*p-want) < 1e-12 }

func TestSummaryOfTheDefaultNeuron(t *testing.T) {
	s := summarize(t, model(t, "qif", nil), 1.5)
	rest := FixedPoint{V: 0, Slope: -.125, Stable: true, Kind: neuron.Alternating}
	away := FixedPoint{V: 4.5, Slope: 2.125, Stable: false, Kind: neuron.Unstable}
	if p := s.FixedPoints[0].Points; len(p) != 2 || p[0] != rest || p[1] != away {
		t.Errorf("fixed points %+v", p)
	}
	if len(s.FixedPoints) != 2 || s.FixedPoints[1].Input != 1.5 || len(s.FixedPoints[1].Points) != 0 {
		t.Errorf("fixed points above the rheobase: %+v", s.FixedPoints)
	}
	if !is(s.Mirror, -4) || !is(s.Vertex, .25) || !is(s.Rheobase, 1.125*1.125) || !is(s.ThresholdInput, .875) || !is(s.Rebound, .25-math.Sqrt(4.0625)) {
		t.Errorf("%+v", s)
	}
	if s.C2 != .25 || s.C1 != -.125 || s.C0 != 0 || s.AlwaysFires {
		t.Errorf("%+v", s)
	}
	// Step 1 is the input itself, N(0, 1), step 2 has closed moments, and two
	// million simulated neurons gave .153, 1.049 and .206 at step 4.
	w := s.Windows.Steps
	if len(w) != 4 || w[0].Mean != 0 || w[0].Std != 1 || math.Abs(w[0].Rate-.15865525393) > 1e-10 {
		t.Errorf("windows %+v", w)
	}
	if math.Abs(w[3].Mean-.153) > .003 || math.Abs(w[3].Std-1.049) > .003 || math.Abs(w[3].Rate-.206) > .002 {
		t.Errorf("step 4 %+v", w[3])
	}
	for i, step := range w {
		if want := 2 * step.Std * math.Pow(12*math.Sqrt(math.Pi)/1000, .2); step.Step != i+1 || math.Abs(step.Width-want) > 1e-12 {
			t.Errorf("step %+v, want width %v", step, want)
		}
	}
}

// A neuron held by the threshold input fires under a little more, and not under
// a little less.
func TestThresholdInputAgainstSimulation(t *testing.T) {
	for _, m := range []neuron.Model{
		model(t, "qif", nil), model(t, "qif", map[string]float64{"a": .1, "u1": -.5}), model(t, "lif", nil), model(t, "lif", map[string]float64{"leak": .9}),
		floored(model(t, "qif", map[string]float64{"a": -.1, "u2": 5}), -3),
	} {
		x := summarize(t, m).ThresholdInput
		if x == nil {
			t.Fatalf("%s has no threshold input", m.Form)
		}
		d, err := m.Dynamics()
		if err != nil {
			t.Fatal(err)
		}
		fires := func(x float64) bool {
			in := make([]float64, 3000)
			for i := range in {
				in[i] = x
			}
			return len(respond(d, in).spikes) > 0
		}
		if !fires(*x+1e-5) || fires(*x-1e-5) {
			t.Errorf("%s %v: fires below %v %v, above %v", m.Form, m.Params, *x, fires(*x-1e-5), fires(*x+1e-5))
		}
	}
	for a, slope := range map[float64]float64{1: 1.5, -.25: -.375} {
		if x := summarize(t, floored(model(t, "qif", map[string]float64{"a": a}), -3)).ThresholdInput; x != nil {
			t.Errorf("f′(θ) = %v, but the threshold input is %v", slope, *x)
		}
	}
}

func TestSummaryOfLines(t *testing.T) {
	lif := summarize(t, model(t, "lif", nil), 1)
	if lif.Vertex != nil || lif.Mirror != nil || lif.Rheobase != nil || lif.Rebound != nil || !is(lif.ThresholdInput, .5) {
		t.Errorf("lif %+v", lif)
	}
	if p := lif.FixedPoints[1].Points; len(p) != 1 || p[0].V != 2 || p[0].Slope != .5 {
		t.Errorf("lif under x = 1: %+v", p)
	}
	m := summarize(t, model(t, "if", nil), 1)
	if !m.FixedPoints[0].Every || m.FixedPoints[1].Every || len(m.FixedPoints[0].Points) != 0 || m.ThresholdInput != nil {
		t.Errorf("if %+v", m.FixedPoints)
	}
	grown := summarize(t, floored(model(t, "lif", map[string]float64{"leak": 1.2}), -4))
	if p := grown.FixedPoints[0].Points[0]; math.Signbit(p.V) || p.Stable {
		t.Errorf("leak 1.2: %+v", p)
	}
}

func TestSummaryNamesWhatRunsAway(t *testing.T) {
	m := model(t, "qif", map[string]float64{"a": 1})
	m.Reset = neuron.SoftReset
	o := DefaultSummaryOptions(m)
	o.Steps = 40
	s, err := Summarize(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Windows.Steps) != 0 || !strings.Contains(s.Windows.Problem, "runs away at step") {
		t.Errorf("windows %+v", s.Windows)
	}
	var b strings.Builder
	if err := s.WriteText(&b); err != nil || !strings.Contains(b.String(), "none: membrane potential runs away") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestSummaryAsJSON(t *testing.T) {
	tiny := model(t, "qif", map[string]float64{"a": 1e-310})
	always := model(t, "qif", map[string]float64{"u1": -3, "u2": -3})
	always.Threshold, always.ResetValue = -1, -2
	for _, m := range []neuron.Model{model(t, "qif", nil), model(t, "qif-euler", nil), model(t, "lif", nil), model(t, "if", nil), tiny, always} {
		s := summarize(t, m, -2, 3)
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%s: %v", m.Form, err)
		}
		var back Summary
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: %s\nafterwards %s", m.Form, data, again)
		}
		if strings.Contains(string(data), "null") {
			t.Errorf("%s: a list is null: %s", m.Form, data)
		}
	}
	if s := summarize(t, always); !s.AlwaysFires || s.Rebound != nil {
		t.Errorf("f(v) = (v+3)²/4 with θ = −1: always fires %v, rebound %v", s.AlwaysFires, s.Rebound)
	}
}

func TestSummaryText(t *testing.T) {
	var b strings.Builder
	if err := summarize(t, floored(model(t, "qif", map[string]float64{"u1": -1.23456}), -2), .5).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"qif: a = 0.25, u1 = -1.23456, u2 = 0.5\n", "u[t] = 0.25·v[t−1]² + 0.1836·v[t−1] - 0.1543 + x[t], θ = 1, hard reset to 0, floor -2\n",
		"fixed points, x = 0 ", "fixed points, x = 0.5", "unstable\n", "stable, monotone\n", "rheobase ", "bandwidth:1000, triangular", "density at θ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestPolynomial(t *testing.T) {
	for _, c := range []struct {
		c2, c1, c0 float64
		want       string
	}{
		{.25, -.125, 0, "0.25·v[t−1]² - 0.125·v[t−1]"}, {-1, 1, -1, "-v[t−1]² + v[t−1] - 1"}, {0, .5, 0, "0.5·v[t−1]"}, {0, 0, 0, "0"}, {0, 0, 1, "1"}, {0, -1, 2, "-v[t−1] + 2"},
	} {
		if got := polynomial(c.c2, c.c1, c.c0); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSummarizeRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*neuron.Model, *SummaryOptions){
		"threshold 0":                  func(m *neuron.Model, o *SummaryOptions) { m.Threshold = 0 },
		"constant input NaN":           func(m *neuron.Model, o *SummaryOptions) { o.Inputs = []float64{0, math.NaN()} },
		"0 time steps":                 func(m *neuron.Model, o *SummaryOptions) { o.Steps = 0 },
		"10001 time steps":             func(m *neuron.Model, o *SummaryOptions) { o.Steps = 10001 },
		`unknown window shape "round"`: func(m *neuron.Model, o *SummaryOptions) { o.Window.Shape = "round" },
		"unknown window policy":        func(m *neuron.Model, o *SummaryOptions) { o.Window.Policy.Kind = "x" },
		"deviation -1":                 func(m *neuron.Model, o *SummaryOptions) { o.Input = window.Input{Std: -1} },
	} {
		m := model(t, "qif", nil)
		o := DefaultSummaryOptions(m)
		spoil(&m, &o)
		if _, err := Summarize(m, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
