package analysis

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qif-snn/qif/window"
)

// WriteText prints the study for people.
func (s WindowStudy) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; θ = %s, %s, %s\n", describe(s.Neuron, s.Params), exact(s.Threshold), resetText(s.Reset, s.ResetValue), floorText(s.Floor))
	fmt.Fprintf(&b, "input of mean %s and deviation %s", short(s.Input.Mean), short(s.Input.SD))
	if s.Input.Rho > 0 {
		fmt.Fprintf(&b, ", a share of %s of its variance constant over time", exact(s.Input.Rho))
	}
	b.WriteString("\n\nmembrane potential before firing\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "t\tsource\tmean\t±\tσ\t±\trate\t±\tdensity at θ\t±\t")
	for _, step := range s.Steps {
		writeMoments(table, fmt.Sprint(step.T), "closed", step.Closed)
		writeMoments(table, "", "exact", step.Exact)
		if m := step.Simulated; m != nil {
			fmt.Fprintf(table, "\tsimulated\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t\n",
				m.Mean, m.Errors.Mean, m.SD, m.Errors.SD, m.Rate, m.Errors.Rate, m.Density, m.Errors.Density)
		}
	}
	table.Flush()
	fmt.Fprintf(&b, "\nwindows, %s: width (share of potentials inside)\n", s.Shape)
	table = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "t\t%s\t\n", strings.Join(s.Policies, "\t"))
	for _, step := range s.Steps {
		fmt.Fprintf(table, "%d\t", step.T)
		for _, p := range s.Policies {
			fmt.Fprint(table, cell(step.Windows[p], "%.4f"))
			if c := step.Coverage[p]; c != nil {
				fmt.Fprintf(table, " (%.3f)", *c)
			}
			fmt.Fprint(table, "\t")
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	s.writeClosures(&b)
	s.writeProblems(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeMoments(w io.Writer, t, source string, m *StudyMoments) {
	if m == nil {
		fmt.Fprintf(w, "%s\t%s\t–\t\t–\t\t–\t\t–\t\t\n", t, source)
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%.4f\t\t%.4f\t\t%.4f\t\t%.4f\t\t\n", t, source, m.Mean, m.SD, m.Rate, m.Density)
}

// cell writes a number, or a dash where there is none.
func cell(v *float64, format string) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf(format, *v)
}

// writeClosures prints how far every closed form is from the exact density.
func (s WindowStudy) writeClosures(b *strings.Builder) {
	b.WriteString("\nlargest error of the closed forms over these steps\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tσ, relative\trate\t")
	for i, p := range window.Predictors {
		var sd, rate float64
		compared := 0
		for _, step := range s.Steps {
			m := step.Closures[p.Name]
			if i == 0 {
				m = step.Closed
			}
			if m != nil && step.Exact != nil {
				e := m.against(*step.Exact)
				sd, rate = max(sd, e.SD), max(rate, e.Rate)
				compared++
			}
		}
		if compared == 0 {
			fmt.Fprintf(table, "%s\t–\t–\t%s\n", p.Name, p.Doc)
		} else {
			fmt.Fprintf(table, "%s\t%.1e\t%.1e\t%s\n", p.Name, sd, rate, p.Doc)
		}
	}
	table.Flush()
}

func (s WindowStudy) writeProblems(b *strings.Builder) {
	names := []string{"exact", "simulated"}
	for _, p := range window.Predictors {
		names = append(names, p.Name)
	}
	for _, p := range s.Policies {
		names = append(names, windowKey(p))
	}
	for _, name := range names {
		if text, ok := s.Problems[name]; ok {
			fmt.Fprintf(b, "\n%s: %s", name, text)
		}
	}
	if len(s.Problems) > 0 {
		b.WriteString("\n")
	}
}
