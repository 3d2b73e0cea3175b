package cpu_test

import (
	"fmt"
	"log"

	"github.com/qif-snn/qif/engine"
	_ "github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// A network that follows frames one at a time: the caller holds the state, so
// streams cannot disturb each other and nothing has to be reset.
func Example_stream() {
	model, err := neuron.Default("qif")
	if err != nil {
		log.Fatal(err)
	}
	policy, err := window.ParsePolicy("bandwidth")
	if err != nil {
		log.Fatal(err)
	}
	net, err := graph.Check(zoo.Tiny(zoo.Config{
		Input: graph.Shape{H: 8, W: 8, C: 2}, Coding: graph.Frames, Classes: 3,
		Model: model, Window: window.Spec{Policy: policy, Shape: window.Triangular},
	}))
	if err != nil {
		log.Fatal(err)
	}
	cpu, err := engine.Named("cpu")
	if err != nil {
		log.Fatal(err)
	}
	runner, err := cpu.CompileInfer(net, engine.InferOptions{Batch: 1, Steps: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer runner.Close()
	if err := runner.Load(net.Init(1)); err != nil {
		log.Fatal(err)
	}

	state := runner.NewState(1)
	frame, logits := make([]float32, 8*8*2), make([]float32, 3)
	for t := range 3 {
		frame[t] = 1 // an event
		if err := runner.Step(state, frame, logits); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(state.Streams(), "stream,", len(logits), "logits")
	// Output: 1 stream, 3 logits
}

// A training step on four black images, T = 4, and what was learned in use: with
// tdBN folded into the layers before it.
func Example_train() {
	model, _ := neuron.Default("qif")
	policy, _ := window.ParsePolicy("sigma:1")
	net, err := graph.Check(zoo.Tiny(zoo.Config{
		Input: graph.Shape{H: 8, W: 8, C: 1}, Coding: graph.Direct, Classes: 2,
		Model: model, Window: window.Spec{Policy: policy, Shape: window.Triangular},
	}))
	if err != nil {
		log.Fatal(err)
	}
	cpu, _ := engine.Named("cpu")
	trainer, err := cpu.CompileTrain(net, engine.TrainOptions{
		Batch: 4, Steps: 4, Seed: 1, Loss: engine.Loss{Kind: engine.CrossEntropy},
		Optimizer: engine.Optimizer{Kind: engine.SGD, Momentum: .9},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	res, err := trainer.Step(engine.Batch{N: 4, X: make([]float32, 4*8*8), Y: []int32{0, 1, 0, 1}}, .1)
	if err != nil {
		log.Fatal(err)
	}
	for _, layer := range res.Neurons {
		fmt.Println(layer.Node, "observed at", len(layer.Rate), "steps")
	}

	folded, tensors, err := graph.Fold(net, trainer.Tensors())
	if err != nil {
		log.Fatal(err)
	}
	runner, err := cpu.CompileInfer(folded, engine.InferOptions{Batch: 1, Steps: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer runner.Close()
	if err := runner.Load(tensors); err != nil {
		log.Fatal(err)
	}
	logits := make([]float32, 4*1*2) // [T, N, K]
	if err := runner.Run(engine.Batch{N: 1, X: make([]float32, 8*8)}, logits, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(folded.Layers), "of", len(net.Layers), "nodes are left")
	// Output:
	// neuron1 observed at 4 steps
	// neuron2 observed at 4 steps
	// 10 of 12 nodes are left
}
