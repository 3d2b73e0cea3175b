// Package engine is the contract between networks and what executes them. An
// Engine compiles a checked network into a Trainer or a Runner; losses,
// optimisers and state are values.
//
// Every engine computes the same function: a network's forward pass as the
// float64 reference in engine/ref defines it, and the gradient that the
// surrogate windows define. Within one engine, results depend on the inputs
// and seeds alone: not on the number of threads, not on what ran before.
//
// State is a value. A Runner holds parameters and working memory, no membrane
// potentials: Run begins every batch at rest, and Step advances a State that its
// caller holds. A Stream is such a State with its Runner and the logits so far,
// for frames that come one at a time. An EarlyRunner may end with a sample of a
// batch before all steps.
package engine

import (
	"fmt"
	"sort"
	"strings"

	"github.com/qif-snn/qif/graph"
)

// Engine compiles networks.
type Engine interface {
	Name() string
	// Variant names the version of the engine's arithmetic that runs here, such
	// as the processor's vector instructions. Equal seeds give equal bits within
	// one variant, equal results up to rounding between them.
	Variant() string
	CompileTrain(net *graph.Network, o TrainOptions) (Trainer, error)
	CompileInfer(net *graph.Network, o InferOptions) (Runner, error)
}

// TrainOptions fixes what a Trainer is compiled for.
type TrainOptions struct {
	Batch     int // samples per step
	Steps     int // T
	Threads   int // 0: as many as GOMAXPROCS
	Seed      uint64
	Loss      Loss
	Optimizer Optimizer
	Precision string // FP32, Mixed, or "" for FP32
	Memory    string // LowMemory, or "" to keep whatever the backward pass needs
}

// InferOptions fixes what a Runner is compiled for.
type InferOptions struct {
	Batch     int    // samples at a time, at most
	Steps     int    // T
	Threads   int    // 0: as many as GOMAXPROCS
	Precision string // FP32, Mixed, or "" for FP32
}

// Batch is a batch of samples.
type Batch struct {
	N int       // samples
	X []float32 // [N, H, W, C] for direct coding, [T, N, H, W, C] for frames
	Y []int32   // [N] class indices; a Runner ignores it
}

// Trainer is a network compiled for training, with its parameters and the
// optimiser's state.
type Trainer interface {
	// Step runs forward, backward and one update at the given learning rate.
	// If the loss or a gradient is not finite, it changes nothing and returns
	// a *NonFiniteError. The result is valid until the next call.
	Step(b Batch, lr float64) (*Result, error)
	// Observe runs the training-mode forward pass (batch statistics, no
	// dropout) and changes nothing. It hands the membrane potentials before
	// firing of each neuron layer and step, [N, H, W, C], to fn.
	Observe(b Batch, fn func(node string, t int, u []float32)) error
	// Snapshot copies out everything that the next Step depends on.
	Snapshot() *Snapshot
	// Restore takes over a snapshot of the same network and optimiser.
	Restore(s *Snapshot) error
	// Tensors copies out the network's parameters, in the network's order.
	Tensors() []graph.Tensor
	Close()
}

// Snapshot is a Trainer's whole state.
type Snapshot struct {
	Updates   int64          // optimiser steps taken
	Params    []graph.Tensor // of the network, in its order
	Optimizer []graph.Tensor // moments, named "slot/parameter"
}

// Result reports on one training step.
type Result struct {
	Loss     float64
	Correct  int     // samples whose mean logit, over the steps that count, is largest for their label
	GradNorm float64 // global, before clipping
	Neurons  []Activity
}

// Activity reports on one neuron layer during one pass, per step t.
type Activity struct {
	Node string
	Rate []float64 // [T] share of neurons that fired
	Mean []float64 // [T] of the potential before firing
	Std  []float64 // [T] likewise
}

// Runner is a network compiled for inference, with running statistics.
type Runner interface {
	// Load takes over the network's parameters.
	Load(tensors []graph.Tensor) error
	// Run classifies a batch from resting state: logits [T, N, K] into out.
	// Activities may be nil; otherwise it has one entry per neuron layer whose
	// Rate, Mean and Std are filled for this batch.
	Run(b Batch, logits []float32, activities []Activity) error
	// NewState returns the resting state of n streams.
	NewState(n int) State
	// Step advances streams by one frame x, [n, H, W, C], and writes their
	// logits, [n, K]. The state is the caller's: nothing else is remembered.
	Step(s State, x, logits []float32) error
	// Activities returns fresh storage for Run.
	Activities() []Activity
	Close()
}

// EarlyRunner is a Runner that can leave out the last steps of samples whose
// class is certain before.
type EarlyRunner interface {
	Runner
	// RunEarly classifies a batch as Run does, but ends with a sample as soon as
	// its largest probability exceeds the second largest by margin or more, in (0, 1),
	// by the softmax of its mean logits so far: of those that the network's
	// readout counts, so that no sample ends before them. It writes the mean
	// logits [N, K] and how many steps each sample took.
	RunEarly(b Batch, margin float64, logits []float32, steps []int32) error
}

// CheckMargin says what is wrong with a margin of early exit.
func CheckMargin(margin float64) error {
	if !(margin > 0 && margin < 1) {
		return fmt.Errorf("margin is %v, expected a difference of probabilities above 0 and below 1", margin)
	}
	return nil
}

// State is the membrane state of a number of streams. It belongs to the caller;
// a Runner of the network it was made for may advance it.
type State interface {
	// Streams is the number of streams.
	Streams() int
	// Reset returns the state to rest.
	Reset()
}

// Argmax returns the class that a network chooses by its mean logits: the first
// index of the largest.
func Argmax(logits []float64) int {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	return best
}

// NonFiniteError says where numbers ceased to be finite during a training step.
type NonFiniteError struct {
	What string // "loss", "gradient", "membrane potential"
	Node string // empty for the loss
	Step int    // time step from 0, or −1
}

func (e *NonFiniteError) Error() string {
	s := e.What + " is not finite"
	if e.Node != "" {
		s += " in layer " + e.Node
	}
	if e.Step >= 0 {
		s += fmt.Sprintf(" at step t=%d", e.Step+1)
	}
	return s
}

// Signature names an engine and its variant: what a run's bits depend on beside
// its recipe.
func Signature(e Engine) string { return e.Name() + "/" + e.Variant() }

var engines = map[string]Engine{}

// Register makes an engine known by its name. Commands call it through the
// packages they import.
func Register(e Engine) { engines[e.Name()] = e }

// Named returns the registered engine of that name.
func Named(name string) (Engine, error) {
	if e, ok := engines[name]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("unknown engine %q; this binary has: %s", name, strings.Join(Names(), ", "))
}

// Names lists the registered engines.
func Names() []string {
	var names []string
	for n := range engines {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
