package analysis

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// plain builds plain stacks of 8 channels on noise.
func plain(t testing.TB) func(blocks, seed int) (Subject, error) {
	t.Helper()
	in := graph.Shape{H: 12, W: 12, C: 1}
	spec := window.Spec{Policy: window.Policy{Kind: window.Fixed, Value: 1}, Shape: window.Rectangular}
	return func(blocks, seed int) (Subject, error) {
		net, err := graph.Check(zoo.Plain(zoo.Config{Input: in, Coding: graph.Direct, Classes: 4, Model: model(t, "qif", nil), Window: spec}, blocks, 8))
		if err != nil {
			return Subject{}, err
		}
		s := Subject{
			Net: net, Engine: cpuEngine(t), Params: net.Init(uint64(seed)), Steps: 3, Threads: 2,
			Loss: engine.Loss{Kind: engine.CrossEntropy}, Batch: engine.Batch{N: 16, X: make([]float32, 16*in.Size()), Y: make([]int32, 16)},
		}
		rng := stream(1, drawData, 0)
		for i := range s.Batch.X {
			s.Batch.X[i] = float32(rng.NormFloat64())
		}
		return s, nil
	}
}

// TestDepth finds narrow windows to explode and wide ones to vanish, and between
// them the width that keeps the norm: with it in all layers, it does.
func TestDepth(t *testing.T) {
	o := DepthOptions{
		Depths: []int{3, 12}, Seeds: 2, Widths: []float64{.25, .5, 1, 2, 4, 8},
		Candidates: []Candidate{candidate(t, "fixed:.1", window.Rectangular), candidate(t, "fixed:30", window.Rectangular)},
	}
	d, err := MeasureDepth(context.Background(), plain(t), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	deep := d.Stacks[1]
	if narrow, wide := deep.Policies[0], deep.Policies[1]; narrow.Verdict != Explodes || wide.Verdict != Vanishes || !(narrow.Factor.Value > 1 && wide.Factor.Value < 1) {
		t.Errorf("narrow windows: %s by %+v a layer; wide: %s by %+v", narrow.Verdict, narrow.Factor, wide.Verdict, wide.Factor)
	}
	mean, n := 0., 0.
	for i, l := range deep.Layers {
		if len(l.Rate) != 3 || !(l.Rate[0] > 0) {
			t.Errorf("%s: rates %v", l.Node, l.Rate)
		}
		if i+1 == len(deep.Layers) {
			if l.Isometry != nil {
				t.Errorf("the last layer has nothing behind it, but an isometric width of %v", *l.Isometry)
			}
			continue
		}
		if l.Isometry == nil {
			t.Errorf("%s: no isometric width", l.Node)
			continue
		}
		mean, n = mean+math.Log(*l.Isometry), n+1
	}
	width := math.Exp(mean / n)
	// The same network under that width in all layers.
	o.Depths, o.Widths = []int{12}, nil
	o.Candidates = []Candidate{{Policy: window.Policy{Kind: window.Fixed, Value: width}, Shape: window.Rectangular}}
	level, err := MeasureDepth(context.Background(), plain(t), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := level.Stacks[0].Policies[0]; p.Verdict != Level || math.Abs(p.Factor.Value-1) > .1 {
		t.Errorf("windows of width %v: %s, %+v per layer", width, p.Verdict, p.Factor)
	}
	if predicted := *deep.Layers[3].IsometryPredicted; predicted < width/2 || predicted > 2*width {
		t.Errorf("isometric width %v, predicted %v", width, predicted)
	}
	checkWritten(t, d, d.WriteText, "explodes", d.Exhibits())
}

// TestRoughness has closed forms.
func TestRoughness(t *testing.T) {
	for shape, want := range map[window.Shape]float64{
		window.Rectangular: 1, window.Triangular: 2 * math.Sqrt2 / 3, window.Epanechnikov: .6 * math.Sqrt(12./5), window.Gaussian: math.Sqrt(3 / math.Pi),
	} {
		if got := roughness(shape); math.Abs(got-want) > 5e-3 {
			t.Errorf("%s: %v, want %v", shape, got, want)
		}
	}
}

func TestDepthRefuses(t *testing.T) {
	good := DepthOptions{Depths: []int{2}, Seeds: 1, Candidates: []Candidate{candidate(t, "sigma:1", window.Triangular)}}
	for want, change := range map[string]func(*DepthOptions){
		"1 blocks":    func(o *DepthOptions) { o.Depths = []int{4, 1} },
		"no depth":    func(o *DepthOptions) { o.Depths = nil },
		"no windows":  func(o *DepthOptions) { o.Candidates = nil },
		"seeds is -1": func(o *DepthOptions) { o.Seeds = -1 },
	} {
		o := good
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
