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
	cmd := &cobra.Command{
		Use:   "eval CHECKPOINT",
		Short: "Measure a checkpoint's accuracy",
		Long: `Eval runs a checkpoint, or the one in a run's folder, on the data it was made
with: test data by default, or the validation images of its own split.`,
		Example: `  qif eval runs/fashion-tiny-qif-seed1
  qif eval checkpoint.safetensors --split validation --json
  qif eval checkpoint.safetensors --steps 8     # more time steps than it was trained with`,
		Args: args(cobra.ExactArgs(1)),
	}
	flags := recipe.NewFlags(cmd.Flags(), "data", "steps", "batch", "threads", "engine", "limit")
	showDefaults(cmd, "as the run had it")
	cmd.Flags().StringVar(&split, "split", "test", "what to measure on: test, validation or train")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(train.Splits, split) {
			return usagef("--split is %q, expected %s", split, strings.Join(train.Splits, ", "))
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
		ev, r, err := train.EvaluateCheckpoint(ctx, c, split, applied(flags))
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), struct {
				Checkpoint string `json:"checkpoint"`
				Split      string `json:"split"`
				Steps      int    `json:"steps"`
				*train.Evaluation
				FiringRates [][]float64 `json:"firing_rates"`
			}{args[0], split, r.Steps, ev, ev.Rates()})
		}
		printEvaluation(cmd.OutOrStdout(), c, ev, split)
		return nil
	}
	return cmd
}

func printEvaluation(w io.Writer, c *train.Checkpoint, ev *train.Evaluation, split string) {
	fmt.Fprintf(w, "%s accuracy  %.2f %%  of %d images, loss %.4f\n", split, 100*ev.Accuracy, ev.Samples, ev.Loss)
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
