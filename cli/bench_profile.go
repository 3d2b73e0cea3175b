package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
)

func newBenchProfile() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Show where the time of a step goes",
		Long: `Profile measures as bench step does, prints the time of each operation of each
layer in one step, longest first, and writes a CPU profile for pprof. Where the
engine labels its operations, pprof can group by layer, op and direction.`,
		Example: `  qif bench profile --net resnet19-128 --repeat 5
  qif bench profile --mode infer --out infer.pprof
  go tool pprof -http :8080 profile.pprof                  # flame graph
  go tool pprof -tagroot layer,op -top profile.pprof`,
		Args: args(cobra.NoArgs),
	}
	flags := newBenchFlags(cmd)
	cmd.Flags().StringVar(&out, "out", "profile.pprof", "file for the CPU profile; empty: none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := flags.options(cmd)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		meter := newMeter(cmd.ErrOrStderr(), flags.quiet)
		o.Observe = meter.observe
		var r *bench.ProfileResult
		err = withFile(out, func(w io.Writer) (err error) {
			r, err = bench.Profile(ctx, o, w)
			return err
		})
		meter.close()
		return measured(cmd, err, func() bool { return r.Interrupted }, func(w io.Writer) error {
			if flags.asJSON {
				return printJSON(w, r)
			}
			printProfile(w, r)
			if out != "" {
				fmt.Fprintf(w, "\nCPU profile in %s; look at it with: go tool pprof -http :8080 %s\n", out, out)
			}
			return nil
		})
	}
	return cmd
}

// withFile calls fn with a new file, or with nil if the path is empty. Of a
// failure no file remains.
func withFile(path string, fn func(w io.Writer) error) error {
	if path == "" {
		return fn(nil)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err = errors.Join(fn(f), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

func printProfile(w io.Writer, r *bench.ProfileResult) {
	printStep(w, r.StepResult)
	fmt.Fprintln(w)
	if !r.Timed {
		fmt.Fprintf(w, "Engine %s does not time its operations: there is no table, and the CPU profile shows functions alone.\n", r.Engine)
		return
	}
	ops := slices.Clone(r.Operations)
	slices.SortStableFunc(ops, func(a, b bench.OpCost) int { return cmp.Compare(b.Seconds, a.Seconds) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\toperation\tdirection\tms\t% of step\tcalls")
	rest := 1.
	for _, c := range ops {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%.1f\t%.4g\n", c.Layer, c.Op, c.Direction, 1e3*c.Seconds, 100*c.Share, c.Calls)
		rest -= c.Share
	}
	fmt.Fprintf(t, "\tall else\t\t\t%.1f\n", 100*rest)
	t.Flush()
}
