package compare

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/train"
)

// made returns a record of a run that never was, two layers and two steps.
func made(side string, seed uint64, test float64) *Record {
	return &Record{
		Phase: Final, Side: side, Seed: seed, Recipe: map[string]string{"seed": "1"}, Val: test + .02, BestEpoch: 2,
		Test: &test, PerStep: []float64{test - .1, test}, Epochs: []Epoch{{Val: test - .05}, {Val: test + .02}},
		Neuron: "qif", Layers: []Layer{{"first", 30, []float64{.1, .2}}, {"second", 10, []float64{.3, .5}}}, Params: 12, MACs: 34,
		Learned: []train.LearnedParam{{Name: "first.a", Values: []float64{test, test + .2}}},
		Data:    "toys", SHA256: "aaaa", Split: "split" + string(rune('0'+seed)), Tests: 500, Engine: "cpu/none", Version: "v0", Seconds: 2, Jobs: 2, Threads: 1,
	}
}

// madeOutcome concludes from made-up accuracies, by side and seed; NaN is a run
// that failed.
func madeOutcome(t *testing.T, spec Spec, accuracies [][]float64) *Outcome {
	t.Helper()
	p := planned(t, spec)
	var done []outcome
	for i, list := range accuracies {
		for k, a := range list {
			o := outcome{Task: Task{Phase: Final, Side: i, Name: p.Sides[i].Name, Recipe: p.Sides[i].Recipe}, record: made(p.Sides[i].Name, p.Seeds[k], a)}
			o.Recipe.Seed = p.Seeds[k]
			if math.IsNaN(a) {
				o.record = &Record{Failed: "it broke"}
			}
			done = append(done, o)
		}
	}
	o, err := conclude(p, p.Sides, nil, done)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func three() Spec {
	s := small()
	s.Seeds = "1-4"
	s.Sides = append(s.Sides, SideSpec{Name: "if"})
	return s
}

func TestOutcome(t *testing.T) {
	nan := math.NaN()
	o := madeOutcome(t, three(), [][]float64{{.8, .82, .84, .86}, {.79, .82, nan, .83}, {.5, .5, .5, .5}})
	if len(o.Differences) != 3 || len(o.Failures) != 1 || o.Failures[0] != (Failure{"lif seed 3", "it broke"}) {
		t.Fatalf("differences %+v, failures %v", o.Differences, o.Failures)
	}
	d := o.Differences[0] // over seeds 1, 2, 4: .01, 0, .03
	if d.N != 3 || d.Seeds[2] != 4 || math.Abs(d.Mean-.04/3) > 1e-12 || d.Equal != 1 || math.Abs(d.PerStep[0]-d.Mean) > 1e-12 {
		t.Errorf("%+v", d)
	}
	if *d.HolmSignFlip < *d.PSignFlip || *o.Differences[1].HolmT != math.Min(1, 3**o.Differences[1].PT) {
		t.Errorf("corrected %v of %v", *o.Differences[1].HolmT, *o.Differences[1].PT)
	}
	s := o.Sides[0]
	if math.Abs(s.Test.Mean-.83) > 1e-12 || math.Abs(*s.Test.SD-.0258199) > 1e-6 || s.PerStep[0].N != 4 {
		t.Errorf("%+v", s)
	}
	// Spikes per neuron and step: (30·.1 + 30·.2 + 10·.3 + 10·.5) / 80.
	if math.Abs(s.Rate.Mean-17./80) > 1e-12 {
		t.Errorf("rate %v", s.Rate.Mean)
	}
	notes := strings.Join(o.Notes, "\n")
	for _, want := range []string{"With 3 pairs the smallest p", ".750, corrected for 3 comparisons; to reach .05 they need 7 pairs", "No side was tuned", "1 of the runs have no results"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
	spec := three()
	spec.Baseline = "lif"
	o = madeOutcome(t, spec, [][]float64{{.8, .82, .84, .86}, {.79, .82, .8, .83}, {.5, .5, .5, .5}})
	if len(o.Differences) != 2 || o.Differences[1].Side != "if" || o.Differences[1].Minus != "lif" {
		t.Errorf("differences %+v", o.Differences)
	}
	o.Sides[1].Runs[0].Split, o.Sides[1].Runs[1].Engine = "another", "cpu/other"
	o.origin()
	o.Notes = nil
	o.mixtures(func(f string, a ...any) { o.Notes = append(o.Notes, f) })
	if len(o.Notes) != 2 {
		t.Errorf("mixtures: %v", o.Notes)
	}
}

// Everything that is written is sound, for many seeds, one, and none that worked.
func TestWhatIsWritten(t *testing.T) {
	nan := math.NaN()
	one := small()
	one.Seeds = "7"
	for name, o := range map[string]*Outcome{
		"three": madeOutcome(t, three(), [][]float64{{.8, .82, .84, .86}, {.79, .82, nan, .83}, {.5, .5, .5, .5}}),
		"one":   madeOutcome(t, one, [][]float64{{.8}, {.79}}),
		"none":  madeOutcome(t, one, [][]float64{{nan}, {nan}}),
	} {
		dir := t.TempDir()
		if err := o.Save(dir, []byte("config = 1\n")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		read := func(file string) string {
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		var back Outcome
		if err := json.Unmarshal([]byte(read(OutcomeFile)), &back); err != nil || len(back.Sides) != len(o.Sides) {
			t.Errorf("%s: outcome: %v", name, err)
		}
		for _, file := range []string{SidesFile, TestsFile, "accuracy.csv", "validation.csv", "steps.csv"} {
			if _, err := csv.NewReader(strings.NewReader(read(file))).ReadAll(); err != nil {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
		var text bytes.Buffer
		if err := o.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for what, s := range map[string]string{"text": text.String(), "page": read(PageFile), "Markdown": read(MarkdownFile), "LaTeX": read(LaTeXFile)} {
			if strings.Contains(s, "NaN") || strings.Contains(s, "%!") || strings.Contains(s, "<nil>") {
				t.Errorf("%s: %s has a number that is none:\n%s", name, what, s)
			}
		}
		if name != "three" {
			continue
		}
		for _, want := range []string{
			"| qif | as the recipe | 4 | 83.00 ± 2.58 | 85.00 ± 2.58 | 21.2 ± 0.0 | 12 |",
			"| qif − lif | 3 | +1.33 | [−2.46, 5.13] | 1.51 | .270 | .500 | .500 | 0.87 | 2/1/0 |",
			"| qif | first.a | 2 | 0.930 ± 0.026 |", "splits by seed 1: split1, 2: split2", "Engine cpu/none; qif v0", "Failed: lif seed 3: it broke",
		} {
			if !strings.Contains(read(MarkdownFile), want) {
				t.Errorf("Markdown lacks %q:\n%s", want, read(MarkdownFile))
			}
		}
		for _, want := range []string{`qif & as the recipe & 4 & 83.00 $\pm$ 2.58`, `test / \%`, `qif $-$ lif & 3 & +1.33 & [$-$2.46, 5.13]`, `leak = .25`} {
			if !strings.Contains(read(LaTeXFile), want) {
				t.Errorf("LaTeX lacks %q:\n%s", want, read(LaTeXFile))
			}
		}
	}
}

func TestTexEscape(t *testing.T) {
	if got := texEscape(`a_b & 5 % < .05 ± \x`); got != `a\_b \& 5 \% $<$ .05 $\pm$ \textbackslash{}x` {
		t.Errorf("got %s", got)
	}
}

func TestProbability(t *testing.T) {
	for p, want := range map[float64]string{1: "1.00", .25: ".250", .0625: ".0625", .03125: ".0312", .0049: ".00490", .00001: "< .0001", 0: "< .0001"} {
		if got := probability(&p); got != want {
			t.Errorf("%v is written %s, want %s", p, got, want)
		}
	}
}

// What a kill leaves of a line is dropped; what is not a record is refused with
// its line.
func TestLedger(t *testing.T) {
	dir := t.TempDir()
	plan := planned(t, small())
	swept(t, plan, dir, Options{})
	path := filepath.Join(dir, LedgerFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(whole[:len(whole)-20])
	s := opened(t, plan, dir, Options{})
	c := &counter{}
	s.Observe(c)
	if _, err := s.Run(context.Background()); err != nil || c.runs.Load() != 1 {
		t.Errorf("%d runs after the last line was cut, error %v", c.runs.Load(), err)
	}
	if _, err := Open(plan, dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a folder in use: error %v", err)
	}
	s.Close()
	for want, line := range map[string]string{
		"invalid character":                    "{]\n",
		"more follows":                         "{\"phase\":\"final\",\"recipe\":{},\"failed\":\"x\"} {}\n",
		`phase is "", expected`:                "{}\n",
		"no recipe":                            `{"phase":"final"}` + "\n",
		"epoch 3 of 0 was chosen":              `{"phase":"tune","recipe":{},"best_epoch":3}` + "\n",
		`test accuracy in phase "tune"`:        `{"phase":"tune","recipe":{},"test_accuracy":1}` + "\n",
		"layer \"a\" has 0 neurons and 1 firi": `{"phase":"tune","recipe":{},"best_epoch":1,"epochs":[{}],"layers":[{"node":"a","firing_rates":[1]}]}` + "\n",
	} {
		write([]byte(string(whole) + line))
		if _, err := Open(plan, dir, Options{}); err == nil || !strings.Contains(err.Error(), "runs.jsonl: line 7: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", line, err, want)
		}
	}
	// A field that recipes did not have when a record was made has its default;
	// a recipe that this program does not know is left alone.
	write(bytes.ReplaceAll(whole, []byte(`"window_pooled":"false",`), nil))
	s = opened(t, plan, dir, Options{})
	c = &counter{}
	s.Observe(c)
	if _, err := s.Run(context.Background()); err != nil || c.runs.Load() != 0 {
		t.Errorf("%d runs with records of an older program, error %v", c.runs.Load(), err)
	}
	s.Close()
	write(bytes.ReplaceAll(whole, []byte(`"window_pooled"`), []byte(`"window_puled"`)))
	if s, err = Open(plan, dir, Options{}); err != nil || len(s.ledger.byKey) != 0 {
		t.Errorf("records of an unknown program: error %v", err)
	}
	s.Close()
}

// Of many steps the table has a few, the first and the last among them.
func TestStepTable(t *testing.T) {
	o := madeOutcome(t, small(), [][]float64{{.8, .8, .8}, {.7, .7, .7}})
	for t := range 28 {
		o.Sides[0].PerStep = append(o.Sides[0].PerStep[:t:t], Summary{N: 1, Mean: float64(t+1) / 100})
	}
	table := o.stepTable()
	if n := len(table.Header); n != mostSteps+1 || table.Header[1] != "t = 1" || table.Header[n-1] != "t = 28" {
		t.Errorf("header %v", table.Header)
	}
	if row := table.Rows[0]; row[1] != "1.00" || row[mostSteps] != "28.00" {
		t.Errorf("row %v", row)
	}
	if row := table.Rows[1]; row[1] == missing || row[mostSteps] != missing {
		t.Errorf("a side of two steps: %v", row)
	}
}
