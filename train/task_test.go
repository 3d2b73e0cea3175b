package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/recipe"
)

// shortTask is a run of a second or two on images shown over time, augmented.
func shortTask(t *testing.T, kind string) recipe.Recipe {
	t.Helper()
	r, err := recipe.Load(kind)
	if err != nil {
		t.Fatal(err)
	}
	r.Limit, r.Epochs, r.Batch, r.LR, r.SaveEvery, r.Warmup, r.Flip, r.CropPad = 200, 2, 30, .004, 0, 0, true, 1
	if kind == data.Moving {
		r.Steps = 3
	}
	return r
}

// Images over time from recipe to checkpoint: what ends on the same bits after an
// interruption, and is measured and predicted as it was trained.
func TestTasks(t *testing.T) {
	for _, kind := range []string{data.Moving, data.Rows} {
		t.Run(kind, func(t *testing.T) {
			r := shortTask(t, kind)
			dir := filepath.Join(t.TempDir(), "whole")
			res, err := begun(t, r, dir).Finish(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if res.Task != kind || len(res.TestPerStep) != r.Steps || res.TestPerStep[r.Steps-1] != res.TestAccuracy {
				t.Errorf("the result says %+v", res)
			}
			checkResumed(t, r, dir)
			c := checkExamined(t, dir, res)
			checkPredicted(t, c, r)
		})
	}
}

// checkResumed stops a run within its second epoch and requires that it ends as
// the whole one in dir.
func checkResumed(t *testing.T, r recipe.Recipe, whole string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "stopped")
	ctx, stop := context.WithCancel(context.Background())
	run := begun(t, r, dir)
	run.Observe(&stopper{after: 9, stop: stop}) // 6 steps an epoch
	if _, err := run.Finish(ctx); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	run.Close()
	again, err := Resume(dir, same)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, LastFile} {
		if !bytes.Equal(read(t, dir, name), read(t, whole, name)) {
			t.Errorf("%s differs from the run never stopped", name)
		}
	}
}

// checkPredicted requires of a prediction of the first test image what evaluating
// that image alone says of its own class.
func checkPredicted(t *testing.T, c *Checkpoint, r recipe.Recipe) {
	t.Helper()
	_, test, err := loadImages(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := newImageSet(r, test)
	if err != nil {
		t.Fatal(err)
	}
	images, err := set.Shown(c.Norm)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPredictor(c, same)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if h, w := p.Size(); h != 28 || w != 28 {
		t.Fatalf("takes images of %d×%d", h, w)
	}
	img := &image.Gray{Pix: test.Image(0), Stride: 28, Rect: image.Rect(0, 0, 28, 28)}
	got, err := p.Predict(img, 0)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := p.eval.Run(context.Background(), c.Params, images, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if loss := -math.Log(got.Probabilities[test.Labels[0]]); math.Abs(loss-ev.Loss) > 1e-6 || got.Steps != r.Steps {
		t.Errorf("predicted at a loss of %v in %d steps, evaluated %v", loss, got.Steps, ev.Loss)
	}
	early, err := p.Predict(img, 1e-9)
	if want := max(0, r.Steps-r.ReadoutLast) + 1; err != nil || r.ReadoutLast > 0 && early.Steps != want {
		t.Errorf("the least margin takes %d steps, want %d (%v)", early.Steps, want, err)
	}
}

// What training sees of an image that moves changes from epoch to epoch and with
// the seed; what a run is measured on is the same in all.
func TestPathsOfRuns(t *testing.T) {
	r := shortTask(t, data.Moving)
	view := func(how func(Dataset, data.Norm) (data.Samples, error), seed uint64, epoch int) []float32 {
		r.Seed = seed
		s := prepared(t, r)
		images, err := how(s.Train, data.Norm{Mean: []float32{.3}, Std: []float32{.4}})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, images.Shape().Size())
		if err := images.Reader()(x, epoch, 7); err != nil {
			t.Fatal(err)
		}
		return x
	}
	if a := view(Dataset.Varied, 1, 0); slices.Equal(a, view(Dataset.Varied, 1, 1)) || slices.Equal(a, view(Dataset.Varied, 2, 0)) {
		t.Error("training shows the same in two epochs or runs")
	}
	if !slices.Equal(view(Dataset.Shown, 1, 0), view(Dataset.Shown, 2, 0)) {
		t.Error("two runs are measured on different paths")
	}
}

func TestTasksRefuse(t *testing.T) {
	rows := shortTask(t, data.Rows)
	net, err := BuildNet(rows, prepared(t, rows).Train)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(net.Graph)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rows.json")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*recipe.Recipe){
		"images of 28 rows: steps is 8, expected 28":                    func(r *recipe.Recipe) { r.Steps = 8 },
		"the task images needs \"direct\"":                              func(r *recipe.Recipe) { r.Net, r.Task = file, data.Still },
		"takes images of 1×1×28, those of fashion-mnist-subset/train a": func(r *recipe.Recipe) { r.Net, r.Task = file, data.Moving },
	} {
		r := rows
		change(&r)
		if _, err := Prepare(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	r := rows
	r.Net = file
	if _, err := Prepare(r); err != nil {
		t.Errorf("a graph file that takes rows: %v", err)
	}
}

// What neurons remember, a network learns: rows alone say little at the end.
func TestRowsAreLearned(t *testing.T) {
	r := shortTask(t, data.Rows)
	r.Limit, r.Epochs, r.Flip, r.CropPad, r.Neuron = 1500, 4, false, 0, "lif"
	r.Params["leak"] = .9
	res, err := begun(t, r, filepath.Join(t.TempDir(), "run")).Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if res.TestAccuracy < .5 || res.TestPerStep[15] > res.TestAccuracy-.1 {
		t.Errorf("test accuracy %.3f, after sixteen rows %.3f; want .5 and less before", res.TestAccuracy, res.TestPerStep[15])
	}
}

// Logits by hand: the first step does not count for the decision, but has an
// accuracy of its own.
func TestEvaluationCountsWhatTheReadoutCounts(t *testing.T) {
	ev := &Evaluation{PerStep: make([]float64, 3), Confusion: [][]int{{0, 0}, {0, 0}}}
	logits := []float32{5, 0, 0, 1, 3, 0} // [T, 1, K]: class 0, 1, and 0 by the sum of the last two
	ev.add(logits, &data.Batch{N: 1, Y: []int32{0}}, 1, 2)
	ev.finish()
	if !slices.Equal(ev.PerStep, []float64{1, 0, 1}) || ev.Accuracy != 1 || ev.Confusion[0][0] != 1 {
		t.Errorf("right per step %v, confusion %v", ev.PerStep, ev.Confusion)
	}
	if want := math.Log(1 + math.Exp(-1)); math.Abs(ev.Loss-want) > 1e-12 { // mean logits 1.5 and .5
		t.Errorf("loss %v, want %v", ev.Loss, want)
	}
}

// checkExamined requires of evaluating a run's checkpoint what the run says of
// itself, and returns the checkpoint.
func checkExamined(t *testing.T, dir string, res *Result) *Checkpoint {
	t.Helper()
	c, err := ReadCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ev := examined(t, c, "test"); ev.Accuracy != res.TestAccuracy {
		t.Errorf("test accuracy %v by eval, %v by the run", ev.Accuracy, res.TestAccuracy)
	}
	if ev := examined(t, c, "validation"); ev.Accuracy != res.ValAccuracy {
		t.Errorf("validation accuracy %v by eval, %v by the run", ev.Accuracy, res.ValAccuracy)
	}
	return c
}
