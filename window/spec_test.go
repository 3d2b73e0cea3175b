package window

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestComputePerStep(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	w, err := Spec{Policy: Policy{Sigma, 2}, Shape: Triangular}.Compute(d, Input{Std: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if w.Shape != Triangular || len(w.Widths) != 4 || len(w.Moments) != 4 {
		t.Fatalf("%+v", w)
	}
	exact, err := Exact(d, Input{Std: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	for s, m := range exact {
		if math.Abs(w.Widths[s]-2*m.Std) > .002 {
			t.Errorf("step %d: width %v, 2σ is %v", s+1, w.Widths[s], 2*m.Std)
		}
	}
}

func TestComputePooled(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	w, err := Spec{Policy: Policy{Sigma, 1}, Shape: Gaussian, Pooled: true}.Compute(d, Input{Std: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := Exact(d, Input{Std: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := Pool(momentsOf(exact)).Std
	for s, width := range w.Widths {
		if math.Abs(width-want) > .001 || width != w.Widths[0] {
			t.Errorf("step %d: width %v, pooled σ is %v", s+1, width, want)
		}
	}
	if len(w.Widths) != 4 || len(w.Moments) != 4 || w.Moments[0] == w.Moments[1] {
		t.Errorf("pooling the width should keep the moments per step: %+v", w)
	}
}

func TestComputeRefuses(t *testing.T) {
	d := qif(.25, 0, .5, 1)
	good := Spec{Policy: Policy{Sigma, 2}, Shape: Rectangular}
	for _, c := range []struct {
		name   string
		s      Spec
		in     Input
		steps  int
		reason string
	}{
		{"no policy", Spec{Shape: Rectangular}, Input{Std: 1}, 4, "unknown window policy"},
		{"bad value", Spec{Policy: Policy{Sigma, -2}, Shape: Rectangular}, Input{Std: 1}, 4, "value -2"},
		{"no shape", Spec{Policy: Policy{Sigma, 2}}, Input{Std: 1}, 4, `unknown window shape ""`},
		{"no steps", good, Input{Std: 1}, 0, "0 time steps"},
		{"no spread", good, Input{Mean: .1}, 4, "width 0 at step 1"},
		{"no spread, pooled", Spec{Policy: Policy{Sigma, 2}, Shape: Rectangular, Pooled: true}, Input{}, 4, "steps 1 to 4 taken as one: window policy sigma:2 gives width 0"},
	} {
		_, err := c.s.Compute(d, c.in, c.steps)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.reason)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestSpecAndWindowsAsJSON(t *testing.T) {
	const text = `{"policy":"bandwidth:1000","shape":"triangular","pooled":true}`
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if want := (Spec{Policy{Bandwidth, 1000}, Triangular, true}); s != want {
		t.Errorf("read %+v, want %+v", s, want)
	}
	if data, err := json.Marshal(s); err != nil || string(data) != text {
		t.Errorf("written as %s, %v", data, err)
	}

	w := Windows{ATan, []float64{1}, []Moments{{Mean: .5, Std: 1, Rate: .25, Density: .125}}}
	data, err := json.Marshal(w)
	const want = `{"shape":"atan","widths":[1],"moments":[{"mean":0.5,"std":1,"rate":0.25,"density":0.125}]}`
	if err != nil || string(data) != want {
		t.Errorf("windows written as %s, %v; want %s", data, err, want)
	}
	var back Windows
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, w) {
		t.Errorf("windows read back as %+v, %v", back, err)
	}
}
