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
	window int         // of the readout: how many of the last frames count; 0: all
	recent [][]float32 // the logits, [n, K], of the last frame or the last window of them, in turn
	mean   []float32   // [n, K] over the frames that count
}

// NewStream returns n sequences at rest. The runner is compiled from net, for
// batches of at least n.
func NewStream(r Runner, net *graph.Network, n int) *Stream {
	k := n * net.Classes()
	s := &Stream{State: r.NewState(n), runner: r, window: net.Readout().Last, mean: make([]float32, k)}
	for range max(1, s.window) {
		s.recent = append(s.recent, make([]float32, k))
	}
	return s
}

// Step takes the next frame of each sequence, [n, H, W, C], and returns its
// logits, [n, K], valid until the next call. A frame of the wrong size changes
// nothing.
func (s *Stream) Step(frame []float32) ([]float32, error) {
	logits := s.recent[s.steps%len(s.recent)]
	if err := s.runner.Step(s.State, frame, logits); err != nil {
		return nil, err
	}
	s.steps++
	if s.window == 0 {
		for i, v := range logits {
			s.mean[i] += (v - s.mean[i]) / float32(s.steps)
		}
		return logits, nil
	}
	clear(s.mean)
	counted := s.recent[:min(s.steps, s.window)]
	for _, l := range counted {
		for i, v := range l {
			s.mean[i] += v / float32(len(counted))
		}
	}
	return logits, nil
}

// Mean is what the sequences are classified by, [n, K]: the mean of the logits
// since rest, or over the last frames that the network's readout counts. After T
// frames it is that of a batch of T steps. It is zero before the first frame and
// valid until the next call of Step.
func (s *Stream) Mean() []float32 { return s.mean }

// Steps is the number of frames since rest.
func (s *Stream) Steps() int { return s.steps }

// Reset returns all sequences to rest.
func (s *Stream) Reset() {
	s.State.Reset()
	s.steps = 0
	clear(s.mean)
}
