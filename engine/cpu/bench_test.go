package cpu

import (
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/zoo"
)

// BenchmarkTrainTiny is a training step of zoo.Tiny on 50 images of 28×28, four
// steps in time, with every version of the kernels.
func BenchmarkTrainTiny(b *testing.B) { benchmarkTrain(b, zoo.Tiny, 50) }

// BenchmarkTrainSmall is a training step of zoo.Small on 8 such images.
func BenchmarkTrainSmall(b *testing.B) { benchmarkTrain(b, zoo.Small, 8) }

func benchmarkTrain(b *testing.B, build func(zoo.Config) graph.Graph, batch int) {
	const steps = 4
	n := variants[0].neuron(b)
	net, err := graph.Check(build(zoo.Config{
		Input: graph.Shape{H: 28, W: 28, C: 1}, Coding: graph.Direct, Classes: 10, Model: n.Model, Window: n.Window,
	}))
	if err != nil {
		b.Fatal(err)
	}
	data := randomBatch(net, batch, steps, 1)
	for _, level := range kernel.Levels() {
		b.Run(level, func(b *testing.B) {
			defer kernel.Use(level)()
			tr := compileTrain(b, net, engine.TrainOptions{Batch: batch, Steps: steps, Seed: 1, Loss: ce, Optimizer: adamw})
			for b.Loop() {
				if _, err := tr.Step(data, 1e-4); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
