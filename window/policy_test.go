package window

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParsePolicy(t *testing.T) {
	for text, want := range map[string]Policy{
		"sigma:2":        {Sigma, 2},
		"sigma:.75":      {Sigma, .75},
		"fixed:1":        {Fixed, 1},
		"fixed:1e-3":     {Fixed, .001},
		"bandwidth":      {Bandwidth, 1000},
		"bandwidth:1e4":  {Bandwidth, 10000},
		"bandwidth:1234": {Bandwidth, 1234},
		"measured:2":     {Measured, 2},
		"learned":        {Learned, 0},
		"learned:.5":     {Learned, .5},
	} {
		got, err := ParsePolicy(text)
		if err != nil || got != want {
			t.Errorf("ParsePolicy(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for text, reason := range map[string]string{
		"":              `unknown window policy ""`,
		"silent":        `unknown window policy "silent"; known: sigma`,
		"learned:-1":    "value -1, expected a positive number",
		"learned:0":     "value 0, expected a positive number",
		"measured:0":    "value 0, expected a positive number",
		"Sigma:2":       `unknown window policy "Sigma"`,
		"sigma":         "needs a value, as in sigma:1",
		"fixed":         "needs a value, as in fixed:1",
		"sigma:":        `value "" is not a number`,
		"fixed:wide":    `value "wide" is not a number`,
		"sigma:2:3":     `value "2:3" is not a number`,
		"sigma:0":       "value 0, expected a positive number",
		"fixed:-1":      "value -1, expected a positive number",
		"bandwidth:NaN": "value NaN",
		"bandwidth:inf": "value +Inf",
	} {
		got, err := ParsePolicy(text)
		if err == nil || !strings.Contains(err.Error(), reason) || got != (Policy{}) {
			t.Errorf("ParsePolicy(%q) = %v, %v; want an error about %s", text, got, err, reason)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, s := range []string{"sigma:2", "fixed:.5", "bandwidth", "bandwidth:1e3", "sigma", "fixed:0x1p-2", "x:1", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePolicy(s)
		if err != nil {
			if p != (Policy{}) {
				t.Errorf("%q: policy %v beside the error %v", s, p, err)
			}
			return
		}
		if p.Validate() != nil {
			t.Errorf("%q gives the invalid policy %v", s, p)
		}
		if again, err := ParsePolicy(p.String()); err != nil || again != p {
			t.Errorf("%q: %v reads back as %v, %v", s, p, again, err)
		}
	})
}

func TestPolicyAsText(t *testing.T) {
	for want, p := range map[string]Policy{
		"sigma:2":        {Sigma, 2},
		"fixed:0.1":      {Fixed, .1},
		"bandwidth:1000": {Bandwidth, DefaultTerms},
		"measured:1.5":   {Measured, 1.5},
		"learned":        {Learned, 0},
		"learned:0.75":   {Learned, .75},
	} {
		data, err := json.Marshal(p)
		if err != nil || string(data) != `"`+want+`"` {
			t.Errorf("JSON of %#v is %s, %v; want %q", p, data, err, want)
		}
		var back Policy
		if err := json.Unmarshal(data, &back); err != nil || back != p {
			t.Errorf("%s reads back as %#v, %v", data, back, err)
		}
	}
	if data, err := json.Marshal(Policy{}); err == nil {
		t.Errorf("the zero policy is written as %s", data)
	}
	kept := Policy{Fixed, 1}
	if err := json.Unmarshal([]byte(`"sigma"`), &kept); err == nil || kept != (Policy{Fixed, 1}) {
		t.Errorf("a bad text gives %v, %v", kept, err)
	}
}

func TestWidths(t *testing.T) {
	m := []Moments{{Mean: .1, Std: 1}, {Mean: .2, Std: 1.5}}
	for text, want := range map[string][]float64{
		"sigma:2":  {2, 3},
		"fixed:.7": {.7, .7},
		// Where training begins.
		"measured:2": {2, 3},
		"learned:.7": {.7, .7},
		// N = 12√π·32 makes the fifth root ½.
		fmt.Sprintf("bandwidth:%v", 12*math.Sqrt(math.Pi)*32): {1, 1.5},
	} {
		p, err := ParsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Widths(m)
		if err != nil || len(got) != 2 || math.Abs(got[0]-want[0]) > 1e-14 || math.Abs(got[1]-want[1]) > 1e-14 {
			t.Errorf("%s: widths %v, %v; want %v", text, got, err, want)
		}
	}
	for _, c := range []struct {
		p      Policy
		m      []Moments
		reason string
	}{
		{Policy{Sigma, 2}, []Moments{{Std: 1}, {Std: 0}}, "width 0 at step 2"},
		{Policy{Bandwidth, 1000}, []Moments{{Std: math.NaN()}}, "width NaN at step 1"},
		{Policy{Sigma, 1e300}, []Moments{{Std: 1}, {Std: 1}, {Std: 1e300}}, "width +Inf at step 3"},
		{Policy{}, m, "unknown window policy"},
		{Policy{Fixed, -1}, m, "value -1"},
	} {
		if w, err := c.p.Widths(c.m); err == nil || w != nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%v: widths %v, error %v; want one about %q", c.p, w, err, c.reason)
		}
	}
}

// TestUnnumberedPoliciesBeginAlike: without a value, measured and learned widths
// begin where "bandwidth" puts them.
func TestUnnumberedPoliciesBeginAlike(t *testing.T) {
	m := []Moments{{Mean: .1, Std: 1}, {Mean: .2, Std: 1.5}}
	var all [][]float64
	for _, text := range []string{Bandwidth, Measured, Learned} {
		p, err := ParsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		w, err := p.Widths(m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	if want := []float64{all[0][0], all[0][0] * 1.5}; !slices.Equal(all[1], want) || !slices.Equal(all[2], want) {
		t.Errorf("widths %v", all)
	}
}

// leastOf returns where f is least on a logarithmic grid over [lo, hi].
func leastOf(f func(float64) float64, lo, hi float64) float64 {
	const n = 20000
	best, at := math.Inf(1), lo
	for i := range n + 1 {
		x := lo * math.Pow(hi/lo, float64(i)/n)
		if y := f(x); y < best {
			best, at = y, x
		}
	}
	return at
}

// The bandwidth rule minimises the squared error integrated over thresholds, for
// a normal density of any deviation.
func TestBandwidthMinimisesTheIntegratedError(t *testing.T) {
	for _, std := range []float64{1, .4} {
		density := Mixture{Points: []Point{{0, 1}}, Std: std}
		roughness := midpoint(func(u float64) float64 { return math.Pow(density.Curvature(u), 2) }, -9*std, 9*std, 2000)
		for _, terms := range []float64{100, 1000, 1e5} {
			want := leastOf(func(w float64) float64 {
				return roughness*math.Pow(w*w/24, 2) + 1/(terms*w)
			}, .01*std, 10*std)
			got, err := Policy{Bandwidth, terms}.Widths([]Moments{{Std: std}})
			if err != nil || math.Abs(got[0]/want-1) > 1e-3 {
				t.Errorf("σ=%v N=%v: width %v, %v; the error is least at %v", std, terms, got, err, want)
			}
		}
	}
}

// Why there is no rule for a single threshold: the width of least squared error,
// exact and not expanded, goes up and comes down by a factor of 4 as the
// threshold passes the inflection at one deviation.
func TestPointwiseBandwidthJumps(t *testing.T) {
	density := Mixture{Points: []Point{{0, 1}}, Std: 1}
	for theta, want := range map[float64]float64{.8: 1.3, 1: 2.1, 1.2: 4.2, 1.5: 1.0, 2: .8} {
		p := density.Density(theta)
		got := leastOf(func(w float64) float64 {
			bias := density.Between(theta-w/2, theta+w/2)/w - p
			return bias*bias + p/(DefaultTerms*w)
		}, .05, 6)
		if math.Abs(got-want) > .05 {
			t.Errorf("θ=%v: least error at %v, documented %v", theta, got, want)
		}
	}
}
