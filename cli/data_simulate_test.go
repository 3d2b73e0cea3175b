package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// From images to recordings, to a network trained on them and to what it says of
// one.
func TestSimulateTrainPredict(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dvs")
	few := []string{"data", "simulate", "--per-class", "3", "--step", "5000", "--out", dir}
	var out struct {
		Folder, Style, Name string
		Found               int
		Parts               []struct {
			Samples, Events, On, Off int
			Rate                     []int
		}
	}
	if err := json.Unmarshal([]byte(must(t, append(few, "--json")...)), &out); err != nil {
		t.Fatal(err)
	}
	if out.Folder != dir || out.Style != "n-mnist" || out.Name != "dvs-fashion-mnist-subset" || len(out.Parts) != 2 || out.Parts[0].Samples != 30 || out.Parts[1].Samples != 30 {
		t.Fatalf("printed %+v", out)
	}
	for _, p := range out.Parts {
		// Like N-MNIST's: thousands of events, half of them ON, over the whole time.
		if mean := p.Events / p.Samples; mean < 2000 || mean > 30000 || p.On+p.Off != p.Events || p.On > 2*p.Off || p.Off > 2*p.On || len(p.Rate) != 20 || p.Rate[2] < p.Events/40 {
			t.Errorf("printed %+v", p)
		}
	}
	text := must(t, few...)
	for _, want := range []string{"of which 60 were there", "events per recording", "ratio", "events per ms", "published n-mnist"} {
		if !strings.Contains(text, want) {
			t.Errorf("a second call lacks %q:\n%s", want, text)
		}
	}
	if info := must(t, "data", "info", dir); !strings.Contains(info, "dvs-fashion-mnist-subset/train") || !strings.Contains(info, "Ankle boot 3") {
		t.Errorf("info prints\n%s", info)
	}

	run := filepath.Join(t.TempDir(), "run")
	var res struct {
		Splits []struct {
			For, Method string
			Held        int `json:"held_out"`
		}
	}
	trained := must(t, "train", "--data", dir, "--task", "events", "--steps", "3", "--frames-downsample", "4", "--epochs", "1", "--batch", "10",
		"--validation", ".34", "--warmup", "0", "--out", run, "--json", "--quiet")
	if err := json.Unmarshal([]byte(trained), &res); err != nil || len(res.Splits) != 1 || res.Splits[0].Held != 10 {
		t.Errorf("splits %+v, error %v", res, err)
	}
	if info := must(t, "info", run); !strings.Contains(info, "split: 10 of 30 samples of dvs-fashion-mnist-subset/train for validation, stratified") {
		t.Errorf("info prints\n%s", info)
	}
	if ev := must(t, "eval", run); !strings.Contains(ev, "of 30 samples") {
		t.Errorf("eval prints\n%s", ev)
	}
	recording := filepath.Join(dir, "Test", "9", firstFile(t, filepath.Join(dir, "Test", "9")))
	if p := must(t, "predict", run, recording); !strings.Contains(p, recording+": ") || !strings.Contains(p, " %") {
		t.Errorf("predict prints %q", p)
	}
	image := filepath.Join(t.TempDir(), "black.png")
	writePNG(t, image, 28, 28)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "got PNG", []string{"predict", run, image}},
		{2, "--resize and --invert are for images", []string{"predict", run, recording, "--invert"}},
		{1, "holds recordings of an event camera (simulated recordings)", []string{"train", "--data", dir}},
		{1, "simulated from other images or with other settings", append(few, "--seed", "2")},
		{2, `the style of recordings is "film", expected one of n-mnist, cifar10-dvs`, []string{"data", "simulate", "--style", "film"}},
		{2, "simulated camera: on is 0, expected 0.01 to 10", []string{"data", "simulate", "--on", "0"}},
		{2, "--per-class is -1", []string{"data", "simulate", "--per-class", "-1"}},
		{1, "no such file", []string{"data", "simulate", "--data", dir + "/none", "--out", dir + "2"}},
	} {
		code, _, errs := qif(c.args...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(strings.TrimSpace(errs), "\n") > 0 {
			t.Errorf("qif %v: code %d, %q, want %d, %q", c.args, code, errs, c.code, c.want)
		}
	}
}

func firstFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	return entries[0].Name()
}
