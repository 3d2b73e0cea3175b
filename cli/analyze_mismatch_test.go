package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quick are budgets for tests: the numbers mean little.
var quick = []string{"--pairs", "40", "--average", "2", "--samples", "60", "--quiet"}

func mismatch(args ...string) []string {
	return append(append([]string{"analyze", "mismatch"}, quick...), args...)
}

func TestAnalyzeMismatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "figures")
	run := trainedRun(t)
	for name, arg := range map[string][]string{"at initialisation": {"--steps", "2"}, run: {run}} {
		out := must(t, mismatch(append(arg, "--json", "--out", dir, "--windows", "bandwidth,sigma:2", "--widths", ".5,1", "--shapes", "gaussian")...)...)
		var got struct {
			State   string
			Steps   int
			Windows []struct {
				Policy, Shape string
				Gradients     []struct {
					Matrix string
					Cosine *struct{ Value, Error float64 }
				}
			}
			Layers []struct {
				Node  string
				Steps []struct {
					T       int
					Windows []struct{ Coverage float64 }
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if got.State != name || got.Steps != 2 || len(got.Windows) != 5 || len(got.Layers) != 2 {
			t.Fatalf("%s: state %q, %d steps, %d windows, %d layers", name, got.State, got.Steps, len(got.Windows), len(got.Layers))
		}
		if g := got.Windows[4]; g.Policy != "bandwidth:1000" || g.Shape != "gaussian" || len(g.Gradients) != 4 || g.Gradients[1].Matrix != "conv1.weight" {
			t.Errorf("%s: last window %+v", name, g)
		}
		s := got.Layers[1].Steps[1]
		if narrow, wide := s.Windows[2].Coverage, s.Windows[1].Coverage; s.T != 2 || !(0 < narrow && narrow < wide && wide < 1) {
			t.Errorf("%s: step %d, coverage %v of width .5, %v of 2σ", name, s.T, narrow, wide)
		}
	}
	for _, file := range []string{"mismatch-windows.png", "mismatch-gradients.svg", "mismatch-moments.csv"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAnalyzeMismatchOfTeacher(t *testing.T) {
	out := must(t, mismatch("--task", "teacher", "--rho", ".5", "--layers", "1", "--widths", "1", "--shapes", "")...)
	for _, want := range []string{"mlp on a linear teacher's vectors, at initialisation", "fc1.weight", "fc2.weight, behind all neurons"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out = must(t, mismatch("--task", "teacher", "--sweep", "layers", "--depths", "1,2", "--windows", "sigma:1")...)
	if !strings.Contains(out, "sigma:1") {
		t.Error(out)
	}
	out = must(t, mismatch("--sweep", "batch", "--own", "--sizes", "4,6,8", "--total", "64", "--pairs", "100", "--steps", "2")...)
	if !strings.Contains(out, "true gradient of each batch") {
		t.Error(out)
	}
	out = must(t, mismatch("--task", "teacher", "--sweep", "batch", "--sizes", "8,16,32", "--total", "256", "--pairs", "1000", "--samples", "200", "--json")...)
	if !json.Valid([]byte(out)) || !strings.Contains(out, `"exponent"`) {
		t.Error(out)
	}
}

func TestAnalyzeDepth(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range [][]string{nil, {"--residual"}} {
		args := append([]string{"analyze", "depth", "--blocks", "2,4", "--samples", "4", "--seeds", "2", "--channels", "4", "--steps", "2", "--quiet", "--out", dir}, kind...)
		out := must(t, args...)
		for _, want := range []string{"first/last", "neuron4", "sigma:.5", "saved 6 files"} {
			if !strings.Contains(out, strings.ReplaceAll(want, "sigma:.5", "sigma:0.5")) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
}

func TestAnalyzeRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"--task is":                 {"mismatch", "--task", "riddles"},
		"--rho is for --task":       {"mismatch", "--rho", ".5"},
		"rho is 2":                  {"mismatch", "--task", "teacher", "--rho", "2"},
		"--sweep is":                {"mismatch", "--task", "teacher", "--sweep", "noise"},
		"--sweep layers is for":     {"mismatch", "--sweep", "layers"},
		"pairs is 3":                {"mismatch", "--pairs", "3"},
		"noise is -1":               {"mismatch", "--noise", "-1"},
		"asks for 1 images":         {"mismatch", "--samples", "1"},
		"unknown window policy":     {"mismatch", "--windows", "guess"},
		"unknown window shape":      {"mismatch", "--shapes", "wavy"},
		"--widths":                  {"mismatch", "--widths", "1,-2"},
		"--net has no effect":       {"mismatch", "--task", "teacher", "--net", "mini"},
		"a checkpoint is of images": {"mismatch", "x", "--task", "teacher"},
		"no such file":              {"mismatch", "nowhere.safetensors"},
		"batch size 8":              {"mismatch", "--task", "teacher", "--sweep", "batch", "--sizes", "16,8,4"},
		"0 hidden layers":           {"mismatch", "--task", "teacher", "--sweep", "layers", "--depths", "0"},
		"1 blocks, expected 2":      {"depth", "--blocks", "1"},
		"--channels is 0":           {"depth", "--channels", "0"},
		"asks for 0 images":         {"depth", "--samples", "0"},
		"seeds is 1":                {"depth", "--seeds", "1"},
	} {
		code, out, errs := qif(append([]string{"analyze"}, args...)...)
		if code == 0 || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("qif analyze %v: exit status %d, stdout %q, want one line with %q, got %q", args, code, out, want, errs)
		}
	}
}
