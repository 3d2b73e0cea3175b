package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/plotstyle"
)

// netKeys are the fields of a recipe that shape a network's layers beside its
// neurons' parameters.
var netKeys = []string{"learn", "learn_per_channel", "dropout", "readout_last"}

// taskKeys are the fields of a recipe that say what a network sees of an image.
var taskKeys = []string{"task", "motion_radius", "motion_pad", "motion_threshold"}

// neuronKeys are the fields of a recipe that describe a neuron and its window.
func neuronKeys() []string {
	keys := []string{"neuron", "theta", "reset", "reset_value", "floor", "window", "window_shape", "window_pooled"}
	for _, f := range neuron.Forms {
		for _, p := range f.Params {
			keys = append(keys, p.Name)
		}
	}
	return keys
}

func newNeuron() *cobra.Command {
	var out string
	var inputs []float64
	var length int
	var step, std float64
	var asJSON, alone bool
	cmd := &cobra.Command{
		Use:   "neuron",
		Short: "Draw and describe one neuron: map, fixed points, responses, windows",
		Long: `Neuron draws a parameter set's map with its fixed points and its responses to a
step and to impulses, a LIF beside it, and prints what follows from the
parameters: fixed points and their stability, rheobase, rebound, and the
surrogate windows.`,
		Example: `  qif neuron                                   # the default QIF, to neuron.png
  qif neuron --a .4 --u1 -.5 --u2 .5 --input .2,.5 --out map.svg
  qif neuron --neuron lif --leak .9 --json --out ""   # numbers alone`,
		Args: args(cobra.NoArgs),
	}
	flags := recipe.NewFlags(cmd.Flags(), append(neuronKeys(), "steps")...)
	f := cmd.Flags()
	f.StringVar(&out, "out", "neuron.png", "file to draw to, .png or .svg; empty: draw nothing")
	f.Float64SliceVar(&inputs, "input", nil, "constant inputs whose maps and fixed points are shown beside null input")
	f.Float64Var(&step, "step", 0, "size of the step input (default: .9 (θ − reset value))")
	f.IntVar(&length, "length", 0, "time steps of the responses (default: 30)")
	f.Float64Var(&std, "input-std", 0, "deviation of the random input that windows assume (default: θ, as tdBN gives)")
	f.BoolVar(&alone, "alone", false, "draw no LIF for comparison")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out != "" && !plotstyle.Known(out) {
			return usagef("--out is %q, expected a file ending in .png or .svg", out)
		}
		r := recipe.Default()
		if err := applied(flags)(&r); err != nil {
			return err
		}
		m, err := r.Model()
		if err != nil {
			return usageError{err}
		}
		so := analysis.DefaultSummaryOptions(m)
		so.Steps = r.Steps
		for _, x := range inputs {
			if !slices.Contains(so.Inputs, x) { // null input is there already
				so.Inputs = append(so.Inputs, x)
			}
		}
		if so.Window, err = r.WindowSpec(); err != nil {
			return usageError{err}
		}
		if f.Changed("input-std") {
			so.Input.Std = std
		}
		summary, err := analysis.Summarize(m, so)
		if err != nil {
			return usageError{err}
		}
		if out != "" {
			fo, err := analysis.DefaultFigureOptions(m)
			if err != nil {
				return usageError{err}
			}
			fo.Inputs = inputs
			if f.Changed("step") {
				fo.Step = step
			}
			if f.Changed("length") {
				fo.Steps = length
				fo.Impulses = fo.Impulses[:min(len(fo.Impulses), max(0, length))]
			}
			if alone {
				fo.Beside = nil
			}
			fig, err := analysis.NeuronFigure(m, fo)
			if err != nil {
				return usageError{err}
			}
			if err := fig.Save(out); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), summary)
		}
		if err := summary.WriteText(cmd.OutOrStdout()); err != nil {
			return err
		}
		if out != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "\ndrawn to %s\n", out)
		}
		return nil
	}
	return cmd
}
