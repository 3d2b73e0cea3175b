package cli_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/zoo"
)

// energyOf is what energy prints as JSON, as far as tests look.
type energyOf struct {
	Preset   string
	Networks []struct {
		Name, Neuron, Shares_from string
		Steps                     int
		Params, MACs              int64
		Layers                    []struct {
			Node, Op, Input string
			Input_share     []float64
			Steps           []map[string]float64
		}
		Total     map[string]float64
		Picojoule map[string]struct{ Synapses, Neurons, Memory float64 }
	}
}

func energyJSON(t *testing.T, args ...string) energyOf {
	t.Helper()
	var got energyOf
	if err := json.Unmarshal([]byte(must(t, append([]string{"energy", "--json"}, args...)...)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEnergyReproducesPublishedRows(t *testing.T) {
	for want, args := range map[string][]string{
		"6.39 mJ": {"resnet34", "--steps", "6", "--rate", ".3055", "--neuron", "if"},
		"4.04 mJ": {"sew-resnet34", "--steps", "4", "--rate", ".2736", "--neuron", "if"},
	} {
		got := energyJSON(t, args...).Networks
		if len(got) != 1 || math.Abs(got[0].Picojoule["field"].Synapses/1e9-number(t, want)) > .006 || got[0].Picojoule["field"].Memory != 0 {
			t.Errorf("%s: %+v, want %s", args[0], got[0].Picojoule, want)
		}
	}
}

func number(t *testing.T, text string) (v float64) {
	t.Helper()
	if err := json.Unmarshal([]byte(strings.Fields(text)[0]), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEnergyBesideLIF(t *testing.T) {
	got := energyJSON(t, "tiny", "--images", "2").Networks
	if len(got) != 2 || got[0].Neuron != "lif" || got[1].Neuron != "qif" {
		t.Fatalf("a network of the zoo alone stands for %+v", got)
	}
	neurons := float64(4 * (28*28*16 + 14*14*32))
	for i, want := range []float64{1, 2} {
		if c := got[i].Total; c["neuron_mul"] != want*neurons || c["neuron_add"] != want*neurons || c["state_words"] != 2*neurons || c["mac"] != 112_896 {
			t.Errorf("%s: %+v", got[i].Neuron, c)
		}
		for _, l := range got[i].Layers {
			if len(l.Steps) != 4 || (l.Input == "graded") != (len(l.Input_share) == 4) {
				t.Errorf("%+v", l)
			}
		}
	}
}

func TestEnergyOfACheckpoint(t *testing.T) {
	dir := trainedRun(t)
	out := filepath.Join(t.TempDir(), "figures")
	text := must(t, "energy", dir, "--limit", "100", "--preset", "memory", "--out", out)
	for _, want := range []string{"100 test images, accuracy", "as if these neurons fired like those", "by layer, preset memory", "saved 3 files"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if files, err := os.ReadDir(out); err != nil || len(files) != 3 {
		t.Errorf("%d files in the folder, %v", len(files), err)
	}
	got := energyJSON(t, dir, dir, "--on", "validation", "--steps", "3").Networks
	if len(got) != 2 || got[0].Steps != 3 || got[0].Total["graded"] == 0 || got[0].Total["graded"] != got[1].Total["graded"] {
		t.Errorf("a checkpoint beside itself: %+v", got)
	}
	if got := energyJSON(t, dir, "--rate", ".5").Networks; len(got) != 2 || got[0].Steps != 2 || got[0].Total["graded"] != .5*2*(903_168+15_680) {
		t.Errorf("a given share: %+v", got)
	}
}

func TestEnergyRefuses(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, `--preset: unknown preset "loihi"; known: field, arithmetic, memory`, []string{"tiny", "--preset", "loihi"}},
		{2, "--rate is 2, expected 0 to 1", []string{"tiny", "--rate", "2"}},
		{2, "--rate is NaN", []string{"tiny", "--rate", "NaN"}},
		{2, "--rate takes the place of a measurement", []string{"tiny", "--rate", ".1", "--on", "train"}},
		{2, `--on is "test", expected noise or train for a network before training`, []string{"tiny", "--on", "test"}},
		{2, `--images is 0`, []string{"tiny", "--images", "0"}},
		{1, "60000 images asked for, fashion-mnist-subset/train has 9000", []string{"tiny", "--on", "train", "--images", "60000"}},
		{1, "no-such-run", []string{"no-such-run"}},
		{2, `--on is "noise", expected test, validation, train for a checkpoint`, []string{"no-such-run", "--on", "noise"}},
		{2, "--neuron has no effect on no-such-run", []string{"no-such-run", "--neuron", "lif", "--leak", ".5"}},
		{2, "requires at least 1 arg", nil},
	} {
		code, _, errs := qif(append([]string{"energy"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("energy %v: exit status %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}

// Every member tells its parameters and multiply-accumulates.
func TestInfoOfEveryMember(t *testing.T) {
	for _, member := range zoo.Nets {
		var got struct{ Params, MACs int64 }
		if err := json.Unmarshal([]byte(must(t, "info", member.Name, "--json")), &got); err != nil || got.Params < 10_000 || got.MACs < got.Params/10 {
			t.Errorf("%s: %+v, %v", member.Name, got, err)
		}
	}
}

func TestInitialRates(t *testing.T) {
	for on, want := range map[string]string{"noise": "3 images of noise", "train": "on 3 images"} {
		text := must(t, "info", "plif-fashion", "--rates", "--on", on, "--images", "3", "--steps", "2")
		if !strings.Contains(text, "firing rates at t = 1..2: untrained, first pass of training on "+strings.TrimPrefix(want, "on ")) {
			t.Errorf("no rates on %s in\n%s", on, text)
		}
	}
	var got struct {
		Initial_rates struct {
			Layers []struct {
				Node string
				Rate []float64
			}
		}
	}
	if err := json.Unmarshal([]byte(must(t, "info", "tiny", "--rates", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if l := got.Initial_rates.Layers; len(l) != 2 || l[1].Node != "neuron2" || len(l[1].Rate) != 4 || l[1].Rate[0] < .1 || l[1].Rate[0] > .3 {
		t.Errorf("got %+v", got)
	}
	for want, args := range map[string][]string{
		"have no effect without --rates": {"tiny", "--on", "train"},
		`--on is "test"`:                 {"tiny", "--rates", "--on", "test"},
	} {
		if code, _, errs := qif(append([]string{"info"}, args...)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("info %v: exit status %d, %s", args, code, errs)
		}
	}
	dir := trainedRun(t)
	if code, _, errs := qif("info", dir, "--rates"); code != 2 || !strings.Contains(errs, "qif eval "+dir) {
		t.Errorf("rates of a checkpoint: exit status %d, %s", code, errs)
	}
}
