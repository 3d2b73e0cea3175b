package train

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/interop/safetensors"
	"github.com/qif-snn/qif/recipe"
)

func TestDiagnose(t *testing.T) {
	for name, c := range map[string]struct {
		rate []float64
		kind string
		want []int
	}{
		"healthy":              {[]float64{.1, .2, .1, .2}, "", nil},
		"one silent of four":   {[]float64{.1, .2, .1, .001}, "", nil},
		"dead":                 {[]float64{.004, 0, .001, 0}, "dead", []int{1, 2, 3, 4}},
		"fires at last step":   {[]float64{0, 0, 0, .09}, "temporal collapse", []int{1, 2, 3}},
		"fires at first steps": {[]float64{.3, .2, 0, 0}, "temporal collapse", []int{3, 4}},
		"saturated":            {[]float64{.96, 1, .99, .97}, "saturated", []int{1, 2, 3, 4}},
		"full once":            {[]float64{.5, 1, .5, 1}, "", nil},
		"single step, dead":    {[]float64{0}, "dead", []int{1}},
	} {
		ws := Diagnose([]engine.Activity{{Node: "n1", Rate: c.rate}}, Training, 3)
		switch {
		case c.kind == "" && len(ws) > 0:
			t.Errorf("%s: warned %q", name, ws[0].Text)
		case c.kind != "" && (len(ws) != 1 || ws[0].Kind != c.kind || !reflect.DeepEqual(ws[0].Steps, c.want)):
			t.Errorf("%s: got %+v, want %s at steps %v", name, ws, c.kind, c.want)
		case c.kind != "" && (!strings.Contains(ws[0].Text, "n1") || !strings.Contains(ws[0].Text, "in training") || ws[0].Epoch != 3):
			t.Errorf("%s: %+v does not name layer and epoch", name, ws[0])
		}
	}
}

func TestTrimMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	records := []Record{{Epoch: 1, TrainLoss: 1}, {Epoch: 2, TrainLoss: .5}}
	first := `{"epoch":1,"train_loss":1,"samples_per_second":12}`
	// A line of an epoch that the checkpoint does not know, and half a line.
	if err := os.WriteFile(path, []byte(first+"\n"+`{"epoch":3,"train_loss":9}`+"\n"+`{"epo`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := trimMetrics(path, records); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(read(t, path))), "\n")
	if len(lines) != 2 || lines[0] != first {
		t.Fatalf("kept %q", lines)
	}
	var second metricsLine
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil || second.Epoch != 2 || second.TrainLoss != .5 {
		t.Errorf("the missing line became %q (%v)", lines[1], err)
	}
}

// rates are those of the example's two layers over four steps.
func rates() [][]float64 { return [][]float64{make([]float64, 4), make([]float64, 4)} }

// example is a checkpoint of a small network.
func example(t testing.TB) *Checkpoint {
	t.Helper()
	r := recipe.Default()
	toml, err := r.TOML()
	if err != nil {
		t.Fatal(err)
	}
	set := &data.Set{Name: "s", H: 4, W: 4, C: 1, Classes: []string{"a", "b"}, Pixels: make([]byte, 64), Labels: []int32{0, 1, 0, 1}}
	shown, err := newImageSet(r, set)
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNet(r, shown)
	if err != nil {
		t.Fatal(err)
	}
	split, err := data.SplitStratified(set, .5, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Checkpoint{
		Version: FormatVersion, Recipe: string(toml), Graph: net.Graph, Split: split, Classes: set.Classes,
		Norm: data.Norm{Mean: []float32{.5}, Std: []float32{.25}}, Params: net.Init(1),
		Progress: Progress{
			Epoch: 1, Best: 1, Partial: Partial{Rates: rates()},
			Epochs: []Record{{Epoch: 1, FiringRates: rates()}},
		},
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	c := example(t)
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := c.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("read back\n%+v\nwant\n%+v", got, c)
	}
}

func TestCheckpointRefusals(t *testing.T) {
	for want, change := range map[string]func(c *Checkpoint){
		"format version 2":            func(c *Checkpoint) { c.Version = 2 },
		`"fc1.weight"`:                func(c *Checkpoint) { c.Params[len(c.Params)-2].Shape[0]++ },
		"is missing":                  func(c *Checkpoint) { c.Params = c.Params[1:] },
		"does not belong":             func(c *Checkpoint) { c.Params = append(c.Params, graph.Tensor{Name: "x", Shape: []int{0}}) },
		"3 class names":               func(c *Checkpoint) { c.Classes = append(c.Classes, "c") },
		"normalisation has 2 means":   func(c *Checkpoint) { c.Norm.Mean = []float32{0, 0} },
		"deviation of channel 0 is 0": func(c *Checkpoint) { c.Norm.Std = []float32{0} },
		"inconsistent":                func(c *Checkpoint) { c.Progress.Best = 2 },
		"best 0":                      func(c *Checkpoint) { c.Progress.Best = 0 },
		"current epoch":               func(c *Checkpoint) { c.Progress.Partial.Rates = nil },
		"record 1":                    func(c *Checkpoint) { c.Progress.Epochs[0].FiringRates = rates()[1:] },
		"recipe":                      func(c *Checkpoint) { c.Recipe = "epoch = 3" },
	} {
		c := example(t)
		change(c)
		for i, p := range c.Params { // keep the file itself well-formed
			n := 1
			for _, d := range p.Shape {
				n *= d
			}
			c.Params[i].Data = make([]float32, n)
		}
		path := filepath.Join(t.TempDir(), "c.safetensors")
		if err := c.write(path); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCheckpoint(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("want an error with the path and %q, got %v", want, err)
		}
	}
}

// A number that is not finite fires no spike: it would go unnoticed.
func TestCheckpointsWithoutNumbersAreRefused(t *testing.T) {
	c := example(t)
	c.Params[0].Data[5] = float32(math.NaN())
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := c.write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCheckpoint(path); err == nil || !strings.Contains(err.Error(), `"conv1.weight": element 5 is NaN`) {
		t.Errorf("got error %v", err)
	}
}

func TestTruncatedCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := example(t).write(path); err != nil {
		t.Fatal(err)
	}
	whole := read(t, path)
	for n := 0; n < len(whole); n += 1 + len(whole)/97 {
		if err := os.WriteFile(path, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCheckpoint(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("cut to %d of %d bytes: error %v", n, len(whole), err)
		}
	}
	if _, err := ReadCheckpoint(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no checkpoint there yet") {
		t.Errorf("a folder without a checkpoint: error %v", err)
	}
}

func FuzzCheckpoint(f *testing.F) {
	var buf bytes.Buffer
	c := example(f)
	meta, err := json.Marshal(c)
	if err != nil {
		f.Fatal(err)
	}
	file := safetensors.File{Metadata: map[string]string{metadataKey: string(meta)}, Tensors: c.Params}
	if err := safetensors.Encode(&buf, file); err != nil {
		f.Fatal(err)
	}
	f.Add(string(meta))
	f.Add(`{"version":1}`)
	f.Add(strings.Replace(string(meta), `"kernel":3`, `"kernel":-3`, 1))
	f.Add(strings.Replace(string(meta), `"h":4`, `"h":4000000`, 1))
	f.Fuzz(func(t *testing.T, meta string) {
		got, err := decodeCheckpoint(safetensors.File{Metadata: map[string]string{metadataKey: meta}, Tensors: c.Params})
		if err == nil && len(got.Params) != len(c.Params) {
			t.Errorf("accepted a checkpoint with %d of %d tensors", len(got.Params), len(c.Params))
		}
	})
}

func TestPixels(t *testing.T) {
	img := image.NewNRGBA(image.Rect(3, 5, 5, 6)) // bounds need not begin at 0
	img.Set(3, 5, color.NRGBA{255, 0, 0, 255})
	img.Set(4, 5, color.NRGBA{1, 2, 3, 255})
	rgb, err := pixels(img, 1, 2, 3)
	if err != nil || !bytes.Equal(rgb, []byte{255, 0, 0, 1, 2, 3}) {
		t.Errorf("colours %v, error %v", rgb, err)
	}
	grey, err := pixels(img, 1, 2, 1)
	if err != nil || grey[0] != 76 { // .299·255, ITU-R 601
		t.Errorf("grey %v, error %v", grey, err)
	}
	if _, err := pixels(img, 2, 2, 1); err == nil || !strings.Contains(err.Error(), "1×2 pixels") {
		t.Errorf("wrong size: error %v", err)
	}
}

func TestSoftmax(t *testing.T) {
	p := Softmax([]float64{1000, 1000 + math.Log(3), 0})
	if math.Abs(p[0]-.25) > 1e-12 || math.Abs(p[1]-.75) > 1e-12 || p[2] != 0 {
		t.Errorf("got %v, want .25, .75, 0", p)
	}
}
