package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/cli"
	_ "github.com/qif-snn/qif/engine/cpu"
)

// qif runs the program in this process.
func qif(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = cli.Run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// must runs the program and expects success.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := qif(args...)
	if code != 0 {
		t.Fatalf("qif %s: exit status %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// trainedRun trains for seconds and returns the run's folder.
func trainedRun(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	must(t, "train", "fashion-tiny", "--quiet", "--limit", "400", "--epochs", "1", "--steps", "2", "--out", dir)
	return dir
}

func TestTrainPrintsOneObject(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out := must(t, "train", "fashion-tiny", "--json", "--limit", "400", "--epochs", "1", "--steps", "2", "--neuron", "lif", "--leak", ".25", "--seed", "5", "--out", dir)
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, key := range []string{
		"neuron", "seed", "epochs", "steps", "params", "train_samples_per_second", "val_accuracy",
		"test_accuracy", "firing_rates", "windows", "peak_rss_bytes", "checkpoint",
	} {
		if got[key] == nil {
			t.Errorf("the object has no %q", key)
		}
	}
	if got["neuron"] != "lif" || got["seed"] != 5. || got["steps"] != 2. || got["params"] != 20538. {
		t.Errorf("got %s", out)
	}
	if rates := got["firing_rates"].([]any); len(rates) != 2 || len(rates[0].([]any)) != 2 {
		t.Errorf("firing_rates are %v, want [layer][T]", rates)
	}
}

// Where there is no terminal, progress is plain lines.
func TestPlainProgress(t *testing.T) {
	code, out, errs := qif("train", "fashion-tiny", "--limit", "400", "--epochs", "2", "--steps", "2", "--out", filepath.Join(t.TempDir(), "run"))
	if code != 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{
		"Training tiny: qif on fashion-mnist-subset, 20538 parameters, T = 2", "window of neuron2: triangular, width per step",
		"epoch 1: loss", "epoch 2: loss", "firing % per step: neuron1",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("progress lacks %q:\n%s", want, errs)
		}
	}
	if strings.ContainsAny(errs, "\x1b\r") {
		t.Errorf("progress has control characters: %q", errs)
	}
	if !strings.Contains(out, "test accuracy") || strings.Contains(out, "epoch 1:") {
		t.Errorf("standard output is %q", out)
	}
}

// A layer that cannot fire is reported while training, once.
func TestDeadLayersAreReported(t *testing.T) {
	graph := must(t, "info", "tiny", "--graph")
	last := strings.LastIndex(graph, `"threshold": 1,`) // of neuron2; its tdBN keeps θ = 1
	graph = graph[:last] + strings.Replace(graph[last:], "1,", "1000,", 1)
	file := filepath.Join(t.TempDir(), "net.json")
	if err := os.WriteFile(file, []byte(graph), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, errs := qif("train", "fashion-tiny", "--quiet", "--net", file, "--limit", "1200", "--epochs", "2", "--steps", "2", "--out", filepath.Join(t.TempDir(), "run"))
	if n := strings.Count(errs, "layer neuron2 is dead in training"); code != 0 || n != 1 || strings.Contains(errs, "neuron1") {
		t.Errorf("exit status %d; want one report, of neuron2, for training: %q", code, errs)
	}
}

func TestVerbsOnARun(t *testing.T) {
	dir := trainedRun(t)
	var ev struct {
		Accuracy float64 `json:"accuracy"`
		Samples  int     `json:"samples"`
	}
	if err := json.Unmarshal([]byte(must(t, "eval", dir, "--json")), &ev); err != nil || ev.Samples != 400 {
		t.Errorf("eval: %+v, %v", ev, err)
	}
	if out := must(t, "eval", dir, "--split", "validation", "--steps", "4"); !strings.Contains(out, "validation accuracy") {
		t.Errorf("eval printed %q", out)
	}
	testEarlyExit(t, dir)
	info := must(t, "info", dir)
	for _, want := range []string{"20538 parameters", "conv2", "evaluated once per image", "width", "test accuracy", "u2 = 0.5", "trained in fp32 precision by engine cpu/"} {
		if !strings.Contains(info, want) {
			t.Errorf("info lacks %q:\n%s", want, info)
		}
	}

	img := filepath.Join(t.TempDir(), "black.png")
	writePNG(t, img, 28, 28)
	big := filepath.Join(t.TempDir(), "big.png")
	writePNG(t, big, 60, 50)
	var preds []struct {
		Class         string             `json:"class"`
		Steps         int                `json:"steps"`
		Probabilities map[string]float64 `json:"probabilities"`
	}
	if err := json.Unmarshal([]byte(must(t, "predict", dir, img, big, "--resize", "--invert", "--json")), &preds); err != nil || len(preds) != 2 {
		t.Fatalf("predict: %v, %v", preds, err)
	}
	sum := 0.0
	for _, p := range preds[1].Probabilities {
		sum += p
	}
	if len(preds[1].Probabilities) != 10 || sum < .999 || sum > 1.001 {
		t.Errorf("probabilities %v sum to %v", preds[1].Probabilities, sum)
	}
	if preds[0].Steps != 2 {
		t.Errorf("took %d steps of 2", preds[0].Steps)
	}
	if out := must(t, "predict", dir, img, "--steps", "9", "--early-exit", ".0001"); !strings.Contains(out, " (t = ") || strings.Contains(out, "t = 9") {
		t.Errorf("with early exit predict printed %q", out)
	}
	if code, _, errs := qif("predict", dir, big); code != 1 || !strings.Contains(errs, "50×60 pixels") || !strings.Contains(errs, "--resize") {
		t.Errorf("an image of another size: exit status %d, %q", code, errs)
	}
}

func writePNG(t *testing.T, path string, w, h int) {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i)
	}
	img.Set(0, 0, color.White)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// Verbs that build networks build them for the task.
func TestVerbsOnTasks(t *testing.T) {
	for _, want := range []struct{ args, out string }{
		{"info mlp --task rows --steps 28 --readout-last 12", "of the last 12 steps"},
		{"info mlp --task rows --steps 28", "21770 parameters"},
		{"info tiny --task moving --motion-pad 2", "32×32×2"},
		{"bench step --net mlp --task rows --steps 28 --readout-last 12 --repeat 1 --warmup 0 --quiet", "1×1"},
		{"info tiny --task events --camera cifar10-dvs --frames-crop 16,16,96,96 --frames-downsample 2", "48×48×2"},
		{"bench step --net tiny --task moving --repeat 1 --warmup 0 --batch 4 --quiet", "2 channels"},
	} {
		if out := must(t, strings.Fields(want.args)...); !strings.Contains(out, want.out) {
			t.Errorf("qif %s lacks %q:\n%s", want.args, want.out, out)
		}
	}
}

// TestGraphRoundTrip trains on a graph file that info printed.
func TestGraphRoundTrip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.json")
	text := must(t, "info", "tiny", "--graph", "--neuron", "lif")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := must(t, "info", file, "--graph"); again != text {
		t.Error("a graph printed, read and printed again differs")
	}
	must(t, "train", "--quiet", "--net", file, "--limit", "200", "--epochs", "1", "--steps", "1", "--out", filepath.Join(t.TempDir(), "run"))
}

func TestRecipeRoundTrip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.toml")
	text := must(t, "train", "--print-recipe", "--steps", "7", "--learn", "a,u2")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := must(t, "train", file, "--print-recipe"); again != text {
		t.Errorf("the recipe printed, read and printed again differs:\n%s\nwas\n%s", again, text)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	file("data/train-images-idx3-ubyte", "\x00\x00\x08\x03\x00\x00\x00\x05\x00\x00\x00\x1c\x00\x00\x00\x1cabc")
	for _, name := range []string{"data/train-labels-idx1-ubyte", "data/t10k-images-idx3-ubyte", "data/t10k-labels-idx1-ubyte"} {
		file(name, "")
	}
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"trian", 2, []string{`unknown command "trian"`, `"train"`}},
		{"train --epocs 3", 2, []string{"--epocs"}},
		{"train nosuch", 2, []string{"nosuch", "fashion-tiny"}},
		{"train a b", 2, []string{"accepts at most 1 arg"}},
		{"train --steps 0", 2, []string{"steps"}},
		{"train --steps two", 2, []string{"steps", "two"}},
		{"train --a NaN", 2, []string{"a", "NaN"}},
		{"train --a 0", 2, []string{"quadratic coefficient"}},
		{"train --a -.1", 2, []string{"floor"}},
		{"train --neuron lif --leak 1.1", 2, []string{"leak 1.1", "floor"}},
		{"train --neuron lif --a .3", 2, []string{"--a", "lif"}},
		{"train --theta 0", 2, []string{"threshold 0"}},
		{"train --neuron qiff", 2, []string{"qiff", "qif-euler"}},
		{"train --window sigma:-1", 2, []string{"sigma"}},
		{"train --window-shape round", 2, []string{"round", "triangular"}},
		{"train --learn b", 2, []string{`"b"`}},
		{"train --lr 0", 2, []string{"lr"}},
		{"train --batch 100000", 2, []string{"batch"}},
		{"train --batch 9500 --out " + out, 1, []string{"batch is 9500", "9000"}},
		{"train --net huge --out " + out, 1, []string{"huge", "tiny"}},
		{"train --data " + dir + " --out " + out, 1, []string{"train-images"}},
		{"train --data " + data + " --out " + out, 1, []string{"train-images-idx3-ubyte"}},
		{"train --resume " + dir, 1, []string{"no run to resume"}},
		{"train " + file("bad.toml", "steps = 4\nepoch = 3\n"), 2, []string{"bad.toml", "epoch", "2"}},
		{"train " + file("worse.toml", "steps = \n"), 2, []string{"worse.toml"}},
		{"train " + file("type.toml", "steps = 'four'\n"), 2, []string{"type.toml", "steps"}},
		{"train --net " + file("bad.json", `{"name":"x","nodes":[{"name":"a","op":"dense"}]}`) + " --out " + out, 1, []string{"bad.json", `"dense"`, "linear"}},
		{"train --net " + file("shape.json", `{"name":"x","nodes":[{"name":"in","op":"input","attrs":{"shape":{"h":3,"w":3,"c":1},"coding":"direct"}},{"name":"fc","op":"linear","inputs":["in"],"attrs":{"out":10}},{"name":"r","op":"readout","inputs":["fc"]}]}`) + " --out " + out, 1, []string{`"fc"`, "vector"}},
		{"eval " + dir + " --split tset", 2, []string{`"tset"`, "validation"}},
		{"eval " + dir + " --early-exit 1", 2, []string{"margin is 1"}},
		{"eval " + dir + " --early-exit NaN", 2, []string{"margin is NaN"}},
		{"eval " + dir + " --early-exit .5 --early-exit-curve", 2, []string{"exclude"}},
		{"eval " + dir + " --early-exit .5 --plot x.png", 2, []string{"--early-exit-curve"}},
		{"eval " + dir + " --early-exit-curve --plot x.pdf", 2, []string{"x.pdf", ".svg"}},
		{"predict x y --early-exit -1", 2, []string{"margin is -1"}},
		{"train --precision fp16", 2, []string{"fp16", "mixed"}},
		{"train --memory high", 2, []string{"high", "low"}},
		{"eval " + dir, 1, []string{"no checkpoint"}},
		{"eval " + file("garbage.safetensors", "garbage"), 1, []string{"garbage.safetensors"}},
		{"eval", 2, []string{"accepts 1 arg"}},
		{"train --task film", 2, []string{`"film"`, "moving", "rows"}},
		{"train --task moving --steps 1", 2, []string{"steps is 1"}},
		{"train rows --steps 4 --out " + out, 1, []string{"28 rows", "steps is 4, expected 28"}},
		{"train rows --net x.json", 2, []string{"readout_last = 12", "x.json"}},
		{"info mlp --task rows", 1, []string{"steps is 4, expected 28"}},
		{"bench step --net mlp --task rows", 1, []string{"steps is 4, expected 28"}},
		{"info " + dir + " --task rows", 2, []string{"--task", "checkpoint"}},
		{"info nothing", 1, []string{"nothing"}},
		{"train --resume=", 2, []string{"--resume"}},
		{"train --resume " + dir + " --out x", 2, []string{"--resume"}},
		{"train --theta 2 --net x.json", 2, []string{"theta = 2", "x.json"}},
		{"info x.json --neuron lif", 2, []string{"neuron = lif", "x.json"}},
		{"train " + file("graph.toml", "net = 'x.json'\nlearn = ['a']\n"), 2, []string{"learn = a", "x.json"}},
		{"info " + dir + " --a .3", 2, []string{"--a", "checkpoint"}},
		{"predict x y --steps 9000000000000000000", 2, []string{"steps"}},
		{"predict x", 2, []string{"requires at least 2 arg"}},
		{"predict nothing " + file("no.png", "no"), 1, []string{"nothing"}},
	} {
		code, stdout, stderr := qif(strings.Fields(c.args)...)
		if code != c.code || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("qif %s: exit status %d, want %d; stdout %q; stderr %q", c.args, code, c.code, stdout, stderr)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("qif %s: %q does not say %q", c.args, stderr, w)
			}
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run left its folder behind")
	}
}
