package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/zoo"
)

// Tasks of analyze mismatch.
const (
	imagesTask  = "images"
	teacherTask = "teacher"
)

// teacherFlags are the flags of the teacher's task.
type teacherFlags struct{ analysis.Teacher }

func (t *teacherFlags) addTo(f *pflag.FlagSet) {
	t.Teacher = analysis.DefaultTeacher
	f.IntVar(&t.Layers, "layers", t.Layers, "teacher: hidden layers of the MLP")
	f.IntVar(&t.Width, "hidden", t.Width, "teacher: neurons of a hidden layer")
	f.Float64Var(&t.Rho, "rho", t.Rho, "teacher: share of the input's variance that is constant over time; 1: direct coding")
	f.Float64Var(&t.Noise, "label-noise", t.Noise, "teacher: deviation of the noise on the linear map's outputs, in units of theirs")
}

// names lists the flags.
func (*teacherFlags) names() []string { return []string{"layers", "hidden", "rho", "label-noise"} }

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
	const task, state = "a linear teacher's vectors", "at initialisation"
	spend := budget{2000, 4000, 32}
	switch m.sweep.kind {
	case batchSweep:
		spend = budget{8192, 800, 8}
	case layersSweep:
		spend = budget{2000, 4000, 16}
	}
	if err := m.spend(cmd.Flags(), spend); err != nil {
		return err
	}
	if m.sweep.kind == layersSweep {
		return m.sweepLayers(cmd, r, task)
	}
	s, err := m.student(r, m.teacher.Layers)
	if err != nil {
		return err
	}
	if m.sweep.kind == batchSweep {
		return m.sweepBatches(cmd, s, r, task, state, func(first, n int) engine.Batch { return m.teacher.Batch(m.samples+first, n) })
	}
	return m.measure(cmd, s, r, task, state)
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
