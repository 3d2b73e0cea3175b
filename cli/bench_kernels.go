package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
)

func newBenchKernels() *cobra.Command {
	var match, level string
	var seconds float64
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "Measure the engine's kernels against the machine's limits",
		Long: `Kernels measures what the machine can do, multiplying and adding in registers
and copying memory, and then each of the engine's kernels with one thread, two,
and so on. GFLOPS count zeros as if they were computed with, so kernels that skip
them can exceed the peak.`,
		Example: `  qif bench kernels
  qif bench kernels --match conv --threads 1 --seconds 1
  qif bench kernels --level avx2                    # as a processor without AVX-512 would
  qif bench kernels --json`,
		Args: args(cobra.NoArgs),
	}
	flags := recipe.NewFlags(cmd.Flags(), "threads", "engine")
	f := cmd.Flags()
	f.StringVar(&match, "match", "", "measure only kernels whose name contains this")
	levelFlag(cmd, &level)
	f.Float64Var(&seconds, "seconds", .25, "for each kernel and number of threads")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := recipe.Default()
		if err := applied(flags)(&r); err != nil {
			return err
		}
		if !(seconds > 0) {
			return usagef("--seconds is %v, expected more than 0", seconds)
		}
		e, err := engine.Named(r.Engine)
		if err != nil {
			return usageError{err}
		}
		if err := checkLevel(e, level); err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		meter := newMeter(cmd.ErrOrStderr(), quiet)
		res, err := bench.Kernels(ctx, bench.KernelOptions{
			Engine: e, Level: level, Threads: r.Threads, Match: match,
			Time: time.Duration(seconds * float64(time.Second)), Observe: meter.observe,
		})
		meter.close()
		return measured(cmd, err, func() bool { return res.Interrupted }, func(w io.Writer) error {
			if asJSON {
				return printJSON(w, res)
			}
			printKernels(w, res)
			return nil
		})
	}
	return cmd
}

func printKernels(w io.Writer, r *bench.KernelResult) {
	fmt.Fprintf(w, "engine %s\n", r.Engine)
	for _, l := range r.Limits {
		fmt.Fprintf(w, "limits with %d threads: %.1f GFLOPS in registers, %.1f GB/s copying (reads and writes)\n", l.Threads, l.FMAPeak, l.CopySpeed)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kernel\tshape\trate\tthreads\tµs\tGFLOPS\t% of peak\tGB/s\t% of copy")
	for _, k := range r.Kernels {
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%d\t%.4g\t%s\t%s\n", k.Name, k.Shape, k.Rate, k.Threads, k.Microseconds,
			against(k.GFLOPS, k.FractionOfPeak), against(k.GBytes, k.FractionOfCopy))
	}
	t.Flush()
}

// against prints a speed and its share of the limit, or dashes where it is not
// counted.
func against(speed, share float64) string {
	if speed == 0 {
		return "–\t–"
	}
	return fmt.Sprintf("%.1f\t%.1f", speed, 100*share)
}
