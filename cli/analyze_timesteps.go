package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

func newAnalyzeTimesteps() *cobra.Command {
	var s study
	var split string
	var to int
	cmd := &cobra.Command{
		Use:   "timesteps CHECKPOINT [CHECKPOINT]",
		Short: "Evaluate trained networks with more and fewer steps than in training",
		Long: `Timesteps runs a network that was trained with T steps for 1 to 2T of them. It
shows accuracy and firing rates, the membrane potential of each layer at each step
as measured, and how windows made for each step and windows pooled over the steps
compare with it. Of two checkpoints, such as one trained with the loss tet and one
without, the curves are drawn together.

A task whose frames are T pieces of one image or recording has nothing to show
after them: there the study ends at T.`,
		Example: `  qif analyze timesteps runs/fashion-tiny-qif-seed1
  qif analyze timesteps runs/tet runs/ce --out figures
  qif analyze timesteps checkpoint.safetensors --to 16 --split validation --json`,
		Args: args(cobra.RangeArgs(1, 2)),
	}
	flags := recipe.NewFlags(cmd.Flags(), "data", "batch", "precision", "threads", "engine", "limit")
	showDefaults(cmd, "as the run had it")
	cmd.Flags().StringVar(&split, "split", "test", "what to measure on: test, validation or train")
	cmd.Flags().IntVar(&to, "to", 0, "most steps, no fewer than in training; 0: twice as many")
	s.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		if !slices.Contains(train.Splits, split) {
			return usagef("--split is %q, expected %s", split, strings.Join(train.Splits, ", "))
		}
		if to < 0 || to > 4096 {
			return usagef("--to is %d, expected 1 to 4096 steps, or 0", to)
		}
		if err := checked(flags); err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		m := newMeter(cmd.ErrOrStderr(), false)
		defer m.close()
		var subjects []analysis.TimestepSubject
		var name string
		for i, path := range paths {
			p := timestepProbe{path: path, split: split, to: to, adjust: applied(flags), report: func(done float64, phase string) {
				m.observe(bench.Progress{Phase: path + ": " + phase, Done: (float64(i) + done) / float64(len(paths))})
			}}
			subject, shown, err := p.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if name != "" && shown != name {
				return fmt.Errorf("%s is measured on %s, %s on %s; expected the same data", paths[0], name, path, shown)
			}
			name = shown
			subjects = append(subjects, subject)
		}
		m.close()
		result, err := analysis.StudyTimesteps(name, subjects...)
		if err != nil {
			return err
		}
		return s.present(cmd, result)
	}
	return cmd
}

// timestepProbe measures one checkpoint over time steps.
type timestepProbe struct {
	path, split string
	to          int
	adjust      func(*recipe.Recipe) error
	report      func(done float64, phase string)
}

func (p timestepProbe) run(ctx context.Context) (s analysis.TimestepSubject, shown string, err error) {
	c, err := train.ReadCheckpoint(p.path)
	if err != nil {
		return s, "", err
	}
	r, err := c.ParsedRecipe()
	if err != nil {
		return s, "", err
	}
	net, err := c.Network()
	if err != nil {
		return s, "", err
	}
	most, err := p.horizon(r)
	if err != nil {
		return s, "", err
	}
	p.report(0, fmt.Sprintf("%d steps", most))
	ev, err := p.evaluate(ctx, c, most)
	if err != nil {
		return s, "", err
	}
	s = analysis.TimestepSubject{
		Name: runName(p.path), Net: net, Params: c.Params, Trained: r.Steps, Loss: r.LossKind, Task: r.Task,
		Samples: ev.Samples, Accuracy: ev.PerStep, Neurons: ev.Neurons,
	}
	if r.ReadoutLast > 0 && r.Task == data.Still { // the last steps count, whichever they are
		for steps := 1; steps < most; steps++ {
			p.report(float64(steps)/float64(most), fmt.Sprintf("%d steps", steps))
			short, err := p.evaluate(ctx, c, steps)
			if err != nil {
				return s, "", err
			}
			s.Accuracy[steps-1] = short.Accuracy
		}
	}
	return s, strings.TrimSuffix(c.Split.Dataset, "/train") + ", " + p.split, nil
}

// horizon is the number of steps to study: at most as many as there are to show.
func (p timestepProbe) horizon(r recipe.Recipe) (int, error) {
	switch {
	case p.to > 0 && p.to < r.Steps:
		return 0, usagef("--to is %d, expected at least the %d steps of training", p.to, r.Steps)
	case r.Task != data.Still && p.to > r.Steps:
		return 0, usagef("--to is %d, but the task %s has nothing to show after the %d frames of training", p.to, r.Task, r.Steps)
	case r.Task != data.Still:
		return r.Steps, nil
	case p.to > 0:
		return p.to, nil
	}
	return 2 * r.Steps, nil
}

// evaluate runs the checkpoint for so many steps.
func (p timestepProbe) evaluate(ctx context.Context, c *train.Checkpoint, steps int) (*train.Evaluation, error) {
	x, err := train.Examine(c, p.split, func(r *recipe.Recipe) error {
		if err := p.adjust(r); err != nil {
			return err
		}
		r.Steps = steps
		return r.Validate()
	})
	if err != nil {
		return nil, err
	}
	defer x.Close()
	return x.Run(ctx)
}

// runName is what a figure calls a checkpoint: its folder.
func runName(path string) string {
	if base := filepath.Base(path); base != train.CheckpointFile {
		return strings.TrimSuffix(base, ".safetensors")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return filepath.Base(filepath.Dir(abs))
}
