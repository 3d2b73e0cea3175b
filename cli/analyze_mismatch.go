package cli

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// mismatchFlags are the flags of analyze mismatch.
type mismatchFlags struct {
	study
	recipe   *recipe.Flags
	task     string
	policies []string
	shapes   []string
	widths   []float64
	samples  int
	options  analysis.MismatchOptions
	teacher  analysis.Teacher
	quiet    bool
}

const (
	imagesTask  = "images"
	teacherTask = "teacher"
)

func newAnalyzeMismatch() *cobra.Command {
	var m mismatchFlags
	cmd := &cobra.Command{
		Use:   "mismatch [CHECKPOINT]",
		Short: "Compare surrogate gradients with the smoothed true gradient, and windows with potentials",
		Long: `Mismatch measures how well surrogate windows do their work, for a network at
initialisation or for a checkpoint, on one fixed batch in training mode:

  - per layer and step, predicted against measured mean, deviation and firing
    rate of the membrane potential; how many potentials a window covers, and by
    how much its mean E[h] misses the density p(θ) that it stands for;
  - per weight matrix, cosine and norm ratio between the surrogate gradient and
    the true gradient of the loss smoothed by a little weight noise, with
    standard errors, for policies, ten fixed widths and all shapes.

The first of --windows is held against the best fixed width. The true gradient is
estimated once for all, so differences are known better than the cosines.`,
		Example: `  qif analyze mismatch                               # the default network at initialisation
  qif analyze mismatch runs/fashion-tiny-qif-seed1 --out figures
  qif analyze mismatch --net mini --windows bandwidth,sigma:2 --pairs 200
  qif analyze mismatch --task teacher --window-shape rectangular --pairs 3000 --average 64
  qif analyze mismatch --neuron lif --leak .5 --json`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	m.recipe = recipe.NewFlags(cmd.Flags(), slices.Concat(neuronKeys(), netKeys, []string{
		"net", "steps", "seed", "data", "limit", "validation", "engine", "threads", "detach_reset", "loss", "tet_lambda", "tet_target",
	})...)
	m.options, m.teacher = analysis.DefaultMismatchOptions, analysis.DefaultTeacher
	m.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&m.task, "task", imagesTask, "images, or teacher: Gaussian vectors labelled by a noisy linear map, for an MLP")
	f.StringSliceVar(&m.policies, "windows", nil, "policies to compare (default: the network's, sigma:1, sigma:2)")
	f.Float64SliceVar(&m.widths, "widths", nil, "fixed widths to sweep (default: ten from θ/4 to 4θ)")
	f.StringSliceVar(&m.shapes, "shapes", nil, "shapes to try with the first policy beside the network's own (default: all)")
	f.IntVar(&m.samples, "samples", 0, "samples of the batch (default: 500 images, 2000 of a teacher)")
	f.IntVar(&m.options.Pairs, "pairs", m.options.Pairs, "pairs of antithetic weight noise for the true gradient")
	f.IntVar(&m.options.Average, "average", m.options.Average, "pairs of points over which surrogate gradients are averaged")
	f.Float64Var(&m.options.Noise, "noise", m.options.Noise, "deviation of the weight noise, as share of each matrix's")
	f.IntVar(&m.teacher.Layers, "layers", m.teacher.Layers, "teacher: hidden layers of the MLP")
	f.IntVar(&m.teacher.Width, "hidden", m.teacher.Width, "teacher: neurons of a hidden layer")
	f.Float64Var(&m.teacher.Rho, "rho", m.teacher.Rho, "teacher: share of the input's variance that is constant over time; 1: direct coding")
	f.Float64Var(&m.teacher.Noise, "label-noise", m.teacher.Noise, "teacher: deviation of the noise on the linear map's outputs, in units of theirs")
	f.BoolVarP(&m.quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return m.run(cmd, args) }
	return cmd
}

func (m *mismatchFlags) run(cmd *cobra.Command, args []string) error {
	subject, r, err := m.subject(cmd, args)
	if err != nil {
		return err
	}
	cands, err := m.candidates(cmd, subject.Net)
	if err != nil {
		return err
	}
	m.options.Seed = r.Seed
	if err := m.options.Validate(); err != nil {
		return usageError{err}
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	show, end := reporter(cmd.ErrOrStderr(), m.quiet)
	result, err := analysis.MeasureMismatch(ctx, subject, cands, m.options, show)
	end()
	if err != nil {
		return err
	}
	result.Task, result.State = m.taskName(r), "at initialisation"
	if len(args) > 0 {
		result.State = args[0]
	}
	return m.present(cmd, result, func() error { return result.WriteText(cmd.OutOrStdout()) }, func() ([]exhibit.Exhibit, error) { return nil, nil })
}

// subject builds what is studied.
func (m *mismatchFlags) subject(cmd *cobra.Command, args []string) (s analysis.Subject, r recipe.Recipe, err error) {
	if m.task != imagesTask && m.task != teacherTask {
		return s, r, usagef("--task is %q, expected %s or %s", m.task, imagesTask, teacherTask)
	}
	if cmd.Flags().Changed("samples") && m.samples < 2 {
		return s, r, usagef("--samples is %d, expected at least 2", m.samples)
	}
	r = recipe.Default()
	if len(args) > 0 {
		if m.task == teacherTask {
			return s, r, usagef("a checkpoint is of images; --task %s has none", teacherTask)
		}
		return m.checkpoint(args[0])
	}
	if err := applied(m.recipe)(&r); err != nil {
		return s, r, err
	}
	if m.task == teacherTask {
		return m.taught(r)
	}
	if err := ownNeurons(r); err != nil {
		return s, r, err
	}
	setup, err := train.Prepare(r)
	if err != nil {
		return s, r, err
	}
	s = newSubject(r, setup.Engine, setup.Net)
	s.Params = setup.Net.Init(r.Seed)
	s.Batch, err = m.images(setup.Train, setup.TrainIdx, setup.Norm, r.Seed)
	return s, r, err
}

func newSubject(r recipe.Recipe, e engine.Engine, net *graph.Network) analysis.Subject {
	s := analysis.Subject{Net: net, Engine: e, Steps: r.Steps, Loss: r.Loss(), Threads: r.Threads}
	if s.Threads == 0 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	return s
}

// taught is the subject of a teacher's task.
func (m *mismatchFlags) taught(r recipe.Recipe) (s analysis.Subject, _ recipe.Recipe, err error) {
	if set := m.recipe.Changed("net", "data", "limit", "validation"); len(set) > 0 {
		return s, r, usagef("--%s has no effect on --task %s, which brings network and data", set[0], teacherTask)
	}
	m.teacher.Seed, m.teacher.Steps = r.Seed, r.Steps
	net, err := m.taughtNet(r, m.teacher)
	if err != nil {
		return s, r, err
	}
	e, err := engine.Named(r.Engine)
	if err != nil {
		return s, r, usageError{err}
	}
	n := m.samples
	if n == 0 {
		n = 2000
	}
	s = newSubject(r, e, net)
	s.Params, s.Batch = net.Init(r.Seed), m.teacher.Batch(0, n)
	return s, r, nil
}

// taughtNet builds the network of a teacher's task with a recipe's neurons.
func (m *mismatchFlags) taughtNet(r recipe.Recipe, t analysis.Teacher) (*graph.Network, error) {
	c := zoo.Config{Dropout: r.Dropout}
	var err error
	if c.Model, err = r.Model(); err != nil {
		return nil, usageError{err}
	}
	if c.Window, err = r.WindowSpec(); err != nil {
		return nil, usageError{err}
	}
	net, err := t.Net(c)
	if err != nil {
		return nil, usageError{err}
	}
	return net, nil
}

// checkpoint is a trained network on images that it was trained on.
func (m *mismatchFlags) checkpoint(path string) (s analysis.Subject, r recipe.Recipe, err error) {
	fixed := slices.Concat(neuronKeys(), netKeys, []string{"net", "validation", "detach_reset"})
	if set := m.recipe.Changed(fixed...); len(set) > 0 {
		return s, r, usagef("--%s has no effect on a checkpoint, which brings its network; --windows says what to compare", set[0])
	}
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return s, r, err
	}
	if r, err = c.ParsedRecipe(); err != nil {
		return s, r, err
	}
	if err := applied(m.recipe)(&r); err != nil {
		return s, r, err
	}
	net, err := c.Network()
	if err != nil {
		return s, r, err
	}
	set, _, err := train.LoadData(r)
	if err != nil {
		return s, r, err
	}
	indices, _, err := c.Split.Indices(set)
	if err != nil {
		return s, r, err
	}
	e, err := engine.Named(r.Engine)
	if err != nil {
		return s, r, usageError{err}
	}
	s = newSubject(r, e, net)
	s.Params = c.Params
	s.Batch, err = m.images(set, indices, c.Norm, r.Seed)
	return s, r, err
}

// images is a batch of training images, drawn with the seed.
func (m *mismatchFlags) images(set *data.Set, indices []int, norm data.Norm, seed uint64) (engine.Batch, error) {
	n := m.samples
	if n == 0 {
		n = min(500, len(indices))
	}
	if n > len(indices) {
		return engine.Batch{}, usagef("--samples is %d, but the data has %d images to train on", n, len(indices))
	}
	loader, err := data.NewLoader(data.LoaderOptions{Set: set, Indices: indices, Batch: n, Norm: norm, Shuffle: true, DropLast: true, Seed: seed})
	if err != nil {
		return engine.Batch{}, err
	}
	pass := loader.Epoch(0, 0)
	defer pass.Close()
	b, _ := pass.Next()
	return engine.Batch{N: b.N, X: b.X, Y: b.Y}, nil
}

// taskName names the data.
func (m *mismatchFlags) taskName(r recipe.Recipe) string {
	switch {
	case m.task == teacherTask:
		return "a linear teacher's vectors"
	case r.Data == "":
		return "the built-in images"
	}
	return r.Data
}

// candidates lists the windows to compare.
func (m *mismatchFlags) candidates(cmd *cobra.Command, net *graph.Network) ([]analysis.Candidate, error) {
	own := net.Neurons()[0].Neuron
	names := m.policies
	if !cmd.Flags().Changed("windows") {
		names = []string{own.Window.Policy.String(), "sigma:1", "sigma:2"}
	}
	var policies []window.Policy
	for _, name := range names {
		p, err := window.ParsePolicy(name)
		if err != nil {
			return nil, usagef("--windows: %w", err)
		}
		if slices.Contains(policies, p) {
			continue
		}
		policies = append(policies, p)
	}
	if len(policies) == 0 {
		return nil, usagef("--windows names no policy")
	}
	shapes := window.Shapes
	if cmd.Flags().Changed("shapes") {
		shapes = nil
		for _, name := range m.shapes {
			s, err := window.ParseShape(name)
			if err != nil {
				return nil, usagef("--shapes: %w", err)
			}
			shapes = append(shapes, s)
		}
	}
	widths := m.widths
	if !cmd.Flags().Changed("widths") {
		for _, w := range analysis.DefaultWidths {
			widths = append(widths, w*own.Model.Threshold)
		}
	}
	for _, w := range widths {
		if err := (window.Policy{Kind: window.Fixed, Value: w}).Validate(); err != nil {
			return nil, usagef("--widths: %w", err)
		}
	}
	return analysis.Candidates(policies, own.Window.Shape, own.Window.Pooled, widths, shapes), nil
}

// reporter shows how far a study is, with the time it will still take.
func reporter(w io.Writer, quiet bool) (show analysis.Report, end func()) {
	meter := newMeter(w, quiet)
	start := time.Now()
	return func(done float64, phase string) {
		p := bench.Progress{Phase: phase, Done: done}
		if passed := time.Since(start); done > 0 && passed > time.Second {
			p.Left = time.Duration(float64(passed) * (1 - done) / done)
		}
		meter.observe(p)
	}, meter.close
}

var _ = fmt.Sprint
