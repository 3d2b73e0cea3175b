package bench_test

import (
	"context"
	"runtime/pprof"
	"sync/atomic"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
)

// timed is the CPU engine with what the contract leaves to the engine's choice:
// a profile of operations, and kernels. It notes what is asked of it and
// computes in single precision whatever that is.
type timed struct {
	cpu.Engine
	spans []engine.OpTime // what a profile reports per step
	cases []engine.KernelCase
	train *engine.TrainOptions // the last that was compiled for
	infer *engine.InferOptions
}

func (e *timed) CompileTrain(net *graph.Network, o engine.TrainOptions) (engine.Trainer, error) {
	asked := o
	e.train, o.Precision = &asked, engine.FP32
	t, err := e.Engine.CompileTrain(net, o)
	return &timedTrainer{Trainer: t, spans: e.spans}, err
}

func (e *timed) CompileInfer(net *graph.Network, o engine.InferOptions) (engine.Runner, error) {
	asked := o
	e.infer, o.Precision = &asked, engine.FP32
	r, err := e.Engine.CompileInfer(net, o)
	return untimed{r}, err
}

// untimed is a runner without anything optional.
type untimed struct{ engine.Runner }

// timedTrainer reports the same times for every step that it was timed in, and
// spends time under the labels of the first.
type timedTrainer struct {
	engine.Trainer
	spans []engine.OpTime
	on    bool
	steps int
}

func (t *timedTrainer) StartProfile() { t.on, t.steps = true, 0 }

func (t *timedTrainer) StopProfile() []engine.OpTime {
	t.on = false
	var sum []engine.OpTime
	for _, s := range t.spans {
		s.Seconds *= float64(t.steps)
		s.Calls *= int64(t.steps)
		sum = append(sum, s)
	}
	return sum
}

func (t *timedTrainer) Step(b engine.Batch, lr float64) (*engine.Result, error) {
	if t.on {
		t.steps++
		s := t.spans[0]
		labels := pprof.Labels(engine.LabelLayer, s.Layer, engine.LabelOp, s.Op, engine.LabelDirection, s.Direction)
		pprof.Do(context.Background(), labels, func(context.Context) { spin() })
	}
	return t.Trainer.Step(b, lr)
}

// spin takes some 30 ms of a processor's time, enough for the profiler to see,
// however long that is by the clock.
func spin() {
	for range 5_000_000 {
		spun.Add(1)
	}
}

var spun atomic.Int64

func (e *timed) FMAPeak() engine.KernelCase { return idle("peak", 1e6, 0) }

func (e *timed) CopyBandwidth() engine.KernelCase { return idle("copy", 0, 1e6) }

func (e *timed) Kernels() []engine.KernelCase { return e.cases }

// idle is a kernel that does nothing but see to it that no two goroutines share
// an instance.
func idle(name string, flops, bytes float64) engine.KernelCase {
	return engine.KernelCase{Name: name, Shape: "1×1", Rate: .25, Flops: flops, Bytes: bytes, New: func() func() {
		var busy atomic.Bool
		return func() {
			if !busy.CompareAndSwap(false, true) {
				panic("two goroutines share an instance")
			}
			busy.Store(false)
		}
	}}
}
