package zoo_test

import (
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/zoo"
)

// Nets of every depth pass spikes to their end before any training: each layer
// fires, and none fires all the time. Images are small, which changes the
// number of values in each layer and little else.
func TestNoLayerIsDeadAtInitialisation(t *testing.T) {
	for _, form := range []string{"qif", "lif"} {
		for _, member := range zoo.Nets {
			c := config(t, graph.Shape{H: 8, W: 8, C: 3})
			m, err := neuron.Default(form)
			if err != nil {
				t.Fatal(err)
			}
			c.Model = m
			for _, l := range firingRates(t, build(t, member.Name, c), 4, 4) {
				if l.rate < .05 || l.rate > .5 {
					t.Errorf("%s of %s: %s fires at %.3f", member.Name, form, l.node, l.rate)
				}
			}
		}
	}
}

type layerRate struct {
	node string
	rate float64 // over all steps
}

// firingRates runs noise images through a network as training would.
func firingRates(t *testing.T, net *graph.Network, n, steps int) []layerRate {
	t.Helper()
	tr, err := cpu.Engine{}.CompileTrain(net, engine.TrainOptions{
		Batch: n, Steps: steps, Seed: 1, Loss: engine.Loss{Kind: engine.CrossEntropy}, Optimizer: engine.Optimizer{Kind: engine.SGD},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	b := engine.Batch{N: n, X: make([]float32, n*net.Input().Shape.Size())}
	for i := range b.X {
		b.X[i] = float32(rng.NormFloat64())
	}
	fired, seen := map[string]int{}, map[string]int{}
	err = tr.Observe(b, func(node string, _ int, u []float32) {
		for _, v := range u {
			if v >= 1 { // the default threshold
				fired[node]++
			}
		}
		seen[node] += len(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	var rates []layerRate
	for _, l := range net.Neurons() {
		rates = append(rates, layerRate{l.Name, float64(fired[l.Name]) / float64(seen[l.Name])})
	}
	return rates
}
