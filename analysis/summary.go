// Package analysis looks at single neurons: figures and numbers that follow from
// a parameter set alone.
package analysis

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// SummaryOptions says what to work out about a neuron.
type SummaryOptions struct {
	Inputs []float64    // constant inputs x whose fixed points are wanted
	Window window.Spec  // how windows are made
	Input  window.Input // distribution of the input that windows assume
	Steps  int          // T
}

// DefaultSummaryOptions takes null input for the fixed points, and for the
// windows the default policy over four steps with what tdBN gives at
// initialisation, N(0, θ²).
func DefaultSummaryOptions(m neuron.Model) SummaryOptions {
	return SummaryOptions{
		Inputs: []float64{0},
		Window: window.Spec{Policy: window.Policy{Kind: window.Bandwidth, Value: window.DefaultTerms}, Shape: window.Triangular},
		Input:  window.Input{Std: math.Abs(m.Threshold)},
		Steps:  4,
	}
}

// Summary is what follows from a neuron's parameters. Potentials and inputs that
// do not exist are nil.
type Summary struct {
	Neuron     string   `json:"neuron"`
	Params     []Param  `json:"params"`
	C2         float64  `json:"c2"`
	C1         float64  `json:"c1"`
	C0         float64  `json:"c0"`
	Threshold  float64  `json:"threshold"`
	Reset      string   `json:"reset"`
	ResetValue float64  `json:"reset_value"`
	Floor      *float64 `json:"floor,omitempty"`

	// FixedPoints holds the fixed points under each constant input, without
	// threshold, reset and floor.
	FixedPoints []Constant `json:"fixed_points"`
	// Vertex is where a quadratic map turns.
	Vertex *float64 `json:"vertex,omitempty"`
	// Mirror is the potential with the same image as the unstable fixed point
	// under null input. If the other fixed point is stable, its basin lies
	// between the two.
	Mirror *float64 `json:"mirror,omitempty"`
	// Rheobase is the input at which the fixed points meet and vanish.
	Rheobase *float64 `json:"rheobase,omitempty"`
	// ThresholdInput is the constant input that holds the potential at θ,
	// x = θ − f(θ), if potentials just below rise to it, 0 ≤ f′(θ) < 1.
	ThresholdInput *float64 `json:"threshold_input,omitempty"`
	// Rebound is the potential at and below which the neuron fires at the next
	// step without input.
	Rebound *float64 `json:"rebound,omitempty"`
	// AlwaysFires marks a neuron that fires from every potential without input.
	AlwaysFires bool `json:"always_fires"`

	Windows Windows `json:"windows"`
}

// Param is a named parameter.
type Param struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Constant lists the fixed points under one constant input.
type Constant struct {
	Input  float64      `json:"input"`
	Points []FixedPoint `json:"points"`
	// Every marks the line of slope 1 through 0, where every potential is fixed.
	Every bool `json:"every_potential"`
}

// FixedPoint is a potential that the map leaves where it is.
type FixedPoint struct {
	V      float64     `json:"v"`
	Slope  float64     `json:"slope"`
	Stable bool        `json:"stable"`
	Kind   neuron.Kind `json:"kind"`
}

// Windows are the predicted moments and the surrogate windows per time step, or
// the reason for which there are none.
type Windows struct {
	Policy    string       `json:"policy"`
	Shape     window.Shape `json:"shape"`
	Pooled    bool         `json:"pooled"`
	InputMean float64      `json:"input_mean"`
	InputStd  float64      `json:"input_std"`
	Steps     []WindowStep `json:"steps"`
	Problem   string       `json:"problem,omitempty"`
}

// WindowStep is the potential before firing at one step, and its window.
type WindowStep struct {
	Step int `json:"step"` // from 1
	window.Moments
	Width float64 `json:"width"` // rectangle-equivalent
}

// Summarize works out what follows from a neuron's parameters. It refuses
// invalid models and options. A potential that runs away is no error: it leaves
// the windows empty and is named there.
func Summarize(m neuron.Model, o SummaryOptions) (Summary, error) {
	d, err := m.Dynamics()
	if err != nil {
		return Summary{}, err
	}
	if err := o.Window.Validate(); err != nil {
		return Summary{}, err
	}
	if err := checkInputs(o.Inputs); err != nil {
		return Summary{}, err
	}
	if err := checkSteps(o.Steps); err != nil {
		return Summary{}, err
	}
	if in := o.Input; !finite(in.Mean) || !finite(in.Std) || in.Std < 0 {
		return Summary{}, fmt.Errorf("input mean %v and deviation %v must be finite, the deviation not negative", in.Mean, in.Std)
	}
	s := Summary{
		Neuron: m.Form, Params: params(m), C2: d.C2, C1: d.C1, C0: d.C0, Threshold: d.Threshold,
		Reset: m.Reset, ResetValue: d.ResetValue, Floor: m.Floor, FixedPoints: []Constant{}, Windows: windows(d, o),
	}
	for _, x := range o.Inputs {
		s.FixedPoints = append(s.FixedPoints, constant(d.Map, x))
	}
	s.Vertex, s.Rheobase = number(d.Vertex()), number(d.SaddleNode())
	if p, ok := unstable(d.Map); ok {
		s.Mirror = number(d.Mirror(p.V))
	}
	if slope := d.Slope(d.Threshold); slope >= 0 && slope < 1 {
		s.ThresholdInput = number(d.Threshold-d.At(d.Threshold), true)
	}
	level, ok := d.Rebound(0)
	s.AlwaysFires = ok && math.IsInf(level, 1)
	s.Rebound = number(level, ok)
	return s, nil
}

// params lists the model's parameters in the order of its form, which is valid.
func params(m neuron.Model) []Param {
	list := []Param{}
	f, _ := neuron.FormNamed(m.Form)
	for _, p := range f.Params {
		list = append(list, Param{p.Name, m.Params[p.Name]})
	}
	return list
}

// fixedPoints returns the map's fixed points that double precision can hold.
func fixedPoints(m neuron.Map, x float64) []neuron.FixedPoint {
	points := slices.DeleteFunc(m.FixedPoints(x), func(p neuron.FixedPoint) bool { return !finite(p.V) || !finite(p.Slope) })
	for i := range points {
		points[i].V += 0 // −0 becomes 0
	}
	return points
}

func constant(m neuron.Map, x float64) Constant {
	c := Constant{Input: x, Points: []FixedPoint{}, Every: m == neuron.Map{C1: 1, C0: m.C0} && m.C0+x == 0}
	for _, p := range fixedPoints(m, x) {
		c.Points = append(c.Points, FixedPoint{p.V, p.Slope, p.Stable(), p.Kind})
	}
	return c
}

// unstable returns the fixed point of a quadratic map under null input that is
// left to one side.
func unstable(m neuron.Map) (p neuron.FixedPoint, ok bool) {
	points := fixedPoints(m, 0)
	i := slices.IndexFunc(points, func(p neuron.FixedPoint) bool { return p.Kind == neuron.Unstable })
	if i < 0 || m.C2 == 0 {
		return p, false
	}
	return points[i], true
}

func windows(d neuron.Dynamics, o SummaryOptions) Windows {
	w := Windows{
		Policy: o.Window.Policy.String(), Shape: o.Window.Shape, Pooled: o.Window.Pooled,
		InputMean: o.Input.Mean, InputStd: o.Input.Std, Steps: []WindowStep{},
	}
	all, err := o.Window.Compute(d, o.Input, o.Steps)
	if err != nil {
		w.Problem = err.Error()
		return w
	}
	for t, m := range all.Moments {
		w.Steps = append(w.Steps, WindowStep{t + 1, m, all.Widths[t]})
	}
	return w
}

// number returns a pointer to a number that exists and is finite.
func number(v float64, ok bool) *float64 {
	if !ok || !finite(v) {
		return nil
	}
	return &v
}

// WriteText prints the summary for people.
func (s Summary) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", describe(s.Neuron, s.Params))
	fmt.Fprintf(&b, "u[t] = %s + x[t], θ = %s, %s, %s\n\n", polynomial(s.C2, s.C1, s.C0), exact(s.Threshold), resetText(s.Reset, s.ResetValue), floorText(s.Floor))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	s.writeDynamics(table)
	table.Flush()
	in := s.Windows
	pooled := ""
	if in.Pooled {
		pooled = ", one for all steps"
	}
	fmt.Fprintf(&b, "\nsurrogate windows, %s, %s%s; input of mean %s, deviation %s\n", in.Policy, in.Shape, pooled, short(in.InputMean), short(in.InputStd))
	if in.Problem != "" {
		fmt.Fprintf(&b, "none: %s\n", in.Problem)
	} else {
		table = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "t\tmean\tσ\trate\tdensity at θ\twidth\t")
		for _, t := range in.Steps {
			fmt.Fprintf(table, "%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t\n", t.Step, t.Mean, t.Std, t.Rate, t.Density, t.Width)
		}
		table.Flush()
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Summary) writeDynamics(w io.Writer) {
	for _, c := range s.FixedPoints {
		label := "fixed points, x = " + short(c.Input)
		switch {
		case c.Every:
			fmt.Fprintf(w, "%s\tevery potential\n", label)
		case len(c.Points) == 0:
			fmt.Fprintf(w, "%s\tnone\n", label)
		}
		for _, p := range c.Points {
			stability := "unstable"
			if p.Stable {
				stability = "stable"
			}
			if string(p.Kind) != stability {
				stability += ", " + string(p.Kind)
			}
			fmt.Fprintf(w, "%s\tv = %s, slope %s, %s\n", label, short(p.V), short(p.Slope), stability)
			label = ""
		}
	}
	for _, line := range []struct {
		label, format string
		v             *float64
	}{
		{"vertex", "v = %s, where the map turns", s.Vertex},
		{"mirror", "v = %s, which maps to the same potential as the unstable fixed point", s.Mirror},
		{"rheobase", "x = %s, where the fixed points meet and vanish", s.Rheobase},
		{"threshold input", "x = %s, which holds the potential at θ", s.ThresholdInput},
		{"rebound", "v ≤ %s fires at the next step without input", s.Rebound},
	} {
		if line.v != nil {
			fmt.Fprintf(w, "%s\t"+line.format+"\n", line.label, short(*line.v))
		}
	}
	if s.AlwaysFires {
		fmt.Fprintln(w, "rebound\tfires from every potential without input")
	}
}

// describe writes a neuron's form with its parameters.
func describe(form string, ps []Param) string {
	for i, p := range ps {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		form += sep + p.Name + " = " + exact(p.Value)
	}
	return form
}

func resetText(reset string, value float64) string {
	if reset == neuron.SoftReset {
		return "soft reset by θ from v[0] = " + exact(value)
	}
	return "hard reset to " + exact(value)
}

func floorText(floor *float64) string {
	if floor == nil {
		return "no floor"
	}
	return "floor " + exact(*floor)
}

// polynomial writes c2·v² + c1·v + c0 without the terms that vanish.
func polynomial(c2, c1, c0 float64) string {
	var b strings.Builder
	for _, term := range []struct {
		c float64
		v string
	}{{c2, "v[t−1]²"}, {c1, "v[t−1]"}, {c0, ""}} {
		if term.c == 0 {
			continue
		}
		size := short(math.Abs(term.c))
		if term.v != "" {
			size += "·"
		}
		if size == "1·" {
			size = ""
		}
		sign := ""
		switch {
		case b.Len() > 0 && term.c < 0:
			sign = " - "
		case b.Len() > 0:
			sign = " + "
		case term.c < 0:
			sign = "-"
		}
		b.WriteString(sign + size + term.v)
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// exact writes a number that somebody set.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// short writes a number with at most four significant digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
