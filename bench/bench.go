// Package bench measures engines: whole steps of training and inference, the
// operations within a step, and single kernels against what the machine can do.
// It reaches engines through their contract alone, so it measures any.
package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// Modes of a step.
const (
	Train = "train" // forward, backward and update
	Infer = "infer" // a batch from rest, tdBN folded
)

// Options says what is measured.
type Options struct {
	Engine    engine.Engine
	Level     string // of an engine.Leveled; "": the one in use
	Net       *graph.Network
	Mode      string // Train or Infer
	Batch     int
	Steps     int // T
	Threads   int // 0: as many as GOMAXPROCS
	Precision string
	Memory    string // engine.TrainOptions.Memory; Infer has no use for it
	Seed      uint64
	Loss      engine.Loss
	Optimizer engine.Optimizer
	LR        float64
	Rate      float64 // firing rate forced on all layers; 0: as it comes

	Warmup  int           // steps before those that count
	Repeat  int           // steps that count; 0: as many as Time holds
	Time    time.Duration // for the steps that count, if Repeat is 0
	Observe func(Progress)
}

// Progress says how far a measurement is.
type Progress struct {
	Phase string  // what is going on
	Done  float64 // share of the phase
	Left  time.Duration
}

// Validate says what is wrong with the options. Engine and network are the
// caller's to provide; sizes are checked by the engine.
func (o Options) Validate() error {
	switch {
	case o.Mode != Train && o.Mode != Infer:
		return fmt.Errorf("mode is %q, expected %q or %q", o.Mode, Train, Infer)
	case o.Mode == Infer && o.Memory != "":
		return fmt.Errorf("memory is %q, which has no effect on inference: there is no backward pass", o.Memory)
	case !(o.Rate >= 0 && o.Rate < 1):
		return fmt.Errorf("rate is %v, expected within (0, 1), or 0 to leave firing rates as they come", o.Rate)
	case o.Warmup < 0:
		return fmt.Errorf("warmup is %d steps, expected 0 or more", o.Warmup)
	case o.Repeat < 0:
		return fmt.Errorf("repeat is %d steps, expected at least 1", o.Repeat)
	case o.Repeat == 0 && o.Time <= 0:
		return fmt.Errorf("time is %v, expected more than 0", o.Time)
	}
	if err := engine.CheckMemory(o.Memory, engine.LowMemory); err != nil {
		return err
	}
	return engine.CheckPrecision(o.Precision, engine.FP32, engine.Mixed)
}

func (o Options) report(phase string, done float64, left time.Duration) {
	if o.Observe != nil {
		o.Observe(Progress{phase, done, left})
	}
}

// threads returns the number of threads that the options stand for.
func threads(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// feedBatches is how many different batches are fed in turn.
const feedBatches = 4

// session is a compiled network with what it is fed.
type session struct {
	feed     *feed
	compiled any // the Trainer or Runner
	run      func(b engine.Batch) ([]engine.Activity, error)
	end      func() // of it
	restore  func() // the engine's level
	steps    int
}

// open prepares everything that is not to be measured.
func open(ctx context.Context, o Options) (*session, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	restore, err := engine.UseLevel(o.Engine, o.Level)
	if err != nil {
		return nil, err
	}
	s := &session{restore: restore}
	if err := s.compile(ctx, o); err != nil {
		restore()
		return nil, err
	}
	// What preparation took is not part of what is measured.
	debug.FreeOSMemory()
	resetPeakRSS()
	return s, nil
}

// compile prepares what is fed and the Trainer or Runner.
func (s *session) compile(ctx context.Context, o Options) (err error) {
	var params []graph.Tensor
	if o.Mode == Infer || o.Rate > 0 {
		o.report("preparing statistics and firing rates", 0, 0)
		if params, err = calibrate(ctx, o); err != nil {
			return err
		}
	}
	if s.feed, err = newFeed(o.Net, o.Batch, o.Steps, feedBatches, o.Seed); err != nil {
		return err
	}
	if o.Mode == Train {
		return s.openTrainer(o, params)
	}
	return s.openRunner(o, params)
}

// close ends what was compiled.
func (s *session) close() {
	s.end()
	s.restore()
}

func (s *session) openTrainer(o Options, params []graph.Tensor) error {
	tr, err := o.Engine.CompileTrain(o.Net, engine.TrainOptions{
		Batch: o.Batch, Steps: o.Steps, Threads: o.Threads, Seed: o.Seed,
		Loss: o.Loss, Optimizer: o.Optimizer, Precision: o.Precision, Memory: o.Memory,
	})
	if err != nil {
		return err
	}
	if params != nil {
		snap := tr.Snapshot()
		snap.Params = params
		if err := tr.Restore(snap); err != nil {
			tr.Close()
			return err
		}
	}
	s.compiled, s.end = tr, tr.Close
	s.run = func(b engine.Batch) ([]engine.Activity, error) {
		res, err := tr.Step(b, o.LR)
		if err != nil {
			return nil, err
		}
		return res.Neurons, nil
	}
	return nil
}

func (s *session) openRunner(o Options, params []graph.Tensor) error {
	net, folded, err := graph.Fold(o.Net, params)
	if err != nil {
		return err
	}
	r, err := o.Engine.CompileInfer(net, engine.InferOptions{
		Batch: o.Batch, Steps: o.Steps, Threads: o.Threads, Precision: o.Precision,
	})
	if err != nil {
		return err
	}
	if err := r.Load(folded); err != nil {
		r.Close()
		return err
	}
	s.compiled, s.end = r, r.Close
	logits, acts := make([]float32, o.Steps*o.Batch*net.Classes()), r.Activities()
	s.run = func(b engine.Batch) ([]engine.Activity, error) { return acts, r.Run(b, logits, acts) }
	return nil
}

// once runs the next step.
func (s *session) once() ([]engine.Activity, error) {
	acts, err := s.run(s.feed.next(s.steps))
	if err != nil {
		return nil, fmt.Errorf("step %d: %w", s.steps+1, err)
	}
	s.steps++
	return acts, nil
}
