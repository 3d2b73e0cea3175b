package analysis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
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

func dynamicsOf(t testing.TB, m neuron.Model) neuron.Dynamics {
	t.Helper()
	d, err := m.Dynamics()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quick returns options that take little time.
func quick(t testing.TB, m neuron.Model) DynamicsOptions {
	t.Helper()
	o, err := DefaultDynamicsOptions(m)
	if err != nil {
		t.Fatal(err)
	}
	o.Grid, o.Samples, o.Deviations = 21, 500, o.Deviations[2:3]
	return o
}

func study(t testing.TB, m neuron.Model, change func(*DynamicsOptions)) *Dynamics {
	t.Helper()
	o := quick(t, m)
	if change != nil {
		change(&o)
	}
	s, err := AnalyzeDynamics(context.Background(), m, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func is(p *float64, want float64) bool { return p != nil && math.Abs(*p-want) < 1e-12 }

func TestDynamicsOfTheDefaultNeuron(t *testing.T) {
	s := study(t, model(t, "qif", nil), nil)
	rest := FixedPoint{V: 0, Slope: -.125, Stable: true, Kind: neuron.Alternating}
	away := FixedPoint{V: 4.5, Slope: 2.125, Stable: false, Kind: neuron.Unstable}
	if p := s.FixedPoints; len(p) != 2 || p[0] != rest || p[1] != away {
		t.Errorf("fixed points %+v", p)
	}
	for name, c := range map[string]struct {
		got  *float64
		want float64
	}{
		"mirror": {s.Mirror, -4}, "vertex": {s.Vertex, .25}, "saddle node": {s.SaddleNode, 1.125 * 1.125}, "threshold input": {s.ThresholdInput, .875},
		"rheobase": {s.Rheobase, .875}, "saturation": {s.Saturation, 1}, "rebound floor": {s.ReboundFloor, .25 - math.Sqrt(4.0625)},
		"flip": {s.Flip, 1.125*1.125 - 4}, "period four": {s.PeriodFour, 1.125*1.125 - 6}, "discriminant": {s.Discriminant, 1.265625},
	} {
		if !is(c.got, c.want) {
			t.Errorf("%s is %v, want %v", name, orNone(c.got), c.want)
		}
	}
	if s.C2 != .25 || s.C1 != -.125 || s.C0 != 0 || s.AlwaysFires || s.TwoCycle != nil || s.Regime.State != neuron.Alternates || !s.RheobaseClosed {
		t.Errorf("%+v", s)
	}
	above := study(t, model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = 1.5 })
	if len(above.FixedPoints) != 0 || above.Mirror != nil || above.Regime.State != neuron.Fires || *above.Regime.Period != 1 {
		t.Errorf("above the saddle node: %+v", above.AtInput)
	}
	doubled := study(t, model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = -3.5 })
	if c := doubled.TwoCycle; c == nil || !c.Stable || doubled.FixedPoints[0].Kind != neuron.PeriodDoubled || doubled.Regime.State != neuron.Cycles {
		t.Errorf("x = −3.5: %+v", doubled.AtInput)
	}
}

func TestDynamicsOfLines(t *testing.T) {
	lif := study(t, model(t, "lif", nil), func(o *DynamicsOptions) { o.Input = 1 })
	if lif.Vertex != nil || lif.Mirror != nil || lif.SaddleNode != nil || lif.ReboundFloor != nil || lif.Discriminant != nil || lif.Beside != nil || !is(lif.ThresholdInput, .5) || !is(lif.Rheobase, .5) {
		t.Errorf("lif %+v", lif)
	}
	if p := lif.FixedPoints; len(p) != 1 || p[0].V != 2 || p[0].Slope != .5 {
		t.Errorf("lif under x = 1: %+v", p)
	}
	m := study(t, model(t, "if", nil), nil)
	if !m.Every || len(m.FixedPoints) != 0 || m.ThresholdInput != nil || !is(m.Rheobase, 0) || len(m.RegimeMaps) != 0 {
		t.Errorf("if %+v", m)
	}
	grown := study(t, floored(model(t, "lif", map[string]float64{"leak": 1.2}), -4), nil)
	if p := grown.FixedPoints[0]; math.Signbit(p.V) || p.Stable {
		t.Errorf("leak 1.2: %+v", p)
	}
}

// A neuron held by the threshold input fires under a little more, and not under
// a little less.
func TestThresholdInputAgainstSimulation(t *testing.T) {
	for _, m := range []neuron.Model{
		model(t, "qif", nil), model(t, "qif", map[string]float64{"a": .1, "u1": -.5}), model(t, "lif", nil), model(t, "lif", map[string]float64{"leak": .9}),
		floored(model(t, "qif", map[string]float64{"a": -.1, "u2": 5}), -3),
	} {
		d := dynamicsOf(t, m)
		x := landmarks(d).ThresholdInput
		if x == nil {
			t.Fatalf("%s has no threshold input", m.Form)
		}
		fires := func(x float64) bool {
			in := make([]float64, 3000)
			for i := range in {
				in[i] = x
			}
			return len(respond(d, d.ResetValue, in).spikes) > 0
		}
		if !fires(*x+1e-5) || fires(*x-1e-5) {
			t.Errorf("%s %v: fires below %v %v, above %v", m.Form, m.Params, *x, fires(*x-1e-5), fires(*x+1e-5))
		}
	}
	for a, slope := range map[float64]float64{1: 1.5, -.25: -.375} {
		d := dynamicsOf(t, floored(model(t, "qif", map[string]float64{"a": a}), -3))
		if x := landmarks(d).ThresholdInput; x != nil {
			t.Errorf("f′(θ) = %v, but the threshold input is %v", slope, *x)
		}
	}
}

// Whatever the neuron, the numbers survive JSON, and none is missing a field.
func TestDynamicsAsJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	models := []neuron.Model{model(t, "qif", map[string]float64{"a": 1e-310})}
	always := model(t, "qif", map[string]float64{"u1": -3, "u2": -3})
	always.Threshold, always.ResetValue = -1, -2
	models = append(models, always)
	runaway := model(t, "qif", map[string]float64{"a": 2})
	runaway.Reset = neuron.SoftReset
	models = append(models, runaway)
	for range 12 {
		models = append(models, randomModel(t, rng))
	}
	for _, m := range models {
		s := study(t, m, func(o *DynamicsOptions) {
			o.Grid, o.Samples, o.Maps, o.Steps, o.Step = 9, 100, true, 60, 50
		})
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		var back Dynamics
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: %s\nafterwards %s", m.Form, data, again)
		}
		for _, key := range []string{"fixed_points", "saddle_node_input", "rebound_floor", "two_cycle", "mirror", "rheobase", "constant_input", "regime_maps", "change", "rebound", "step_response"} {
			if !strings.Contains(string(data), `"`+key+`":`) {
				t.Errorf("%s: no %s", m.Form, key)
			}
		}
		if strings.Contains(string(data), `"fixed_points":null`) || strings.Contains(string(data), `"points":null`) {
			t.Errorf("%s: a list is null: %s", m.Form, data)
		}
	}
	if s := study(t, always, nil); !s.AlwaysFires || s.ReboundFloor != nil {
		t.Errorf("f(v) = (v+3)²/4 with θ = −1: always fires %v, rebound floor %v", s.AlwaysFires, s.ReboundFloor)
	}
}

func TestDynamicsText(t *testing.T) {
	text := func(m neuron.Model, change func(*DynamicsOptions)) string {
		var b strings.Builder
		if err := study(t, m, change).WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for want, got := range map[string]string{
		"qif: a = 0.25, u1 = -1.23456, u2 = 0.5\nu[t] = 0.25·v[t−1]² + 0.1836·v[t−1] - 0.1543 + x[t], θ = 1, hard reset to 0, floor -2\n": text(floored(model(t, "qif", map[string]float64{"u1": -1.23456}), -2), nil),
		"2-cycle, x = -3.5":        text(model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = -3.5 }),
		"fires with period 2":      text(model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = -5 }),
		"every potential":          text(model(t, "if", nil), nil),
		"does not rest before":     text(model(t, "if", nil), nil),
		"\n  lif        ..":        text(model(t, "qif", nil), nil),
		"standard error":           text(model(t, "qif", nil), nil),
		"rests at the floor":       text(floored(model(t, "qif", map[string]float64{"a": -.2}), -2), func(o *DynamicsOptions) { o.Input = -2 }),
		"= 2-cycle below θ":        text(model(t, "qif", nil), nil),
		"rebound floor, x = -1  v": text(model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = -1 }),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
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

func TestAnalyzeDynamicsRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*neuron.Model, *DynamicsOptions){
		"threshold 0 must lie above":        func(m *neuron.Model, o *DynamicsOptions) { m.Threshold = 0 },
		"a is 0":                            func(m *neuron.Model, o *DynamicsOptions) { m.Params["a"] = 0 },
		"u1 is NaN":                         func(m *neuron.Model, o *DynamicsOptions) { m.Params["u1"] = math.NaN() },
		"constant input +Inf":               func(m *neuron.Model, o *DynamicsOptions) { o.Input = math.Inf(1) },
		"start NaN":                         func(m *neuron.Model, o *DynamicsOptions) { o.Starts = []float64{math.NaN()} },
		"step NaN":                          func(m *neuron.Model, o *DynamicsOptions) { o.Step = math.NaN() },
		"impulse -Inf":                      func(m *neuron.Model, o *DynamicsOptions) { o.Impulses = []float64{math.Inf(-1)} },
		"change NaN":                        func(m *neuron.Model, o *DynamicsOptions) { o.To = math.NaN() },
		"time steps T: 0, expected 1 to":    func(m *neuron.Model, o *DynamicsOptions) { o.Steps = 0 },
		"samples: -1, expected 1 to":        func(m *neuron.Model, o *DynamicsOptions) { o.Samples = -1 },
		"grid: 1, expected 2 to":            func(m *neuron.Model, o *DynamicsOptions) { o.Grid = 1 },
		"2 impulses do not fit":             func(m *neuron.Model, o *DynamicsOptions) { o.Steps = 1 },
		"neuron to compare with: ":          func(m *neuron.Model, o *DynamicsOptions) { o.Beside = &neuron.Model{Form: "x"} },
		"cannot be looked at":               func(m *neuron.Model, o *DynamicsOptions) { m.Threshold = 1e200 },
		"input deviation 0":                 func(m *neuron.Model, o *DynamicsOptions) { o.Deviations = []float64{0} },
		`no scan of a qif has an axis "u3"`: func(m *neuron.Model, o *DynamicsOptions) { o.Ranges["u3"] = Range{0, 1} },
		"range of x: 2 to 1":                func(m *neuron.Model, o *DynamicsOptions) { o.Ranges["x"] = Range{2, 1} },
	} {
		m := model(t, "qif", nil)
		o := quick(t, m)
		spoil(&m, &o)
		if _, err := AnalyzeDynamics(context.Background(), m, o, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := DefaultDynamicsOptions(neuron.Model{Form: "x"}); err == nil {
		t.Error("options for an unknown neuron")
	}
}

// The number of threads changes nothing, progress ends at 1, and a context that
// ends stops the scan.
func TestScansDoNotDependOnThreads(t *testing.T) {
	m := model(t, "qif", nil)
	o := quick(t, m)
	o.Maps, o.Samples = true, 5000
	var all [][]byte
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, threads := range []int{1, 3, 8} {
		runtime.GOMAXPROCS(threads)
		last := 0.
		s, err := AnalyzeDynamics(context.Background(), m, o, func(done float64) {
			if done <= last || done > 1 {
				t.Errorf("progress %v after %v", done, last)
			}
			last = done
		})
		if err != nil || last != 1 {
			t.Fatalf("%v, progress %v", err, last)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	if !bytes.Equal(all[0], all[1]) || !bytes.Equal(all[0], all[2]) {
		t.Error("results differ between threads")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := AnalyzeDynamics(ctx, m, o, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
