package analysis

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

func studied(t *testing.T, m neuron.Model, change func(*WindowOptions)) WindowStudy {
	t.Helper()
	o := WindowOptions{Input: window.Input{Std: m.Threshold}, Steps: 4, Shape: window.Triangular, Policies: DefaultWindowPolicies}
	if change != nil {
		change(&o)
	}
	s, err := StudyWindow(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func modelOf(t *testing.T, form string, change func(*neuron.Model)) neuron.Model {
	t.Helper()
	m, err := neuron.Default(form)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&m)
	}
	return m
}

// The three sources agree, and windows are what training uses.
func TestWindowStudy(t *testing.T) {
	s := studied(t, modelOf(t, "qif", nil), func(o *WindowOptions) { o.Samples, o.Seed = 20_000, 3 })
	if len(s.Problems) != 0 || len(s.Steps) != 4 {
		t.Fatalf("%d steps, problems %v", len(s.Steps), s.Problems)
	}
	want, err := window.Spec{Policy: window.Policy{Kind: window.Sigma, Value: 2}, Shape: window.Triangular}.Compute(s.dynamics, window.Input{Std: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range s.Steps {
		e := step.Closed.against(*step.Exact)
		if e.Mean > 1e-5 || e.SD > 1e-5 || e.Rate > 1e-5 || e.Density > 1e-5 {
			t.Errorf("t = %d: closed form off by %+v", step.T, e)
		}
		sim := step.Simulated
		if sim.Samples != 20_000 || math.Abs(sim.SD-step.Exact.SD) > 5*sim.Errors.SD || math.Abs(sim.Rate-step.Exact.Rate) > 5*sim.Errors.Rate {
			t.Errorf("t = %d: simulated %+v, exact %+v", step.T, sim, step.Exact)
		}
		if w := step.Windows["sigma:2"]; *w != want.Widths[i] {
			t.Errorf("t = %d: window %v, training has %v", step.T, *w, want.Widths[i])
		}
		if len(step.Closures) != len(window.Predictors)-1 || len(step.Windows) != 4 {
			t.Errorf("t = %d: closures %v, windows %v", step.T, step.Closures, step.Windows)
		}
		// A wider window covers more and is further from the density.
		if *step.Coverage["sigma:1"] > *step.Coverage["sigma:2"] || math.Abs(*step.Bias["sigma:1"]) > math.Abs(*step.Bias["sigma:2"]) {
			t.Errorf("t = %d: coverage %v and bias %v", step.T, step.Coverage, step.Bias)
		}
	}
}

// A potential that runs away has numbers up to the step before, and a reason.
func TestWindowStudyOfARunaway(t *testing.T) {
	m := modelOf(t, "qif", func(m *neuron.Model) { m.Reset = neuron.SoftReset; m.Params["a"] = .5 })
	s := studied(t, m, func(o *WindowOptions) { o.Steps, o.Samples = 8, 2000 })
	for _, source := range []string{"quadrature", "exact", "window exact"} {
		if !strings.Contains(s.Problems[source], "runs away at step ") {
			t.Errorf("%s: problem %q", source, s.Problems[source])
		}
	}
	if s.Steps[0].Closed == nil || s.Steps[7].Closed != nil || s.Steps[7].Exact != nil || s.Steps[0].Windows["exact"] != nil {
		t.Errorf("first step %+v, last %+v", s.Steps[0], s.Steps[7])
	}
	var text bytes.Buffer
	if err := s.WriteText(&text); err != nil || !strings.Contains(text.String(), "exact: membrane potential runs away at step") {
		t.Errorf("%v, %s", err, &text)
	}
	data, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(data), `"closed":null`) {
		t.Errorf("JSON: %v, %s", err, data)
	}
}

func TestWindowStudyWithoutInput(t *testing.T) {
	s := studied(t, modelOf(t, "lif", nil), func(o *WindowOptions) { o.Input = window.Input{}; o.Samples = 10 })
	if s.Steps[3].Closed == nil || s.Steps[3].Windows["sigma:1"] != nil || !strings.Contains(s.Problems["window sigma:1"], "width 0") {
		t.Errorf("%+v, problems %v", s.Steps[3], s.Problems)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
	for _, e := range s.Exhibits() {
		if _, err := e.Table.CSV(); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if err := e.Figure.Write(&bytes.Buffer{}, ".svg"); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

func TestWindowStudyRefuses(t *testing.T) {
	good := modelOf(t, "qif", nil)
	flat := modelOf(t, "qif", func(m *neuron.Model) { m.Params["a"] = 0 })
	o := WindowOptions{Input: window.Input{Std: 1}, Steps: 2, Shape: window.Triangular, Policies: []string{"sigma:1"}}
	for _, c := range []struct {
		m      neuron.Model
		change func(*WindowOptions)
		reason string
	}{
		{flat, func(*WindowOptions) {}, "expected a quadratic coefficient other than 0"},
		{good, func(o *WindowOptions) { o.Steps = 0 }, "time steps T: 0"},
		{good, func(o *WindowOptions) { o.Samples = -5 }, "-5 samples"},
		{good, func(o *WindowOptions) { o.Input.Rho = math.NaN() }, "share NaN"},
		{good, func(o *WindowOptions) { o.Policies = []string{"exact", "exact"} }, `"exact" is listed twice`},
		{good, func(o *WindowOptions) { o.Policies = []string{"sigma"} }, "needs a value"},
		{good, func(o *WindowOptions) { o.Shape = "round" }, `unknown window shape "round"`},
	} {
		options := o
		c.change(&options)
		if _, err := StudyWindow(context.Background(), c.m, options); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("error %v, want one about %q", err, c.reason)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	o.Samples = 1000
	if _, err := StudyWindow(ended, good, o); err != context.Canceled {
		t.Errorf("after the context's end: %v", err)
	}
}

func TestWindowExhibits(t *testing.T) {
	s := studied(t, modelOf(t, "qif", nil), func(o *WindowOptions) { o.Samples = 2000; o.Input.Rho = .4 })
	names := map[string]int{}
	for _, e := range s.Exhibits() {
		names[e.Name] = len(e.Table.Rows)
		var b bytes.Buffer
		if err := e.Figure.Write(&b, ".svg"); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "ρ = 0.4") {
			t.Errorf("%s: the title does not tell of the constant input", e.Name)
		}
	}
	if names["window-density"] != densityPoints || names["window-moments"] != 12 || names["window-closures"] != 16 {
		t.Errorf("rows %v", names)
	}
}
