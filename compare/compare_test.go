package compare

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// small is a comparison of a second.
func small() Spec {
	set := func(key, value string) recipe.Setting { return recipe.Setting{Key: key, Value: value} }
	return Spec{
		Seeds: "1-3",
		Set:   []recipe.Setting{set("limit", "200"), set("epochs", "2"), set("batch", "20"), set("steps", "2")},
		Sides: []SideSpec{{Name: "qif"}, {Name: "lif", Set: []recipe.Setting{set("leak", ".25")}}},
	}
}

func planned(t *testing.T, s Spec) *Plan {
	t.Helper()
	p, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func opened(t *testing.T, p *Plan, dir string, o Options) *Sweep {
	t.Helper()
	s, err := Open(p, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// swept carries a plan out to its end and releases the folder.
func swept(t *testing.T, p *Plan, dir string, o Options) *Outcome {
	t.Helper()
	s := opened(t, p, dir, o)
	defer s.Close()
	out, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// timeless drops what differs between two sweeps that found the same.
func timeless(o *Outcome) *Outcome {
	for i := range o.Sides {
		o.Sides[i].Seconds = nil
		for k := range o.Sides[i].Runs {
			r := &o.Sides[i].Runs[k]
			r.Seconds, r.Jobs, r.Threads, r.Resumed = 0, 0, 0, false
		}
	}
	return o
}

// sameTables compares all tables and figures of two folders, byte for byte but for
// the line with times.
func sameTables(t *testing.T, got, want string) {
	t.Helper()
	n := 0
	for _, pattern := range []string{"*.md", "*.tex", "*.csv", "*.svg", "*.png", SpecFile} {
		paths, _ := filepath.Glob(filepath.Join(want, pattern))
		for _, path := range paths {
			n++
			var b [2][]byte
			for i, dir := range []string{got, want} {
				var err error
				if b[i], err = os.ReadFile(filepath.Join(dir, filepath.Base(path))); err != nil {
					t.Fatal(err)
				}
				b[i], _, _ = bytes.Cut(b[i], []byte("\nTime of a run"))
			}
			if !bytes.Equal(b[0], b[1]) {
				t.Errorf("%s differs", filepath.Base(path))
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d files", n)
	}
}

// counter ends a sweep after a number of training steps.
type counter struct {
	Silent
	left atomic.Int64
	stop func()
	runs atomic.Int64
}

func (c *counter) Begin(int, Task) { c.runs.Add(1) }

func (c *counter) Step(int, Task, float64, train.StepInfo) {
	if c.left.Add(-1) == 0 {
		c.stop()
	}
}

// A sweep that is interrupted again and again, under other numbers of jobs and
// threads, finds what one finds that never was.
func TestInterruptedSweepsFindTheSame(t *testing.T) {
	spec := small()
	spec.Tune.Trials = 2
	plan := planned(t, spec)
	whole, dir := t.TempDir(), t.TempDir()
	want := swept(t, plan, whole, Options{Jobs: 2})
	if err := want.Save(whole, nil); err != nil {
		t.Fatal(err)
	}
	timeless(want)
	for i := 0; ; i++ {
		if i == 40 {
			t.Fatal("the sweep does not come to its end")
		}
		s := opened(t, plan, dir, Options{Jobs: 1 + i%3, Threads: 1 + i%2})
		ctx, stop := context.WithCancel(context.Background())
		c := &counter{stop: stop}
		c.left.Store(23)
		s.Observe(c)
		got, err := s.Run(ctx)
		s.Close()
		stop()
		if err == nil {
			if i < 5 {
				t.Errorf("only %d interruptions", i)
			}
			if err := got.Save(dir, nil); err != nil {
				t.Fatal(err)
			}
			sameTables(t, dir, whole)
			if !reflect.DeepEqual(timeless(got), want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			break
		}
		if !errors.Is(err, train.ErrInterrupted) {
			t.Fatal(err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "runs", "tune-*"))
	if len(left) > 0 {
		t.Errorf("trials were left behind: %v", left)
	}
	// All is recorded: nothing is made again, not even without the folders of runs.
	if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
		t.Fatal(err)
	}
	s := opened(t, plan, dir, Options{})
	c := &counter{}
	s.Observe(c)
	got, err := s.Run(context.Background())
	if err != nil || c.runs.Load() != 0 || !reflect.DeepEqual(timeless(got), want) {
		t.Errorf("%d runs were made again, error %v", c.runs.Load(), err)
	}
}

// The records of a comparison are those of the runs that train makes.
func TestRecordsAreWhatTrainingReports(t *testing.T) {
	plan := planned(t, small())
	dir := t.TempDir()
	out := swept(t, plan, dir, Options{Version: "v1"})
	r := plan.Sides[1].Recipe
	r.Seed = 2
	setup, err := train.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	run, err := train.Start(setup, filepath.Join(t.TempDir(), "alone"))
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	res, err := run.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := out.Sides[1].Runs[1]
	if got.Side != "lif" || got.Seed != 2 || *got.Test != res.TestAccuracy || got.Val != res.ValAccuracy || !reflect.DeepEqual(got.PerStep, res.TestPerStep) {
		t.Errorf("got %+v\nwant %+v", got, res)
	}
	for i, l := range got.Layers {
		if l.Node != res.Layers[i] || !reflect.DeepEqual(l.Rates, res.FiringRates[i]) {
			t.Errorf("layer %d: %+v, want %s %v", i, l, res.Layers[i], res.FiringRates[i])
		}
	}
	if got.Recipe["leak"] != "0.25" || got.Recipe["neuron"] != "lif" || got.Version != "v1" || got.Tests != 200 || got.Engine != res.Engine {
		t.Errorf("got %+v", got)
	}
	if layers := got.Layers; layers[0].Neurons != 28*28*16 && layers[0].Neurons != setup.Net.Neurons()[0].Out.Size() {
		t.Errorf("layer of %d neurons", layers[0].Neurons)
	}
	d := out.Differences[0]
	if d.Side != "qif" || d.Minus != "lif" || d.Values[1] != *out.Sides[0].Runs[1].Test-*got.Test || d.N != 3 {
		t.Errorf("difference %+v", d)
	}
	// More seeds: the runs there are stay.
	spec := small()
	spec.Seeds = "2-4"
	s := opened(t, planned(t, spec), dir, Options{})
	c := &counter{}
	s.Observe(c)
	if _, err := s.Run(context.Background()); err != nil || c.runs.Load() != 2 {
		t.Errorf("%d runs for one more seed, error %v", c.runs.Load(), err)
	}
}

// A run that diverges, and one that cannot begin, lose no other.
func TestFailingRunsLoseNoOthers(t *testing.T) {
	spec := small()
	set := func(key, value string) recipe.Setting { return recipe.Setting{Key: key, Value: value} }
	spec.Sides = append(spec.Sides,
		SideSpec{Name: "wild", Set: []recipe.Setting{set("optimizer", "sgd"), set("lr", "1e30"), set("warmup", "0")}},
		SideSpec{Name: "lost", Set: []recipe.Setting{set("data", "nowhere")}})
	spec.Seeds, spec.Baseline = "1-2", "lif"
	plan := planned(t, spec)
	dir := t.TempDir()
	out := swept(t, plan, dir, Options{})
	if len(out.Failures) != 4 || len(out.Differences) != 1 || out.Differences[0].Side != "qif" || out.Differences[0].N != 2 {
		t.Errorf("failures %v, differences %+v", out.Failures, out.Differences)
	}
	text := out.Failures[0].Text + out.Failures[2].Text
	if out.Failures[0].Run != "wild seed 1" || !strings.Contains(text, "epoch 1, step") || !strings.Contains(text, "nowhere") {
		t.Errorf("failures %v", out.Failures)
	}
	// What diverged would again; what could not begin may now.
	s := opened(t, plan, dir, Options{})
	c := &counter{}
	s.Observe(c)
	if _, err := s.Run(context.Background()); err != nil || c.runs.Load() != 2 {
		t.Errorf("%d runs again, error %v", c.runs.Load(), err)
	}
}

// Trials that draw the same values, and sides that tuning leads to the same place,
// are one run.
func TestRepeatedRunsAreMadeOnce(t *testing.T) {
	set := func(key, value string) recipe.Setting { return recipe.Setting{Key: key, Value: value} }
	spec := small()
	spec.Seeds = "1-2"
	spec.Sides = []SideSpec{{Name: "a", Set: []recipe.Setting{set("neuron", "lif"), set("leak", ".25")}}, {Name: "b", Set: []recipe.Setting{set("neuron", "lif"), set("leak", ".75")}}}
	spec.Tune = TuneSpec{Trials: 3, Ranges: map[string]Range{"lr": {Fixed: true}, "window": {Fixed: true}, "leak": {Choices: []string{"0.5"}}}}
	s := opened(t, planned(t, spec), t.TempDir(), Options{Jobs: 3})
	c := &counter{}
	s.Observe(c)
	out, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	alike := out.Sides[0].Set["leak"] == out.Sides[1].Set["leak"]
	finals := map[bool]int64{true: 2, false: 4}[alike]
	if n := c.runs.Load(); n != 3+finals {
		t.Errorf("%d runs, want 3 trials and %d that count", n, finals)
	}
	if said := strings.Contains(strings.Join(out.Notes, " "), "Tuning led a and b to the same settings."); said != alike {
		t.Errorf("alike %v, notes %v", alike, out.Notes)
	}
	for _, s := range out.Sides {
		if len(s.Runs) != 2 || s.Runs[0].Side != s.Name || s.Runs[0].Seed != 1 {
			t.Errorf("%+v", s.Runs)
		}
	}
}
