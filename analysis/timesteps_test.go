package analysis

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// timestepSubject is an untrained network with potentials made up for the test.
func timestepSubject(t *testing.T, pooled bool) TimestepSubject {
	t.Helper()
	spec := window.Spec{Policy: window.Policy{Kind: window.Sigma, Value: 2}, Shape: window.Rectangular, Pooled: pooled}
	net, err := graph.Check(zoo.Plain(zoo.Config{
		Input: graph.Shape{H: 8, W: 8, C: 1}, Coding: graph.Direct, Classes: 4, Model: model(t, "qif", nil), Window: spec,
	}, 2, 4))
	if err != nil {
		t.Fatal(err)
	}
	s := TimestepSubject{
		Name: "run", Net: net, Params: net.Init(1), Trained: 2, Loss: engine.CrossEntropy, Task: "images", Samples: 400,
		Accuracy: []float64{.5, .75, .8, .9},
	}
	for i, l := range net.Neurons() {
		a := engine.Activity{Node: l.Name}
		for step := range 4 {
			a.Rate = append(a.Rate, .1*float64(i+1))
			a.Mean = append(a.Mean, .2)
			a.Std = append(a.Std, float64(step+1))
		}
		s.Neurons = append(s.Neurons, a)
	}
	return s
}

func TestTimesteps(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		s := timestepSubject(t, pooled)
		got, err := StudyTimesteps("data", s, s)
		if err != nil {
			t.Fatal(err)
		}
		r := got.Runs[1]
		if a := r.Accuracy[1]; a.Steps != 2 || a.Accuracy != .75 || math.Abs(a.Error-math.Sqrt(.75*.25/400)) > 1e-15 {
			t.Errorf("accuracy of 2 steps: %+v", a)
		}
		sum, n := 0., 0.
		for i, l := range s.Net.Neurons() {
			size := float64(l.Out.H * l.Out.W * l.Out.C)
			sum, n = sum+.1*float64(i+1)*size, n+size
		}
		if rate := r.Accuracy[3].Rate; math.Abs(rate-sum/n) > 1e-12 {
			t.Errorf("rate of all neurons is %v, want %v", rate, sum/n)
		}
		for i, l := range r.Layers {
			checkTimestepLayer(t, s, i, l, pooled)
		}
	}
}

// checkTimestepLayer holds the widths against the policy applied by hand.
func checkTimestepLayer(t *testing.T, s TimestepSubject, i int, l TimestepLayer, pooled bool) {
	t.Helper()
	plain, err := timestepSubject(t, false).Net.Windows(4)
	if err != nil {
		t.Fatal(err)
	}
	moments := plain[i].Moments
	pool := 2 * window.Pool(moments[:s.Trained]).Std
	if l.Pooled != pooled || l.Node != s.Neurons[i].Node || len(l.Steps) != 4 {
		t.Fatalf("layer is %+v", l)
	}
	for k, step := range l.Steps {
		if step.SD != float64(k+1) || math.Abs(*step.PredictedSD-moments[k].Std) > 1e-12 ||
			math.Abs(*step.PerStep-2*moments[k].Std) > 1e-12 || math.Abs(*step.PooledWidth-pool) > 1e-12 {
			t.Errorf("layer %s, step %+v: want width %v, pooled %v", l.Node, step, 2*moments[k].Std, pool)
		}
	}
	// σ measured is 1, then 2; the pooled width is the same at both.
	if math.Abs(*l.SpreadPooled-2) > 1e-12 || math.Abs(*l.SpreadPerStep-2*moments[0].Std/moments[1].Std) > 1e-12 {
		t.Errorf("spreads are %v and %v", *l.SpreadPerStep, *l.SpreadPooled)
	}
}

func TestTimestepsShown(t *testing.T) {
	s := timestepSubject(t, false)
	s.Neurons[0].Std[1] = 0 // a layer that never moves has no relative width
	got, err := StudyTimesteps("data", s)
	if err != nil {
		t.Fatal(err)
	}
	if got.Runs[0].Layers[0].SpreadPerStep != nil {
		t.Error("a width relative to no deviation")
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
	var b strings.Builder
	if err := got.WriteText(&b); err != nil || !strings.Contains(b.String(), "trained  75.00 ± 2.17") {
		t.Errorf("%v:\n%s", err, b.String())
	}
	for _, e := range got.Exhibits() {
		if csv, err := e.Table.CSV(); err != nil || len(csv) == 0 {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	s.Samples++
	if _, err := StudyTimesteps("data", timestepSubject(t, false), s); err == nil {
		t.Error("runs on different samples are compared")
	}
}
