package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/zoo"
)

// Tasks of analyze mismatch.
const (
	imagesTask  = "images"
	teacherTask = "teacher"
)

// Sweeps over a teacher's task.
const (
	batchSweep  = "batch"
	layersSweep = "layers"
)

// teacherFlags are the flags of the teacher's task.
type teacherFlags struct {
	analysis.Teacher
	sweep  string
	sizes  []int
	total  int
	own    bool
	depths []int
}

func (t *teacherFlags) addTo(f *pflag.FlagSet) {
	t.Teacher = analysis.DefaultTeacher
	f.StringVar(&t.sweep, "sweep", "", "teacher: batch (the best fixed width against batch size) or layers (the mismatch against depth)")
	f.IntVar(&t.Layers, "layers", t.Layers, "teacher: hidden layers of the MLP")
	f.IntVar(&t.Width, "hidden", t.Width, "teacher: neurons of a hidden layer")
	f.Float64Var(&t.Rho, "rho", t.Rho, "teacher: share of the input's variance that is constant over time; 1: direct coding")
	f.Float64Var(&t.Noise, "label-noise", t.Noise, "teacher: deviation of the noise on the linear map's outputs, in units of theirs")
	f.IntSliceVar(&t.sizes, "sizes", []int{64, 128, 256, 512, 1024, 2048, 4096, 8192}, "batch sweep: sizes")
	f.IntVar(&t.total, "total", 1<<16, "batch sweep: samples that the batches of each size have together")
	f.BoolVar(&t.own, "own", false, "batch sweep: hold each batch against its own true gradient, not that of --samples others")
	f.IntSliceVar(&t.depths, "depths", []int{2, 3, 4, 6, 8, 10}, "layers sweep: numbers of hidden layers")
}

// names lists the flags.
func (*teacherFlags) names() []string {
	return []string{"sweep", "layers", "hidden", "rho", "label-noise", "sizes", "total", "own", "depths"}
}

// sweptWidths are the default widths of a batch sweep, in units of θ.
var sweptWidths = []float64{.26, .35, .47, .63, .85, 1.15, 1.55, 2.1, 2.85, 3.85, 5.2, 7, 9.5, 12.8, 17.3}

// taught runs what is asked for on a teacher's task.
func (m *mismatchFlags) taught(cmd *cobra.Command) error {
	if set := m.recipe.Changed("net", "data", "limit", "validation"); len(set) > 0 {
		return usagef("--%s has no effect on --task %s, which brings network and data", set[0], teacherTask)
	}
	r := recipe.Default()
	if err := applied(m.recipe)(&r); err != nil {
		return err
	}
	m.teacher.Seed, m.teacher.Steps = r.Seed, r.Steps
	const task = "a linear teacher's vectors"
	switch m.teacher.sweep {
	case "":
		if err := m.spend(cmd.Flags(), budget{2000, 4000, 32}); err != nil {
			return err
		}
		s, err := m.student(r, m.teacher.Layers)
		if err != nil {
			return err
		}
		return m.measure(cmd, s, r, task, "at initialisation")
	case batchSweep:
		return m.sweepBatches(cmd, r, task)
	case layersSweep:
		return m.sweepLayers(cmd, r, task)
	}
	return usagef("--sweep is %q, expected %s or %s", m.teacher.sweep, batchSweep, layersSweep)
}

// student is the MLP of so many hidden layers, at initialisation.
func (m *mismatchFlags) student(r recipe.Recipe, layers int) (s analysis.Subject, err error) {
	if m.samples < 2 {
		return s, usagef("--samples is %d, expected at least 2", m.samples)
	}
	c := zoo.Config{Dropout: r.Dropout}
	if c.Model, err = r.Model(); err != nil {
		return s, usageError{err}
	}
	if c.Window, err = r.WindowSpec(); err != nil {
		return s, usageError{err}
	}
	teacher := m.teacher.Teacher
	teacher.Layers = layers
	net, err := teacher.Net(c)
	if err != nil {
		return s, usageError{err}
	}
	e, err := engine.Named(r.Engine)
	if err != nil {
		return s, usageError{err}
	}
	s = newSubject(r, e, net)
	s.Params, s.Batch = net.Init(r.Seed), teacher.Batch(0, m.samples)
	return s, nil
}

func (m *mismatchFlags) sweepBatches(cmd *cobra.Command, r recipe.Recipe, task string) error {
	if err := m.spend(cmd.Flags(), budget{8192, 800, 8}); err != nil {
		return err
	}
	s, err := m.student(r, m.teacher.Layers)
	if err != nil {
		return err
	}
	o := analysis.BatchSweepOptions{
		Shape: s.Net.Neurons()[0].Neuron.Window.Shape, Widths: m.widths, Sizes: m.teacher.sizes, Total: m.teacher.total, Own: m.teacher.own,
		Draw: func(first, n int) engine.Batch { return m.teacher.Batch(m.samples+first, n) },
	}
	if !cmd.Flags().Changed("widths") {
		for _, w := range sweptWidths {
			o.Widths = append(o.Widths, w*r.Theta)
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
	result.Task = task
	return m.present(cmd, result, func() error { return result.WriteText(cmd.OutOrStdout()) }, func() ([]exhibit.Exhibit, error) { return result.Exhibits(), nil })
}

func (m *mismatchFlags) sweepLayers(cmd *cobra.Command, r recipe.Recipe, task string) error {
	if err := m.spend(cmd.Flags(), budget{2000, 4000, 16}); err != nil {
		return err
	}
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
		result, err = analysis.MeasureLayerSweep(ctx, m.teacher.depths, build, cands, m.options, show)
		return err
	}); err != nil {
		return err
	}
	result.Task = task
	return m.present(cmd, result, func() error { return result.WriteText(cmd.OutOrStdout()) }, func() ([]exhibit.Exhibit, error) { return result.Exhibits(), nil })
}
