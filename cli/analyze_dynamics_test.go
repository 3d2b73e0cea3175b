package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnalyzeDynamics(t *testing.T) {
	text := must(t, "analyze", "dynamics", "--samples", "200")
	for _, want := range []string{"qif: a = 0.25", "rheobase", "saddle node", "rebound floor", "from rest under constant input x", "contrast", "standard error"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	dir := filepath.Join(t.TempDir(), "dynamics")
	text = must(t, "analyze", "dynamics", "--samples", "100", "--grid", "9", "--neuron", "lif", "--leak", ".9", "--out", dir)
	if !strings.Contains(text, "saved 21 files in "+dir) {
		t.Errorf("nothing saved:\n%s", text)
	}
	for _, name := range []string{"neuron", "regimes", "rate", "orbits", "change", "contrast", "rebound"} {
		for _, ext := range []string{".png", ".svg", ".csv"} {
			if info, err := os.Stat(filepath.Join(dir, name+ext)); err != nil || info.Size() == 0 {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
	}
}

func TestAnalyzeDynamicsAsJSON(t *testing.T) {
	var got struct {
		FixedPoints []struct {
			V      float64 `json:"v"`
			Slope  float64 `json:"slope"`
			Stable bool    `json:"stable"`
			Kind   string  `json:"kind"`
		} `json:"fixed_points"`
		SaddleNode   *float64 `json:"saddle_node_input"`
		ReboundFloor *float64 `json:"rebound_floor"`
		Input        float64  `json:"input"`
		Maps         []struct {
			Parameter string    `json:"parameter"`
			Values    []float64 `json:"values"`
			Inputs    []float64 `json:"inputs"`
			Rows      []string  `json:"rows"`
		} `json:"regime_maps"`
	}
	text := must(t, "analyze", "dynamics", "--json", "--samples", "100", "--grid", "7", "--input", "-3.5", "--range", "x=-5:1,a=.1:1")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.FixedPoints) != 2 || got.FixedPoints[0].Stable || got.FixedPoints[0].Kind != "period-doubled" || got.FixedPoints[1].Kind != "unstable" || got.Input != -3.5 {
		t.Errorf("%+v", got)
	}
	if got.SaddleNode == nil || *got.SaddleNode != 1.265625 || got.ReboundFloor == nil || *got.ReboundFloor > -1.76 {
		t.Errorf("%+v", got)
	}
	if len(got.Maps) != 2 || got.Maps[1].Parameter != "a" || len(got.Maps[1].Rows) != 7 || got.Maps[1].Values[0] != .1 || got.Maps[0].Inputs[6] != 1 {
		t.Errorf("%+v", got.Maps)
	}
}

// Each is one line that names what is wrong.
func TestAnalyzeDynamicsRefuses(t *testing.T) {
	for args, want := range map[string][]string{
		"--a 0":                          {"a is 0", "other than 0"},
		"--a NaN":                        {"a is NaN", "finite"},
		"--a -.2":                        {"a is -0.2", "floor"},
		"--theta 0":                      {"threshold 0", "above the reset value 0"},
		"--theta Inf":                    {"threshold θ is +Inf", "finite"},
		"--reset hardly":                 {`"hardly"`, `"hard"`},
		"--neuron lif --a .2":            {"--a", "lif"},
		"--steps 0":                      {"time steps T: 0", "expected 1 to"},
		"--samples -5":                   {"samples: -5", "expected 1 to"},
		"--grid 1":                       {"grid: 1", "expected 2 to"},
		"--input NaN":                    {"constant input NaN"},
		"--input-sd 1,-1":                {"input deviation -1", "above 0"},
		"--range u2=3":                   {"--range u2", "LOW:HIGH"},
		"--range u2=3:1":                 {"range of u2", "ascending"},
		"--range leak=0:1":               {`"leak"`, "u2, a, x"},
		"--neuron lif --leak 1.1":        {"leak 1.1", "floor"},
		"--floor 1":                      {"floor 1", "reset value 0"},
		"extra":                          {"extra"},
		"--neuron qif-euler --kappa 0":   {"kappa is 0"},
		"--neuron izhikevich":            {`"izhikevich"`, "qif-euler"},
		"--from Inf":                     {"change +Inf"},
		"--step-size NaN":                {"step NaN"},
		"--u1 1e300 --u2 1e300 --a 1e10": {"overflow"},
	} {
		code, stdout, stderr := qif(append([]string{"analyze", "dynamics"}, strings.Fields(args)...)...)
		if code != 2 || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%s: %q does not say %q", args, stderr, w)
			}
		}
	}
}
