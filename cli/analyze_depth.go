package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// depthFlags are the flags of analyze depth.
type depthFlags struct {
	study
	recipe   *recipe.Flags
	policies []string
	residual bool
	channels int
	samples  int
	options  analysis.DepthOptions
	quiet    bool
}

func newAnalyzeDepth() *cobra.Command {
	var d depthFlags
	cmd := &cobra.Command{
		Use:   "depth",
		Short: "Follow spikes and gradients through stacks of 2 to 50 blocks at initialisation",
		Long: `Depth builds stacks of equal blocks, AP2-[wC3]×n-FC with tdBN and neurons behind
each convolution, and measures on a batch of training images, per layer and
step, the firing rate and the norm of ∂L/∂u: what vanishes, what explodes, and
which window policy keeps both level. For the deepest stack it also finds, per
layer, the width of the window that hands the gradient's norm on unchanged.`,
		Example: `  qif analyze depth
  qif analyze depth --blocks 2,10,50 --windows bandwidth,sigma:.5,sigma:2 --out figures
  qif analyze depth --residual --blocks 2,8,24
  qif analyze depth --neuron lif --window-shape rectangular --json`,
		Args: args(cobra.NoArgs),
	}
	d.recipe = recipe.NewFlags(cmd.Flags(), append(neuronKeys(), "steps", "seed", "data", "engine", "threads", "detach_reset")...)
	d.addTo(cmd)
	f := cmd.Flags()
	f.IntSliceVar(&d.options.Depths, "blocks", []int{2, 5, 10, 20, 50}, "numbers of blocks")
	f.BoolVar(&d.residual, "residual", false, "residual blocks of two convolutions in place of plain ones")
	f.IntVar(&d.channels, "channels", 16, "channels of every layer")
	f.IntVar(&d.samples, "samples", 64, "images of the batch")
	f.IntVar(&d.options.Seeds, "seeds", 3, "initialisations to average over")
	f.StringSliceVar(&d.policies, "windows", nil, "policies to compare (default: the recipe's, sigma:.5, sigma:1, sigma:2)")
	f.BoolVarP(&d.quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return d.run(cmd) }
	return cmd
}

func (d *depthFlags) run(cmd *cobra.Command) error {
	r := recipe.Default()
	if err := applied(d.recipe)(&r); err != nil {
		return err
	}
	if d.channels < 1 {
		return usagef("--channels is %d, expected at least 1", d.channels)
	}
	setup, err := train.Prepare(r)
	if err != nil {
		return err
	}
	spec := setup.Net.Neurons()[0].Neuron.Window
	if d.options.Candidates, err = policies(d.policies, spec, "sigma:.5", "sigma:1", "sigma:2"); err != nil {
		return err
	}
	for _, w := range analysis.DefaultWidths {
		d.options.Widths = append(d.options.Widths, w*r.Theta)
	}
	if err := d.options.Validate(); err != nil {
		return usageError{err}
	}
	b, err := trainingBatch(r, setup.Train, setup.TrainIdx, setup.Norm, d.samples)
	if err != nil {
		return err
	}
	model, err := r.Model()
	if err != nil {
		return usageError{err}
	}
	shape := setup.Train.Shape()
	in := graph.Shape{H: shape.H, W: shape.W, C: shape.C}
	config := zoo.Config{Input: in, Coding: graph.Direct, Classes: len(setup.Train.Classes()), Model: model, Window: spec}
	build := func(blocks, seed int) (analysis.Subject, error) {
		stack := zoo.Plain
		if d.residual {
			stack = zoo.Residual
		}
		net, err := graph.Check(stack(config, blocks, d.channels))
		if err != nil {
			return analysis.Subject{}, err
		}
		s := newSubject(r, setup.Engine, net)
		s.Params, s.Batch = net.Init(r.Seed+uint64(seed)), b
		return s, nil
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	show, end := reporter(cmd.ErrOrStderr(), d.quiet)
	result, err := analysis.MeasureDepth(ctx, build, d.options, show)
	end()
	if err != nil {
		return err
	}
	result.Task, result.Stack, result.Width = imagesName(r), "plain", d.channels
	if d.residual {
		result.Stack = "residual"
	}
	return d.present(cmd, result)
}

// policies lists candidates by their text form: those given, or the network's own
// and some others.
func policies(given []string, own window.Spec, others ...string) ([]analysis.Candidate, error) {
	if len(given) == 0 {
		given = append([]string{own.Policy.String()}, others...)
	}
	var all []analysis.Candidate
	for _, name := range given {
		p, err := window.ParsePolicy(name)
		if err != nil {
			return nil, usagef("--windows: %w", err)
		}
		c := analysis.Candidate{Policy: p, Shape: own.Shape, Pooled: own.Pooled}
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all, nil
}
