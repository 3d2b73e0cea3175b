package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testEarlyExit looks at what eval says of early exit on a run of two steps.
func testEarlyExit(t *testing.T, dir string) {
	t.Helper()
	var got struct {
		Accuracy  float64   `json:"accuracy"`
		PerStep   []float64 `json:"accuracy_per_step"`
		Speed     float64   `json:"samples_per_second"`
		Precision string    `json:"precision"`
		Exits     []struct {
			Margin   float64 `json:"margin"`
			Accuracy float64 `json:"accuracy"`
			Mean     float64 `json:"mean_steps"`
			Steps    []int   `json:"samples_per_steps"`
			Speed    float64 `json:"samples_per_second"`
		} `json:"early_exit"`
	}
	plot := filepath.Join(t.TempDir(), "curve.svg")
	if err := json.Unmarshal([]byte(must(t, "eval", dir, "--early-exit-curve", "--plot", plot, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Exits) != 12 || got.Precision != "fp32" || got.Speed <= 0 {
		t.Fatalf("got %+v", got)
	}
	for i, x := range got.Exits {
		if x.Steps[0]+x.Steps[1] != 400 || x.Mean != float64(x.Steps[0]+2*x.Steps[1])/400 || x.Speed <= 0 {
			t.Errorf("margin %v: %v steps on average of %v", x.Margin, x.Mean, x.Steps)
		}
		if i > 0 && x.Mean < got.Exits[i-1].Mean {
			t.Errorf("a larger margin, %v, takes fewer steps", x.Margin)
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !strings.Contains(string(svg), "early exit, with its margin") {
		t.Errorf("the plot: %v", err)
	}
	if out := must(t, "eval", dir, "--early-exit", ".5"); !strings.Contains(out, "margin  accuracy  mean steps") || !strings.Contains(out, "   off  ") {
		t.Errorf("eval printed\n%s", out)
	}
	code, _, errs := qif("eval", dir, "--early-exit", ".5", "--engine", "profiling")
	if code != 1 || !strings.Contains(errs, "engine profiling has no early exit") {
		t.Errorf("an engine without early exit: exit status %d, %q", code, errs)
	}
}
