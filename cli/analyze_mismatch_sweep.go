package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
)

// Sweeps of analyze mismatch.
const (
	batchSweep  = "batch"
	layersSweep = "layers"
)

// sweepFlags are the flags of sweeps.
type sweepFlags struct {
	kind   string
	sizes  []int
	total  int
	own    bool
	depths []int
}

func (s *sweepFlags) addTo(f *pflag.FlagSet) {
	f.StringVar(&s.kind, "sweep", "", "batch: the best fixed width against batch size; layers: the mismatch against a teacher's network's depth")
	f.IntSliceVar(&s.sizes, "sizes", []int{64, 128, 256, 512, 1024, 2048, 4096, 8192}, "batch sweep: sizes (default for images: 25, 50, 100, 200)")
	f.IntVar(&s.total, "total", 1<<16, "batch sweep: samples that the batches of each size have together (default for images: 1600)")
	f.BoolVar(&s.own, "own", false, "batch sweep: hold each batch against its own true gradient, not that of --samples others")
	f.IntSliceVar(&s.depths, "depths", []int{2, 3, 4, 6, 8, 10}, "layers sweep: numbers of hidden layers")
}

// sweptWidths are the default widths of a batch sweep, in units of θ.
var sweptWidths = []float64{.26, .35, .47, .63, .85, 1.15, 1.55, 2.1, 2.85, 3.85, 5.2, 7, 9.5, 12.8, 17.3}

// sweepBatches measures the best width against batch size. draw returns samples
// that are not the subject's.
func (m *mismatchFlags) sweepBatches(cmd *cobra.Command, s analysis.Subject, r recipe.Recipe, task, state string, draw func(first, n int) engine.Batch) error {
	own := s.Net.Neurons()[0].Neuron
	o := analysis.BatchSweepOptions{
		Shape: own.Window.Shape, Widths: m.widths, Sizes: m.sweep.sizes, Total: m.sweep.total, Own: m.sweep.own, Draw: draw,
	}
	if !cmd.Flags().Changed("widths") {
		for _, w := range sweptWidths {
			o.Widths = append(o.Widths, w*own.Model.Threshold)
		}
	}
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	m.options.Seed = r.Seed
	var result *analysis.BatchSweep
	if err := m.shown(cmd, func(ctx context.Context, show analysis.Report) (err error) {
		result, err = analysis.MeasureBatchSweep(ctx, s, o, m.options, show)
		return err
	}); err != nil {
		return err
	}
	result.Task, result.State = task, state
	return m.present(cmd, result)
}

// sweepLayers measures how errors compound.
func (m *mismatchFlags) sweepLayers(cmd *cobra.Command, r recipe.Recipe, task string) error {
	spec, err := r.WindowSpec()
	if err != nil {
		return usageError{err}
	}
	cands, err := policies(m.policies, spec, "sigma:.5", "sigma:2")
	if err != nil {
		return err
	}
	m.options.Seed = r.Seed
	var result *analysis.LayerSweep
	if err := m.shown(cmd, func(ctx context.Context, show analysis.Report) (err error) {
		build := func(layers int) (analysis.Subject, error) { return m.student(r, layers) }
		result, err = analysis.MeasureLayerSweep(ctx, m.sweep.depths, build, cands, m.options, show)
		return err
	}); err != nil {
		return err
	}
	result.Task = task
	return m.present(cmd, result)
}
