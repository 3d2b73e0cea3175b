package analysis

import (
	"math"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// windowsFor are one candidate's windows for a subject.
func windowsFor(t *testing.T, s Subject, c Candidate) [][]float64 {
	t.Helper()
	p := prober(t, s)
	all, err := windowsOf(p, s, []Candidate{c})
	if err != nil {
		t.Fatal(err)
	}
	var widths [][]float64
	for _, l := range all[0] {
		widths = append(widths, l.Widths)
	}
	return widths
}

func prober(t *testing.T, s Subject) engine.Prober {
	t.Helper()
	crew, err := newCrew(t.Context(), s, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(crew.close)
	return crew.probers[0]
}

// TestMeasuredWindowsShowTheBatch: one measured width for all steps is k deviations
// of all potentials that the batch shows, whatever was predicted.
func TestMeasuredWindowsShowTheBatch(t *testing.T) {
	s := small(t, 200)
	potentials := map[string][]float64{}
	p := prober(t, s)
	if err := p.Observe(s.Batch, func(node string, _ int, u []float32) {
		for _, v := range u {
			potentials[node] = append(potentials[node], float64(v))
		}
	}); err != nil {
		t.Fatal(err)
	}
	c := candidate(t, "measured:1.5", window.Triangular)
	c.Pooled = true
	for i, widths := range windowsFor(t, s, c) {
		us := potentials[s.Net.Neurons()[i].Name]
		mean, square := sum(us)/float64(len(us)), 0.
		for _, u := range us {
			square += (u - mean) * (u - mean)
		}
		want := 1.5 * math.Sqrt(square/float64(len(us)))
		for step, got := range widths {
			if math.Abs(got/want-1) > 1e-6 {
				t.Errorf("layer %d, step %d: width %v, expected %v", i+1, step+1, got, want)
			}
		}
	}
}

// TestWindowsFollowLearnedNeurons: at parameters that were learned, the closed
// form's windows are those of neurons that begin with them.
func TestWindowsFollowLearnedNeurons(t *testing.T) {
	subject := func(a float64, learn ...string) Subject {
		s := small(t, 20)
		m := model(t, "qif", map[string]float64{"a": a})
		m.Learn = learn
		net, err := DefaultTeacher.Net(zoo.Config{Model: m, Window: s.Net.Neurons()[0].Neuron.Window})
		if err != nil {
			t.Fatal(err)
		}
		s.Net, s.Params = net, net.Init(1)
		return s
	}
	learned, begun := subject(.25, "a"), subject(.5)
	for i := range learned.Params {
		if tensor := &learned.Params[i]; tensor.Name == "neuron1.a" || tensor.Name == "neuron2.a" {
			for j := range tensor.Data {
				tensor.Data[j] = .5
			}
		}
	}
	c := candidate(t, "sigma:1", window.Triangular)
	got, want, before := windowsFor(t, learned, c), windowsFor(t, begun, c), windowsFor(t, subject(.25), c)
	for i, widths := range got {
		for step := range widths {
			if math.Abs(widths[step]-want[i][step]) > 1e-9 {
				t.Errorf("layer %d, step %d: width %v, expected %v", i+1, step+1, widths[step], want[i][step])
			}
		}
		if widths[1] == before[i][1] {
			t.Errorf("layer %d: the width %v does not tell a = .5 from .25", i+1, widths[1])
		}
	}
}
