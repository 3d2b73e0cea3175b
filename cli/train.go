package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

func newTrain() *cobra.Command {
	var resume string
	var asJSON, quiet, printRecipe, dryRun bool
	cmd := &cobra.Command{
		Use:   "train [RECIPE]",
		Short: "Train a network by a recipe and write a report",
		Long: `Train runs a recipe: a TOML file, or one of those that come with the program.
Every field of a recipe has a flag that overrides it. Without a recipe it trains
a small QIF network on the images that come with the program.

Ctrl-C saves the run and says how to resume it; a resumed run ends with the same
bits as one that was never interrupted.`,
		Example: `  qif train                                    # seconds with AVX-512, minutes without
  qif train --neuron lif --leak .5 --seed 2    # the same recipe with LIF neurons
  qif train fashion-mini                       # a wider net for longer: more accurate, three minutes
  qif train fashion --data DIR                 # a larger net on the full data set: an hour
  qif train moving                             # images that move, as an event camera sees them
  qif train rows --neuron lif --leak .9        # images row by row: memory is wanted
  qif train fashion-dvs                        # what an event camera sees of images that move
  qif train my.toml --epochs 20 --out runs/mine
  qif train --precision mixed --memory low     # faster arithmetic; less memory, more time
  qif train --resume runs/mine
  qif train --print-recipe > my.toml
  qif train fashion --data DIR --dry-run       # what would that take? memory and time, from a few steps`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	flags := recipe.NewFlags(cmd.Flags())
	cmd.Flags().StringVar(&resume, "resume", "", "continue the run in this folder")
	cmd.Flags().BoolVar(&printRecipe, "print-recipe", false, "print the merged recipe and exit")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check data and shapes, measure a few steps and print what the run would take; write nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, nothing else on standard output")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		// From here on: what is begun is saved.
		ctx, stop := interruptible(cmd)
		defer stop()
		var run *train.Run
		var err error
		if cmd.Flags().Changed("resume") {
			if len(args) > 0 || printRecipe || dryRun || cmd.Flags().Changed("out") || resume == "" {
				return usagef("--resume takes the folder of a run, and recipe and folder from there; give no other with it")
			}
			run, err = train.Resume(resume, applied(flags))
			if errors.As(err, new(*train.RecipeError)) {
				err = usageError{err}
			}
		} else {
			var r recipe.Recipe
			if r, err = mergedRecipe(args, flags); err != nil {
				return err
			}
			if err := ownNeurons(r); err != nil {
				return err
			}
			if printRecipe {
				return printTOML(cmd.OutOrStdout(), r)
			}
			if dryRun {
				return rehearse(ctx, cmd, r, asJSON, quiet)
			}
			show, end := reporter(cmd.ErrOrStderr(), quiet)
			run, err = start(ctx, r, func(phase string, done float64) { show(done, phase) })
			end()
		}
		if err != nil {
			return err
		}
		defer run.Close()
		return follow(ctx, cmd, run, asJSON, quiet)
	}
	return cmd
}

// mergedRecipe loads the named or default recipe and lays the flags over it.
func mergedRecipe(args []string, flags *recipe.Flags) (recipe.Recipe, error) {
	name := recipe.Names()[0]
	if len(args) > 0 {
		name = args[0]
	}
	r, err := recipe.Load(name)
	if err != nil {
		return r, usageError{err}
	}
	return r, applied(flags)(&r)
}

func printTOML(w io.Writer, r recipe.Recipe) error {
	b, err := r.TOML()
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// start begins a run in the folder that the recipe names, or in a new one.
func start(ctx context.Context, r recipe.Recipe, watch train.Watch) (*train.Run, error) {
	s, err := train.PrepareWatched(ctx, r, watch)
	if err != nil {
		return nil, err
	}
	if r.Out != "" {
		return train.Start(s, r.Out)
	}
	base := r.OutDir()
	for i, dir := 2, base; ; i++ {
		if _, err := os.Stat(dir); err != nil { // free, or Start says what is wrong with it
			return train.Start(s, dir)
		}
		dir = base + "-" + strconv.Itoa(i)
	}
}

// follow trains to the end while showing progress, and prints the result.
func follow(ctx context.Context, cmd *cobra.Command, run *train.Run, asJSON, quiet bool) error {
	view := newProgress(cmd.ErrOrStderr(), quiet)
	run.Observe(view)
	res, err := run.Finish(ctx)
	view.close()
	if errors.Is(err, train.ErrInterrupted) {
		fmt.Fprintf(cmd.ErrOrStderr(), "Interrupted and saved. Continue with:\n  qif train --resume %s\n", run.Dir)
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; the last good state is kept in %s", err, run.Dir)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), res)
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "validation accuracy  %.2f %%  (epoch %d of %d)\n", 100*res.ValAccuracy, res.BestEpoch, res.Epochs)
	fmt.Fprintf(w, "test accuracy        %.2f %%  (of the epoch chosen on validation, measured once)\n", 100*res.TestAccuracy)
	for _, l := range res.Learned {
		fmt.Fprintf(w, "learned              %s = %s\n", l.Name, shortList(l.Values))
	}
	for i, initial := range res.InitialWindows {
		fmt.Fprintf(w, "window               %s: width %s → %s\n", res.Layers[i], list(initial, "%.3f"), list(res.Windows[i], "%.3f"))
	}
	for _, use := range res.Splits {
		fmt.Fprintf(w, "split                %v\n", use)
	}
	if res.Skipped != nil {
		fmt.Fprintf(w, "skipped              %v\n", res.Skipped)
	}
	fmt.Fprintf(w, "speed                %.0f samples/s in training, %.0f s in all, %.0f MiB\n", res.SamplesPerSecond, res.Seconds, float64(res.PeakRSS)/(1<<20))
	fmt.Fprintf(w, "checkpoint           %s\n", res.Checkpoint)
	fmt.Fprintf(w, "report               %s\n", res.Report)
	return nil
}

// shortList prints a few values, or the mean and range of many.
func shortList(v []float64) string {
	if len(v) <= 4 {
		s := ""
		for i, x := range v {
			if i > 0 {
				s += ", "
			}
			s += strconv.FormatFloat(x, 'f', 4, 64)
		}
		return s
	}
	lo, hi, sum := v[0], v[0], 0.0
	for _, x := range v {
		lo, hi, sum = min(lo, x), max(hi, x), sum+x
	}
	return fmt.Sprintf("%.4f on average, %.4f to %.4f over %d channels", sum/float64(len(v)), lo, hi, len(v))
}
