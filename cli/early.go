package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/report"
	"github.com/qif-snn/qif/report/plotstyle"
	"github.com/qif-snn/qif/train"
)

// curveMargins are the margins of --early-exit-curve.
var curveMargins = []float64{.01, .05, .1, .2, .3, .5, .7, .8, .9, .95, .99, .999}

// earlyFlags are eval's flags for early exit.
type earlyFlags struct {
	margin float64
	curve  bool
	plot   string
}

func (e *earlyFlags) add(cmd *cobra.Command) {
	addMargin(cmd, &e.margin)
	f := cmd.Flags()
	f.BoolVar(&e.curve, "early-exit-curve", false, "early exit at a list of margins")
	f.StringVar(&e.plot, "plot", "", "draw the curve to this file, .png or .svg")
}

// addMargin adds the flag --early-exit.
func addMargin(cmd *cobra.Command, margin *float64) {
	cmd.Flags().Float64Var(margin, "early-exit", 0, "end where the largest class probability exceeds the second by so much, within (0, 1); 0: never")
}

// checkMargin says what is wrong with a margin that was given.
func checkMargin(cmd *cobra.Command, margin float64) error {
	if !cmd.Flags().Changed("early-exit") || margin == 0 {
		return nil
	}
	if err := engine.CheckMargin(margin); err != nil {
		return usagef("--early-exit: %w", err)
	}
	return nil
}

// margins returns those that the flags ask for.
func (e *earlyFlags) margins(cmd *cobra.Command) ([]float64, error) {
	if err := checkMargin(cmd, e.margin); err != nil {
		return nil, err
	}
	switch {
	case e.curve && e.margin != 0:
		return nil, usagef("--early-exit and --early-exit-curve exclude each other")
	case e.plot != "" && !e.curve:
		return nil, usagef("--plot draws the curve of --early-exit-curve; give that too")
	case e.plot != "" && !plotstyle.Known(e.plot):
		return nil, usagef("--plot is %q, expected a file ending in .png or .svg", e.plot)
	case e.curve:
		return curveMargins, nil
	case e.margin != 0:
		return []float64{e.margin}, nil
	}
	return nil, nil
}

// save draws the curve if a file is given.
func (e *earlyFlags) save(c *train.Checkpoint, ev *train.Evaluation, exits []train.EarlyExit) error {
	if e.plot == "" {
		return nil
	}
	curve := report.ExitCurve{PerStep: ev.PerStep}
	for _, x := range exits {
		curve.Points = append(curve.Points, report.ExitPoint{Margin: x.Margin, Steps: x.MeanSteps, Accuracy: x.Accuracy})
	}
	return report.ExitFigure(fmt.Sprintf("Early exit of %s, %d images", c.Graph.Name, ev.Samples), curve).Save(e.plot)
}

// printExits prints early exit at each margin, and the run of all steps last.
func printExits(w io.Writer, ev *train.Evaluation, exits []train.EarlyExit) {
	steps := len(ev.PerStep)
	groups := stepGroups(steps)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "margin\taccuracy\tmean steps\tsamples/s\t")
	for _, g := range groups {
		fmt.Fprintf(t, "%s\t", g)
	}
	fmt.Fprintln(t)
	for _, x := range exits {
		fmt.Fprintf(t, "%v\t%.2f %%\t%.3f\t%.0f\t", x.Margin, 100*x.Accuracy, x.MeanSteps, x.SamplesPerSecond)
		for _, g := range groups {
			fmt.Fprintf(t, "%.1f %%\t", 100*g.share(x.Steps, ev.Samples))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "off\t%.2f %%\t%d\t%.0f\t\n", 100*ev.Accuracy, steps, ev.SamplesPerSecond)
	t.Flush()
}

// stepGroup is a column of the histogram of steps taken.
type stepGroup struct{ first, last int }

// mostGroups is how many columns the histogram has at most.
const mostGroups = 8

// stepGroups divides 1 to steps into few groups.
func stepGroups(steps int) []stepGroup {
	size := (steps + mostGroups - 1) / mostGroups
	var groups []stepGroup
	for first := 1; first <= steps; first += size {
		groups = append(groups, stepGroup{first, min(first+size-1, steps)})
	}
	return groups
}

func (g stepGroup) String() string {
	if g.first == g.last {
		return fmt.Sprintf("t = %d", g.first)
	}
	return fmt.Sprintf("t = %d–%d", g.first, g.last)
}

// share is the share of the samples that took a number of steps of the group.
func (g stepGroup) share(histogram []int, samples int) float64 {
	n := 0
	for _, c := range histogram[g.first-1 : g.last] {
		n += c
	}
	return float64(n) / float64(samples)
}
