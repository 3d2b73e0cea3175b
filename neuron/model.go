package neuron

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// A Form is a way of parametrising the polynomial: which named parameters a
// neuron has, how they give (c2, c1, c0), and the chain rule back. A new neuron
// of the family is a new entry in Forms.
type Form struct {
	Name   string
	Doc    string
	Params []ParamSpec
	// Map gives the polynomial of the parameter values, in the order of Params.
	Map func(p []float64) Map
	// Pullback turns a gradient with respect to (c2, c1, c0) into one with
	// respect to the parameters.
	Pullback func(p []float64, d Map) []float64
}

// ParamSpec describes one named parameter of a form.
type ParamSpec struct {
	Name    string
	Default float64
	Doc     string
}

// Forms lists the members of the family, in the order that help texts show.
var Forms = []Form{
	{
		Name: "qif", Doc: "quadratic integrate-and-fire, map form u' = a(u−u1)(u−u2) + x",
		Params: []ParamSpec{
			{"a", .25, "curvature of the map"},
			{"u1", 0, "first root of the map"},
			{"u2", .5, "second root of the map"},
		},
		Map: func(p []float64) Map {
			a, u1, u2 := p[0], p[1], p[2]
			return Map{a, -a * (u1 + u2), a * u1 * u2}
		},
		Pullback: func(p []float64, d Map) []float64 {
			a, u1, u2 := p[0], p[1], p[2]
			return []float64{
				d.C2 - (u1+u2)*d.C1 + u1*u2*d.C0,
				a * (u2*d.C0 - d.C1),
				a * (u1*d.C0 - d.C1),
			}
		},
	},
	{
		Name: "qif-euler", Doc: "quadratic integrate-and-fire, Euler step u' = u + κ(u−vr)(u−vc) + x",
		Params: []ParamSpec{
			{"kappa", .25, "step size times gain, αΔt/τ"},
			{"vr", 0, "resting potential"},
			{"vc", 4.5, "critical potential"},
		},
		Map: func(p []float64) Map {
			k, r, c := p[0], p[1], p[2]
			return Map{k, 1 - k*(r+c), k * r * c}
		},
		Pullback: func(p []float64, d Map) []float64 {
			k, r, c := p[0], p[1], p[2]
			return []float64{
				d.C2 - (r+c)*d.C1 + r*c*d.C0,
				k * (c*d.C0 - d.C1),
				k * (r*d.C0 - d.C1),
			}
		},
	},
	{
		// The map form cannot learn its way from one curvature's sign to the other,
		// nor to a line: at a = 0 its map vanishes whatever the roots are.
		Name: "poly", Doc: "quadratic integrate-and-fire by coefficients, u' = c2·u² + c1·u + c0 + x",
		Params: []ParamSpec{
			{"c2", .25, "quadratic coefficient of the map"},
			{"c1", -.125, "linear coefficient of the map"},
			{"c0", 0, "constant of the map"},
		},
		Map:      func(p []float64) Map { return Map{p[0], p[1], p[2]} },
		Pullback: func(_ []float64, d Map) []float64 { return []float64{d.C2, d.C1, d.C0} },
	},
	{
		Name: "lif", Doc: "leaky integrate-and-fire without input decay, u' = λu + x",
		Params:   []ParamSpec{{"leak", .5, "share λ of the potential kept per step"}},
		Map:      func(p []float64) Map { return Map{0, p[0], 0} },
		Pullback: func(_ []float64, d Map) []float64 { return []float64{d.C1} },
	},
	{
		Name: "if", Doc: "integrate-and-fire without leak, u' = u + x",
		Map:      func([]float64) Map { return Map{0, 1, 0} },
		Pullback: func([]float64, Map) []float64 { return nil },
	},
}

// FormNamed returns the form of that name.
func FormNamed(name string) (Form, error) {
	var names []string
	for _, f := range Forms {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Form{}, fmt.Errorf("unknown neuron %q; known: %s", name, strings.Join(names, ", "))
}

// Reset modes.
const (
	HardReset = "hard" // v = reset value at a spike
	SoftReset = "soft" // v = u − θ at a spike
)

// Model is the description of a layer's neurons as graphs, recipes and
// checkpoints store it. Parameters named in Learn are trained, per layer or per
// channel; the others are constants.
type Model struct {
	Form       string             `json:"form"`
	Params     map[string]float64 `json:"params,omitempty"`
	Threshold  float64            `json:"threshold"`
	Reset      string             `json:"reset"` // HardReset or SoftReset
	ResetValue float64            `json:"reset_value"`
	Detach     bool               `json:"detach_reset"`
	Floor      *float64           `json:"floor,omitempty"`
	Learn      []string           `json:"learn,omitempty"`
	PerChannel bool               `json:"per_channel,omitempty"`
}

// Default returns the model of the named form with its default parameters:
// θ = 1 and a detached hard reset to 0.
func Default(form string) (Model, error) {
	f, err := FormNamed(form)
	if err != nil {
		return Model{}, err
	}
	m := Model{Form: form, Threshold: 1, Reset: HardReset, Detach: true}
	if len(f.Params) > 0 {
		m.Params = map[string]float64{}
		for _, p := range f.Params {
			m.Params[p.Name] = p.Default
		}
	}
	return m, nil
}

// Values returns the model's parameters in the order of its form.
func (m Model) Values() ([]float64, error) {
	f, err := FormNamed(m.Form)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	var vals []float64
	for _, p := range f.Params {
		known[p.Name] = true
		v, ok := m.Params[p.Name]
		if !ok {
			return nil, fmt.Errorf("neuron %s: parameter %q is missing", m.Form, p.Name)
		}
		vals = append(vals, v)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Params)) {
		if !known[name] {
			return nil, fmt.Errorf("neuron %s has no parameter %q", m.Form, name)
		}
	}
	return vals, nil
}

// Dynamics returns the model ready to step, with the initial values of its
// parameters. It fails where Validate does.
func (m Model) Dynamics() (Dynamics, error) {
	if err := m.Validate(); err != nil {
		return Dynamics{}, err
	}
	vals, _ := m.Values()
	f, _ := FormNamed(m.Form)
	return m.withMap(f.Map(vals)), nil
}

func (m Model) withMap(f Map) Dynamics {
	d := Dynamics{
		Map: f, Threshold: m.Threshold, Soft: m.Reset == SoftReset,
		ResetValue: m.ResetValue, Detach: m.Detach, Floor: math.Inf(-1),
	}
	if m.Floor != nil {
		d.Floor = *m.Floor
	}
	return d
}

// Validate refuses models that cannot work: numbers that are not finite, a
// threshold at or below the reset value, a soft reset that does not lower the
// potential, a QIF without its quadratic term, a learned parameter that does not
// exist or starts outside its Bounds, and regimes whose potential runs away
// downwards without a floor to stop it.
func (m Model) Validate() error {
	vals, err := m.Values()
	if err != nil {
		return err
	}
	f, _ := FormNamed(m.Form)
	for i, p := range f.Params {
		if !finite(vals[i]) {
			return fmt.Errorf("neuron %s: %s is %v, not a finite number", m.Form, p.Name, vals[i])
		}
	}
	if err := m.validateReset(); err != nil {
		return err
	}
	if err := m.regime(f, f.Map(vals)); err != nil {
		return err
	}
	return m.validateLearn(f)
}

func (m Model) validateReset() error {
	switch {
	case !finite(m.Threshold):
		return fmt.Errorf("neuron %s: threshold θ is %v, not a finite number", m.Form, m.Threshold)
	case !finite(m.ResetValue):
		return fmt.Errorf("neuron %s: reset value is %v, not a finite number", m.Form, m.ResetValue)
	case m.Threshold <= m.ResetValue:
		return fmt.Errorf("neuron %s: threshold %v must lie above the reset value %v, or the neuron never stops firing", m.Form, m.Threshold, m.ResetValue)
	case m.Reset != HardReset && m.Reset != SoftReset:
		return fmt.Errorf("neuron %s: reset is %q, expected %q or %q", m.Form, m.Reset, HardReset, SoftReset)
	case m.Reset == SoftReset && m.Threshold <= 0:
		return fmt.Errorf("neuron %s: a soft reset subtracts the threshold, which is %v; expected a positive one", m.Form, m.Threshold)
	case m.Floor != nil && !finite(*m.Floor):
		return fmt.Errorf("neuron %s: floor is %v, not a finite number", m.Form, *m.Floor)
	case m.Floor != nil && *m.Floor > m.ResetValue:
		return fmt.Errorf("neuron %s: floor %v lies above the reset value %v", m.Form, *m.Floor, m.ResetValue)
	}
	return nil
}

func (m Model) validateLearn(f Form) error {
	for i, name := range m.Learn {
		if !slices.ContainsFunc(f.Params, func(p ParamSpec) bool { return p.Name == name }) {
			return fmt.Errorf("neuron %s has no parameter %q to learn", m.Form, name)
		}
		if slices.Contains(m.Learn[:i], name) {
			return fmt.Errorf("neuron %s: parameter %q is listed twice to be learned", m.Form, name)
		}
		if lo, hi := m.Bounds(name); m.Params[name] < lo || m.Params[name] > hi {
			return fmt.Errorf("neuron %s: %s starts at %v, outside the interval [%v, %v] in which it is learned", m.Form, name, m.Params[name], lo, hi)
		}
	}
	return nil
}

// regime refuses maps that have lost what their form is about, and those that run
// away.
func (m Model) regime(form Form, f Map) error {
	quadratic := m.Form == "qif" || m.Form == "qif-euler"
	switch {
	case !finite(f.C2) || !finite(f.C1) || !finite(f.C0):
		return fmt.Errorf("neuron %s: its parameters overflow the polynomial %v·v² + %v·v + %v", m.Form, f.C2, f.C1, f.C0)
	case quadratic && f.C2 == 0:
		return fmt.Errorf("neuron %s: %s is 0, expected a quadratic coefficient other than 0; use lif or if for a linear map", m.Form, form.Params[0].Name)
	case m.Floor != nil:
		return nil
	case f.C2 < 0:
		return fmt.Errorf("neuron %s: %s is %v; a quadratic coefficient < 0 drives low potentials to −∞; set a floor", m.Form, form.Params[0].Name, f.C2)
	case f.C2 == 0 && f.C1 > 1:
		slope := "leak"
		if m.Form == "poly" {
			slope = "c1"
		}
		return fmt.Errorf("neuron %s: %s %v > 1 drives negative potentials to −∞; set a floor", m.Form, slope, f.C1)
	case f.C2 == 0 && f.C1 < -1 && m.Reset == SoftReset:
		// A hard reset ends each upward swing, so nothing grows.
		return fmt.Errorf("neuron %s: leak %v < −1 with a soft reset makes the potential oscillate without bound; set a floor", m.Form, f.C1)
	}
	return nil
}

// Bounds returns the interval in which learning keeps a parameter, so that the
// neuron stays in the regime in which Validate accepted it. The curvature of the
// two QIF forms keeps its sign and does not vanish. A floor permits everything
// else; without one the curvature of a polynomial stays positive, and the slope of
// a line within [0, 1].
func (m Model) Bounds(param string) (lo, hi float64) {
	const least = 1e-3 // of a curvature: below it the map is a line
	line := m.Form == "lif" || m.Form == "poly" && m.Params["c2"] == 0
	switch {
	case (param == "a" || param == "kappa") && m.Params[param] < 0:
		return math.Inf(-1), -least
	case param == "a" || param == "kappa":
		return least, math.Inf(1)
	case m.Floor != nil:
	case param == "c2":
		return least, math.Inf(1)
	case line && (param == "leak" || param == "c1"):
		return 0, 1
	}
	return math.Inf(-1), math.Inf(1)
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }
