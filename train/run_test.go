package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	_ "github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
)

// quick is a recipe of a second.
func quick(t *testing.T) recipe.Recipe {
	t.Helper()
	r := recipe.Default()
	r.Limit, r.Epochs, r.Batch, r.Steps, r.SaveEvery = 300, 2, 30, 2, 0
	r.Dropout = .1
	return r
}

func prepared(t *testing.T, r recipe.Recipe) *Setup {
	t.Helper()
	s, err := Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begun(t *testing.T, r recipe.Recipe, dir string) *Run {
	t.Helper()
	run, err := Start(prepared(t, r), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Close)
	return run
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stopper ends a run after a number of steps.
type stopper struct {
	Silent
	after int
	stop  func()
}

func (s *stopper) Step(StepInfo) {
	if s.after--; s.after == 0 {
		s.stop()
	}
}

func same(*recipe.Recipe) error { return nil }

// examined evaluates a checkpoint.
func examined(t *testing.T, c *Checkpoint, split string) *Evaluation {
	t.Helper()
	x, err := Examine(c, split, same)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ev, err := x.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestRunWritesWhatItPromises(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	run := begun(t, quick(t), dir)
	res, err := run.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, LastFile, MetricsFile, RecipeFile, ReportFile, ResultFile} {
		if len(read(t, dir, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	var fromFile Result
	if err := json.Unmarshal(read(t, dir, ResultFile), &fromFile); err != nil {
		t.Fatal(err)
	}
	if fromFile.TestAccuracy != res.TestAccuracy || fromFile.Params != 20538 || len(fromFile.FiringRates) != 2 || len(fromFile.Windows[1]) != 2 {
		t.Errorf("result.json says %+v", fromFile)
	}
	if n := bytes.Count(read(t, dir, MetricsFile), []byte("\n")); n != 2 {
		t.Errorf("metrics.jsonl has %d lines, want 2", n)
	}
	again, err := recipe.Load(filepath.Join(dir, RecipeFile))
	if err != nil {
		t.Fatal(err)
	}
	if file, run, differ := again.Differs(run.Recipe); differ {
		t.Errorf("recipe.toml has %s, the run %s", file, run)
	}

	// What eval measures on the checkpoint is what training reported.
	c, err := ReadCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	ev := examined(t, c, "test")
	if ev.Accuracy != res.TestAccuracy || *c.Progress.Test != res.TestAccuracy {
		t.Errorf("test accuracy %v by eval, %v in the checkpoint, %v by the run", ev.Accuracy, *c.Progress.Test, res.TestAccuracy)
	}
	if ev = examined(t, c, "validation"); ev.Accuracy != res.ValAccuracy {
		t.Errorf("validation accuracy %v by eval, %v by the run", ev.Accuracy, res.ValAccuracy)
	}
	right := 0
	for k := range ev.Confusion {
		right += ev.Confusion[k][k]
	}
	if float64(right)/float64(ev.Samples) != ev.Accuracy {
		t.Errorf("the confusion matrix has %d of %d right, accuracy is %v", right, ev.Samples, ev.Accuracy)
	}
	if _, err := Examine(c, "tset", same); err == nil || !strings.Contains(err.Error(), `"tset"`) {
		t.Errorf("an unknown split: error %v", err)
	}
}

func TestInterruptedAtAnyStepEndsTheSame(t *testing.T) {
	r := quick(t)
	r.Window, r.Learn = "measured", []string{"a"} // what moves beside the weights
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := begun(t, r, whole).Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{1, 7, 8, 9, 15} { // 8 steps an epoch
		dir := filepath.Join(t.TempDir(), "stopped")
		ctx, stop := context.WithCancel(context.Background())
		run := begun(t, r, dir)
		run.Observe(&stopper{after: after, stop: stop})
		if _, err := run.Finish(ctx); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped after step %d: %v", after, err)
		}
		run.Close()
		again, err := Resume(dir, func(r *recipe.Recipe) error { r.Threads = 1 + after%3; return nil })
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if _, err := again.Finish(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{CheckpointFile, LastFile} {
			if !bytes.Equal(read(t, dir, name), read(t, whole, name)) {
				t.Errorf("stopped after step %d: %s differs from the run never stopped", after, name)
			}
		}
	}
}

func TestDivergenceKeepsTheLastGoodCheckpoint(t *testing.T) {
	r := quick(t)
	r.OptimizerKind, r.LR, r.Warmup = "sgd", 1e30, 0
	dir := filepath.Join(t.TempDir(), "run")
	run := begun(t, r, dir)
	before := read(t, dir, LastFile)
	_, err := run.Finish(context.Background())
	var nf *engine.NonFiniteError
	if !errors.As(err, &nf) || !strings.Contains(err.Error(), "epoch 1, step") {
		t.Fatalf("got %v, want a NonFiniteError with epoch and step", err)
	}
	if !bytes.Equal(read(t, dir, LastFile), before) {
		t.Error("the diverged run touched the last good state")
	}
}

// What a resumed run cannot be at is refused, not trained from.
func TestResumeRefusesImpossiblePlaces(t *testing.T) {
	dir := t.TempDir()
	begun(t, quick(t), dir).Close()
	for want, change := range map[string]func(p *Progress){
		"epoch 0, step 9, i": func(p *Progress) { p.Step = 9 },
		"7 updates after":    func(p *Progress) { p.Updates = 7 },
		"5 samples in":       func(p *Progress) { p.Partial.Samples = 5 },
		"epoch 3, step 0, i": func(p *Progress) { p.Epoch, p.Best, p.Epochs = 3, 1, slices.Repeat(p.Epochs, 3) },
	} {
		c, err := ReadCheckpoint(filepath.Join(dir, LastFile))
		if err != nil {
			t.Fatal(err)
		}
		good := read(t, dir, LastFile)
		c.Progress.Epochs = []Record{{Epoch: 1, FiringRates: c.Progress.Partial.Rates}}
		change(&c.Progress)
		for i := range c.Progress.Epochs {
			c.Progress.Epochs[i].Epoch = i + 1
		}
		if c.Progress.Epoch == 0 {
			c.Progress.Epochs = nil
		}
		if err := c.write(filepath.Join(dir, LastFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(dir, same); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if err := os.WriteFile(filepath.Join(dir, LastFile), good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestResumeKeepsTheNetwork changes the graph file under a run.
func TestResumeKeepsTheNetwork(t *testing.T) {
	r := quick(t)
	net, err := BuildNet(r, prepared(t, r).Train)
	if err != nil {
		t.Fatal(err)
	}
	write := func(g graph.Graph) {
		b, err := json.Marshal(g)
		if err == nil {
			err = os.WriteFile(r.Net, b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Net = filepath.Join(t.TempDir(), "net.json")
	write(net.Graph)
	dir := t.TempDir()
	begun(t, r, dir).Close()
	before := read(t, dir, LastFile)
	if err := os.Remove(r.Net); err != nil {
		t.Fatal(err)
	}
	run, err := Resume(filepath.Join(dir, LastFile), same) // the file stands for its folder
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if err := run.save(); err != nil || !bytes.Equal(read(t, dir, LastFile), before) {
		t.Errorf("the resumed run is another one (error %v)", err)
	}
}

// Bits depend on the processor's vectors too: a run that moves is told so.
func TestResumeOnAnotherProcessorSaysSo(t *testing.T) {
	dir := t.TempDir()
	begun(t, quick(t), dir).Close()
	c, err := ReadCheckpoint(filepath.Join(dir, LastFile))
	if err != nil {
		t.Fatal(err)
	}
	c.Engine = "cpu/abacus"
	if err := c.write(filepath.Join(dir, LastFile)); err != nil {
		t.Fatal(err)
	}
	run, err := Resume(dir, same)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if len(run.Notes) != 1 || !strings.Contains(run.Notes[0], "begun on cpu/abacus") {
		t.Errorf("the notes are %q", run.Notes)
	}
}

// A finished run that is resumed says what it said.
func TestResumingAFinishedRun(t *testing.T) {
	dir := t.TempDir()
	r := quick(t)
	r.Epochs = 1
	run := begun(t, r, dir)
	first, err := run.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	run.Close()
	again, err := Resume(dir, same)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	second, err := again.Finish(context.Background())
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v, error %v; the run had said %+v", second, err, first)
	}
}

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	run := begun(t, quick(t), dir)
	if _, err := Start(prepared(t, quick(t)), dir); err == nil || !strings.Contains(err.Error(), "in use by another") {
		t.Errorf("a folder with a run under way: error %v", err)
	}
	if _, err := Resume(dir, same); err == nil || !strings.Contains(err.Error(), "in use by another") {
		t.Errorf("a run under way: error %v", err)
	}
	run.Close()
	if _, err := Start(prepared(t, quick(t)), dir); err == nil || !strings.Contains(err.Error(), "already holds a last.safetensors") {
		t.Errorf("a folder with a run: error %v", err)
	}
	if _, err := Resume(dir, func(r *recipe.Recipe) error { r.LR = 1; return nil }); err == nil || !strings.Contains(err.Error(), "not lr = 1") {
		t.Errorf("another learning rate: error %v", err)
	}
	if _, err := Resume(t.TempDir(), same); err == nil || !strings.Contains(err.Error(), "no run to resume") {
		t.Errorf("an empty folder: error %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(prepared(t, quick(t)), filepath.Join(file, "run")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file in the folder's place: error %v", err)
	}
}

// A run that cannot begin must not leave a folder that looks like one.
func TestRefusedRunsLeaveNoFolder(t *testing.T) {
	s := prepared(t, quick(t))
	s.Recipe.Steps = 1 << 40
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Start(s, dir); err == nil {
		t.Error("started a run that needs more memory than there is")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the refused run left its folder behind")
	}
}

func TestPrepareRefuses(t *testing.T) {
	for want, change := range map[string]func(*recipe.Recipe){
		"expected some on both sides": func(r *recipe.Recipe) { r.Validation = 1e-9 },
		"batch is 301":                func(r *recipe.Recipe) { r.Batch = 301 },
		`unknown network "huge"`:      func(r *recipe.Recipe) { r.Net = "huge" },
		`unknown engine "abacus"`:     func(r *recipe.Recipe) { r.Engine = "abacus" },
		"nowhere":                     func(r *recipe.Recipe) { r.Data = "nowhere" },
		"none.json":                   func(r *recipe.Recipe) { r.Net = "none.json" },
		"steps":                       func(r *recipe.Recipe) { r.Steps = 0 },
		"not a finite number":         func(r *recipe.Recipe) { r.Params["a"] = math.NaN() },
		"must lie above the reset":    func(r *recipe.Recipe) { r.Theta = -1 },
	} {
		r := quick(t)
		change(&r)
		if _, err := Prepare(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// TestLearningReducesTheLoss trains for real and expects far more than chance.
func TestLearningReducesTheLoss(t *testing.T) {
	for _, form := range []string{"qif", "lif"} {
		r := quick(t)
		r.Neuron, r.Limit, r.Epochs, r.Steps, r.Dropout = form, 1500, 3, 2, 0
		if form == "lif" {
			r.Learn = []string{"leak"}
		}
		run := begun(t, r, filepath.Join(t.TempDir(), form))
		res, err := run.Finish(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if res.TestAccuracy < .6 {
			t.Errorf("%s: test accuracy %.3f after three epochs, want .6", form, res.TestAccuracy)
		}
		if first, last := run.progress.Epochs[0].TrainLoss, run.progress.Epochs[2].TrainLoss; last > .7*first {
			t.Errorf("%s: training loss went from %.3f to %.3f", form, first, last)
		}
		if form == "lif" && (len(res.Learned) != 2 || res.Learned[0].Values[0] == .5) {
			t.Errorf("the leaks were not learned: %+v", res.Learned)
		}
	}
}

// TestWindowsMove: what each policy that moves windows leaves in the result and
// in the records, and that the checkpoint gives the same widths again.
func TestWindowsMove(t *testing.T) {
	for policy, learn := range map[string][]string{"measured": nil, "learned": nil, "sigma:2": {"a"}, "bandwidth": nil} {
		r := quick(t)
		r.Window, r.Learn = policy, learn
		run := begun(t, r, filepath.Join(t.TempDir(), "run"))
		res, err := run.Finish(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		moves := policy != "bandwidth"
		if (res.InitialWindows != nil) != moves || (run.progress.Epochs[0].Widths != nil) != moves {
			t.Errorf("%s: initial widths %v, recorded %v", policy, res.InitialWindows, run.progress.Epochs[0].Widths)
		}
		best := run.progress.Epochs[res.BestEpoch-1]
		if moves && (!reflect.DeepEqual(best.Widths, res.Windows) || reflect.DeepEqual(res.Windows, res.InitialWindows)) {
			t.Errorf("%s: widths %v, recorded %v, initial %v", policy, res.Windows, best.Widths, res.InitialWindows)
		}
		c, err := ReadCheckpoint(res.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		again, err := run.Net.WindowsOf(c.Params, r.Steps)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range again {
			if !reflect.DeepEqual(w.Widths, res.Windows[i]) {
				t.Errorf("%s: the checkpoint gives widths %v, the result has %v", policy, w.Widths, res.Windows[i])
			}
		}
	}
}
