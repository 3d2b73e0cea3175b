package compare

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/recipe"
)

const example = `
recipe = "fashion-tiny"
seeds = [1, 2, 3]
baseline = "lif"

[set]
epochs = 3
learn = []

[[side]]
name = "qif"
a = 0.3
learn = ["a", "u2"]
[side.tune]
u1 = false
a = { min = 0.1, max = 0.2, step = 0.1 }

[[side]]
name = "lif"
leak = 0.25
floor = -4

[[side]]
name = "wide"
window = "sigma:2"

[tune]
trials = 5
seeds = "101-102"
epochs = 2
[tune.ranges]
leak = { min = 0, max = 1.5, step = 0.05 }
lr = { factor = 2 }
window_shape = ["triangular", "gaussian"]
`

func TestFile(t *testing.T) {
	spec, err := ParseSpec([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	p := planned(t, spec)
	if !reflect.DeepEqual(p.Seeds, []uint64{1, 2, 3}) || p.Baseline != 1 || p.Tune.Trials != 5 || len(p.Tune.Seeds) != 2 {
		t.Errorf("got %+v", p)
	}
	qif, lif, wide := p.Sides[0], p.Sides[1], p.Sides[2]
	if r := qif.Recipe; r.Params["a"] != .3 || !reflect.DeepEqual(r.Learn, []string{"a", "u2"}) || r.Epochs != 3 {
		t.Errorf("qif: %+v", r)
	}
	if r := lif.Recipe; r.Neuron != "lif" || *r.Floor != -4 || wide.Recipe.Neuron != "qif" || wide.Recipe.Window != "sigma:2" {
		t.Errorf("lif: %+v\nwide: %+v", r, wide.Recipe)
	}
	if got := strings.Join(qif.Space.searched(), " "); got != "a lr u2 window window_shape" {
		t.Errorf("qif searches %s", got)
	}
	if got := strings.Join(lif.Space.searched(), " "); got != "leak lr window window_shape" {
		t.Errorf("lif searches %s", got)
	}
	if g := lif.Space["lr"]; g.Min != .002 || g.Max != .008 || !g.Log {
		t.Errorf("lr: %+v", g)
	}
	// The plan's own file gives the same plan.
	text, err := p.TOML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseSpec(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	q := planned(t, again)
	for i := range p.Sides {
		if a, b := p.Sides[i], q.Sides[i]; !reflect.DeepEqual(a.Recipe, b.Recipe) || !reflect.DeepEqual(a.Space, b.Space) {
			t.Errorf("side %d\n%+v\nwas\n%+v\nin\n%s", i, b, a, text)
		}
	}
	if !reflect.DeepEqual(p.Seeds, q.Seeds) || !reflect.DeepEqual(p.Tune, q.Tune) || p.Baseline != q.Baseline {
		t.Errorf("got %+v, was %+v", q, p)
	}
}

func TestSpecsRefused(t *testing.T) {
	for want, text := range map[string]string{
		`comparison FILE:1:1: unknown key "recip"`:                                                    `recip = "x"`,
		`side "lif": unknown field "leek", did you mean "leak"?`:                                      "[[side]]\nname = 'qif'\n[[side]]\nname = 'lif'\nleek = 0.5",
		`comparison FILE:5:7: `:                                                                       "[[side]]\nname = 'qif'\n[[side]]\nname = 'lif'\nleek = ",
		`side "b": field "leak" is a parameter of lif, but the neuron is qif, which has a, u1, u2`:    "[[side]]\nname = 'a'\n[[side]]\nname = 'b'\nleak = 0.5",
		`side "b": field "epochs" is "many", expected a whole number`:                                 "[[side]]\nname = 'a'\n[[side]]\nname = 'b'\nepochs = 'many'",
		`side "b": recipe "fashion-tiny": lr is -1, must lie above 0`:                                 "[[side]]\nname = 'a'\n[[side]]\nname = 'b'\nlr = -1",
		`side "b": field "seed" is the comparison's: give seeds`:                                      "[[side]]\nname = 'a'\n[[side]]\nname = 'b'\nseed = 3",
		`for all sides: field "threads" is no part of a comparison`:                                   "[set]\nthreads = 1\n[[side]]\nname = 'a'\n[[side]]\nname = 'b'",
		`for all sides: unknown field "leek"`:                                                         "[set]\nleek = 1\n[[side]]\nname = 'a'\n[[side]]\nname = 'b'",
		`side 1: name is missing`:                                                                     "[[side]]\nleak = 1.0",
		`side "b": field "learn": expected a string, number`:                                          "[[side]]\nname = 'a'\n[[side]]\nname = 'b'\nlearn = {x = 1}",
		`a comparison needs two sides or more, there is 1`:                                            "[[side]]\nname = 'a'",
		`two sides are named "a"`:                                                                     "[[side]]\nname = 'a'\n[[side]]\nname = 'a'\nlr = 0.1",
		`sides "qif" and "b" are the same`:                                                            "[[side]]\nname = 'qif'\n[[side]]\nname = 'b'",
		`side "../b": the name must be`:                                                               "[[side]]\nname = 'a'\n[[side]]\nname = '../b'",
		`side "lif": it is named after one neuron and has another, neuron = qif`:                      "[[side]]\nname = 'a'\n[[side]]\nname = 'lif'\nneuron = 'qif'",
		`baseline is "c", expected the name of a side: a, lif`:                                        "baseline = 'c'\n[[side]]\nname = 'a'\n[[side]]\nname = 'lif'",
		`unknown recipe "fashion-tin", did you mean "fashion-tiny"?`:                                  "recipe = 'fashion-tin'\n[[side]]\nname = 'a'\n[[side]]\nname = 'lif'",
		`seeds: "1-" is no list of seeds such as 1-5 or 1,3,7`:                                        "seeds = '1-'\n[[side]]\nname = 'a'\n[[side]]\nname = 'lif'",
		`seeds: seed 2 is listed twice in "1-3,2"`:                                                    "seeds = '1-3,2'\n[[side]]\nname = 'a'\n[[side]]\nname = 'lif'",
		`seeds: "1-9999" are more than 1000 seeds`:                                                    "seeds = '1-9999'\n[[side]]\nname = 'a'\n[[side]]\nname = 'lif'",
		`tune: trials is 1, expected 2 to 1000`:                                                       "[[side]]\nname = 'a'\n[[side]]\nname = 'lif'\n[tune]\ntrials = 1",
		`tune: seed 3 is one of the comparison's; tuning needs others`:                                "[[side]]\nname = 'a'\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2\nseeds = 3",
		`side "a": tune: recipe "fashion-tiny": warmup is 2 epochs, expected at most the 1 of epochs`: "[set]\nwarmup = 1\n[[side]]\nname = 'a'\nwarmup = 2\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2\nepochs = 1",
		`side "a": tune: range of leak: field "leak" is a parameter of lif`:                           "[[side]]\nname = 'a'\ntune = {leak = {min = 0, max = 1}}\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2",
		`side "a": tune: range of a: min is 1 and max 1, expected min < max`:                          "[[side]]\nname = 'a'\ntune = {a = {min = 1, max = 1}}\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2",
		`side "a": tune: range of window: it takes a list of choices`:                                 "[[side]]\nname = 'a'\ntune = {window = {min = 1, max = 2}}\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2",
		`side "a": tune: range of lr: min is 0, expected above 0 on a logarithmic scale`:              "[[side]]\nname = 'a'\ntune = {lr = {max = 1, log = true}}\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2",
		`side "a": tune: range of u1: a factor needs a number above 0, u1 is 0`:                       "[[side]]\nname = 'a'\ntune = {u1 = {factor = 2}}\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2",
		`tune.ranges: range of a: unknown key "mx"; a range has min, max, factor, log and step`:       "[tune.ranges]\na = {mx = 1}",
		`tune.ranges: range of a: expected {min`:                                                      "[tune.ranges]\na = true",
		`side "a": tune: range of unknown field "leek"`:                                               "[[side]]\nname = 'a'\n[[side]]\nname = 'lif'\n[tune]\ntrials = 2\nranges = {leek = [1]}",
	} {
		path := filepath.Join(t.TempDir(), "c.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		spec, err := LoadSpec(path)
		if err == nil {
			_, err = spec.Plan()
		}
		if err == nil {
			t.Errorf("%q was taken, want %q", text, want)
			continue
		}
		got := strings.ReplaceAll(err.Error(), path, "FILE")
		if !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q\ngot  %s\nwant %s", text, got, want)
		}
	}
	if IsSpec(filepath.Join(t.TempDir(), "none.toml")) {
		t.Error("a file that is not there is a comparison")
	}
}

func TestParseSide(t *testing.T) {
	got, err := ParseSide(" lif : neuron=lif  leak=.25 window-shape=gaussian learn=leak")
	want := SideSpec{Name: "lif", Set: []recipe.Setting{{Key: "neuron", Value: "lif"}, {Key: "leak", Value: ".25"}, {Key: "window_shape", Value: "gaussian"}, {Key: "learn", Value: "leak"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseSide("lif: leak"); err == nil || !strings.Contains(err.Error(), `side "lif": "leak" is no setting`) {
		t.Errorf("error %v", err)
	}
}

func TestSeedLists(t *testing.T) {
	for text, want := range map[string][]uint64{"1-5": {1, 2, 3, 4, 5}, "7": {7}, "1, 3,8-9": {1, 3, 8, 9}} {
		got, err := parseSeeds(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := parseSeeds(formatSeeds(got)); err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%v is written as %q", want, formatSeeds(got))
		}
	}
}

// Trials stay in their ranges, reach the ends of stepped ones, and sides draw the
// same where they search the same.
func TestTrials(t *testing.T) {
	spec := small()
	spec.Sides = append(spec.Sides, SideSpec{Name: "floored", Set: []recipe.Setting{{Key: "floor", Value: "-4"}}})
	spec.Tune = TuneSpec{Trials: 400, Ranges: map[string]Range{"batch": {Min: 10, Max: 30}}}
	p := planned(t, spec)
	seen := map[string]bool{}
	for trial := range 400 {
		values := make([]map[string]string, len(p.Sides))
		for i, side := range p.Sides {
			set, err := side.trial(trial)
			if err != nil {
				t.Fatal(err)
			}
			values[i] = map[string]string{}
			for _, s := range set {
				values[i][s.Key] = s.Value
				seen[side.Name+" "+s.Key+" "+s.Value] = true
				g := side.Space[s.Key]
				slack := .001*math.Abs(g.Min) + 1e-9 // values are rounded
				if v, err := strconv.ParseFloat(s.Value, 64); len(g.Choices) == 0 && (err != nil || v < g.Min-slack || v > g.Max+slack) {
					t.Errorf("%s: %s is %s outside %s", side.Name, s.Key, s.Value, g)
				}
			}
			if trial == 0 && set != nil {
				t.Errorf("the first trial sets %v", set)
			}
		}
		if q, l := values[0], values[1]; q["lr"] != l["lr"] || q["window"] != l["window"] || q["batch"] != l["batch"] {
			t.Errorf("trial %d: %v and %v", trial, q, l)
		}
	}
	for _, want := range []string{"lif leak 0", "lif leak 1", "lif leak 0.15", "qif u2 0", "qif u1 0.5", "floored a -0.3", "lif window sigma:2", "lif batch 10", "lif batch 30"} {
		if !seen[want] {
			t.Errorf("no trial has %s", want)
		}
	}
}

// The example in the documentation is a comparison.
func TestDocumentedExample(t *testing.T) {
	b, err := os.ReadFile("../docs/compare.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "```toml\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("the documentation has no example")
	}
	spec, err := ParseSpec([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if p := planned(t, spec); len(p.Sides) != 4 || p.Sides[3].Space["leak"].Max != 1.3 || p.Sides[0].Space["lr"].Max != .012 {
		t.Errorf("%+v", p)
	}
}

// Every default range is of a field that its neuron has, and trials of it are
// recipes.
func TestDefaultRanges(t *testing.T) {
	for _, form := range neuron.Forms {
		for _, floor := range []string{"none", "-4"} {
			spec := small()
			spec.Set = append(spec.Set, recipe.Setting{Key: "floor", Value: floor})
			spec.Sides = []SideSpec{{Name: form.Name}, {Name: "other", Set: []recipe.Setting{{Key: "theta", Value: "2"}}}}
			spec.Tune.Trials = 30
			side := planned(t, spec).Sides[0]
			for trial := range 30 {
				if _, err := side.trial(trial); err != nil {
					t.Errorf("%s, floor %s: %v", form.Name, floor, err)
				}
			}
		}
	}
}
