package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// DynamicsOptions says under which inputs a neuron is looked at.
type DynamicsOptions struct {
	Input  float64       // constant input x of fixed points and maps, and mean of the random input
	Starts []float64     // potentials v[0] of the trajectories under that input
	Beside *neuron.Model // a neuron to compare the responses with; nil: none

	Steps    int       // length of the responses and of the random input, T
	Step     float64   // size of the step input
	Impulses []float64 // sizes of the impulses, evenly spread over time
	From, To float64   // levels between which the input changes

	// Ranges are those that scans cover: of the input "x" and of the parameters
	// that regime maps are drawn over.
	Ranges map[string]Range
	Grid   int  // cells of a regime map along each axis; other scans have four times as many points
	Maps   bool // whether to make regime maps

	Deviations []float64 // of the random input
	Samples    int       // simulated neurons for each
	Seed       uint64
}

// A Range is an interval of inputs or parameters.
type Range struct{ Lo, Hi float64 }

// DefaultDynamicsOptions returns options that show a valid neuron's behaviour at
// a glance, with inputs in proportion to θ − reset value: responses over 30
// steps, a release from inhibition, random input around the deviation that tdBN
// gives, and a LIF beside it, if it is not one itself.
func DefaultDynamicsOptions(m neuron.Model) (DynamicsOptions, error) {
	d, err := m.Dynamics()
	if err != nil {
		return DynamicsOptions{}, err
	}
	scale := d.Threshold - d.ResetValue
	o := DynamicsOptions{
		Starts: defaultStarts(d), Steps: 30, Step: .9 * scale, Impulses: []float64{.9 * scale, -2 * scale}, From: -scale,
		Ranges: defaultRanges(m, d), Grid: 151, Samples: 20000, Seed: 1,
	}
	for _, k := range []float64{.5, .75, 1, 1.25, 1.5, 2, 2.5, 3} {
		o.Deviations = append(o.Deviations, k*scale)
	}
	if m.Form != "lif" {
		lif, err := LIFBeside(m)
		if err != nil {
			return DynamicsOptions{}, err
		}
		o.Beside = &lif
	}
	return o, nil
}

// LIFBeside returns the default LIF with the threshold, reset and floor of m.
func LIFBeside(m neuron.Model) (neuron.Model, error) {
	lif, err := neuron.Default("lif")
	lif.Threshold, lif.Reset, lif.ResetValue, lif.Floor = m.Threshold, m.Reset, m.ResetValue, m.Floor
	return lif, err
}

// constants returns the inputs whose maps are drawn, null input first.
func (o DynamicsOptions) constants() []float64 {
	if o.Input == 0 {
		return []float64{0}
	}
	return []float64{0, o.Input}
}

// Most that options may ask for.
const (
	maxSteps   = 10000
	maxGrid    = 2000
	maxSamples = 10_000_000
)

// check says what is wrong with the options for a model.
func (o DynamicsOptions) check(m neuron.Model) error {
	for _, n := range []struct {
		name      string
		v         int
		low, high int
	}{{"time steps T", o.Steps, 1, maxSteps}, {"grid", o.Grid, 2, maxGrid}, {"samples", o.Samples, 1, maxSamples}} {
		if n.v < n.low || n.v > n.high {
			return fmt.Errorf("%s: %d, expected %d to %d", n.name, n.v, n.low, n.high)
		}
	}
	if len(o.Impulses) > o.Steps {
		return fmt.Errorf("%d impulses do not fit into %d time steps", len(o.Impulses), o.Steps)
	}
	for _, n := range []struct {
		name string
		vs   []float64
	}{{"constant input", []float64{o.Input}}, {"start", o.Starts}, {"step", []float64{o.Step}}, {"impulse", o.Impulses}, {"change", []float64{o.From, o.To}}} {
		for _, v := range n.vs {
			if !finite(v) {
				return fmt.Errorf("%s %v is not a finite number", n.name, v)
			}
		}
	}
	for _, sd := range o.Deviations {
		if !finite(sd) || sd <= 0 {
			return fmt.Errorf("input deviation %v, expected a finite number above 0", sd)
		}
	}
	return o.checkRanges(m)
}

func (o DynamicsOptions) checkRanges(m neuron.Model) error {
	axes := append(mapParams(m.Form), "x")
	for _, name := range slices.Sorted(maps.Keys(o.Ranges)) {
		r := o.Ranges[name]
		switch {
		case !slices.Contains(axes, name):
			return fmt.Errorf("no scan of a %s has an axis %q, expected %s", m.Form, name, strings.Join(axes, ", "))
		case !finite(r.Lo) || !finite(r.Hi) || r.Lo >= r.Hi || !finite(r.Hi-r.Lo):
			return fmt.Errorf("range of %s: %v to %v, expected two finite numbers in ascending order", name, r.Lo, r.Hi)
		}
	}
	return nil
}

// subjects returns the neuron and the one beside it, ready to respond, or says
// what is wrong with the models or the options.
func (o DynamicsOptions) subjects(m neuron.Model) ([]subject, error) {
	d, err := m.Dynamics()
	if err != nil {
		return nil, err
	}
	if scale := d.Threshold - d.ResetValue; !(scale > 1e-100 && scale < 1e100) {
		return nil, fmt.Errorf("threshold %v and reset value %v span a range that cannot be looked at", d.Threshold, d.ResetValue)
	}
	if err := o.check(m); err != nil {
		return nil, err
	}
	all := []subject{{m.Form, d, d.ResetValue, plotstyle.Blue, nil}}
	if o.Beside != nil {
		other, err := o.Beside.Dynamics()
		if err != nil {
			return nil, fmt.Errorf("neuron to compare with: %w", err)
		}
		all = append(all, subject{plotstyle.Signed(describe(o.Beside.Form, params(*o.Beside))), other, other.ResetValue, plotstyle.Orange, plotstyle.Dashed})
	}
	return all, nil
}

// mapParams returns the parameters of a form over which regime maps are drawn:
// the first, its curvature or leak, and the last.
func mapParams(form string) []string {
	f, err := neuron.FormNamed(form)
	switch {
	case err != nil || len(f.Params) == 0:
		return nil
	case len(f.Params) == 1:
		return []string{f.Params[0].Name}
	}
	return []string{f.Params[len(f.Params)-1].Name, f.Params[0].Name}
}

// defaultRanges returns ranges in which a neuron near the defaults shows all
// that it can do, and that hold its own parameters.
func defaultRanges(m neuron.Model, d neuron.Dynamics) map[string]Range {
	scale := d.Threshold - d.ResetValue
	sat := d.Saturation()
	ranges := map[string]Range{"x": {sat - 7*scale, sat + scale}}
	for _, name := range mapParams(m.Form) {
		v := m.Params[name]
		var r Range
		switch name {
		case "leak":
			r = Range{-1.5, 1.5}
		case "a", "kappa":
			half := max(1/scale, 2*math.Abs(v))
			r = Range{-half, half}
		default:
			r = Range{-4 * scale, 8 * scale}
		}
		margin := .25 * (r.Hi - r.Lo)
		if v <= r.Lo || v >= r.Hi {
			r = Range{min(r.Lo, v-margin), max(r.Hi, v+margin)}
		}
		ranges[name] = r
	}
	return ranges
}
