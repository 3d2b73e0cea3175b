package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/compare"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// compareFlags are those of compare that a comparison's file has too.
type compareFlags struct {
	sides      []string
	seeds      string
	baseline   string
	tune       int
	tuneSeeds  string
	tuneEpochs int
}

func newCompare() *cobra.Command {
	var c compareFlags
	var jobs int
	var out string
	var asJSON, quiet, printPlan bool
	cmd := &cobra.Command{
		Use:   "compare [RECIPE | COMPARISON.toml]",
		Short: "Hold neurons, windows or whole recipes against each other over paired seeds",
		Long: `Compare trains two or more sides with the same seeds and tests their differences
in pairs. A side is a name and what it sets: any field of a recipe. Every field
has a flag too, which sets it for all sides. Without arguments it holds QIF
neurons against LIF neurons on the images that come with the program.

With --tune every side first gets the same number of trials over its own
parameters, by random search on validation images under seeds of their own, and
goes into the comparison with what did best there. The first trial is the side
as it is given.

Ctrl-C saves what is under way; the same command goes on where it was. Runs that
ended are lines of runs.jsonl in the folder; with that file alone all tables and
figures can be made again.`,
		Example: `  qif compare                                   # QIF against LIF, five seeds: two to three minutes
  qif compare fashion-tiny --side qif --side "lif: leak=.25" --seeds 1-5 --out runs/lif
  qif compare --side "narrow: window=sigma:.5" --side "wide: window=sigma:2" --seeds 1-8
  qif compare --side qif --side lif --side "plif: neuron=lif learn=leak" --baseline lif --tune 20
  qif compare --side qif --side lif --print-plan > mine.toml   # to edit, commit and run:
  qif compare mine.toml --out runs/mine --json`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	flags := recipe.NewFlags(cmd.Flags(), slices.DeleteFunc(recipe.Keys(), func(key string) bool {
		return key == "seed" || key == "out" || key == "name" || key == "threads"
	})...)
	showDefaults(cmd, "as the recipe has it")
	c.add(cmd)
	f := cmd.Flags()
	f.IntVar(&jobs, "jobs", 0, "runs at the same time; 0: one for each core. Results do not depend on it")
	threads := recipe.NewFlags(f, "threads")
	f.StringVar(&out, "out", "", "folder of the comparison (default: runs/compare-…, named after recipe and sides)")
	f.BoolVar(&printPlan, "print-plan", false, "print the comparison as a TOML file and exit")
	f.BoolVar(&asJSON, "json", false, "print one JSON object at the end, nothing else on standard output")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		plan, err := c.plan(cmd, args, flags)
		if err != nil {
			return err
		}
		text, err := plan.TOML()
		if err != nil {
			return err
		}
		if printPlan {
			_, err := cmd.OutOrStdout().Write(text)
			return err
		}
		var r recipe.Recipe
		if err := threads.Apply(&r); err != nil {
			return err
		}
		if jobs < 0 || r.Threads < 0 {
			return usagef("--jobs and --threads are %d and %d, expected 0 or more", jobs, r.Threads)
		}
		if out == "" {
			out = compareFolder(args, plan)
		}
		s, err := compare.Open(plan, out, compare.Options{Jobs: jobs, Threads: r.Threads, Version: version()})
		if err != nil {
			return err
		}
		defer s.Close()
		view := newSweepView(cmd.ErrOrStderr(), quiet)
		s.Observe(view)
		o, err := s.Run(ctx)
		view.close()
		if errors.Is(err, train.ErrInterrupted) {
			fmt.Fprintf(cmd.ErrOrStderr(), "Interrupted; what is under way is saved in %s. The same command goes on.\n", out)
		}
		if err != nil {
			return err
		}
		if err := o.Save(out, text); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), o)
		}
		if err := o.WriteText(cmd.OutOrStdout()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "\ntables and figures   %s\n", filepath.Join(out, compare.PageFile))
		return err
	}
	return cmd
}

func (c *compareFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.sides, "side", nil, `a side: its name, and behind a colon what it sets, as in "lif: neuron=lif leak=.25"; a side named after a neuron has that neuron`)
	f.StringVar(&c.seeds, "seeds", "", "seeds of the runs, such as 1-5 or 1,3,7 (default: "+compare.DefaultSeeds+")")
	f.StringVar(&c.baseline, "baseline", "", "side that all others are compared with (default: all pairs)")
	f.IntVar(&c.tune, "tune", 0, "trials of random search for each side before the comparison; 0: none")
	f.StringVar(&c.tuneSeeds, "tune-seeds", "", "seeds of the trials (default: "+compare.DefaultTuneSeeds+")")
	f.IntVar(&c.tuneEpochs, "tune-epochs", 0, "epochs of a trial; 0: as the recipe has it")
}

// plan reads the comparison, or makes one for a recipe, and lays the flags over
// it.
func (c *compareFlags) plan(cmd *cobra.Command, args []string, flags *recipe.Flags) (*compare.Plan, error) {
	var s compare.Spec
	if len(args) > 0 {
		if strings.HasSuffix(args[0], ".toml") && compare.IsSpec(args[0]) {
			var err error
			if s, err = compare.LoadSpec(args[0]); err != nil {
				return nil, usageError{err}
			}
		} else {
			s.Recipe = args[0]
		}
	}
	if len(c.sides) > 0 {
		s.Sides = nil
	} else if s.Sides == nil {
		c.sides = []string{"qif", "lif"}
	}
	for _, text := range c.sides {
		side, err := compare.ParseSide(text)
		if err != nil {
			return nil, usageError{err}
		}
		s.Sides = append(s.Sides, side)
	}
	s.Set = append(s.Set, flags.Settings()...)
	for name, overlay := range map[string]func(){
		"seeds":       func() { s.Seeds = c.seeds },
		"baseline":    func() { s.Baseline = c.baseline },
		"tune":        func() { s.Tune.Trials = c.tune },
		"tune-seeds":  func() { s.Tune.Seeds = c.tuneSeeds },
		"tune-epochs": func() { s.Tune.Epochs = c.tuneEpochs },
	} {
		if cmd.Flags().Changed(name) {
			overlay()
		}
	}
	if cmd.Flags().Changed("tune") && c.tune == 0 {
		s.Tune = compare.TuneSpec{}
	}
	p, err := s.Plan()
	if err != nil {
		return nil, usageError{err}
	}
	for _, side := range p.Sides {
		if err := ownNeurons(side.Recipe); err != nil {
			return nil, usagef("side %q: %w", side.Name, err)
		}
	}
	return p, nil
}

// compareFolder names the folder after the file, or after recipe and sides.
func compareFolder(args []string, p *compare.Plan) string {
	if len(args) > 0 && strings.HasSuffix(args[0], ".toml") {
		return filepath.Join("runs", "compare-"+strings.TrimSuffix(filepath.Base(args[0]), ".toml"))
	}
	parts := []string{"compare", p.Sides[0].Recipe.Name}
	for _, s := range p.Sides {
		parts = append(parts, s.Name)
	}
	return filepath.Join("runs", strings.Join(parts, "-"))
}
