package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shortComparison are arguments of a comparison of seconds.
var shortComparison = []string{
	"compare", "fashion-tiny", "--side", "qif", "--side", "lif: leak=.25", "--seeds", "1-2", "--tune", "2", "--baseline", "lif",
	"--limit", "200", "--epochs", "2", "--batch", "20", "--steps", "2", "--quiet",
}

func TestCompare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cmp")
	out := must(t, append(shortComparison, "--json", "--out", dir)...)
	var got struct {
		Sides []struct {
			Name string            `json:"name"`
			Set  map[string]string `json:"set"`
			Test struct {
				N    int     `json:"n"`
				Mean float64 `json:"mean"`
			} `json:"test_accuracy"`
			PerStep []any `json:"test_accuracy_per_step"`
		} `json:"sides"`
		Differences []map[string]any `json:"differences"`
		Tuning      []any            `json:"tuning"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(got.Sides) != 2 || got.Sides[1].Set["neuron"] != "lif" || got.Sides[0].Test.N != 2 || got.Sides[0].Test.Mean <= 0 || len(got.Sides[0].PerStep) != 2 {
		t.Errorf("sides %+v", got.Sides)
	}
	if len(got.Differences) != 1 || got.Differences[0]["minus"] != "lif" || got.Differences[0]["p_sign_flip"] == nil || len(got.Tuning) != 2 {
		t.Errorf("differences %v", got.Differences)
	}
	for _, name := range []string{"report.html", "table.md", "table.tex", "table.csv", "runs.jsonl", "compare.toml", "accuracy.svg", "tuning-lif.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	// The file that it wrote is the comparison: nothing is left to do for it.
	code, text, errs := qif("compare", filepath.Join(dir, "compare.toml"), "--out", dir)
	if code != 0 || !strings.Contains(errs, "8 runs, 0 of them to be made") || !strings.Contains(text, "qif − lif") {
		t.Errorf("exit status %d\n%s\n%s", code, errs, text)
	}
	// A terminal is not there: progress is plain lines.
	code, _, errs = qif(append(shortComparison[:len(shortComparison)-1:len(shortComparison)-1], "--seeds", "1-3", "--out", dir)...)
	if code != 0 || !strings.Contains(errs, "10 runs, 2 of them to be made") || !strings.Contains(errs, "qif seed 3: validation ") {
		t.Errorf("exit status %d\n%s", code, errs)
	}
}

func TestCompareRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		`side "lif": unknown field "leek", did you mean "leak"?`: {"--side", "qif", "--side", "lif: leek=.5"},
		`a comparison needs two sides or more, there is 1`:       {"--side", "qif"},
		`seeds: "x" is no list of seeds`:                         {"--seeds", "x"},
		`tune: trials is 1`:                                      {"--tune", "1"},
		`tune: trials is 0`:                                      {"--tune-epochs", "1"},
		`unknown recipe "fashion-tin"`:                           {"fashion-tin"},
		`--jobs and --threads are -1 and 0`:                      {"--jobs", "-1"},
	} {
		if code, _, errs := qif(append([]string{"compare"}, args...)...); code != 2 || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit status %d, %q, want %q", args, code, errs, want)
		}
	}
	graph := filepath.Join(t.TempDir(), "net.json")
	if err := os.WriteFile(graph, []byte(must(t, "info", "tiny", "--graph")), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := qif("compare", "--side", "a", "--side", "b: theta=2 net="+graph); code != 2 || !strings.Contains(errs, `side "b": theta = 2 has no effect on`) {
		t.Errorf("exit status %d, %q", code, errs)
	}
	plan := must(t, "compare", "--side", "qif", "--side", "lif", "--tune", "3", "--print-plan", "--limit", "100")
	for _, want := range []string{"recipe = 'fashion-tiny'", "limit = 100", "[[side]]\nname = 'lif'\nneuron = 'lif'", "leak = { min = 0, max = 1, step = 0.05 }", "trials = 3"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan lacks %q:\n%s", want, plan)
		}
	}
}

// TestCompareKilled kills the real process, and sends it Ctrl-C, and expects the
// tables of the comparison never stopped.
func TestCompareKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program for some seconds")
	}
	bin := buildProgram(t)
	whole, stopped := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	args := append(shortComparison[:len(shortComparison):len(shortComparison)], "--save-every", ".01", "--out")
	if out, err := exec.Command(bin, append(args, whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	start := func(seen string) (*exec.Cmd, *bytes.Buffer) {
		cmd, out := exec.Command(bin, append(args, stopped)...), new(bytes.Buffer)
		cmd.Stderr = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForGlob(t, filepath.Join(stopped, seen))
		return cmd, out
	}
	cmd, _ := start("runs/tune-*/last.safetensors")
	cmd.Process.Kill()
	cmd.Wait()
	cmd, _ = start("runs/final-*/last.safetensors")
	cmd.Process.Kill()
	cmd.Wait()
	cmd, out := start("runs/final-lif-seed2-*/last.safetensors")
	cmd.Process.Signal(os.Interrupt)
	var exit *exec.ExitError
	switch err := cmd.Wait(); {
	case err == nil: // it was at its end already
	case !errors.As(err, &exit) || exit.ExitCode() != 130:
		t.Fatalf("after Ctrl-C: %v, want exit status 130\n%s", err, out)
	case !strings.Contains(out.String(), "The same command goes on"):
		t.Errorf("after Ctrl-C the program said %q, not how to go on", out)
	}
	if out, err := exec.Command(bin, append(args, stopped)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"table.md", "table.tex", "table.csv", "tests.csv", "accuracy.csv", "validation.csv", "steps.csv", "rates.csv", "accuracy.png"} {
		got, _, _ := bytes.Cut(bytesOf(t, stopped, name), []byte("\nTime of a run"))
		want, _, _ := bytes.Cut(bytesOf(t, whole, name), []byte("\nTime of a run"))
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from that of the comparison never stopped:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// waitForGlob returns when a file matches.
func waitForGlob(t *testing.T, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not appear within a minute", pattern)
		}
	}
}
