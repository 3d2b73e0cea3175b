package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

func newEval() *cobra.Command {
	var asJSON bool
	var split string
	var early earlyFlags
	cmd := &cobra.Command{
		Use:   "eval CHECKPOINT",
		Short: "Measure a checkpoint's accuracy",
		Long: `Eval runs a checkpoint, or the one in a run's folder, on the data it was made
with: test data by default, or the validation images of its own split.

With early exit an image takes no more steps once its largest class probability
exceeds the second by a margin; a table compares that with running all steps.`,
		Example: `  qif eval runs/fashion-tiny-qif-seed1
  qif eval checkpoint.safetensors --split validation --json
  qif eval checkpoint.safetensors --steps 8     # more time steps than it was trained with
  qif eval checkpoint.safetensors --early-exit .9
  qif eval checkpoint.safetensors --early-exit-curve --plot curve.png`,
		Args: args(cobra.ExactArgs(1)),
	}
	flags := recipe.NewFlags(cmd.Flags(), "data", "steps", "batch", "precision", "threads", "engine", "limit", "on_bad", "frames_cache", "frames_memory")
	showDefaults(cmd, "as the run had it")
	cmd.Flags().StringVar(&split, "split", "test", "what to measure on: test, validation or train")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	early.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(train.Splits, split) {
			return usagef("--split is %q, expected %s", split, strings.Join(train.Splits, ", "))
		}
		margins, err := early.margins(cmd)
		if err != nil {
			return err
		}
		if err := checked(flags); err != nil {
			return err
		}
		c, err := train.ReadCheckpoint(args[0])
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		x, err := train.Examine(c, split, applied(flags))
		if err != nil {
			return err
		}
		defer x.Close()
		exits, err := x.RunEarly(ctx, margins...)
		if err != nil {
			return err
		}
		ev, err := x.Run(ctx)
		if err != nil {
			return err
		}
		if err := early.save(c, ev, exits); err != nil {
			return err
		}
		w := cmd.OutOrStdout()
		if asJSON {
			return printJSON(w, evaluated{
				args[0], split, x.Recipe.Steps, x.Recipe.Batch, x.Recipe.Precision, ev, ev.Rates(), exits,
			})
		}
		printEvaluation(w, c, ev, split)
		if len(exits) > 0 {
			fmt.Fprintf(w, "\nearly exit, in batches of %d\n", x.Recipe.Batch)
			printExits(w, ev, exits)
		}
		return nil
	}
	return cmd
}

// evaluated is what eval prints as JSON.
type evaluated struct {
	Checkpoint string `json:"checkpoint"`
	Split      string `json:"split"`
	Steps      int    `json:"steps"`
	Batch      int    `json:"batch"`
	Precision  string `json:"precision"`
	*train.Evaluation
	FiringRates [][]float64       `json:"firing_rates"`
	EarlyExit   []train.EarlyExit `json:"early_exit,omitempty"`
}

func printEvaluation(w io.Writer, c *train.Checkpoint, ev *train.Evaluation, split string) {
	fmt.Fprintf(w, "%s accuracy  %.2f %%  of %d samples, loss %.4f\n", split, 100*ev.Accuracy, ev.Samples, ev.Loss)
	fmt.Fprintf(w, "after step t   ")
	for _, a := range ev.PerStep {
		fmt.Fprintf(w, "  %.2f %%", 100*a)
	}
	fmt.Fprintln(w)
	for _, a := range ev.Neurons {
		fmt.Fprintf(w, "%-14s fires", a.Node)
		for _, r := range a.Rate {
			fmt.Fprintf(w, "  %.1f %%", 100*r)
		}
		fmt.Fprintln(w)
	}
	for _, warning := range train.Diagnose(ev.Neurons, train.Inference, c.Progress.Epoch) {
		fmt.Fprintln(w, "warning: "+warning.Text)
	}
	fmt.Fprintln(w)
	for k, row := range ev.Confusion {
		total, confused := 0, 0
		for j, n := range row {
			total += n
			if j != k && n > row[confused] || confused == k {
				confused = j
			}
		}
		if total == 0 {
			continue
		}
		fmt.Fprintf(w, "%-14s %.2f %% right", c.Classes[k], 100*float64(row[k])/float64(total))
		if confused != k && row[confused] > 0 {
			fmt.Fprintf(w, ", most often taken for %s (%d of %d)", c.Classes[confused], row[confused], total)
		}
		fmt.Fprintln(w)
	}
}
