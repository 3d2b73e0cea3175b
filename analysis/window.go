package analysis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// WindowOptions says what to work out about a neuron's membrane potential and its
// surrogate windows.
type WindowOptions struct {
	Input    window.Input
	Steps    int // T
	Shape    window.Shape
	Policies []string // text forms; results carry them as they stand here

	Samples  int // simulated neurons, 0 for none
	Seed     uint64
	Threads  int       // 0: as many as Go may use
	Progress func(int) // if not nil, told how many neurons are simulated
}

// DefaultWindowPolicies are the policies that show what there is to choose from.
var DefaultWindowPolicies = []string{"sigma:1", "sigma:2", "bandwidth", "exact"}

// WindowStudy is the membrane potential before firing at steps 1..T as closed
// form, exact density and simulation have it, and the windows made from it.
type WindowStudy struct {
	Neuron     string       `json:"neuron"`
	Params     []Param      `json:"params"`
	Threshold  float64      `json:"threshold"`
	Reset      string       `json:"reset"`
	ResetValue float64      `json:"reset_value"`
	Floor      *float64     `json:"floor,omitempty"`
	Input      InputOfStudy `json:"input"`
	Shape      window.Shape `json:"window_shape"`
	Policies   []string     `json:"policies"`
	Steps      []StudyStep  `json:"steps"`
	// Problems says why numbers of a source or a policy are missing.
	Problems map[string]string `json:"problems,omitempty"`

	dynamics  neuron.Dynamics
	densities []window.Mixture // the exact ones, as far as there are any
}

// InputOfStudy is the distribution of the input.
type InputOfStudy struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	Rho  float64 `json:"rho"` // share of the variance that is constant over time
}

// StudyStep is one time step. What a source cannot tell is nil.
type StudyStep struct {
	T         int                      `json:"t"`
	Closed    *StudyMoments            `json:"closed"`
	Exact     *StudyMoments            `json:"exact"`
	Simulated *SimulatedMoments        `json:"simulated"`
	Closures  map[string]*StudyMoments `json:"closures"` // other closed forms
	Windows   map[string]*float64      `json:"windows"`  // rectangle-equivalent width of each policy
	// Coverage is P(|u−θ| < α/2) and Bias E[h(u−θ)] − p(θ), by the exact density.
	Coverage map[string]*float64 `json:"coverage"`
	Bias     map[string]*float64 `json:"bias"`
}

// StudyMoments are the moments of the potential before firing.
type StudyMoments struct {
	Mean    float64 `json:"mean"`
	SD      float64 `json:"sd"`
	Rate    float64 `json:"rate"`
	Density float64 `json:"density_at_threshold"`
}

// SimulatedMoments are estimates with their standard errors.
type SimulatedMoments struct {
	StudyMoments
	Errors  StudyMoments `json:"standard_errors"`
	Samples int          `json:"samples"`
	Escaped int          `json:"escaped"` // neurons that have run away
}

func studyMoments(m window.Moments) *StudyMoments {
	s := StudyMoments{m.Mean, m.Std, m.Rate, m.Density}
	if !finite(s.Mean) || !finite(s.SD) || !finite(s.Rate) || !finite(s.Density) {
		return nil
	}
	return &s
}

func (o WindowOptions) check() error {
	if o.Steps < 1 || o.Steps > maxSteps {
		return fmt.Errorf("time steps T: %d, expected 1 to %d", o.Steps, maxSteps)
	}
	if err := o.Input.Validate(); err != nil {
		return err
	}
	if o.Samples < 0 || o.Samples == 1 {
		return fmt.Errorf("%d samples, expected 0 for no simulation, or at least 2", o.Samples)
	}
	for i, text := range o.Policies {
		if slices.Contains(o.Policies[:i], text) {
			return fmt.Errorf("window policy %q is listed twice", text)
		}
	}
	return nil
}

// StudyWindow works out a neuron's potential and its windows. It refuses invalid
// models and options, and ends with the context. A potential that runs away is no
// error: its numbers end before, and Problems names the step.
func StudyWindow(ctx context.Context, m neuron.Model, o WindowOptions) (WindowStudy, error) {
	d, err := m.Dynamics()
	if err != nil {
		return WindowStudy{}, err
	}
	if err := o.check(); err != nil {
		return WindowStudy{}, err
	}
	s := WindowStudy{
		Neuron: m.Form, Params: params(m), Threshold: d.Threshold, Reset: m.Reset, ResetValue: d.ResetValue, Floor: m.Floor,
		Input: InputOfStudy{o.Input.Mean, o.Input.Std, o.Input.Rho}, Shape: o.Shape, Policies: o.Policies,
		Steps: make([]StudyStep, o.Steps), Problems: map[string]string{}, dynamics: d,
	}
	for t := range s.Steps {
		s.Steps[t] = StudyStep{
			T: t + 1, Closures: map[string]*StudyMoments{}, Windows: map[string]*float64{},
			Coverage: map[string]*float64{}, Bias: map[string]*float64{},
		}
	}
	if err := s.predict(o); err != nil {
		return WindowStudy{}, err
	}
	if err := s.windows(o); err != nil {
		return WindowStudy{}, err
	}
	if o.Samples == 0 {
		return s, nil
	}
	return s, s.simulate(ctx, o)
}

// untilRunaway calls predict with as many steps as the potential stays bounded
// for, and notes why these are not all.
func (s *WindowStudy) untilRunaway(source string, predict func(steps int) error) error {
	err := predict(len(s.Steps))
	var away *window.Runaway
	if !errors.As(err, &away) {
		return err
	}
	s.Problems[source] = away.Error()
	if away.Step == 1 {
		return nil
	}
	return predict(away.Step - 1)
}

// predict fills in closed forms and exact density.
func (s *WindowStudy) predict(o WindowOptions) error {
	for i, p := range window.Predictors {
		err := s.untilRunaway(p.Name, func(steps int) error {
			all, err := p.Predict(s.dynamics, o.Input, steps)
			for t, m := range all {
				if i == 0 { // the one in use
					s.Steps[t].Closed = studyMoments(m)
				} else {
					s.Steps[t].Closures[p.Name] = studyMoments(m)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		for t := range s.Steps {
			if _, ok := s.Steps[t].Closures[p.Name]; !ok && i > 0 {
				s.Steps[t].Closures[p.Name] = nil
			}
		}
	}
	return s.untilRunaway("exact", func(steps int) error {
		all, err := window.Exact(s.dynamics, o.Input, steps)
		for t, step := range all {
			s.Steps[t].Exact = studyMoments(step.Moments)
			s.densities = append(s.densities, step.Mixture)
		}
		return err
	})
}

// windowKey is the key of a policy's problem; a source may have the policy's name.
func windowKey(policy string) string { return "window " + policy }

// windows fills in what each policy makes of the potential, as training does.
func (s *WindowStudy) windows(o WindowOptions) error {
	for _, text := range o.Policies {
		policy, err := window.ParsePolicy(text)
		if err != nil {
			return err
		}
		w, err := window.Spec{Policy: policy, Shape: o.Shape}.Compute(s.dynamics, o.Input, o.Steps)
		if err != nil {
			if spec := (window.Spec{Policy: policy, Shape: o.Shape}).Validate(); spec != nil {
				return spec
			}
			s.Problems[windowKey(text)] = err.Error()
		}
		for t := range s.Steps {
			step := &s.Steps[t]
			step.Windows[text], step.Coverage[text], step.Bias[text] = nil, nil, nil
			if err != nil {
				continue
			}
			width := w.Widths[t]
			step.Windows[text] = &width
			if t < len(s.densities) {
				m := s.densities[t]
				step.Coverage[text] = number(m.Between(s.Threshold-width/2, s.Threshold+width/2), true)
				step.Bias[text] = number(m.WindowMean(o.Shape, width, s.Threshold)-m.Density(s.Threshold), true)
			}
		}
	}
	return nil
}

func (s *WindowStudy) simulate(ctx context.Context, o WindowOptions) error {
	all, err := window.Simulate(ctx, s.dynamics, o.Input, window.Simulation{
		Steps: o.Steps, Samples: o.Samples, Seed: o.Seed, Threads: o.Threads, Progress: o.Progress,
	})
	if err != nil {
		return err
	}
	for t, m := range all {
		estimate, errors := studyMoments(m.Moments), studyMoments(m.Errors)
		if estimate == nil || errors == nil || m.Samples-m.Escaped < 2 {
			s.Problems["simulated"] = fmt.Sprintf("membrane potential runs away at step %d: of %d neurons %d are left", t+1, m.Samples, m.Samples-m.Escaped)
			return nil
		}
		s.Steps[t].Simulated = &SimulatedMoments{*estimate, *errors, m.Samples, m.Escaped}
	}
	return nil
}
