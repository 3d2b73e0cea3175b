package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// sampleRun is a run as training would report it: the potentials are those of
// simulated neurons, the curves are made up.
func sampleRun(t testing.TB, layers, steps, epochs int) Run {
	t.Helper()
	r := Run{
		Title: "tiny: qif neurons on fashion-mnist", BestEpoch: max(1, epochs-1),
		Summary: []Field{
			{"test accuracy", "87.93 %"}, {"validation accuracy", "88.40 %"}, {"chosen epoch", fmt.Sprintf("%d of %d", epochs-1, epochs)},
			{"neuron", "qif"}, {"time steps T", fmt.Sprint(steps)}, {"seed", "1"}, {"parameters", "21562"}, {"MACs per step", "1230144"},
			{"training speed", "512 samples/s"}, {"time", "171 s"}, {"peak memory", "214 MiB"},
		},
		Warnings: []string{"epoch 1: layer n3 shows temporal collapse: silent at steps 1, 2 of 4 (0.0 0.1 6.2 9.9 %)"},
		Config:   "name = 'fashion-tiny'        # name of the recipe and of its runs\nseed = 1\nnet = 'tiny'\n\n# Neuron\nneuron = 'qif'\na = 0.25\n",
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for e := range epochs {
		x := float64(e) / 4
		r.Epochs = append(r.Epochs, Epoch{
			Epoch: e + 1, TrainLoss: .3 + .6*math.Exp(-x) + .01*rng.NormFloat64(), TrainAccuracy: .9 - .25*math.Exp(-x),
			ValLoss: .38 + .45*math.Exp(-x) + .02*rng.NormFloat64(), ValAccuracy: .88 - .2*math.Exp(-x) + .004*rng.NormFloat64(),
			LearningRate: .004 * (1 + math.Cos(math.Pi*float64(e)/float64(epochs))) / 2,
		})
	}
	for i := range layers {
		r.Layers = append(r.Layers, sampleLayer(t, rng, i, steps, epochs))
	}
	r.Graph = []GraphRow{
		{"input", "input", "28×28×1", 0, 0}, {"conv1", "conv", "28×28×16", 144, 112896}, {"bn1", "tdbn", "28×28×16", 32, 0},
		{"n1", "neuron", "28×28×16", 0, 0}, {"pool1", "avgpool", "14×14×16", 0, 0}, {"fc", "linear", "10", 15690, 15680}, {"out", "readout", "10", 0, 0},
	}
	return r
}

func sampleLayer(t testing.TB, rng *rand.Rand, i, steps, epochs int) Layer {
	t.Helper()
	m, err := neuron.Default("qif")
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.Dynamics()
	if err != nil {
		t.Fatal(err)
	}
	spec := window.Spec{Policy: window.Policy{Kind: window.Bandwidth, Value: window.DefaultTerms}, Shape: window.Shapes[(i+1)%len(window.Shapes)]}
	w, err := spec.Compute(d, window.Input{Std: 1}, steps)
	if err != nil {
		t.Fatal(err)
	}
	l := Layer{Node: fmt.Sprintf("n%d", i+1), Theta: d.Threshold, Shape: w.Shape, Widths: w.Widths, Predicted: w.Moments}
	l.Initial = simulate(rng, d, steps, 0, 1)
	l.Final = simulate(rng, d, steps, -.25-.02*float64(i), 1.2)
	for e := range epochs {
		rates := make([]float64, steps)
		for t := range rates {
			rates[t] = w.Moments[t].Rate * (.4 + .6*math.Exp(-float64(e)/5)) * (1 - .03*float64(i)) * (1 + .03*rng.NormFloat64())
		}
		l.Rates = append(l.Rates, rates)
	}
	return l
}

// simulate returns the potentials of neurons with normal input.
func simulate(rng *rand.Rand, d neuron.Dynamics, steps int, mean, std float64) []Histogram {
	hs := make([]Histogram, steps)
	v := make([]float64, 4000)
	for t := range hs {
		hs[t] = NewHistogram(-4.5, 4.8, 80)
		for i := range v {
			var u float64
			u, _, v[i] = d.Step(v[i], mean+std*rng.NormFloat64())
			hs[t].Add([]float32{float32(u)})
		}
	}
	return hs
}
