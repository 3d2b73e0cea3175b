package window

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The kinds of policy.
const (
	Sigma     = "sigma"     // value k: α = k·σ
	Fixed     = "fixed"     // value α
	Bandwidth = "bandwidth" // value N: α = 2σ·(12√π/N)^⅕
	Measured  = "measured"  // value k: α = k·σ of the potential as training measures it
	Learned   = "learned"   // α is trained; value α at the start, or 0: where Bandwidth puts it

	// ExactDensity has the value N: α makes the squared error about the density at θ
	// least, as the density itself gives it.
	ExactDensity = "exact"
)

// DefaultTerms is the number of gradient terms N that "bandwidth" and "exact"
// stand for. It gives α = .93 σ by "bandwidth".
const DefaultTerms = 1000

// A Policy is a rule that turns the moments of a membrane potential into the
// rectangle-equivalent width α of its surrogate window. Its text form, which
// JSON also uses, is the kind and the value: "sigma:2", "fixed:1",
// "bandwidth:1000", or "bandwidth" for DefaultTerms; "measured:2", or "measured"
// for the factor that "bandwidth" has; "learned:1", or "learned".
//
// Measured and Learned give the width at which training starts: the closed form's
// moments stand for measured ones, and a learned width begins at its value, or
// where "bandwidth" puts it.
//
// Sigma with k = 2 is the rule of LSG for LIF neurons, α = 2θ√(1+β²) (Lian et
// al., "Learnable surrogate gradient for direct training spiking neural
// networks", IJCAI 2023), applied to any neuron's σ.
//
// Bandwidth is our derivation. A window is a kernel estimate of the density p(θ)
// at the threshold: d/dε P(u+ε ≥ θ) = p(θ), while E[h] = P(|u−θ| < α/2)/α. Over
// the N terms (pixels, steps, samples) that share a weight's gradient, its bias
// is p″(θ)·α²/24 and its variance p(θ)/(N·α) to leading order. For a normal
// density, their sum, the squared error, integrated over all thresholds is least
// at α = 2σ·(12√π/N)^⅕.
//
// ExactDensity minimises that squared error for the exact density and without
// expanding it, over thresholds near θ; localerror.go says why not at θ alone. Only
// Spec.Compute, which knows the neuron, can apply it.
type Policy struct {
	Kind  string
	Value float64
}

// ParsePolicy returns the policy of that text form.
func ParsePolicy(s string) (Policy, error) {
	kind, text, valued := strings.Cut(s, ":")
	p := Policy{Kind: kind}
	switch {
	case valued:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Policy{}, fmt.Errorf("window policy %q: value %q is not a number", s, text)
		}
		if p.Value = v; v == 0 { // which Learned has a meaning of its own for
			return Policy{}, p.refused()
		}
	case kind == Bandwidth || kind == ExactDensity:
		p.Value = DefaultTerms
	case kind == Measured:
		p.Value = bandwidth(DefaultTerms)
	case kind == Sigma || kind == Fixed:
		return Policy{}, fmt.Errorf("window policy %q needs a value, as in %s:1", s, kind)
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// String returns the policy's text form, which ParsePolicy reads back exactly.
func (p Policy) String() string {
	if p.Kind == Learned && p.Value == 0 || p.Kind == Measured && p.Value == bandwidth(DefaultTerms) {
		return p.Kind
	}
	return p.Kind + ":" + strconv.FormatFloat(p.Value, 'g', -1, 64)
}

// MarshalText returns the policy's text form. It fails where Validate does.
func (p Policy) MarshalText() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return []byte(p.String()), nil
}

// UnmarshalText sets the policy to that of the text form.
func (p *Policy) UnmarshalText(text []byte) error {
	q, err := ParsePolicy(string(text))
	if err != nil {
		return err
	}
	*p = q
	return nil
}

// Validate refuses an unknown kind and a value that is not finite and positive.
func (p Policy) Validate() error {
	switch p.Kind {
	case Sigma, Fixed, Bandwidth, ExactDensity, Measured:
	case Learned:
		if p.Value == 0 {
			return nil
		}
	default:
		return fmt.Errorf("unknown window policy %q; known: %s:k, %s:α, %s:N, %s:N, %s:k, %s:α", p.Kind, Sigma, Fixed, Bandwidth, ExactDensity, Measured, Learned)
	}
	if !finite(p.Value) || p.Value <= 0 {
		return p.refused()
	}
	return nil
}

func (p Policy) refused() error {
	return fmt.Errorf("window policy %s: value %v, expected a positive number", p.Kind, p.Value)
}

// Widths returns the rectangle-equivalent width of the window at each step, in
// units of the potential. It refuses, naming the step, a width that is not
// finite and positive, and the policy that needs more than moments.
func (p Policy) Widths(m []Moments) ([]float64, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Kind == ExactDensity {
		return nil, fmt.Errorf("window policy %v needs the density, not only its moments", p)
	}
	widths := make([]float64, len(m))
	for t, s := range m {
		w := p.width(s)
		if !finite(w) || w <= 0 {
			return nil, fmt.Errorf("window policy %v gives width %v at step %d, where the potential's deviation is %v", p, w, t+1, s.Std)
		}
		widths[t] = w
	}
	return widths, nil
}

func (p Policy) width(m Moments) float64 {
	switch {
	case p.Kind == Sigma || p.Kind == Measured:
		return p.Value * m.Std
	case p.Kind == Bandwidth:
		return m.Std * bandwidth(p.Value)
	case p.Kind == Learned && p.Value == 0:
		return m.Std * bandwidth(DefaultTerms)
	default:
		return p.Value
	}
}

// bandwidth is the width by the policy of that name, in deviations.
func bandwidth(terms float64) float64 { return 2 * math.Pow(12*math.Sqrt(math.Pi)/terms, .2) }

// WidthsOf is Widths for every policy, from the distributions at all steps and
// the threshold.
func (p Policy) WidthsOf(steps []Step, theta float64) ([]float64, error) {
	if p.Kind != ExactDensity {
		return p.Widths(momentsOf(steps))
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	widths := make([]float64, len(steps))
	for t, s := range steps {
		w, err := s.Mixture.exactWidth(theta, s.Std, p.Value)
		if err != nil {
			return nil, fmt.Errorf("window policy %v at step %d: %w", p, t+1, err)
		}
		widths[t] = w
	}
	return widths, nil
}
