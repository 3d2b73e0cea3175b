package engine

import "github.com/qif-snn/qif/graph"

// Stream follows sequences of frames with a network, one time step per call: a
// Runner with the State that it advances, and the logits so far.
//
// It adds no mechanism to Runner.NewState and Runner.Step, but keeps what a
// caller of those keeps. As many streams as one likes may take turns with one
// Runner. What one has seen bears on no other, nor on the Runner.
type Stream struct {
	State  State // the membrane potentials; the Runner remembers nothing
	runner Runner
	steps  int
	logits []float32 // [n, K] of the last frame
	mean   []float32 // [n, K] over all frames
}

// NewStream returns n sequences at rest. The runner is compiled from net, for
// batches of at least n.
func NewStream(r Runner, net *graph.Network, n int) *Stream {
	k := n * net.Classes()
	return &Stream{State: r.NewState(n), runner: r, logits: make([]float32, k), mean: make([]float32, k)}
}

// Step takes the next frame of each sequence, [n, H, W, C], and returns its
// logits, [n, K], valid until the next call. A frame of the wrong size changes
// nothing.
func (s *Stream) Step(frame []float32) ([]float32, error) {
	if err := s.runner.Step(s.State, frame, s.logits); err != nil {
		return nil, err
	}
	s.steps++
	for i, v := range s.logits {
		s.mean[i] += (v - s.mean[i]) / float32(s.steps)
	}
	return s.logits, nil
}

// Mean is the mean of the logits since rest, [n, K], by which a network chooses
// its class: zeros before the first frame, valid until the next call of Step.
func (s *Stream) Mean() []float32 { return s.mean }

// Steps is the number of frames since rest.
func (s *Stream) Steps() int { return s.steps }

// Reset returns all sequences to rest.
func (s *Stream) Reset() {
	s.State.Reset()
	s.steps = 0
	clear(s.mean)
}
