package analysis

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

func figure(t testing.TB, m neuron.Model, change func(*DynamicsOptions)) plotstyle.Figure {
	t.Helper()
	o, err := DefaultDynamicsOptions(m)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&o)
	}
	subjects, err := o.subjects(m)
	if err != nil {
		t.Fatal(err)
	}
	return neuronFigure(m, subjects, o)
}

// svgText returns the text of a figure, whose SVG must be well formed and hold
// numbers only.
func svgText(t testing.TB, f plotstyle.Figure) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, ".svg"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"NaN", "Inf"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the SVG contains %s", bad)
		}
	}
	var text strings.Builder
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
			text.WriteByte('\n')
		}
	}
}

func TestFigureNamesWhatItShows(t *testing.T) {
	text := svgText(t, figure(t, model(t, "qif", nil), func(o *DynamicsOptions) { o.Input = .5 }))
	for _, want := range []string{
		"qif: a = 0.25, u1 = 0, u2 = 0.5; θ = 1, hard reset to 0, no floor", "v[t−1]", "u[t]", "θ", "reset", "x = 0", "x = 0.5", "trajectory, x = 0.5", "spike",
		"stable fixed point", "unstable fixed point", "Response to a step of 0.9", "Response to impulses of 0.9 and −2", "lif: leak = 0.5", "input x[t]", "spikes",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Count(text, "\nx = 0\n") != 1 {
		t.Error("null input is drawn twice")
	}
	for want, f := range map[string]plotstyle.Figure{
		"unstable fixed point at 20.5, outside": figure(t, model(t, "qif", map[string]float64{"a": .05}), nil),
		"floor":                                 figure(t, floored(model(t, "qif", map[string]float64{"a": -.25}), -2), nil),
		"qif-euler: kappa = 0.25, vr = 0, vc = 4.5; θ = 1,": figure(t, model(t, "qif-euler", nil), nil),
		"if: θ = 1, hard reset to 0, no floor":              figure(t, model(t, "if", nil), nil),
		"Response without input":                            figure(t, model(t, "if", nil), func(o *DynamicsOptions) { o.Impulses = nil }),
		"Response to an impulse of −1.5":                    figure(t, model(t, "if", nil), func(o *DynamicsOptions) { o.Impulses = []float64{-1.5} }),
	} {
		if !strings.Contains(svgText(t, f), "\n"+want) {
			t.Errorf("%q is missing", want)
		}
	}
	if text := svgText(t, figure(t, model(t, "lif", nil), nil)); strings.Contains(text, "lif: leak = 0.5\n") || strings.Contains(text, "unstable") {
		t.Error("a LIF is compared with itself, or has an unstable fixed point")
	}
}

func TestFiguresAreDeterministic(t *testing.T) {
	for _, ext := range []string{".png", ".SVG"} {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := figure(t, model(t, "qif", nil), nil).Write(w, ext); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) || a.Len() == 0 {
			t.Errorf("%s: two figures of %d and %d bytes differ", ext, a.Len(), b.Len())
		}
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	f := figure(t, model(t, "lif", nil), nil)
	for _, name := range []string{"a.png", "b.svg", "c.PNG"} {
		if err := f.Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(filepath.Join(dir, "c.PNG"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if c, err := png.DecodeConfig(file); err != nil || c.Width < 1000 || c.Height < 600 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, name := range []string{"a.pdf", "noextension", "a.png.txt"} {
		path := filepath.Join(dir, name)
		err := f.Save(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), ".png or .svg") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	missing := filepath.Join(dir, "none", "a.png")
	if err := f.Save(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// randomModel returns a valid model from all regimes.
func randomModel(t testing.TB, rng *rand.Rand) neuron.Model {
	form := neuron.Forms[rng.IntN(len(neuron.Forms))]
	m := model(t, form.Name, nil)
	for name := range m.Params {
		m.Params[name] = 4*rng.Float64() - 2
	}
	if rng.IntN(2) == 0 {
		m.Reset = neuron.SoftReset
	}
	scale := math.Pow(10, 4*rng.Float64()-2)
	m.Threshold = scale
	m.ResetValue = scale * (rng.Float64() - .7)
	if rng.IntN(2) == 0 {
		m = floored(m, m.ResetValue-3*scale*rng.Float64())
	}
	if m.Validate() != nil {
		return randomModel(t, rng)
	}
	return m
}

// Whatever the neuron, the map's axes hold what the figure is about, at a size
// at which it can be seen.
func TestAxesOfAnyNeuron(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range 400 {
		m := randomModel(t, rng)
		d, err := m.Dynamics()
		if err != nil {
			t.Fatal(err)
		}
		o, err := DefaultDynamicsOptions(m)
		if err != nil {
			t.Fatal(err)
		}
		scale := d.Threshold - d.ResetValue
		o.Input = scale * rng.NormFloat64()
		lo, hi := mapRange(d, o)
		bottom, top := imageRange(d, o, lo, hi)
		for _, v := range append([]float64{d.ResetValue, d.Threshold}, o.Starts...) {
			if !(lo < v && v < hi && bottom < v && v < top) {
				t.Errorf("%+v: %v is not inside [%v, %v] × [%v, %v]", m, v, lo, hi, bottom, top)
			}
		}
		if width := (hi - lo) / scale; width < 1.5 || width > 2.5*near {
			t.Errorf("%+v: [%v, %v] is %v times θ − reset", m, lo, hi, width)
		}
		if height := (top - bottom) / scale; height < 1.2 || height > 8*near {
			t.Errorf("%+v: [%v, %v] is %v times θ − reset", m, bottom, top, height)
		}
		if i < 25 { // drawing takes its time
			svgText(t, figure(t, m, func(f *DynamicsOptions) { *f = o }))
		}
	}
}

func TestRunawayIsDrawn(t *testing.T) {
	m := model(t, "qif", map[string]float64{"a": 2})
	m.Reset = neuron.SoftReset
	svgText(t, figure(t, m, func(o *DynamicsOptions) { o.Step, o.Steps, o.Starts = 50, 200, []float64{30} }))
}
