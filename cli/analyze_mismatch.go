package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/analysis"
	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/window"
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
	teacher  teacherFlags
	sweep    sweepFlags
	quiet    bool
}

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

The cosine of every window is held against that of the best fixed width. The true
gradient is estimated once for all, so differences are known better than the cosines.
"measured" stands for the deviations of this very batch, where training has a running
mean over batches.`,
		Example: `  qif analyze mismatch                               # the default network at initialisation
  qif analyze mismatch runs/fashion-tiny-qif-seed1 --out figures
  qif analyze mismatch --net mini --windows bandwidth,sigma:2 --pairs 200
  qif analyze mismatch --neuron lif --leak .5 --json
  qif analyze mismatch --task teacher --window-shape rectangular
  qif analyze mismatch --task teacher --sweep batch    # best width against batch size
  qif analyze mismatch --sweep batch                   # the same on images
  qif analyze mismatch --task teacher --sweep layers   # how errors compound with depth`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	m.recipe = recipe.NewFlags(cmd.Flags(), slices.Concat(neuronKeys(), netKeys, []string{
		"net", "steps", "seed", "data", "limit", "validation", "engine", "threads", "detach_reset", "loss", "tet_lambda", "tet_target",
	})...)
	m.options = analysis.DefaultMismatchOptions
	m.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&m.task, "task", imagesTask, "images, or teacher: Gaussian vectors labelled by a noisy linear map, for an MLP")
	f.StringSliceVar(&m.policies, "windows", nil, "policies to compare (default: the network's, measured, exact, sigma:1, sigma:2)")
	f.Float64SliceVar(&m.widths, "widths", nil, "fixed widths to sweep (default: ten from θ/4 to 4θ)")
	f.StringSliceVar(&m.shapes, "shapes", nil, "shapes to try with the first policy beside the network's own (default: all)")
	f.IntVar(&m.samples, "samples", 0, "samples of the batch (default: 500 images, 2000 of a teacher)")
	f.IntVar(&m.options.Pairs, "pairs", 0, "pairs of antithetic weight noise for the true gradient (default: 400, for a teacher 4000)")
	f.IntVar(&m.options.Average, "average", 0, "pairs of points over which surrogate gradients are averaged (default: 4, for a teacher 32)")
	f.Float64Var(&m.options.Noise, "noise", m.options.Noise, "deviation of the weight noise, as share of each matrix's")
	f.BoolVarP(&m.quiet, "quiet", "q", false, "show no progress")
	m.teacher.addTo(f)
	m.sweep.addTo(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return m.run(cmd, args) }
	return cmd
}

// budget is what a task takes unless flags say otherwise.
type budget struct{ samples, pairs, average int }

// spend sets what no flag has set, and checks what is set.
func (m *mismatchFlags) spend(f *pflag.FlagSet, b budget) error {
	for name, v := range map[string]struct {
		to  *int
		def int
	}{"samples": {&m.samples, b.samples}, "pairs": {&m.options.Pairs, b.pairs}, "average": {&m.options.Average, b.average}} {
		if !f.Changed(name) {
			*v.to = v.def
		}
	}
	if err := m.options.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

func (m *mismatchFlags) run(cmd *cobra.Command, args []string) error {
	if err := m.check(cmd, args); err != nil {
		return err
	}
	if m.task == teacherTask {
		return m.taught(cmd)
	}
	if err := m.spend(cmd.Flags(), budget{500, 400, 4}); err != nil {
		return err
	}
	if m.sweep.kind == batchSweep {
		if !cmd.Flags().Changed("total") {
			m.sweep.total = 1600
		}
		if !cmd.Flags().Changed("sizes") {
			m.sweep.sizes = []int{25, 50, 100, 200}
		}
	}
	prepare := m.initialised
	state := "at initialisation"
	if len(args) > 0 {
		prepare = func() (analysis.Subject, recipe.Recipe, error) { return m.checkpoint(args[0]) }
		state = args[0]
	}
	s, r, err := prepare()
	if err != nil {
		return err
	}
	if m.sweep.kind == batchSweep {
		rest := s.Batch
		s.Batch = images(rest, 0, m.samples)
		return m.sweepBatches(cmd, s, r, imagesName(r), state, func(first, n int) engine.Batch { return images(rest, m.samples+first, n) })
	}
	return m.measure(cmd, s, r, imagesName(r), state)
}

// drawn is how many images are needed: those of the true gradient and, in a sweep,
// those of the batches.
func (m *mismatchFlags) drawn() int {
	if m.sweep.kind == batchSweep {
		return m.samples + max(0, m.sweep.total) // the sweep refuses others
	}
	return m.samples
}

// images is a part of a batch.
func images(b engine.Batch, first, n int) engine.Batch {
	size := len(b.X) / b.N
	return engine.Batch{N: n, X: b.X[first*size : (first+n)*size], Y: b.Y[first : first+n]}
}

// check refuses flags that do not go together.
func (m *mismatchFlags) check(cmd *cobra.Command, args []string) error {
	switch {
	case m.task != imagesTask && m.task != teacherTask:
		return usagef("--task is %q, expected %s or %s", m.task, imagesTask, teacherTask)
	case m.task == teacherTask && len(args) > 0:
		return usagef("a checkpoint is of images; --task %s has none", teacherTask)
	case !slices.Contains([]string{"", batchSweep, layersSweep}, m.sweep.kind):
		return usagef("--sweep is %q, expected %s or %s", m.sweep.kind, batchSweep, layersSweep)
	case m.task == imagesTask && m.sweep.kind == layersSweep:
		return usagef("--sweep %s is for --task %s", layersSweep, teacherTask)
	case m.task == imagesTask:
		for _, name := range m.teacher.names() {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is for --task %s", name, teacherTask)
			}
		}
	}
	return nil
}

// measure compares all candidates on a subject and prints the outcome.
func (m *mismatchFlags) measure(cmd *cobra.Command, s analysis.Subject, r recipe.Recipe, task, state string) error {
	cands, err := m.candidates(cmd, s.Net)
	if err != nil {
		return err
	}
	m.options.Seed = r.Seed
	var result *analysis.Mismatch
	if err := m.shown(cmd, func(ctx context.Context, show analysis.Report) (err error) {
		result, err = analysis.MeasureMismatch(ctx, s, cands, m.options, show)
		return err
	}); err != nil {
		return err
	}
	result.Task, result.State = task, state
	return m.present(cmd, result)
}

// shown runs a study with its progress on stderr, until Ctrl-C.
func (m *mismatchFlags) shown(cmd *cobra.Command, study func(context.Context, analysis.Report) error) error {
	ctx, stop := interruptible(cmd)
	defer stop()
	show, end := reporter(cmd.ErrOrStderr(), m.quiet)
	defer end()
	return study(ctx, show)
}

// initialised is a recipe's network on images.
func (m *mismatchFlags) initialised() (s analysis.Subject, r recipe.Recipe, err error) {
	r = recipe.Default()
	if err := applied(m.recipe)(&r); err != nil {
		return s, r, err
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
	s.Batch, err = trainingBatch(r, setup.Train, setup.TrainIdx, setup.Norm, m.drawn())
	return s, r, err
}

func newSubject(r recipe.Recipe, e engine.Engine, net *graph.Network) analysis.Subject {
	s := analysis.Subject{Net: net, Engine: e, Steps: r.Steps, Loss: r.Loss(), Threads: r.Threads}
	if s.Threads == 0 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	return s
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
	d, err := train.LoadData(r)
	if err != nil {
		return s, r, err
	}
	set := d.Train
	indices, _, err := c.Split.Split(set.Name(), len(set.Labels()), set.Hash)
	if err != nil {
		return s, r, err
	}
	e, err := engine.Named(r.Engine)
	if err != nil {
		return s, r, usageError{err}
	}
	s = newSubject(r, e, net)
	s.Params = c.Params
	s.Batch, err = trainingBatch(r, set, indices, c.Norm, m.drawn())
	return s, r, err
}

// trainingBatch is a batch of n training images as the recipe's task shows them,
// drawn with its seed.
func trainingBatch(r recipe.Recipe, set train.Dataset, indices []int, norm data.Norm, n int) (engine.Batch, error) {
	if n < 2 || n > len(indices) {
		return engine.Batch{}, usagef("--samples asks for %d images in all, expected 2 to %d, the number of training images", n, len(indices))
	}
	samples, err := set.Shown(norm)
	if err != nil {
		return engine.Batch{}, err
	}
	loader, err := data.NewLoader(data.LoaderOptions{Samples: samples, Indices: indices, Batch: n, Shuffle: true, DropLast: true, Seed: r.Seed})
	if err != nil {
		return engine.Batch{}, err
	}
	pass := loader.Epoch(0, 0)
	defer pass.Close()
	b, ok := pass.Next()
	if !ok {
		return engine.Batch{}, pass.Err()
	}
	return engine.Batch{N: b.N, X: b.X, Y: b.Y}, nil
}

// imagesName names the images of a recipe.
func imagesName(r recipe.Recipe) string {
	if r.Data == "" {
		return "the built-in images"
	}
	return r.Data
}

// candidates lists the windows to compare.
func (m *mismatchFlags) candidates(cmd *cobra.Command, net *graph.Network) ([]analysis.Candidate, error) {
	own := net.Neurons()[0].Neuron
	all, err := policies(m.policies, own.Window, "measured", "exact", "sigma:1", "sigma:2")
	if err != nil {
		return nil, err
	}
	widths := m.widths
	if !cmd.Flags().Changed("widths") {
		for _, w := range analysis.DefaultWidths {
			widths = append(widths, w*own.Model.Threshold)
		}
	}
	for _, w := range widths {
		c := analysis.Swept(w, own.Window.Shape)
		if err := c.Policy.Validate(); err != nil {
			return nil, usagef("--widths: %w", err)
		}
		all = append(all, c)
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
	for _, s := range shapes {
		if c := all[0]; s != c.Shape {
			c.Shape = s
			all = append(all, c)
		}
	}
	return all, nil
}

// reportEvery is the time between lines of progress where there is no terminal.
const reportEvery = 10 * time.Second

// reporter shows how far a study is, with the time it will still take: by a bar on
// a terminal, by a line now and then elsewhere.
func reporter(w io.Writer, quiet bool) (show analysis.Report, end func()) {
	meter := newMeter(w, quiet)
	start := time.Now()
	last := start
	return func(done float64, phase string) {
		p := bench.Progress{Phase: phase, Done: done}
		now := time.Now()
		if passed := now.Sub(start); done > 0 && passed > time.Second {
			p.Left = time.Duration(float64(passed) * (1 - done) / done)
		}
		meter.observe(p)
		if !meter.live() && !quiet && now.Sub(last) > reportEvery {
			last = now
			fmt.Fprintf(w, "%3.0f %%  %s  %s left\n", 100*done, phase, duration(p.Left))
		}
	}, meter.close
}
