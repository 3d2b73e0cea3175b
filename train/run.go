package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
)

// ErrInterrupted is returned by Run.Finish when its context ends: the run is
// saved and can be resumed.
var ErrInterrupted = errors.New("interrupted; the run is saved")

// Run is a training run bound to its folder, which it holds locked.
type Run struct {
	*Setup
	Dir     string
	Resumed bool
	Notes   []string // what the user should know before the run goes on

	lock     *flock.Flock
	trainer  engine.Trainer
	loader   *data.Loader
	plain    data.Samples // the training set's, for validation
	eval     *Evaluator
	progress Progress
	observer Observer

	started   time.Time
	lastSave  time.Time
	trainTime time.Duration // spent in training steps by this process
	trained   int           // samples trained by this process
}

// Start begins a run in the folder dir, which must not hold one already. A run
// that cannot begin leaves no folder behind.
func Start(s *Setup, dir string) (*Run, error) {
	r := newRun(s, dir)
	if err := r.begin(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Run) begin() error {
	if err := r.compile(); err != nil {
		return err
	}
	toml, err := r.Recipe.TOML()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return err
	}
	if err := r.hold(); err != nil {
		return err
	}
	for _, name := range files {
		if _, err := os.Stat(r.path(name)); err == nil {
			return fmt.Errorf("%s already holds a %s: resume the run there with --resume %s, or choose another folder with --out", r.Dir, name, r.Dir)
		}
	}
	r.progress.Partial = r.newPartial()
	err = writeFile(r.path(RecipeFile), func(w io.Writer) error {
		_, err := w.Write(toml)
		return err
	})
	if err != nil {
		return err
	}
	return r.save() // a kill at any time leaves something to resume
}

// RecipeError marks an attempt to resume a run with another recipe.
type RecipeError struct{ Dir, Was, Is string }

func (e *RecipeError) Error() string {
	return fmt.Sprintf("%s was begun with %s, not %s: a resumed run keeps its recipe", e.Dir, e.Was, e.Is)
}

// Resume continues the run in dir, or the folder of the file dir. Recipe and
// network are the run's own; adjust may change settings that do not bear on
// results, such as the number of threads.
func Resume(dir string, adjust func(*recipe.Recipe) error) (*Run, error) {
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		dir = filepath.Dir(dir)
	}
	r := newRun(nil, dir)
	if err := r.takeUp(adjust); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Run) takeUp(adjust func(*recipe.Recipe) error) error {
	if _, err := os.Stat(r.path(LastFile)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no run to resume there (%s is missing)", r.Dir, LastFile)
	}
	if err := r.hold(); err != nil {
		return err
	}
	c, err := ReadCheckpoint(r.path(LastFile))
	if err != nil {
		return err
	}
	rec, err := c.ParsedRecipe()
	if err != nil {
		return err
	}
	before := rec.Comparable()
	// What checkpoints leave out stands beside them. Without it, defaults do.
	if began, err := recipe.Load(r.path(RecipeFile)); err == nil {
		rec.Threads, rec.Memory, rec.SaveEvery = began.Threads, began.Memory, began.SaveEvery
		rec.FramesCache, rec.FramesMemory = began.FramesCache, began.FramesMemory
	}
	if err := adjust(&rec); err != nil {
		return err
	}
	before.Data = rec.Data // a folder may move; its content is checked below
	if was, is, differ := before.Differs(rec.Comparable()); differ {
		return &RecipeError{r.Dir, was, is}
	}
	net, err := c.Network()
	if err != nil {
		return err
	}
	if r.Setup, err = prepare(rec, net); err != nil {
		return err
	}
	if r.Split.SHA256 != c.Split.SHA256 {
		return fmt.Errorf("%s was begun on data with SHA-256 %.12s…, the data now has %.12s…", r.Dir, c.Split.SHA256, r.Split.SHA256)
	}
	if err := c.checkTest(r.Data); err != nil {
		return fmt.Errorf("%s: %w", r.Dir, err)
	}
	r.Norm = c.Norm
	if err := r.compile(); err != nil {
		return err
	}
	r.Resumed, r.progress = true, c.Progress
	if now := engine.Signature(r.Engine); c.Engine != now {
		r.note("begun on %s, resumed on %s: the end will differ in rounding from that of a run never interrupted", c.Engine, now)
	}
	if err := r.checkPlace(); err != nil {
		return fmt.Errorf("%s: %w", r.path(LastFile), err)
	}
	if err := r.trainer.Restore(c.snapshot()); err != nil {
		return fmt.Errorf("%s: %w", r.path(LastFile), err)
	}
	return trimMetrics(r.path(MetricsFile), c.Progress.Epochs)
}

// checkPlace says whether the progress read is a place that the run can be at.
func (r *Run) checkPlace() error {
	p, steps := r.progress, r.loader.Steps()
	switch {
	case p.Epoch > r.Recipe.Epochs, p.Step > steps, p.Epoch == r.Recipe.Epochs && p.Step > 0:
		return fmt.Errorf("progress: epoch %d, step %d, in a run of %d epochs of %d steps", p.Epoch, p.Step, r.Recipe.Epochs, steps)
	case p.Updates != int64(p.Epoch*steps+p.Step):
		return fmt.Errorf("progress: %d updates after %d epochs of %d steps and %d steps", p.Updates, p.Epoch, steps, p.Step)
	case p.Partial.Samples != p.Step*r.Recipe.Batch:
		return fmt.Errorf("progress: %d samples in %d steps of %d", p.Partial.Samples, p.Step, r.Recipe.Batch)
	}
	return nil
}

func newRun(s *Setup, dir string) *Run {
	return &Run{Setup: s, Dir: dir, observer: Silent{}, lock: flock.New(filepath.Join(dir, lockFile))}
}

// hold locks the folder and clears what a killed writer left.
func (r *Run) hold() error {
	ok, err := r.lock.TryLock()
	if err != nil {
		return fmt.Errorf("locking %s: %w", r.Dir, err)
	}
	if !ok {
		return fmt.Errorf("%s is in use by another process", r.Dir)
	}
	removeLeftovers(r.Dir)
	return nil
}

// removeLeftovers deletes temporary files of writers that were killed. Failure
// to do so harms nothing.
func removeLeftovers(dir string) {
	for _, name := range files {
		stale, _ := filepath.Glob(filepath.Join(dir, "."+name+"[0-9]*"))
		for _, path := range stale {
			os.Remove(path)
		}
	}
}

func (r *Run) compile() error {
	rec := r.Recipe
	var err error
	r.trainer, err = r.Engine.CompileTrain(r.Net, engine.TrainOptions{
		Batch: rec.Batch, Steps: rec.Steps, Threads: rec.Threads, Seed: rec.Seed,
		Loss: rec.Loss(), Optimizer: rec.Optimizer(), Precision: rec.Precision, Memory: rec.Memory,
	})
	if err != nil {
		return err
	}
	if p := r.effectivePrecision(); p != rec.Precision {
		r.note("precision %s changes nothing here: engine %s computes this network in %s", rec.Precision, engine.Signature(r.Engine), p)
	}
	varied, err := r.Train.Varied(r.Norm)
	if err != nil {
		return err
	}
	r.loader, err = data.NewLoader(data.LoaderOptions{
		Samples: varied, Indices: r.TrainIdx, Batch: rec.Batch,
		Shuffle: true, DropLast: true, Seed: rec.Seed, Ahead: 4,
	})
	if err != nil {
		return err
	}
	if r.plain, err = r.Train.Shown(r.Norm); err != nil {
		return err
	}
	r.eval, err = NewEvaluator(r.Engine, r.Net, evalOptions(rec, rec.Batch))
	return err
}

// effectivePrecision is the precision that the run trains in, whatever was asked for.
func (r *Run) effectivePrecision() string { return engine.PrecisionOf(r.trainer, r.Recipe.Precision) }

func (r *Run) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Close releases the folder and the engine.
func (r *Run) Close() {
	if r.trainer != nil {
		r.trainer.Close()
	}
	if r.eval != nil {
		r.eval.Close()
	}
	r.lock.Unlock()
}

// Observe has o told of the run's progress.
func (r *Run) Observe(o Observer) { r.observer = o }

func (r *Run) path(name string) string { return filepath.Join(r.Dir, name) }

func (r *Run) newPartial() Partial {
	p := Partial{}
	for range r.Net.Neurons() {
		p.Rates = append(p.Rates, make([]float64, r.Recipe.Steps))
	}
	return p
}

// Updates is the number of optimiser steps in the whole run.
func (r *Run) Updates() int { return r.Recipe.Epochs * r.loader.Steps() }

// Progress says how far the run has come. Callers must not change its lists.
func (r *Run) Progress() Progress { return r.progress }

// Fit runs all epochs, or until ctx is done, which saves the run and returns
// ErrInterrupted. Other errors leave the last checkpoint as it is. It does not
// look at the test data.
func (r *Run) Fit(ctx context.Context) error {
	r.started, r.lastSave = time.Now(), time.Now()
	r.observer.Start(r)
	for r.progress.Epoch < r.Recipe.Epochs {
		if err := r.epoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Finish is Fit, then measures the chosen epoch on the test data and writes the
// report.
func (r *Run) Finish(ctx context.Context) (*Result, error) {
	if err := r.Fit(ctx); err != nil {
		return nil, err
	}
	return r.conclude(ctx)
}

func (r *Run) epoch(ctx context.Context) error {
	pass := r.loader.Epoch(r.progress.Epoch, r.progress.Step)
	defer pass.Close()
	for {
		if ctx.Err() != nil {
			return r.interrupted()
		}
		b, ok := pass.Next()
		if !ok {
			break
		}
		if err := r.step(b); err != nil {
			return err
		}
		if every := r.Recipe.SaveEvery; every > 0 && time.Since(r.lastSave).Seconds() > every {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	if err := pass.Err(); err != nil {
		return err
	}
	return r.endEpoch(ctx)
}

// interrupted saves the run where it stands.
func (r *Run) interrupted() error {
	if err := r.save(); err != nil {
		return err
	}
	return ErrInterrupted
}

func (r *Run) step(b *data.Batch) error {
	begin := time.Now()
	lr := r.Recipe.LearningRate(int(r.progress.Updates), r.Updates())
	res, err := r.trainer.Step(engine.Batch{N: b.N, X: b.X, Y: b.Y}, lr)
	if err != nil {
		return fmt.Errorf("epoch %d, step %d, learning rate %.3g: %w", r.progress.Epoch+1, r.progress.Step+1, lr, err)
	}
	r.trainTime += time.Since(begin)
	r.trained += b.N
	p := &r.progress.Partial
	p.Samples += b.N
	p.Loss += res.Loss * float64(b.N)
	p.Correct += res.Correct
	p.GradNorm += res.GradNorm
	for i, l := range res.Neurons {
		for t, rate := range l.Rate {
			p.Rates[i][t] += rate * float64(b.N)
		}
	}
	r.progress.Step++
	r.progress.Updates++
	if n := r.progress.Step; n == 20 || n%100 == 0 { // the end of the epoch looks again
		r.warn(Training, res.Neurons)
	}
	r.observer.Step(r.stepInfo(lr))
	return nil
}

// warn reports what Diagnose finds.
func (r *Run) warn(phase string, layers []engine.Activity) {
	r.report(Diagnose(layers, phase, r.progress.Epoch+1))
}

// report passes warnings on, each kind once per layer and phase.
func (r *Run) report(ws []Warning) {
	for _, w := range ws {
		known := func(old Warning) bool { return old.Kind == w.Kind && old.Phase == w.Phase && old.Node == w.Node }
		if !slices.ContainsFunc(r.progress.Warnings, known) {
			r.progress.Warnings = append(r.progress.Warnings, w)
			r.observer.Warn(w)
		}
	}
}

func (r *Run) stepInfo(lr float64) StepInfo {
	p := r.progress.Partial
	info := StepInfo{
		Epoch: r.progress.Epoch + 1, Epochs: r.Recipe.Epochs, Step: r.progress.Step, Steps: r.loader.Steps(),
		LearningRate: lr, Loss: p.Loss / float64(p.Samples), Accuracy: float64(p.Correct) / float64(p.Samples),
		SamplesPerSecond: float64(r.trained) / r.trainTime.Seconds(),
		Rates:            func() [][]float64 { return p.rates() },
	}
	// What remains costs what was spent so far per step, validation included.
	perStep := time.Since(r.started) / time.Duration(max(1, r.trained/r.Recipe.Batch))
	info.Remaining = perStep * time.Duration(r.Updates()-int(r.progress.Updates))
	return info
}

// rates returns the mean firing rates so far.
func (p Partial) rates() [][]float64 {
	out := make([][]float64, len(p.Rates))
	for i, l := range p.Rates {
		out[i] = make([]float64, len(l))
		for t, v := range l {
			out[i][t] = v / float64(max(1, p.Samples))
		}
	}
	return out
}

// activities returns the mean firing rates so far of the layers.
func (p Partial) activities(layers []graph.NeuronLayer) []engine.Activity {
	out := make([]engine.Activity, len(layers))
	for i, rates := range p.rates() {
		out[i] = engine.Activity{Node: layers[i].Name, Rate: rates}
	}
	return out
}

// endEpoch validates, keeps the parameters if they are the best yet, and saves.
func (r *Run) endEpoch(ctx context.Context) error {
	params := r.trainer.Tensors()
	val, err := r.eval.Run(ctx, params, r.plain, r.ValIdx)
	if ctx.Err() != nil {
		return r.interrupted()
	}
	if err != nil {
		return fmt.Errorf("validation after epoch %d: %w", r.progress.Epoch+1, err)
	}
	windows, err := r.widths(params)
	if err != nil {
		return err
	}
	r.report(windows.warnings(r.progress.Epoch + 1))
	p, steps := r.progress.Partial, float64(max(1, r.progress.Step))
	r.warn(Training, p.activities(r.Net.Neurons()))
	r.warn(Inference, val.Neurons)
	rec := Record{
		Epoch:        r.progress.Epoch + 1,
		LearningRate: r.Recipe.LearningRate(int(r.progress.Updates)-1, r.Updates()),
		TrainLoss:    p.Loss / float64(p.Samples), TrainAccuracy: float64(p.Correct) / float64(p.Samples),
		GradNorm: p.GradNorm / steps, ValLoss: val.Loss, ValAccuracy: val.Accuracy, FiringRates: p.rates(),
	}
	if windows.moved {
		rec.Widths = windows.now
	}
	if !isFinite(rec.ValLoss) {
		return fmt.Errorf("validation after epoch %d: loss is %v", rec.Epoch, rec.ValLoss)
	}
	r.progress.Epochs = append(r.progress.Epochs, rec)
	r.progress.Epoch++
	r.progress.Step, r.progress.Partial = 0, r.newPartial()
	if best := r.progress.Best; best == 0 || rec.ValAccuracy > r.progress.Epochs[best-1].ValAccuracy {
		r.progress.Best = rec.Epoch
		if err := r.checkpoint(params, nil).write(r.path(CheckpointFile)); err != nil {
			return err
		}
	}
	if err := r.save(); err != nil {
		return err
	}
	line := metricsLine{Record: rec, SamplesPerSecond: r.speed(), Seconds: time.Since(r.started).Seconds()}
	if err := appendMetrics(r.path(MetricsFile), line); err != nil {
		return err
	}
	r.observer.Epoch(rec, r.progress.Best == rec.Epoch)
	return nil
}

func (r *Run) speed() float64 {
	if r.trained == 0 {
		return 0
	}
	return float64(r.trained) / r.trainTime.Seconds()
}

// checkpoint describes the run's present state around the given tensors.
func (r *Run) checkpoint(params, optimizer []graph.Tensor) *Checkpoint {
	toml, err := r.Recipe.Comparable().TOML()
	if err != nil {
		panic(err) // a validated recipe has a TOML form
	}
	return &Checkpoint{
		Version: FormatVersion, Engine: engine.Signature(r.Engine), Recipe: string(toml), Graph: r.Net.Graph, Split: r.Split, TestSplit: r.TestSplit, Norm: r.Norm,
		Classes: r.Train.Classes(), Progress: r.progress, Params: params, Optimizer: optimizer,
	}
}

// save writes what resuming needs.
func (r *Run) save() error {
	s := r.trainer.Snapshot()
	if err := r.checkpoint(s.Params, s.Optimizer).write(r.path(LastFile)); err != nil {
		return err
	}
	r.lastSave = time.Now()
	return nil
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
