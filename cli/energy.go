package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/energy"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/zoo"
)

// energyFlags is what energy is asked for.
type energyFlags struct {
	first  firstPass
	rate   float64
	preset string
	recipe *recipe.Flags
	cmd    *cobra.Command
}

func newEnergy() *cobra.Command {
	var s study
	f := &energyFlags{}
	cmd := &cobra.Command{
		Use:   "energy CHECKPOINT|GRAPH|NET...",
		Short: "Count a network's operations and memory accesses, and estimate its energy",
		Long: `Energy counts what a network takes for one image, layer by layer and step by
step: multiply-accumulates, additions that spikes cause, updates of neurons, words
of weights, partial sums and potentials. Presets make energy of it: ` + presetNames() + `
(docs/energy.md says where their numbers come from).

How many inputs of each layer are not zero is measured: of a checkpoint on its test
data, of a network of the zoo or a graph file before training, at its first pass.
With --rate that share is given instead. Networks stand side by side: a network of
the zoo with LIF and with QIF neurons unless --neuron says which, one checkpoint
beside LIF neurons that fire like its own.`,
		Example: `  qif energy runs/fashion-tiny-qif-seed1
  qif energy runs/fashion-tiny-lif-seed1 runs/fashion-tiny-qif-seed1 --out figures
  qif energy resnet19 --preset memory
  qif energy tiny --on train                       # images instead of noise
  qif energy sew-resnet34 --rate .2735 --neuron if # 4.04 mJ, as published
  qif energy resnet34 --steps 6 --rate .3055 --json`,
		Args: args(cobra.MinimumNArgs(1)),
	}
	f.cmd = cmd
	f.recipe = recipe.NewFlags(cmd.Flags(), slices.Concat(neuronKeys(), netKeys, taskKeys,
		[]string{"data", "limit", "steps", "batch", "precision", "threads", "engine", "seed"})...)
	f.first.addTo(cmd, "what to measure on: noise or train for a network before training (noise), test, validation or train for a checkpoint (test)")
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "share of inputs that are not zero, in every layer behind spikes (default: measured)")
	cmd.Flags().StringVar(&f.preset, "preset", energy.Presets[0].Name, "what the table by layer and the figure show: "+presetNames())
	s.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		preset, err := f.check()
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		var subjects []energy.Subject
		for _, arg := range args {
			some, err := f.subjects(ctx, arg, len(args) == 1)
			if err != nil {
				return err
			}
			subjects = append(subjects, some...)
		}
		result := energy.NewStudy(preset, subjects)
		return s.show(cmd, result, result.WriteText, result.Exhibits)
	}
	return cmd
}

func presetNames() string {
	var names []string
	for _, p := range energy.Presets {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// given reports whether the share of inputs is given.
func (f *energyFlags) given() bool { return f.cmd.Flags().Changed("rate") }

// check says what is wrong with the flags in themselves.
func (f *energyFlags) check() (energy.Preset, error) {
	preset, err := energy.PresetNamed(f.preset)
	switch {
	case err != nil:
		return preset, usagef("--preset: %w", err)
	case !(f.rate >= 0 && f.rate <= 1):
		return preset, usagef("--rate is %v, expected 0 to 1", f.rate)
	case f.given() && (f.cmd.Flags().Changed("on") || f.cmd.Flags().Changed("images")):
		return preset, usagef("--rate takes the place of a measurement: --on and --images have no effect beside it")
	}
	return preset, checked(f.recipe)
}

// subjects returns what an argument stands for: one network or, if it is alone,
// two to compare.
func (f *energyFlags) subjects(ctx context.Context, arg string, alone bool) ([]energy.Subject, error) {
	r := recipe.Default()
	if err := f.recipe.Apply(&r); err != nil {
		return nil, usageError{err}
	}
	member, zooErr := zoo.Named(arg)
	switch {
	case zooErr == nil && alone && len(f.recipe.Changed("neuron")) == 0:
		var both []energy.Subject
		for _, form := range []string{"lif", "qif"} {
			x, err := f.untrained(member, r, form)
			if err != nil {
				return nil, err
			}
			both = append(both, x)
		}
		return both, nil
	case zooErr == nil:
		x, err := f.untrained(member, r, r.Neuron)
		return []energy.Subject{x}, err
	case strings.HasSuffix(arg, ".json"):
		return f.file(arg, r, alone)
	}
	return f.checkpoint(ctx, arg, alone)
}

// untrained measures a member of the zoo with neurons of a form.
func (f *energyFlags) untrained(member zoo.Net, r recipe.Recipe, form string) (energy.Subject, error) {
	r.Neuron, r.Net = form, member.Name
	net, err := memberFor(member, r, f.first.on == onTrain)
	if err != nil {
		return energy.Subject{}, err
	}
	return f.before(member.Name, r, net)
}

// file measures a network in a graph file.
func (f *energyFlags) file(path string, r recipe.Recipe, alone bool) ([]energy.Subject, error) {
	r.Net = path
	if err := ownNeurons(r); err != nil {
		return nil, err
	}
	net, err := train.ReadGraph(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x, err := f.before(path, r, net)
	if err != nil {
		return nil, err
	}
	return f.besideLIF(x, net, r.Steps, alone)
}

// before measures a network before training, or takes the given share.
func (f *energyFlags) before(name string, r recipe.Recipe, net *graph.Network) (energy.Subject, error) {
	if f.given() {
		return energy.NewSubject(name, net, r.Steps, f.givenSource(), energy.Uniform(net, r.Steps, f.rate))
	}
	if err := f.first.fill(); err != nil {
		return energy.Subject{}, err
	}
	net, b, err := f.first.batch(r, net)
	if err != nil {
		return energy.Subject{}, err
	}
	probed, err := energy.Probe(net)
	if err != nil {
		return energy.Subject{}, fmt.Errorf("%s: %w", name, err)
	}
	acts, err := f.first.observe(f.cmd, r, probed.Net, b)
	if err != nil {
		return energy.Subject{}, err
	}
	return energy.NewSubject(name, net, r.Steps, f.first.source(), probed.Shares(acts))
}

func (f *energyFlags) givenSource() string { return fmt.Sprintf("a given share of %v", f.rate) }

// checkpoint measures a trained network.
func (f *energyFlags) checkpoint(ctx context.Context, path string, alone bool) ([]energy.Subject, error) {
	if set := f.recipe.Changed(slices.Concat(neuronKeys(), netKeys, taskKeys)...); len(set) > 0 {
		return nil, usagef("--%s has no effect on %s: a checkpoint brings its own network", set[0], path)
	}
	split := f.first.on
	if split == "" {
		split = "test"
	}
	if !slices.Contains(train.Splits, split) {
		return nil, usagef("--on is %q, expected %s for a checkpoint", split, strings.Join(train.Splits, ", "))
	}
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	net, err := c.Network()
	if err != nil {
		return nil, err
	}
	if f.given() {
		r, err := c.ParsedRecipe()
		if err == nil {
			err = f.recipe.Apply(&r)
		}
		if err != nil {
			return nil, err
		}
		x, err := f.before(path, r, net)
		if err != nil {
			return nil, err
		}
		return f.besideLIF(x, net, r.Steps, alone)
	}
	probed, err := energy.Probe(net)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.Graph, c.Params = probed.Net.Graph, probed.Tensors(c.Params)
	exam, err := train.Examine(c, split, applied(f.recipe))
	if err != nil {
		return nil, err
	}
	defer exam.Close()
	ev, err := exam.Run(ctx)
	if err != nil {
		return nil, err
	}
	source := fmt.Sprintf("%d %s images, accuracy %.2f %%", ev.Samples, split, 100*ev.Accuracy)
	x, err := energy.NewSubject(path, net, exam.Recipe.Steps, source, probed.Shares(ev.Neurons))
	if err != nil {
		return nil, err
	}
	return f.besideLIF(x, net, exam.Recipe.Steps, alone)
}

// besideLIF adds, to a network that is looked at alone, LIF neurons that fire
// alike.
func (f *energyFlags) besideLIF(x energy.Subject, net *graph.Network, steps int, alone bool) ([]energy.Subject, error) {
	if !alone || x.Neuron == "lif" {
		return []energy.Subject{x}, nil
	}
	lif, err := energy.WithNeuron(net, "lif")
	if err != nil {
		return nil, err
	}
	other, err := energy.NewSubject(x.Name, lif, steps, "as if these neurons fired like those of network 1", x.Shares())
	return []energy.Subject{x, other}, err
}
