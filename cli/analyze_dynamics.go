package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/exhibit"
)

func newAnalyzeDynamics() *cobra.Command {
	var st study
	var o dynamicsFlags
	cmd := &cobra.Command{
		Use:   "dynamics",
		Short: "What one neuron does: fixed points, regimes, f–I curve, responses, rebound",
		Long: `Dynamics works out what a neuron does under constant, changing and random input:
fixed points with their stability, the 2-cycle, saddle node, rheobase and rebound
floor in closed form; what happens from rest over constant inputs and over the
neuron's parameters; the responses to a step, to impulses and to a change of
input beside those of a LIF; and the share of spikes that inhibition makes.
The definitions are in docs/dynamics.md.`,
		Example: `  qif analyze dynamics                                  # the default QIF, as text
  qif analyze dynamics --input -3.5 --out dynamics      # its 2-cycle; figures and data
  qif analyze dynamics --a -.2 --floor -4 --out memory  # a two-state neuron
  qif analyze dynamics --neuron lif --leak .9 --json
  qif analyze dynamics --grid 601 --range u2=-2:6 --range x=-5:1 --out fine`,
		Args: args(cobra.NoArgs),
	}
	o.neuron = recipe.NewFlags(cmd.Flags(), dynamicsKeys()...)
	o.addTo(cmd)
	st.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, do, err := o.resolve(cmd)
		if err != nil {
			return usageError{err}
		}
		do.Maps = st.json || st.out != ""
		ctx, stop := interruptible(cmd)
		defer stop()
		meter := newMeter(cmd.ErrOrStderr(), false)
		result, err := analysis.AnalyzeDynamics(ctx, m, do, func(done float64) {
			meter.observe(bench.Progress{Phase: "scanning", Done: done})
		})
		meter.close()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return usageError{err}
		}
		return st.show(cmd, result, result.WriteText,
			func() ([]exhibit.Exhibit, error) { return result.Exhibits(m, do) })
	}
	return cmd
}

// dynamicsKeys are the fields of a recipe that describe a neuron without its
// window.
func dynamicsKeys() []string {
	return slices.DeleteFunc(neuronKeys(), func(key string) bool { return strings.HasPrefix(key, "window") })
}

type dynamicsFlags struct {
	neuron      *recipe.Flags
	input, step float64
	from, to    float64
	steps, grid int
	samples     int
	seed        uint64
	deviations  []float64
	ranges      map[string]string
	alone       bool
}

func (o *dynamicsFlags) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&o.input, "input", 0, "constant input x of fixed points and maps, and mean of the random input")
	f.IntVar(&o.steps, "steps", 30, "time steps T of the responses and of the random input")
	f.Float64Var(&o.step, "step-size", 0, "size of the step input (default: .9 (θ − reset value))")
	f.Float64Var(&o.from, "from", 0, "input before the change (default: −(θ − reset value))")
	f.Float64Var(&o.to, "to", 0, "input after the change")
	f.IntVar(&o.grid, "grid", 151, "cells of a regime map along each axis")
	f.StringToStringVar(&o.ranges, "range", nil, "range of a scan's axis, x or a parameter, as NAME=LOW:HIGH; repeatable (default: around the neuron)")
	f.Float64SliceVar(&o.deviations, "input-sd", nil, "deviations of the random input (default: .5 to 3 (θ − reset value))")
	f.IntVar(&o.samples, "samples", 20000, "simulated neurons for each deviation")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the random input")
	f.BoolVar(&o.alone, "alone", false, "show no LIF for comparison")
	for _, name := range []string{"range", "input-sd"} {
		f.Lookup(name).DefValue = "" // the help text says it
	}
}

// resolve returns the neuron and the options that the flags describe.
func (o *dynamicsFlags) resolve(cmd *cobra.Command) (m neuron.Model, do analysis.DynamicsOptions, err error) {
	r := recipe.Default()
	if err := o.neuron.Apply(&r); err != nil {
		return m, do, err
	}
	if m, err = r.Model(); err != nil {
		return m, do, err
	}
	if do, err = analysis.DefaultDynamicsOptions(m); err != nil {
		return m, do, err
	}
	f := cmd.Flags()
	do.Input, do.Steps, do.Grid, do.Samples, do.Seed, do.To = o.input, o.steps, o.grid, o.samples, o.seed, o.to
	do.Impulses = do.Impulses[:min(len(do.Impulses), max(0, o.steps))]
	if f.Changed("step-size") {
		do.Step = o.step
	}
	if f.Changed("from") {
		do.From = o.from
	}
	if f.Changed("input-sd") {
		do.Deviations = o.deviations
	}
	if o.alone {
		do.Beside = nil
	}
	for _, name := range slices.Sorted(maps.Keys(o.ranges)) {
		if do.Ranges[name], err = parseRange(o.ranges[name]); err != nil {
			return m, do, fmt.Errorf("--range %s: %w", name, err)
		}
	}
	return m, do, nil
}

func parseRange(s string) (r analysis.Range, err error) {
	low, high, ok := strings.Cut(s, ":")
	if ok {
		if r.Lo, err = strconv.ParseFloat(low, 64); err == nil {
			r.Hi, err = strconv.ParseFloat(high, 64)
		}
	}
	if !ok || err != nil {
		return r, fmt.Errorf("%q, expected LOW:HIGH", s)
	}
	return r, nil
}
