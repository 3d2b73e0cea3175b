package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
)

// FirstPass returns what the neurons of an untrained network do at the first step
// of training, where tdBN normalises by the batch. In inference an untrained
// network has no statistics to normalise by and says nothing. Progress, which may
// be nil, is called after each layer of neurons.
func FirstPass(e engine.Engine, net *graph.Network, b engine.Batch, o EvalOptions, progress func(done, layers int)) ([]engine.Activity, error) {
	tr, err := e.CompileTrain(net, engine.TrainOptions{
		Batch: b.N, Steps: o.Steps, Threads: o.Threads, Seed: 1, Precision: o.Precision, Memory: engine.LowMemory,
		Loss: engine.Loss{Kind: engine.CrossEntropy}, Optimizer: engine.Optimizer{Kind: engine.SGD},
	})
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	var acts []engine.Activity
	at, thresholds := map[string]int{}, []float32{}
	for i, l := range net.Neurons() {
		at[l.Name] = i
		thresholds = append(thresholds, float32(l.Neuron.Model.Threshold))
		acts = append(acts, engine.Activity{Node: l.Name})
	}
	done := 0
	err = tr.Observe(b, func(node string, t int, u []float32) {
		a := &acts[at[node]]
		rate, mean, std := observed(u, thresholds[at[node]])
		a.Rate, a.Mean, a.Std = append(a.Rate, rate), append(a.Mean, mean), append(a.Std, std)
		if t == o.Steps-1 && progress != nil {
			done++
			progress(done, len(acts))
		}
	})
	return acts, err
}

// observed returns the share of potentials that fire, their mean and deviation.
func observed(u []float32, threshold float32) (rate, mean, std float64) {
	fired := 0
	for _, v := range u {
		if v >= threshold {
			fired++
		}
		mean += float64(v)
		std += float64(v) * float64(v)
	}
	n := float64(len(u))
	mean /= n
	return float64(fired) / n, mean, math.Sqrt(max(0, std/n-mean*mean))
}

// Noise returns a batch of n samples of standard normal numbers, as normalised
// images have them in the mean.
func Noise(net *graph.Network, n, steps int, seed uint64) engine.Batch {
	size := n * net.Input().Shape.Size()
	if net.Input().Coding == graph.Frames {
		size *= steps
	}
	rng := rand.New(rand.NewPCG(seed, 0x6e6f697365))
	b := engine.Batch{N: n, X: make([]float32, size)}
	for i := range b.X {
		b.X[i] = float32(rng.NormFloat64())
	}
	return b
}

// FirstImages returns the first n training samples that a recipe names, as its
// task shows them, and the recipe's network for them.
func FirstImages(r recipe.Recipe, n int) (*graph.Network, engine.Batch, error) {
	r.Batch = 1 // how many are trained on at a time is no matter here
	s, err := Prepare(r)
	if err != nil {
		return nil, engine.Batch{}, err
	}
	images, err := s.Train.Shown(s.Norm)
	if err != nil {
		return nil, engine.Batch{}, err
	}
	if have := len(s.TrainIdx); n > have {
		return nil, engine.Batch{}, fmt.Errorf("%d images asked for, %s has %d to train on", n, s.Train.Name(), have)
	}
	l, err := data.NewLoader(data.LoaderOptions{Samples: images, Indices: s.TrainIdx[:n], Batch: n, Ahead: 1})
	if err != nil {
		return nil, engine.Batch{}, err
	}
	pass := l.Epoch(0, 0)
	defer pass.Close()
	b, ok := pass.Next()
	if !ok {
		return nil, engine.Batch{}, pass.Err()
	}
	return s.Net, engine.Batch{N: b.N, X: slices.Clone(b.X)}, nil
}
