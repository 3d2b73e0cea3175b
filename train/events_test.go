package train

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/sim"
	"github.com/qif-snn/qif/recipe"
)

// shortEvents is a run of seconds on events, with all kinds of variation.
func shortEvents(t *testing.T) recipe.Recipe {
	t.Helper()
	r, err := recipe.Load("fashion-dvs")
	if err != nil {
		t.Fatal(err)
	}
	r.Limit, r.Epochs, r.Batch, r.Steps, r.SaveEvery, r.Warmup = 200, 2, 30, 3, 0, 0
	r.Flip, r.Roll, r.Cutout, r.NDA, r.FramesDownsample = true, 2, 3, 1, 2
	return r
}

// fewImages are n images of each class of the embedded ones.
func fewImages(t *testing.T, n int) (train, test *data.Set) {
	t.Helper()
	train, test, err := LoadImages("")
	if err != nil {
		t.Fatal(err)
	}
	return train.FirstOfClasses(n), test.FirstOfClasses(n)
}

// written simulates recordings of a few images of each class into a folder, in
// shortened versions of a style's motion.
func written(t *testing.T, style string, n int) string {
	t.Helper()
	s, err := sim.StyleNamed(style)
	if err != nil {
		t.Fatal(err)
	}
	s.Path = sim.ClosedLoop(1, 20_000, 4)
	train, test := fewImages(t, n)
	dir := filepath.Join(t.TempDir(), style)
	w := sim.Simulation{Train: train, Test: test, Style: s, Camera: sim.Default(), Seed: cameraSeed}
	if _, err := w.Write(context.Background(), dir, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Events from recipe to checkpoint: what ends on the same bits after an
// interruption, whatever memory and cache there are, and is measured and predicted
// as it was trained.
func TestEvents(t *testing.T) {
	r := shortEvents(t)
	r.Limit, r.Data = 0, written(t, event.LikeNMNIST, 20)
	dir := filepath.Join(t.TempDir(), "whole")
	res, err := begun(t, r, dir).Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if res.Task != recipe.Events || res.Data != "dvs-fashion-mnist-subset" || len(res.Splits) != 1 || res.Splits[0].Held != 20 || res.Skipped != nil {
		t.Errorf("the result says %+v", res)
	}
	checkResumed(t, r, dir)
	for _, change := range []func(*recipe.Recipe){
		func(r *recipe.Recipe) { r.FramesMemory = 0 },
		func(r *recipe.Recipe) { r.FramesMemory, r.FramesCache = 0, filepath.Join(t.TempDir(), "cache") },
	} {
		other := r
		change(&other)
		again := filepath.Join(t.TempDir(), "again")
		if _, err := begun(t, other, again).Finish(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, again, CheckpointFile), read(t, dir, CheckpointFile)) {
			t.Error("the run depends on where frames are kept")
		}
	}
	c := checkExamined(t, dir, res)
	checkRecordingPredicted(t, c, r)
}

// checkRecordingPredicted requires of a prediction of the first test recording
// what evaluating it alone says of its own class.
func checkRecordingPredicted(t *testing.T, c *Checkpoint, r recipe.Recipe) {
	t.Helper()
	d, err := LoadData(r)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := d.Test.Shown(c.Norm)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPredictor(c, same)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, test, err := event.OpenDir(r.Data)
	if err != nil || !p.TakesRecordings() {
		t.Fatal(err)
	}
	path := filepath.Join(r.Data, test.Samples[0].Path)
	got, err := p.PredictRecording(path, event.Auto, 0)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := p.eval.Run(context.Background(), c.Params, samples, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if loss := -math.Log(got.Probabilities[test.Samples[0].Label]); math.Abs(loss-ev.Loss) > 1e-6 || got.Steps != r.Steps {
		t.Errorf("predicted at a loss of %v in %d steps, evaluated %v", loss, got.Steps, ev.Loss)
	}
	if _, err := p.PredictRecording(path+"x", event.Auto, 0); err == nil {
		t.Error("a missing file was classified")
	}
}

// Images before the camera in memory are those that were recorded into files.
func TestSimulatedAreRecorded(t *testing.T) {
	r := shortEvents(t)
	train, test := fewImages(t, 1)
	dir := filepath.Join(t.TempDir(), "files")
	style, err := sim.StyleNamed(r.Camera)
	if err != nil {
		t.Fatal(err)
	}
	w := sim.Simulation{Train: train, Test: test, Style: style, Camera: sim.Default(), Seed: cameraSeed}
	if _, err := w.Write(context.Background(), dir, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	direct, err := simulated(r, train, test)
	if err != nil {
		t.Fatal(err)
	}
	r.Data, r.Limit = dir, 0
	files, err := LoadData(r)
	if err != nil {
		t.Fatal(err)
	}
	norm := data.Norm{Mean: []float32{0, 0}, Std: []float32{1, 1}}
	shown := func(d Dataset, label int32) []float32 {
		s, err := d.Shown(norm)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, s.Shape().Size())
		if err := s.Reader()(x, 0, slices.Index(d.Labels(), label)); err != nil {
			t.Fatal(err)
		}
		return x
	}
	for label := range int32(10) {
		if !slices.Equal(shown(direct.Train, label), shown(files.Train, label)) || !slices.Equal(shown(direct.Test, label), shown(files.Test, label)) {
			t.Errorf("class %d: frames in memory differ from those of the files", label)
		}
	}
}

// A set without test samples is split as the recipe says, for all seeds alike, and
// the checkpoint knows by which.
func TestTestSplits(t *testing.T) {
	r := shortEvents(t)
	r.Data, r.Limit, r.TestSplit, r.TestShare, r.Validation = written(t, event.LikeCIFAR10DVS, 6), 0, event.Stratified, .34, .25
	r.FramesCrop, r.FramesDownsample, r.Batch, r.Epochs = "16,16,96,96", 8, 10, 1
	dir := filepath.Join(t.TempDir(), "run")
	run := begun(t, r, dir)
	res, err := run.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	run.Close()
	if len(res.Splits) != 2 || res.Splits[1].For != "test" || res.Splits[1].Method != event.Stratified || res.Splits[1].Held != 20 || res.Splits[0].Count != 40 {
		t.Errorf("splits are %+v", res.Splits)
	}
	c, err := ReadCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.TestSplit == nil || len(c.TestSplit.Validation) != 20 || examined(t, c, "test").Accuracy != res.TestAccuracy {
		t.Errorf("the checkpoint's test split is %+v", c.TestSplit)
	}
	other := r
	other.Seed = 2
	s := prepared(t, other)
	if !slices.Equal(s.TestSplit.Validation, c.TestSplit.Validation) || slices.Equal(s.Split.Validation, c.Split.Validation) {
		t.Error("another seed changes the test samples, or not the validation samples")
	}
	examine := func() error {
		x, err := Examine(c, "test", same)
		if err == nil {
			x.Close()
		}
		return err
	}
	// The data changes: neither measured nor resumed.
	path := filepath.Join(r.Data, "Bag", "Bag_0.aedat")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-8], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := examine(); err == nil || !strings.Contains(err.Error(), "may differ in its test samples") {
		t.Errorf("examined on other data: %v", err)
	}
	if _, err := Resume(dir, same); err == nil || !strings.Contains(err.Error(), "was begun on data with SHA-256") {
		t.Errorf("resumed on other data: %v", err)
	}
	// The default split wants more recordings than there are.
	r.TestSplit = event.Last100
	if _, err := Prepare(r); err == nil || !strings.Contains(err.Error(), `has 6 samples, expected more than the 100 to hold out`) {
		t.Error(err)
	}
}

// Bad records end a run before it begins, or are counted.
func TestBadRecordings(t *testing.T) {
	r := shortEvents(t)
	r.Data, r.Limit, r.Epochs, r.Batch, r.Validation = written(t, event.LikeNMNIST, 4), 0, 1, 10, .25
	for _, part := range []string{"Train", "Test"} {
		path := filepath.Join(r.Data, part, "3", first(t, filepath.Join(r.Data, part, "3")))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[0] = 200 // x of the first event
		if err := os.WriteFile(path, b[:len(b)-2], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := prepare(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Train.Measure(context.Background(), upTo(40), func(string, float64) {}); err == nil || !strings.Contains(err.Error(), "x = 200") {
		t.Errorf("error is %v", err)
	}
	r.OnBad = "skip"
	res, err := begun(t, r, filepath.Join(t.TempDir(), "run")).Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := (event.Skipped{OffSensor: 2, Truncated: 2}); res.Skipped == nil || *res.Skipped != want {
		t.Errorf("skipped %+v, want %+v", res.Skipped, want)
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// first names a folder's first file.
func first(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	return entries[0].Name()
}

func TestEventsRefuse(t *testing.T) {
	dir := written(t, event.LikeNMNIST, 1)
	for want, change := range map[string]func(*recipe.Recipe){
		"holds recordings of an event camera (simulated recordings), the task moving shows images": func(r *recipe.Recipe) { r.Task = data.Moving },
		"crop_pad is 1, but varies images alone":                                                   func(r *recipe.Recipe) { r.CropPad = 1 },
		"crop of 40×40 pixels":                                                                     func(r *recipe.Recipe) { r.FramesCrop = "0,0,40,40" },
		`frames_crop is "1,2", expected a corner`:                                                  func(r *recipe.Recipe) { r.FramesCrop = "1,2" },
		"a frame's duration is 0 µs":                                                               func(r *recipe.Recipe) { r.FramesBy = "duration" },
		`camera: the style of recordings is "film", expected one of n-mnist, cifar10-dvs`:          func(r *recipe.Recipe) { r.Camera = "film" },
		`layout: the layout of addresses is "x"`:                                                   func(r *recipe.Recipe) { r.Layout = "x" },
		`test_split is "some", expected one of`:                                                    func(r *recipe.Recipe) { r.TestSplit = "some" },
	} {
		r := shortEvents(t)
		r.Data = dir
		change(&r)
		if _, err := Prepare(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	// Images are no recordings for a network that was trained on those.
	r := shortEvents(t)
	r.Limit = 200
	net := prepared(t, quick(t)).Net
	if _, err := prepare(r, net); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("needs %q", "frames")) {
		t.Errorf("a network for images: %v", err)
	}
}
