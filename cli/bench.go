package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/zoo"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure speed: whole steps, operations within a step, single kernels",
		Long: `Bench measures how fast an engine is on this machine. docs/benchmarks.md says
how, and how to compare it with other programs.`,
		Example: `  qif bench step                                    # a training step of the small network
  qif bench step --net resnet19-128 --mode infer
  qif bench profile                                 # where its time goes
  qif bench kernels                                 # kernels against the machine's limits`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchStep(), newBenchProfile(), newBenchKernels())
	return cmd
}

// benchFlags are what step and profile have in common.
type benchFlags struct {
	recipe         *recipe.Flags
	mode, level    string
	seconds, rate  float64
	repeat, warmup int
	asJSON, quiet  bool
}

// Batches where --batch gives none: peers are measured with the same.
const (
	smallBatch = 64
	largeBatch = 16
	largeMACs  = 1e9 // per sample and step, from which a network counts as large
)

// benchRecipe is what is measured unless flags say otherwise.
func benchRecipe() recipe.Recipe {
	r := recipe.Default()
	r.Net, r.OptimizerKind, r.LR, r.Batch = "small", engine.SGD, .01, 0
	return r
}

func newBenchFlags(cmd *cobra.Command) *benchFlags {
	b := &benchFlags{}
	f := cmd.Flags()
	keys := []string{"net", "steps", "batch", "seed", "optimizer", "lr", "loss", "threads", "engine", "precision", "memory"}
	b.recipe = recipe.NewFlags(f, slices.Concat(keys, neuronKeys(), netKeys, taskKeys)...)
	r := benchRecipe()
	f.Lookup("net").DefValue, f.Lookup("optimizer").DefValue, f.Lookup("lr").DefValue = r.Net, r.OptimizerKind, fmt.Sprint(r.LR)
	f.Lookup("batch").DefValue = fmt.Sprintf("%d, for networks above %.0f GMAC per step %d", smallBatch, largeMACs/1e9, largeBatch)
	f.StringVar(&b.mode, "mode", bench.Train, "what to measure: train or infer")
	levelFlag(cmd, &b.level)
	f.Float64Var(&b.rate, "rate", 0, "force the firing rate of every layer to about this; 0: as it comes")
	f.IntVar(&b.warmup, "warmup", 2, "steps before those that count")
	f.IntVar(&b.repeat, "repeat", 0, "steps that count, in place of --seconds")
	f.Float64Var(&b.seconds, "seconds", 10, "measure for so long, but at least three steps")
	f.BoolVar(&b.asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&b.quiet, "quiet", "q", false, "show no progress")
	return b
}

// levelFlag adds the flag that chooses among the versions of an engine's kernels.
func levelFlag(cmd *cobra.Command, level *string) {
	cmd.Flags().StringVar(level, "level", "", "version of the engine's kernels, such as portable, avx2, avx512 or amx (default the best that the processor runs)")
}

// options builds what the flags ask for.
func (b *benchFlags) options(cmd *cobra.Command) (bench.Options, error) {
	var o bench.Options
	changed := cmd.Flags().Changed
	switch {
	case changed("repeat") && changed("seconds"):
		return o, usagef("--repeat and --seconds exclude each other")
	case changed("repeat") && b.repeat < 1:
		return o, usagef("--repeat is %d, expected at least 1", b.repeat)
	case changed("rate") && !(b.rate > 0 && b.rate < 1):
		return o, usagef("--rate is %v, expected a share of firing neurons within (0, 1)", b.rate)
	}
	r := benchRecipe()
	r.Batch = smallBatch
	if err := applied(b.recipe)(&r); err != nil {
		return o, err
	}
	e, err := engine.Named(r.Engine)
	if err != nil {
		return o, usageError{err}
	}
	net, err := benchNet(r)
	if err != nil {
		return o, err
	}
	if !changed("batch") && net.MACs() > largeMACs {
		r.Batch = largeBatch
	}
	o = bench.Options{
		Engine: e, Level: b.level, Net: net, Mode: b.mode, Batch: r.Batch, Steps: r.Steps, Threads: r.Threads,
		Precision: r.Precision, Memory: r.Memory, Seed: r.Seed, Loss: r.Loss(), Optimizer: r.Optimizer(), LR: r.LR, Rate: b.rate,
		Warmup: b.warmup, Repeat: b.repeat, Time: time.Duration(b.seconds * float64(time.Second)),
	}
	if err := o.Validate(); err != nil {
		return o, usageError{err}
	}
	return o, checkLevel(e, b.level)
}

// checkLevel refuses a level that the engine does not have here.
func checkLevel(e engine.Engine, level string) error {
	restore, err := engine.UseLevel(e, level)
	if err != nil {
		return usageError{err}
	}
	restore()
	return nil
}

// benchNet builds the network to measure: of the zoo, for the images it is meant
// for, or a graph file.
func benchNet(r recipe.Recipe) (*graph.Network, error) {
	if strings.HasSuffix(r.Net, ".json") {
		if err := ownNeurons(r); err != nil {
			return nil, err
		}
		net, err := train.ReadGraph(r.Net)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Net, err)
		}
		return net, nil
	}
	member, err := zoo.Named(r.Net)
	if err != nil {
		return nil, usageError{err}
	}
	return memberFor(member, r, false)
}

// measured turns the outcome of a measurement into that of its verb: what was
// measured before an interruption is printed all the same.
func measured(cmd *cobra.Command, err error, interrupted func() bool, show func(w io.Writer) error) error {
	if errors.Is(err, bench.ErrNothingMeasured) {
		fmt.Fprintln(cmd.ErrOrStderr(), "Interrupted before anything was measured.")
		return context.Canceled
	}
	if err != nil {
		return err
	}
	if err := show(cmd.OutOrStdout()); err != nil {
		return err
	}
	if interrupted() {
		fmt.Fprintln(cmd.ErrOrStderr(), "Interrupted: these are the measurements until then.")
		return context.Canceled
	}
	return nil
}
