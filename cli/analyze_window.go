package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/window"
)

func newAnalyzeWindow() *cobra.Command {
	var s study
	var o analysis.WindowOptions
	var gain float64
	cmd := &cobra.Command{
		Use:   "window",
		Short: "Predict the membrane potential per step, and the windows made from it",
		Long: `Window shows the membrane potential before firing at each time step from three
sources side by side: the closed form that training uses, the exact density, and
a simulation. Below stand the surrogate windows that each policy makes of it, and
how far every closed form is from the exact density. Of policies that move in training,
"measured" and "learned", it shows the windows that training starts with.

Input is normal, as behind tdBN at initialisation: of mean 0 and deviation θ, times
--gain. --rho is the share of its variance that stays the same over the time steps;
the first layer of a network that sees the same image at each step has 1.`,
		Example: `  qif analyze window                                  # the default QIF
  qif analyze window --a .5 --u1 -.5 --steps 10 --out figures
  qif analyze window --rho 1 --samples 0              # the same image at each step
  qif analyze window --neuron lif --leak .9 --windows sigma:2,exact:1e4 --json`,
		Args: args(cobra.NoArgs),
	}
	flags := recipe.NewFlags(cmd.Flags(), slices.DeleteFunc(neuronKeys(), func(key string) bool {
		return key == "window" || key == "window_pooled"
	})...)
	f := cmd.Flags()
	f.IntVar(&o.Steps, "steps", 4, "time steps T")
	f.Float64Var(&gain, "gain", 1, "deviation of the input in units of θ")
	f.Float64Var(&o.Input.Mean, "input-mean", 0, "mean of the input")
	f.Float64Var(&o.Input.Rho, "rho", 0, "share of the input's variance that is constant over time, 0 to 1")
	f.StringSliceVar(&o.Policies, "windows", analysis.DefaultWindowPolicies, "window policies to show")
	f.IntVar(&o.Samples, "samples", 1e6, "simulated neurons; 0: none")
	f.Uint64Var(&o.Seed, "seed", 1, "of the simulation")
	f.IntVar(&o.Threads, "threads", 0, "threads of the simulation; 0: all cores. The numbers do not depend on it")
	s.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkSimulation(o, gain); err != nil {
			return err
		}
		r := recipe.Default()
		if err := flags.Apply(&r); err != nil {
			return usageError{err}
		}
		m, err := r.Model()
		if err != nil {
			return usageError{err}
		}
		if o.Shape, err = window.ParseShape(r.WindowShape); err != nil {
			return usageError{err}
		}
		o.Input.Std = gain * math.Abs(m.Threshold)
		ctx, stop := interruptible(cmd)
		defer stop()
		observe, done := simulationProgress(cmd, o)
		o.Progress = observe
		result, err := analysis.StudyWindow(ctx, m, o)
		done()
		switch {
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			return usageError{err}
		}
		return s.present(cmd, result)
	}
	return cmd
}

// checkSimulation refuses flags that are wrong in themselves.
func checkSimulation(o analysis.WindowOptions, gain float64) error {
	switch {
	case o.Steps < 1:
		return usagef("--steps is %d, expected at least 1", o.Steps)
	case !(gain >= 0) || math.IsInf(gain, 1):
		return usagef("--gain is %v, expected a finite number from 0", gain)
	case !(o.Input.Rho >= 0 && o.Input.Rho <= 1):
		return usagef("--rho is %v, expected 0 to 1", o.Input.Rho)
	case math.IsNaN(o.Input.Mean) || math.IsInf(o.Input.Mean, 0):
		return usagef("--input-mean is %v, expected a finite number", o.Input.Mean)
	case o.Samples < 0 || o.Samples == 1:
		return usagef("--samples is %d, expected 0 for no simulation, or at least 2", o.Samples)
	case o.Threads < 0:
		return usagef("--threads is %d, expected 0 or more", o.Threads)
	}
	for _, text := range o.Policies {
		if _, err := window.ParsePolicy(text); err != nil {
			return usagef("--windows: %w", err)
		}
	}
	return nil
}

// longSimulation is the number of neuron-steps that take a second or so.
const longSimulation = 2e7

// simulationProgress shows on a terminal how many neurons are simulated, if they
// are enough to wait for, until it is closed.
func simulationProgress(cmd *cobra.Command, o analysis.WindowOptions) (observe func(int), done func()) {
	if float64(o.Samples)*float64(o.Steps) < longSimulation {
		return nil, func() {}
	}
	m := newMeter(cmd.ErrOrStderr(), false)
	return func(n int) {
		m.observe(bench.Progress{Phase: fmt.Sprintf("%d of %d neurons", n, o.Samples), Done: float64(n) / float64(o.Samples)})
	}, m.close
}
