package analysis

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText prints the study for people.
func (s *Timesteps) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d samples\n\naccuracy in %% (± standard error) of evaluating with so many steps\n", s.Data, s.Samples)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "steps\t")
	most := 0
	for _, r := range s.Runs {
		fmt.Fprintf(t, "%s, %s\tfiring rate at t\t", r.Name, r.Loss)
		most = max(most, len(r.Accuracy))
	}
	fmt.Fprintln(t)
	for i := range most {
		fmt.Fprintf(t, "%d\t", i+1)
		for _, r := range s.Runs {
			if i >= len(r.Accuracy) {
				fmt.Fprint(t, "–\t–\t")
				continue
			}
			mark := ""
			if i+1 == r.Trained {
				mark = "trained  "
			}
			a := r.Accuracy[i]
			fmt.Fprintf(t, "%s%.2f ± %.2f\t%.4f\t", mark, 100*a.Accuracy, 100*a.Error, a.Rate)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	for _, r := range s.Runs {
		r.writeText(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r TimestepRun) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\npotential before firing and width of the window: per step, and pooled over t = 1 to %d\n", r.title(), r.Trained)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\tt\trate\tmean\tσ\tpredicted σ\tper step\t/σ\tpooled\t/σ\t")
	for i, l := range r.Layers {
		if !shown(i, len(r.Layers)) {
			continue
		}
		for _, s := range l.Steps {
			fmt.Fprintf(t, "%s\t%d\t%.4f\t%.4f\t%.4f\t%s\t%s\t%s\t%s\t%s\t\n", l.Node, s.T, s.Rate, s.Mean, s.SD,
				cell(s.PredictedSD, "%.4f"), cell(s.PerStep, "%.4f"), cell(relativeWidth(s, s.PerStep), "%.3f"),
				cell(s.PooledWidth, "%.4f"), cell(relativeWidth(s, s.PooledWidth), "%.3f"))
		}
	}
	t.Flush()
	fmt.Fprint(b, "\nwidth over measured σ, largest over smallest of the steps of training: 1 where windows follow the potential\n")
	t = tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\twindow\tper step\tpooled\t")
	for i, l := range r.Layers {
		if shown(i, len(r.Layers)) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", l.Node, l.Policy, cell(l.SpreadPerStep, "%.3f"), cell(l.SpreadPooled, "%.3f"))
		}
	}
	t.Flush()
	if r.Note != "" {
		fmt.Fprintln(b, r.Note)
	}
}
