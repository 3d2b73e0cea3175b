// Package analysis works out what neurons do: numbers that follow from a
// parameter set alone, and figures of them.
package analysis

import (
	"context"
	"math"
	"slices"

	"github.com/qif-snn/qif/neuron"
)

// Dynamics is what a neuron does under constant, changing and random input.
// What does not exist is nil.
type Dynamics struct {
	Neuron     string   `json:"neuron"`
	Params     []Param  `json:"params"`
	C2         float64  `json:"c2"`
	C1         float64  `json:"c1"`
	C0         float64  `json:"c0"`
	Threshold  float64  `json:"threshold"`
	Reset      string   `json:"reset"`
	ResetValue float64  `json:"reset_value"`
	Floor      *float64 `json:"floor"`
	// Beside is the neuron that responses are compared with.
	Beside *Beside `json:"beside"`

	AtInput
	Landmarks

	// ConstantInput is what happens from rest over a range of constant inputs,
	// with the rate: the f–I curve.
	ConstantInput []AtRest    `json:"constant_input"`
	RegimeMaps    []RegimeMap `json:"regime_maps"`

	StepResponse    Response `json:"step_response"`
	ImpulseResponse Response `json:"impulse_response"`
	Change          Change   `json:"change"`
	Rebound         Rebound  `json:"rebound"`
}

// Param is a named parameter.
type Param struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Beside names a neuron with its parameters.
type Beside struct {
	Neuron string  `json:"neuron"`
	Params []Param `json:"params"`
}

// AtInput is what holds under one constant input, without threshold and reset.
type AtInput struct {
	Input float64 `json:"input"`
	// Discriminant D decides on what a quadratic map does by itself.
	Discriminant *float64     `json:"discriminant"`
	FixedPoints  []FixedPoint `json:"fixed_points"`
	// Every marks the line of slope 1 through 0, where every potential is fixed.
	Every    bool      `json:"every_potential_fixed"`
	TwoCycle *TwoCycle `json:"two_cycle"`
	// Mirror is the potential with the same image as the unstable fixed point.
	// If the other fixed point is stable, its basin lies between the two.
	Mirror *float64 `json:"mirror"`
	// ReboundAtInput is the potential at and below which the neuron fires at the
	// next step under this input.
	ReboundAtInput *float64 `json:"rebound_floor_at_input"`
	// Regime is what the neuron does from rest, with threshold, reset and floor.
	Regime AtRest `json:"from_rest"`
}

// FixedPoint is a potential that the map leaves where it is.
type FixedPoint struct {
	V      float64     `json:"v"`
	Slope  float64     `json:"slope"`
	Stable bool        `json:"stable"`
	Kind   neuron.Kind `json:"kind"`
}

// TwoCycle is a pair of potentials that the map carries into each other.
type TwoCycle struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Multiplier float64 `json:"multiplier"`
	Stable     bool    `json:"stable"`
}

// Landmarks are potentials and inputs that follow from the parameters alone.
type Landmarks struct {
	Vertex *float64 `json:"vertex"` // where a quadratic map turns
	// SaddleNode is the input at which the fixed points meet and vanish.
	SaddleNode *float64 `json:"saddle_node_input"`
	// Flip is the input at which a fixed point sheds a 2-cycle, and PeriodFour
	// the one at which that sheds a cycle of 4.
	Flip       *float64 `json:"flip_input"`
	PeriodFour *float64 `json:"period_four_input"`
	// ThresholdInput holds the potential at θ.
	ThresholdInput *float64 `json:"threshold_input"`
	// Rheobase is the least input above which the neuron always fires from rest.
	Rheobase *float64 `json:"rheobase"`
	// RheobaseClosed says whether that has a closed form or was found by scanning.
	RheobaseClosed bool `json:"rheobase_closed_form"`
	// Saturation is the input from which on a hard reset lets it fire at each step.
	Saturation *float64 `json:"saturation_input"`
	// ReboundFloor is the potential at and below which the neuron fires at the
	// next step without input.
	ReboundFloor *float64 `json:"rebound_floor"`
	// AlwaysFires marks a neuron that fires from every potential without input.
	AlwaysFires bool `json:"always_fires"`
}

// AnalyzeDynamics works out what a neuron does. It refuses invalid models and
// options; report, if not nil, is told the share of the scans that is done.
func AnalyzeDynamics(ctx context.Context, m neuron.Model, o DynamicsOptions, report func(done float64)) (*Dynamics, error) {
	subjects, err := o.subjects(m)
	if err != nil {
		return nil, err
	}
	d := subjects[0].d
	s := &Dynamics{
		Neuron: m.Form, Params: params(m), C2: d.C2, C1: d.C1, C0: d.C0, Threshold: d.Threshold,
		Reset: m.Reset, ResetValue: d.ResetValue, Floor: m.Floor,
		AtInput: atInput(d, o.Input), Landmarks: landmarks(d), RegimeMaps: []RegimeMap{},
		StepResponse:    respondAll(subjects, stepInput(o.Steps, o.Step)),
		ImpulseResponse: respondAll(subjects, impulses(o.Steps, o.Impulses)),
	}
	if o.Beside != nil {
		s.Beside = &Beside{o.Beside.Form, params(*o.Beside)}
	}
	tasks := s.scanConstantInput(subjects, o)
	if o.Maps {
		tasks = append(tasks, s.scanMaps(m, o)...)
	}
	tasks = append(tasks, s.compareChange(subjects, o)...)
	random := newReboundStudy(d, o)
	tasks = append(tasks, random.tasks()...)
	if err := runAll(ctx, tasks, report); err != nil {
		return nil, err
	}
	s.Rebound = random.result()
	return s, nil
}

func atInput(d neuron.Dynamics, x float64) AtInput {
	a := AtInput{Input: x, FixedPoints: []FixedPoint{}, Every: d.C2 == 0 && d.C1 == 1 && d.C0+x == 0, Regime: atRest(d, x)}
	for _, p := range fixedPoints(d.Map, x) {
		a.FixedPoints = append(a.FixedPoints, FixedPoint{p.V, p.Slope, p.Stable(), p.Kind})
	}
	a.Discriminant = number(d.Discriminant(x), d.C2 != 0)
	if c, ok := d.TwoCycle(x); ok {
		a.TwoCycle = &TwoCycle{c.Low, c.High, c.Multiplier, c.Stable()}
	}
	if p, ok := unstable(d.Map, x); ok {
		a.Mirror = number(d.Mirror(p.V))
	}
	a.ReboundAtInput = number(d.ReboundAt(x))
	return a
}

func landmarks(d neuron.Dynamics) Landmarks {
	l := Landmarks{
		Vertex: number(d.Vertex()), SaddleNode: number(d.SaddleNode()), Flip: number(d.InputAt(4)), PeriodFour: number(d.InputAt(6)),
		ThresholdInput: number(d.ThresholdInput()), Saturation: number(d.Saturation(), !d.Soft),
	}
	x, closed, ok := d.Rheobase()
	l.Rheobase, l.RheobaseClosed = number(x, ok), ok && closed
	level, ok := d.Rebound()
	l.AlwaysFires = ok && math.IsInf(level, 1)
	l.ReboundFloor = number(level, ok)
	return l
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

// unstable returns the fixed point of a quadratic map that is left to one side.
func unstable(m neuron.Map, x float64) (p neuron.FixedPoint, ok bool) {
	points := fixedPoints(m, x)
	i := slices.IndexFunc(points, func(p neuron.FixedPoint) bool { return p.Kind == neuron.Unstable })
	if i < 0 || m.C2 == 0 {
		return p, false
	}
	return points[i], true
}
