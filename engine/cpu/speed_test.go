package cpu

import (
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

func BenchmarkTiny(b *testing.B) {
	m, _ := neuron.Default("qif")
	pol, _ := window.ParsePolicy("fixed:1")
	nr := func() *graph.Neuron { return &graph.Neuron{Model: m, Window: window.Spec{Policy: pol, Shape: window.Triangular}} }
	bn := func() *graph.TDBN { t := graph.DefaultTDBN(1, 1); return &t }
	g := graph.NewBuilder("tiny")
	x := g.Add("input", &graph.Input{Shape: graph.Shape{H: 28, W: 28, C: 1}, Coding: graph.Direct})
	x = g.Add("conv1", &graph.Conv{Out: 16, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = g.Add("norm1", bn(), x)
	x = g.Add("neuron1", nr(), x)
	x = g.Add("pool1", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	x = g.Add("conv2", &graph.Conv{Out: 32, Kernel: 3, Stride: 1, Pad: 1}, x)
	x = g.Add("norm2", bn(), x)
	x = g.Add("neuron2", nr(), x)
	x = g.Add("pool2", &graph.AvgPool{Kernel: 2, Stride: 2}, x)
	x = g.Add("flat", &graph.Flatten{}, x)
	x = g.Add("fc", &graph.Linear{Out: 10, Bias: true}, x)
	g.Add("readout", &graph.Readout{}, x)
	net, err := graph.Check(g.Graph())
	if err != nil {
		b.Fatal(err)
	}
	tr, err := Engine{}.CompileTrain(net, engine.TrainOptions{Batch: 50, Steps: 4, Loss: engine.Loss{Kind: "ce"}, Optimizer: engine.Optimizer{Kind: "adamw", Beta1: .9, Beta2: .999, Eps: 1e-8}})
	if err != nil {
		b.Fatal(err)
	}
	bt := engine.Batch{N: 50, X: make([]float32, 50*784), Y: make([]int32, 50)}
	for i := range bt.X {
		bt.X[i] = float32((i*7919)%101)/50 - 1
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := tr.Step(bt, .004)
		if err != nil {
			b.Fatal(err)
		}
		_ = r
	}
	b.ReportMetric(50/(b.Elapsed().Seconds()/float64(b.N)), "samples/s")
}
