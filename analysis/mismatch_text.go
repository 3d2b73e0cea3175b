package analysis

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteText prints the comparison for people.
func (m *Mismatch) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, %s: T = %d, %d samples, loss %.4f, accuracy %.2f %% in training mode\n",
		m.Network, m.Task, m.State, m.Steps, m.Samples, m.Loss, 100*m.Accuracy)
	m.writePotentials(&b)
	fmt.Fprintf(&b, "\nGradients: %d weights, noise of %s of each matrix's deviation, %d antithetic pairs; surrogate gradients averaged over %d points.\n",
		m.Weights, short(m.Noise), m.Pairs, 2*m.Average)
	fmt.Fprint(&b, "cosine: of the gradient at the weights themselves with the smoothed true gradient; averaged: of its\nmean over the noise, so bias alone; norm: of that mean, in units of the true gradient's; ± one standard\nerror; —: not resolved\n")
	for k := range m.Candidates[0].Matches {
		m.writeMatches(&b, k)
	}
	if m.BestFixed >= 0 {
		fmt.Fprintf(&b, "\nThe best fixed width is %s.\n", m.Candidates[m.BestFixed].Policy)
		for _, c := range m.Candidates {
			if !c.Fixed && c.Shape == m.Candidates[m.BestFixed].Shape {
				fmt.Fprintln(&b, c.verdict())
			}
		}
	} else if m.Candidates[0].Matches[0].Cosine == nil {
		fmt.Fprintf(&b, "\nThe pairs do not resolve the true gradient of all matrices: spend more --pairs.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writePotentials prints what was predicted and measured, and how the policies'
// windows meet it.
func (m *Mismatch) writePotentials(b *strings.Builder) {
	b.WriteString("\nPotential before firing, predicted → measured over all neurons and samples\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\tt\tmean\tσ\trate\tdensity at θ\t")
	for _, l := range m.Layers {
		for _, s := range l.Steps {
			p, q := s.Predicted, s.Measured
			fmt.Fprintf(t, "%s\t%d\t%.3f → %.3f\t%.3f → %.3f\t%.3f → %.3f\t%.3f → %s\t\n",
				l.Node, s.Step, p.Mean, q.Mean, p.Std, q.Std, p.Rate, q.Rate, p.Density, plusMinus(q.Density))
		}
	}
	t.Flush()
	b.WriteString("\nWindows of the policies: width α, coverage P(|u−θ| < α/2), bias E[h] − p(θ)\n")
	t = tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "window\tlayer\tt\twidth\tcoverage\tbias\t")
	for i, c := range m.Candidates {
		if c.Fixed || c.Shape != m.Candidates[0].Shape {
			continue
		}
		for _, l := range m.Layers {
			for _, s := range l.Steps {
				w := s.Windows[i]
				fmt.Fprintf(t, "%s\t%s\t%d\t%.3f\t%.3f\t%s\t\n", c.Policy, l.Node, s.Step, w.Width, w.Coverage, plusMinus(w.Bias))
			}
		}
	}
	t.Flush()
}

// writeMatches prints the comparison of one matrix's gradient.
func (m *Mismatch) writeMatches(b *strings.Builder, k int) {
	switch head := m.Candidates[0].Matches[k]; {
	case head.Matrix == wholeName:
		b.WriteString("\nall matrices before neurons\n")
	case head.Exact:
		fmt.Fprintf(b, "\n%s, behind all neurons: its gradient is exact, which tells how good the estimates are\n", head.Matrix)
	default:
		fmt.Fprintf(b, "\n%s\n", head.Matrix)
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "window\tshape\tmean width\tcosine\taveraged\tnorm\tcosine less best fixed\t")
	for i, c := range m.Candidates {
		g := c.Matches[k]
		best := plusMinus(g.ToBest)
		if i == m.BestFixed {
			best = "best"
		}
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%s\t%s\t%s\t%s\t\n", c.Policy, c.Shape, c.Width,
			plusMinus(g.Cosine), plusMinus(g.Averaged), plusMinus(g.NormRatio), best)
		if g.Exact {
			break // the same for all, up to rounding
		}
	}
	t.Flush()
}

// verdict says how a policy does against the best fixed width.
func (c CandidateMatch) verdict() string {
	d := c.Matches[0].ToBest
	switch {
	case d == nil:
		return fmt.Sprintf("%s cannot be told apart from it: spend more --pairs.", c.Policy)
	case d.Value >= 0:
		return fmt.Sprintf("%s is at least as good.", c.Policy)
	case d.Value >= -d.Error:
		return fmt.Sprintf("%s is as good within the standard error.", c.Policy)
	}
	return fmt.Sprintf("%s falls short of it by %.4f ± %.4f.", c.Policy, -d.Value, d.Error)
}

// plusMinus prints an estimate with as many digits as its error bears.
func plusMinus(e *Estimate) string {
	if e == nil {
		return "—"
	}
	digits := 4
	if e.Error > 0 {
		digits = min(max(1-int(math.Floor(math.Log10(e.Error))), 2), 5)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, e.Value, digits, e.Error)
}
