package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// rehearse takes the first steps of a run without a folder, and prints what the
// whole would take.
func rehearse(ctx context.Context, cmd *cobra.Command, r recipe.Recipe, asJSON, quiet bool) error {
	m := newMeter(cmd.ErrOrStderr(), quiet)
	defer m.close()
	report := func(phase string, done float64) { m.observe(bench.Progress{Phase: phase, Done: done}) }
	report("reading data", 0)
	s, err := train.Prepare(r)
	if err != nil {
		return err
	}
	p, err := train.Rehearse(ctx, s, report)
	if err != nil {
		return err
	}
	m.close()
	if asJSON {
		return printJSON(cmd.OutOrStdout(), p)
	}
	return writePlan(cmd.OutOrStdout(), p)
}

func writePlan(w io.Writer, p *train.Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "recipe\t%s\n", p.Name)
	fmt.Fprintf(t, "network\t%s of %s neurons: %d parameters, %.4g M multiply-accumulates a step, T = %d\n",
		p.Net, p.Neuron, p.Params, float64(p.MACs)/1e6, p.TimeSteps)
	fmt.Fprintf(t, "data\t%s: samples of %s, %d classes\n", p.Data, p.Input, p.Classes)
	fmt.Fprintf(t, "samples\t%d for training, %d for validation, %d for test\n", p.Train, p.Validation, p.Test)
	fmt.Fprintf(t, "updates\t%d per epoch, of batches of %d; %d epochs\n", p.Updates, p.Batch, p.Epochs)
	fmt.Fprintf(t, "engine\t%s, %s\n", p.Engine, p.Precision)
	fmt.Fprintf(t, "memory\t%.0f MiB at most, measured over the steps taken\n", float64(p.PeakRSS)/(1<<20))
	fmt.Fprintf(t, "step\t%.4g s, mean of %d; validation batch %.4g s\n", p.StepSeconds, p.Measured, p.ValidationSeconds)
	fmt.Fprintf(t, "epoch\t%s with validation, projected\n", span(p.EpochSeconds))
	fmt.Fprintf(t, "run\t%s, projected\n", span(p.RunSeconds))
	return t.Flush()
}

// span writes a projected time for people.
func span(seconds float64) string {
	if days := seconds / 86400; days >= 3 {
		return fmt.Sprintf("%.3g days", days)
	}
	return duration(time.Duration(seconds * float64(time.Second)))
}
