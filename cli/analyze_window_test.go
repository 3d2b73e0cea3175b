package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnalyzeWindow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "figures")
	out := must(t, "analyze", "window", "--theta", ".5", "--gain", ".7", "--steps", "3", "--samples", "5000", "--out", dir)
	for _, want := range []string{"deviation 0.35", "simulated", "bandwidth", "quadrature-3", "saved 9 files"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 9 {
		t.Errorf("%d files in the folder, %v", len(files), err)
	}
}

func TestAnalyzeWindowAsJSON(t *testing.T) {
	type moments struct{ Mean, SD, Rate, Density_at_threshold *float64 }
	var got struct {
		Steps []struct {
			T             int
			Closed, Exact *moments
			Simulated     *struct {
				moments
				Samples int
			}
			Windows map[string]*float64
		}
		Problems map[string]string
	}
	args := []string{"analyze", "window", "--neuron", "qif", "--a", ".3", "--u1", "-.2", "--u2", ".4", "--theta", "1", "--reset", "hard",
		"--steps", "2", "--rho", ".2", "--seed", "7", "--windows", "sigma:2,bandwidth,exact", "--json"}
	for _, threads := range []string{"1", "3"} {
		out := must(t, append(args, "--samples", "20000", "--threads", threads)...)
		last, _ := json.Marshal(got)
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if now, _ := json.Marshal(got); threads == "3" && string(now) != string(last) {
			t.Errorf("three threads give %s, one %s", now, last)
		}
	}
	for i, step := range got.Steps {
		if step.T != i+1 || step.Closed == nil || step.Exact.Density_at_threshold == nil || step.Simulated.Samples != 20000 || len(step.Windows) != 3 {
			t.Errorf("step %d: %+v", i+1, step)
		}
	}
	if err := json.Unmarshal([]byte(must(t, "analyze", "window", "--a", "1", "--reset", "soft", "--samples", "0", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if last := got.Steps[3]; last.Closed != nil || last.Simulated != nil || got.Problems["exact"] == "" {
		t.Errorf("a potential that runs away: %+v, problems %v", last, got.Problems)
	}
}

func TestAnalyzeWindowRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"--a 0":              "expected a quadratic coefficient other than 0",
		"--a NaN":            "a is NaN, not a finite number",
		"--a=-.2":            "set a floor",
		"--theta -1":         "threshold -1 must lie above the reset value 0",
		"--reset-value 1":    "threshold 1 must lie above the reset value 1",
		"--steps 0":          "--steps is 0, expected at least 1",
		"--samples=-5":       "--samples is -5, expected 0 for no simulation, or at least 2",
		"--gain NaN":         "--gain is NaN, expected a finite number from 0",
		"--rho 1.1":          "--rho is 1.1, expected 0 to 1",
		"--input-mean inf":   "--input-mean is +Inf, expected a finite number",
		"--threads=-1":       "--threads is -1, expected 0 or more",
		"--windows sigma":    `--windows: window policy "sigma" needs a value`,
		"--window-shape odd": `unknown window shape "odd"`,
	} {
		code, out, errs := qif(append([]string{"analyze", "window"}, strings.Fields(args)...)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit status %d, %q %q, want %q", args, code, out, errs, want)
		}
	}
}
