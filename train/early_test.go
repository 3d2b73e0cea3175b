package train

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
)

// Margins between none and all: an image that leaves at once is judged by its
// first step, one that never does by all.
func TestEarlyExitMeetsFixedSteps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := begun(t, quick(t), dir).Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := ReadCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := Examine(c, "test", func(r *recipe.Recipe) error { r.Steps, r.Batch = 3, 41; return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ev, err := x.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	exits, err := x.RunEarly(context.Background(), 1e-9, .3, math.Nextafter(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	none, some, all := exits[0], exits[1], exits[2]
	if none.MeanSteps != 1 || none.Steps[0] != 300 || none.Accuracy != ev.PerStep[0] {
		t.Errorf("without a margin: %+v, after one step %v are right", none, ev.PerStep[0])
	}
	if all.MeanSteps != 3 || all.Steps[2] != 300 || all.Accuracy != ev.Accuracy {
		t.Errorf("with the whole margin: %+v, after all steps %v are right", all, ev.Accuracy)
	}
	if some.MeanSteps <= 1 || some.MeanSteps >= 3 || some.Margin != .3 {
		t.Errorf("in between: %+v", some)
	}
	for _, m := range []float64{0, 1, -1, math.NaN()} {
		if _, err := x.RunEarly(context.Background(), m); err == nil || !strings.Contains(err.Error(), "margin is") {
			t.Errorf("margin %v: error %v", m, err)
		}
	}
}

// noting is the CPU engine, which notes what it was last compiled for.
type noting struct {
	cpu.Engine
	train *engine.TrainOptions
	infer *engine.InferOptions
}

func (noting) Name() string { return "noting" }

func (n noting) CompileTrain(net *graph.Network, o engine.TrainOptions) (engine.Trainer, error) {
	*n.train = o
	return n.Engine.CompileTrain(net, o)
}

func (n noting) CompileInfer(net *graph.Network, o engine.InferOptions) (engine.Runner, error) {
	*n.infer = o
	return n.Engine.CompileInfer(net, o)
}

// Precision is part of what a run is; memory is not.
func TestPrecisionAndMemory(t *testing.T) {
	r := quick(t)
	e := noting{train: &engine.TrainOptions{}, infer: &engine.InferOptions{}}
	engine.Register(e)
	r.Engine, r.Epochs, r.Precision = e.Name(), 1, engine.Mixed
	train := func(memory string) string {
		dir := filepath.Join(t.TempDir(), "run")
		r.Memory = memory
		run := begun(t, r, dir)
		defer run.Close()
		res, err := run.Finish(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if e.train.Precision != engine.Mixed || e.train.Memory != memory || e.infer.Precision != engine.Mixed {
			t.Errorf("compiled for %+v and %+v", e.train, e.infer)
		}
		if res.Precision != engine.Mixed || res.Effective != engine.FP32 { // the net is too narrow for tiles
			t.Errorf("the result names precision %q, computed in %q", res.Precision, res.Effective)
		}
		if len(run.Notes) != 1 || !strings.Contains(run.Notes[0], "computes this network in fp32") {
			t.Errorf("the notes are %q", run.Notes)
		}
		if !bytes.Contains(read(t, dir, ReportFile), []byte("<dt>precision</dt><dd>mixed (computed in fp32)</dd>")) {
			t.Error("the report does not name the precision")
		}
		return dir
	}
	dir, low := train(""), train(engine.LowMemory)
	if !bytes.Equal(read(t, dir, CheckpointFile), read(t, low, CheckpointFile)) {
		t.Error("a checkpoint depends on the way to use memory")
	}
	setPrecision := func(p string) func(*recipe.Recipe) error {
		return func(r *recipe.Recipe) error { r.Precision = p; return nil }
	}
	for _, d := range []string{dir, low} {
		if _, err := Resume(d, setPrecision(engine.FP32)); err == nil || !strings.Contains(err.Error(), "begun with precision = mixed, not precision = fp32") {
			t.Errorf("resumed in another precision: error %v", err)
		}
	}
	run, err := Resume(low, same)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	c, err := ReadCheckpoint(low)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{engine.FP32, engine.Mixed} {
		x, err := Examine(c, "test", setPrecision(p))
		if err != nil {
			t.Fatal(err)
		}
		x.Close()
		if e.infer.Precision != p {
			t.Errorf("examined in %q, compiled for %q", p, e.infer.Precision)
		}
	}
	if run.Recipe.Precision != engine.Mixed || run.Recipe.Memory != engine.LowMemory {
		t.Errorf("resumed with precision %q, memory %q", run.Recipe.Precision, run.Recipe.Memory)
	}
}

// Checkpoints from before the field computed in single precision.
func TestCheckpointsWithoutPrecision(t *testing.T) {
	c := example(t)
	var kept []string
	for line := range strings.Lines(c.Recipe) {
		if !strings.HasPrefix(line, "precision") && !strings.HasPrefix(line, "memory") {
			kept = append(kept, line)
		}
	}
	c.Recipe = strings.Join(kept, "")
	if r, err := c.ParsedRecipe(); err != nil || strings.Contains(c.Recipe, "precision") || r.Precision != engine.FP32 || r.Memory != "" {
		t.Errorf("precision %q, memory %q, error %v", r.Precision, r.Memory, err)
	}
}
