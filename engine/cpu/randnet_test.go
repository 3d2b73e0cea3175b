package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// sketch is a random network in the making. Operations go behind the node built
// last, some of them with a second operand from before it.
type sketch struct {
	*graph.Builder
	t     testing.TB
	rng   *rand.Rand
	nodes []string // in order; the last is where the next operation goes
	shape map[string]graph.Shape
	wide  bool // channels in multiples of 32
}

// mostNumbers is the largest output of a node: the reference takes its time.
const mostNumbers = 1200

func (s *sketch) at() string { return s.nodes[len(s.nodes)-1] }

func (s *sketch) here() graph.Shape { return s.shape[s.at()] }

// between returns a number in [lo, hi].
func (s *sketch) between(lo, hi int) int { return lo + s.rng.IntN(hi-lo+1) }

func (s *sketch) chance(p float64) bool { return s.rng.Float64() < p }

// add adds an operation if its operands' shapes allow it.
func (s *sketch) add(op graph.Op, from ...string) bool {
	var in []graph.Shape
	for _, name := range from {
		in = append(in, s.shape[name])
	}
	out, err := op.Infer(in)
	if err != nil || len(from) > 0 && out.Size() > mostNumbers {
		return false
	}
	name := s.Add(fmt.Sprintf("%s%d", op.Kind(), len(s.nodes)), op, from...)
	s.nodes, s.shape[name] = append(s.nodes, name), out
	return true
}

func (s *sketch) channels() int {
	switch {
	case s.wide:
		return 32 * s.between(1, 3)
	case s.chance(.2):
		return s.between(17, 70)
	}
	return s.between(1, 16)
}

func (s *sketch) conv(from string) bool {
	k := s.between(1, 4)
	return s.add(&graph.Conv{
		Out: s.channels(), Kernel: k, Stride: s.between(1, 3), Pad: s.rng.IntN(min(3, k)), Bias: s.chance(.5),
	}, from)
}

func (s *sketch) norm() {
	bn := graph.DefaultTDBN(.5+s.rng.Float64(), 1)
	bn.FixedScale = s.chance(.3)
	s.add(&bn, s.at())
}

func (s *sketch) neuron() { s.add(variants[s.rng.IntN(len(variants))].neuron(s.t), s.at()) }

// weigh adds a layer with weights, with tdBN and neurons behind it or not.
func (s *sketch) weigh() {
	if s.here().Flat() && s.chance(.7) {
		s.add(&graph.Linear{Out: s.channels(), Bias: s.chance(.5)}, s.at())
	} else if !s.conv(s.at()) {
		return
	}
	if s.chance(.7) {
		s.norm()
	}
	if s.chance(.8) {
		s.neuron()
	}
}

// branch adds an earlier value of the same shape to the last, or what a
// convolution makes of the last.
func (s *sketch) branch() {
	last := s.at()
	for _, other := range s.nodes[:len(s.nodes)-1] {
		if s.shape[other] == s.here() && s.chance(.5) {
			s.add(&graph.Add{}, last, other)
			return
		}
	}
	k := 1 + 2*s.rng.IntN(2)
	if !s.add(&graph.Conv{Out: s.here().C, Kernel: k, Stride: 1, Pad: k / 2}, last) {
		return
	}
	if s.chance(.5) {
		s.norm()
	}
	s.add(&graph.Add{}, s.at(), last)
	if s.chance(.7) {
		s.neuron()
	}
}

// join concatenates the last value and an earlier one of its height and width.
func (s *sketch) join() {
	last := s.at()
	for _, i := range s.rng.Perm(len(s.nodes) - 1) {
		if s.add(&graph.Concat{}, last, s.nodes[i]) {
			return
		}
	}
}

func (s *sketch) layer() {
	switch s.rng.IntN(15) {
	case 0:
		s.add(&graph.AvgPool{Kernel: s.between(1, 3), Stride: s.between(1, 2)}, s.at())
	case 1:
		k := s.between(1, 3)
		s.add(&graph.MaxPool{Kernel: k, Stride: s.between(1, 2), Pad: s.rng.IntN(min(2, k))}, s.at())
	case 2, 3:
		s.branch()
	case 4:
		s.join()
	case 5:
		s.add(&graph.Dropout{P: .3}, s.at())
	case 6:
		s.add(&graph.Flatten{}, s.at())
	case 7:
		s.neuron()
	case 8:
		s.add(&graph.Vote{Votes: s.between(2, 3)}, s.at())
	default:
		s.weigh()
	}
}

// trial is a random network with parameters, a batch and a loss.
type trial struct {
	net     *graph.Network
	tensors []graph.Tensor
	b       engine.Batch
	steps   int
	loss    engine.Loss
}

// newTrial draws a network of some layers for a batch of n samples and a number
// of steps. Where wide is set, its channels are multiples of 32.
func newTrial(t testing.TB, seed uint64, layers, n, steps int, wide bool) *trial {
	t.Helper()
	s := &sketch{
		Builder: graph.NewBuilder(fmt.Sprintf("random%d", seed)), t: t, rng: rand.New(rand.NewPCG(seed, 7)),
		shape: map[string]graph.Shape{}, wide: wide,
	}
	coding := graph.Direct
	if s.chance(.5) {
		coding = graph.Frames
	}
	s.add(&graph.Input{Shape: graph.Shape{H: s.between(1, 9), W: s.between(1, 9), C: s.between(1, 5)}, Coding: coding})
	for range layers {
		s.layer()
	}
	if s.chance(.4) {
		s.neuron()
	}
	if !s.here().Flat() {
		if s.chance(.5) {
			s.add(&graph.GlobalAvgPool{}, s.at())
		} else {
			s.add(&graph.Flatten{}, s.at())
		}
	}
	s.add(&graph.Linear{Out: s.between(2, 5), Bias: s.chance(.5)}, s.at())
	s.add(&graph.Readout{Last: s.rng.IntN(4)}, s.at())
	net, err := graph.Check(s.Graph())
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{net: net, tensors: net.Init(seed), b: randomBatch(net, n, steps, seed), steps: steps, loss: ce}
	if s.chance(.5) {
		r.loss = tet
	}
	for i, p := range net.Params {
		for j := range r.tensors[i].Data {
			switch p.Role {
			case graph.NormScale, graph.RunningVar, graph.RunningSpread:
				r.tensors[i].Data[j] = float32(.5 + s.rng.Float64())
			case graph.NormShift, graph.RunningMean:
				r.tensors[i].Data[j] = float32(s.rng.Float64() - .5)
			case graph.WindowWidth, graph.NeuronParam:
				r.tensors[i].Data[j] += float32(.2 * (s.rng.Float64() - .5))
			}
		}
	}
	return r
}

// drawn is newTrial of sizes that follow from the seed.
func drawn(t testing.TB, seed uint64, wide bool) *trial {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 8))
	return newTrial(t, seed, 2+rng.IntN(7), 1+rng.IntN(5), 1+rng.IntN(5), wide)
}

// compile compiles the trial for training.
func (r *trial) compile(t testing.TB, spikes spikeForm, precision string) *trainer {
	t.Helper()
	tr := compileForm(t, r.net, engine.TrainOptions{
		Batch: r.b.N, Steps: r.steps, Threads: 2, Seed: 3, Loss: r.loss, Optimizer: sgd, Precision: precision,
	}, spikes)
	if err := tr.setTensors(r.tensors); err != nil {
		t.Fatal(err)
	}
	return tr
}

// gradients runs both passes.
func (r *trial) gradients(tr *trainer) (loss float64) {
	tr.pass(r.b, true)
	loss, _ = tr.judge(r.b.Y)
	tr.backward()
	return loss
}
