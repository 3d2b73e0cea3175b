package analysis

import (
	"math"

	"github.com/qif-snn/qif/neuron"
)

// A Response is how a neuron, and the one beside it, answer to an input.
type Response struct {
	Input  []float64 `json:"input"` // x[t], [T]
	Neuron Trace     `json:"neuron"`
	Beside *Trace    `json:"beside"`
}

// A Trace is a neuron's course over t = 1..T.
type Trace struct {
	Potential []*float64 `json:"potential"` // u[t], before firing
	Spikes    []int      `json:"spikes"`    // the steps at which it fires
}

func respondAll(subjects []subject, x []float64) Response {
	r := Response{Input: x}
	for i, s := range subjects {
		t := traceOf(respond(s.d, s.start, x))
		if i == 0 {
			r.Neuron = t
		} else {
			r.Beside = &t
		}
	}
	return r
}

func traceOf(r response) Trace {
	t := Trace{Potential: make([]*float64, len(r.u)), Spikes: []int{}}
	for i, u := range r.u {
		t.Potential[i] = number(u, true)
	}
	for _, at := range r.spikes {
		t.Spikes = append(t.Spikes, int(at))
	}
	return t
}

// Change is how a neuron at rest under one constant input answers when that
// changes to another, beside what the other neuron does.
type Change struct {
	From   float64         `json:"from"`
	To     float64         `json:"to"`
	Neuron ChangeResponse  `json:"neuron"`
	Beside *ChangeResponse `json:"beside"`
	// Course is the response to the change and, later, back, from rest under the
	// first input, or from the reset value where the neuron does not rest.
	Course Response `json:"course"`
	// Curve is the response for changes from the same input to others.
	Curve []ContrastPoint `json:"curve"`
}

// A ContrastPoint is the contrast response to a change to one input.
type ContrastPoint struct {
	To     float64         `json:"to"`
	Neuron ChangeResponse  `json:"neuron"`
	Beside *ChangeResponse `json:"beside"`
}

// A ChangeResponse is the answer of one neuron. All is nil if the neuron does
// not rest before the change.
type ChangeResponse struct {
	Before *float64 `json:"before"` // u at rest
	First  *float64 `json:"first"`  // u at the first step, Before + To − From
	Peak   *float64 `json:"peak"`   // u at its farthest in the direction of the change
	Steady *float64 `json:"steady"` // mean of u in the long run
	// Contrast is how far the peak goes beyond the steady state. At rest before
	// and after a small change Δ it is −s·Δ/(1−s) for a slope s < 0 of the fixed
	// point, and 0 for a slope from 0 to 1.
	Contrast *float64 `json:"contrast"`
	// Gain is that contrast per unit of a small change.
	Gain   *float64 `json:"contrast_gain"`
	Spikes *int     `json:"spikes"` // within the first T steps
	Rate   *float64 `json:"rate"`   // spikes per step in the long run
}

// Lengths of the runs that find a change's steady state.
const (
	changeSettles = 2000
	changeCounts  = 1000
)

// respondToChange runs the neuron from its rest under one input into another.
// (The course after the first step is found by iterating the map; first step,
// rest and, where the neuron rests again, the steady state are its fixed points.)
func respondToChange(d neuron.Dynamics, from, to float64, steps int) ChangeResponse {
	var c ChangeResponse
	v, slope, ok := restUnder(d, from)
	if !ok {
		return c
	}
	c.Before, c.First = number(d.At(v)+from, true), number(d.At(v)+to, true)
	direction := math.Copysign(1, to-from)
	peak, sum := math.Inf(-1), 0.0
	early, late := 0, 0
	scale := d.Threshold - d.ResetValue
	for t := range changeSettles + changeCounts {
		u, spike, next := d.Step(v, to)
		peak = max(peak, direction*u)
		if t < steps && spike {
			early++
		}
		if t >= changeSettles {
			sum += u
			if spike {
				late++
			}
		}
		v = next
	}
	steady := sum / changeCounts
	if p, ok := nearStable(d, to, v); ok && late == 0 {
		steady = p
	}
	c.Steady, c.Spikes, c.Rate = number(steady, true), &early, number(float64(late)/changeCounts, true)
	if !finite(steady) || !finite(peak) {
		return c
	}
	contrast := peak - direction*steady
	if contrast < 1e-9*scale { // the peak is the steady state itself, up to rounding
		contrast, peak = 0, direction*steady
	}
	peak *= direction
	c.Peak, c.Contrast = &peak, number(direction*contrast, true)
	switch {
	case slope < 0:
		c.Gain = number(-slope/(1-slope), true)
	default:
		c.Gain = number(0, true)
	}
	return c
}

// restUnder returns the potential at which a neuron rests under constant input,
// and the slope of the map there, 0 at the floor.
func restUnder(d neuron.Dynamics, x float64) (v, slope float64, ok bool) {
	switch d.Regime(x).State {
	case neuron.AtFloor:
		return d.Floor, 0, true
	case neuron.Rests, neuron.Alternates:
		for _, p := range fixedPoints(d.Map, x) {
			if p.Stable() {
				return p.V, p.Slope, true
			}
		}
	}
	return 0, 0, false
}

// nearStable returns the stable fixed point that a potential has almost reached.
func nearStable(d neuron.Dynamics, x, v float64) (fixed float64, ok bool) {
	for _, p := range fixedPoints(d.Map, x) {
		if p.Stable() && p.V < d.Threshold && p.V >= d.Floor && math.Abs(v-p.V) < 1e-3*(d.Threshold-d.ResetValue) {
			return p.V, true
		}
	}
	return 0, false
}

// compareChange returns tasks that find the responses to changes of the input.
func (s *Dynamics) compareChange(subjects []subject, o DynamicsOptions) []func() {
	answer := func(to float64) (n ChangeResponse, beside *ChangeResponse) {
		n = respondToChange(subjects[0].d, o.From, to, o.Steps)
		if len(subjects) > 1 {
			b := respondToChange(subjects[1].d, o.From, to, o.Steps)
			beside = &b
		}
		return n, beside
	}
	scale := subjects[0].d.Threshold - subjects[0].d.ResetValue
	reach := max(1.5*scale, 1.25*math.Abs(o.To-o.From))
	tos := Range{o.From - reach, o.From + reach}.grid(o.Grid)
	course := respondAll(from(subjects, o.From), changeInput(o))
	s.Change = Change{From: o.From, To: o.To, Course: course, Curve: make([]ContrastPoint, len(tos))}
	tasks := []func(){func() { s.Change.Neuron, s.Change.Beside = answer(o.To) }}
	for first := 0; first < len(tos); first += chunk {
		tasks = append(tasks, func() {
			for i := first; i < min(first+chunk, len(tos)); i++ {
				p := ContrastPoint{To: tos[i]}
				p.Neuron, p.Beside = answer(tos[i])
				s.Change.Curve[i] = p
			}
		})
	}
	return tasks
}

// changeInput is the change, and back, in the middle half of the time.
func changeInput(o DynamicsOptions) []float64 {
	x := make([]float64, o.Steps)
	for t := range x {
		x[t] = o.From
		if t >= o.Steps/4 && t < 3*o.Steps/4 {
			x[t] = o.To
		}
	}
	return x
}
