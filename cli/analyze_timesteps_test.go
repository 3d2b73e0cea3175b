package cli_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The accuracy of so many steps is what eval says of as many.
func TestAnalyzeTimesteps(t *testing.T) {
	for name, task := range map[string][]string{"all steps": nil, "last step": {"--readout-last", "1"}} {
		run := filepath.Join(t.TempDir(), "run")
		must(t, append([]string{"train", "fashion-tiny", "--quiet", "--limit", "400", "--epochs", "1", "--steps", "2", "--out", run}, task...)...)
		dir := filepath.Join(t.TempDir(), "figures")
		var got struct {
			Samples int `json:"samples"`
			Runs    []struct {
				Name     string `json:"name"`
				Trained  int    `json:"trained_steps"`
				Accuracy []struct {
					Steps    int     `json:"steps"`
					Accuracy float64 `json:"accuracy"`
				} `json:"accuracy"`
				Layers []struct {
					Steps []struct {
						Rate float64  `json:"firing_rate"`
						Own  *float64 `json:"width_per_step"`
					} `json:"steps"`
				} `json:"layers"`
			} `json:"runs"`
		}
		text := must(t, "analyze", "timesteps", run, "--json", "--out", dir)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		r := got.Runs[0]
		if got.Samples != 400 || r.Name != "run" || r.Trained != 2 || len(r.Accuracy) != 4 || len(r.Layers[0].Steps) != 4 {
			t.Fatalf("%s: %s", name, text)
		}
		for _, a := range r.Accuracy {
			var eval struct {
				Accuracy    float64     `json:"accuracy"`
				FiringRates [][]float64 `json:"firing_rates"`
			}
			if err := json.Unmarshal([]byte(must(t, "eval", run, "--json", "--steps", strconv.Itoa(a.Steps))), &eval); err != nil {
				t.Fatal(err)
			}
			rate := r.Layers[0].Steps[a.Steps-1].Rate
			if eval.Accuracy != a.Accuracy || math.Abs(eval.FiringRates[0][a.Steps-1]-rate) > 1e-12 {
				t.Errorf("%s: %d steps: accuracy %v and rate %v, eval says %v and %v", name, a.Steps, a.Accuracy, rate, eval.Accuracy, eval.FiringRates[0])
			}
		}
		if info, err := os.Stat(filepath.Join(dir, "timesteps-layers.png")); err != nil || info.Size() == 0 {
			t.Error(err)
		}
	}
}

// Frames end with the steps of training.
func TestAnalyzeTimestepsOfFrames(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	must(t, "train", "rows", "--quiet", "--limit", "300", "--epochs", "1", "--out", run)
	text := must(t, "analyze", "timesteps", run, run)
	if !strings.Contains(text, "trained") || strings.Contains(text, "\n     29") {
		t.Errorf("%s", text)
	}
	for args, want := range map[string]string{
		"analyze timesteps " + run + " --to 56":                  "nothing to show after the 28 frames",
		"analyze timesteps " + run + " --to 5":                   "at least the 28 steps of training",
		"analyze timesteps " + run + " --split all":              "--split",
		"analyze timesteps " + filepath.Join(run, "report.html"): "report.html",
		"analyze timesteps":                                      "arg",
	} {
		code, _, stderr := qif(strings.Fields(args)...)
		if code == 0 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("qif %s: code %d, %q", args, code, stderr)
		}
	}
}
