// Package cpu is the engine for processors: spikes as bits, arithmetic in
// float32, vector instructions where the processor has them, all cores.
// Importing it registers it under the name "cpu".
//
// Compile lays a network out as a plan: a list of operations, each with a
// forward and a hand-written backward pass over tiles, and one arena in which
// memory is used again as soon as nobody needs what it held. Tiles are fixed by
// shapes alone and every sum has one owner and one order, so that results have
// the same bits for any number of threads on processors of the same vector
// instructions. A training step allocates nothing of the network's size.
package cpu

import (
	"fmt"
	"runtime"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

func init() { engine.Register(Engine{}) }

// Engine implements engine.Engine.
type Engine struct{}

// Name returns "cpu".
func (Engine) Name() string { return "cpu" }

// Variant returns the level of the kernels in use, such as "avx2" or "amx", or
// "portable-" and the architecture, on which it depends whether the compiler
// multiplies and adds in one rounding.
func (Engine) Variant() string {
	if level := kernel.Level(); level != "portable" {
		return level
	}
	return "portable-" + runtime.GOARCH
}

// Levels implements engine.Leveled.
func (Engine) Levels() []string { return kernel.Levels() }

// UseLevel implements engine.Leveled.
func (Engine) UseLevel(name string) (restore func()) { return kernel.Use(name) }

// CompileTrain implements engine.Engine. Parameters are those of net.Init with
// the options' seed until Restore replaces them.
func (Engine) CompileTrain(net *graph.Network, o engine.TrainOptions) (engine.Trainer, error) {
	t, err := newTrainer(net, o, halvesFor(o.Precision), packedSpikes)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func newTrainer(net *graph.Network, o engine.TrainOptions, h halves, spikes spikeForm) (*trainer, error) {
	if err := checkSizes(o.Batch, o.Steps, o.Threads); err != nil {
		return nil, err
	}
	if err := checkPrecision(o.Precision); err != nil {
		return nil, err
	}
	if err := engine.CheckMemory(o.Memory, engine.LowMemory); err != nil {
		return nil, err
	}
	if err := o.Loss.Validate(); err != nil {
		return nil, err
	}
	if err := o.Optimizer.Validate(); err != nil {
		return nil, err
	}
	p, err := newPlan(net, planOptions{
		train: true, batch: o.Batch, steps: o.Steps, threads: o.Threads, halves: h, low: o.Memory == engine.LowMemory, spikes: spikes,
	})
	if err != nil {
		return nil, err
	}
	if !p.out.wantsGrad() {
		p.pool.close()
		return nil, fmt.Errorf("graph %q has nothing to train", net.Graph.Name)
	}
	if err := p.setTensors(net.Init(o.Seed)); err != nil {
		p.pool.close()
		return nil, err
	}
	t := &trainer{
		plan: p, seed: o.Seed, loss: newLoss(o.Loss, net.Classes()),
		opt: newOptimizer(p, o.Optimizer),
	}
	t.result.Neurons = p.activities()
	return t, nil
}

// CompileInfer implements engine.Engine. Parameters are those of net.Init with
// seed 0 until Load replaces them.
func (Engine) CompileInfer(net *graph.Network, o engine.InferOptions) (engine.Runner, error) {
	if err := checkSizes(o.Batch, o.Steps, o.Threads); err != nil {
		return nil, err
	}
	if err := checkPrecision(o.Precision); err != nil {
		return nil, err
	}
	p, err := newPlan(net, inferOptions(o))
	if err != nil {
		return nil, err
	}
	r := &runner{plan: p, samples: o.Batch}
	for range p.scan {
		r.totals = append(r.totals, make([]kernel.Sums, o.Steps))
	}
	if err := r.Load(net.Init(0)); err != nil {
		p.pool.close()
		return nil, err
	}
	return r, nil
}

func checkSizes(batch, steps, threads int) error {
	switch {
	case batch < 1:
		return fmt.Errorf("batch is %d, expected at least 1", batch)
	case steps < 1:
		return fmt.Errorf("steps T is %d, expected at least 1", steps)
	case threads < 0:
		return fmt.Errorf("threads is %d, expected 0 (all) or more", threads)
	}
	return nil
}
