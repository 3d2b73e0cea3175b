package cli

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
)

func newBenchStep() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "step",
		Short: "Measure whole steps of training or inference",
		Long: `Step builds a network, feeds it the images that come with the program, made to
fit its input, and measures steps of training (forward, backward, update) or of
inference (tdBN folded). It prints the median speed, the peak resident memory
and the firing rate of every layer at every time step.

What an event-driven engine takes depends on firing rates. Those of a fresh
network come by themselves; --rate moves the shifts of its tdBN until every layer
fires at about the rate given.`,
		Example: `  qif bench step
  qif bench step --net resnet19-128 --mode infer --batch 16 --steps 4
  qif bench step --neuron lif --leak .5 --rate .15 --threads 1 --repeat 20
  qif bench step --precision mixed --memory low
  qif bench step --level portable                   # without vector instructions
  qif bench step --net net.json --json`,
		Args: args(cobra.NoArgs),
	}
	flags := newBenchFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := flags.options(cmd)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		meter := newMeter(cmd.ErrOrStderr(), flags.quiet)
		o.Observe = meter.observe
		r, err := bench.Step(ctx, o)
		meter.close()
		return measured(cmd, err, func() bool { return r.Interrupted }, func(w io.Writer) error {
			if flags.asJSON {
				return printJSON(w, r)
			}
			printStep(w, r)
			return nil
		})
	}
	return cmd
}

func printStep(w io.Writer, r *bench.StepResult) {
	how := engine.DescribePrecision(r.Precision, r.Effective)
	if r.Memory != "" {
		how += ", memory " + r.Memory
	}
	fmt.Fprintf(w, "%s %s: batch %d, T = %d, %s, %d threads, engine %s\n", r.Net, r.Mode, r.Batch, r.Steps, how, r.Threads, r.Engine)
	fmt.Fprintf(w, "fed        %s\n", r.Images)
	fmt.Fprintf(w, "speed      %.4g samples/s\n", r.SamplesPerSecond)
	s := r.SecondsPerStep
	fmt.Fprintf(w, "step       %.4g ms, median of %d; middle half %.4g to %.4g, all %.4g to %.4g\n", 1e3*r.MedianSeconds, len(s),
		1e3*bench.Quantile(s, .25), 1e3*bench.Quantile(s, .75), 1e3*slices.Min(s), 1e3*slices.Max(s))
	fmt.Fprintf(w, "memory     %.0f MiB resident at most\n", float64(r.PeakRSS)/(1<<20))
	if r.ForcedRate > 0 {
		fmt.Fprintf(w, "rate       forced to %.1f %%; what was reached stands below\n", 100*r.ForcedRate)
	}
	fmt.Fprintln(w, "firing %   per step, and on average")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, l := range r.Layers {
		sum := 0.
		fmt.Fprintf(t, "%s", l)
		for _, v := range r.FiringRates[i] {
			fmt.Fprintf(t, "\t%.1f", 100*v)
			sum += v
		}
		fmt.Fprintf(t, "\t%.1f\n", 100*sum/float64(len(r.FiringRates[i])))
	}
	t.Flush()
}
