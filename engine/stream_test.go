package engine_test

import (
	"fmt"
	"log"
	"math"
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine"
	_ "github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

// network is a small one that takes frames of two channels, compiled. Its readout
// counts the last steps, or all for 0.
func network(batch, steps, last int) (*graph.Network, engine.Runner, error) {
	model, err := neuron.Default("qif")
	if err != nil {
		return nil, nil, err
	}
	policy, err := window.ParsePolicy("bandwidth")
	if err != nil {
		return nil, nil, err
	}
	net, err := graph.Check(zoo.Tiny(zoo.Config{
		Input: graph.Shape{H: 8, W: 8, C: 2}, Coding: graph.Frames, Classes: 3,
		Model: model, Window: window.Spec{Policy: policy, Shape: window.Triangular}, ReadoutLast: last,
	}))
	if err != nil {
		return nil, nil, err
	}
	cpu, err := engine.Named("cpu")
	if err != nil {
		return nil, nil, err
	}
	r, err := cpu.CompileInfer(net, engine.InferOptions{Batch: batch, Steps: steps})
	if err != nil {
		return nil, nil, err
	}
	return net, r, r.Load(net.Init(1))
}

// Two event cameras, one network: each stream has its own state.
func ExampleStream() {
	net, runner, err := network(1, 4, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer runner.Close()
	left, right := engine.NewStream(runner, net, 1), engine.NewStream(runner, net, 1)
	frame := make([]float32, 8*8*2)
	for t := range 3 {
		frame[t] = 1 // an event
		for _, s := range []*engine.Stream{left, right} {
			if _, err := s.Step(frame); err != nil {
				log.Fatal(err)
			}
		}
	}
	left.Reset()
	fmt.Println(left.Steps(), "and", right.Steps(), "steps from rest")
	// Output: 0 and 3 steps from rest
}

// A stream's logits are those of a batch, its mean is theirs, and what one
// stream sees bears on no other.
func TestStreamFollowsRun(t *testing.T) {
	for _, last := range []int{0, 1, 3, 7} {
		t.Run(fmt.Sprint("last ", last), func(t *testing.T) { testStream(t, last) })
	}
}

func testStream(t *testing.T, last int) {
	const n, steps, size = 2, 5, 8 * 8 * 2
	net, runner, err := network(n, steps, last)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	k := net.Classes()
	x := make([]float32, steps*n*size)
	for i := range x {
		x[i] = float32(i*7919%13) / 4
	}
	want := make([]float32, steps*n*k)
	if err := runner.Run(engine.Batch{N: n, X: x}, want, nil); err != nil {
		t.Fatal(err)
	}
	s, other := engine.NewStream(runner, net, n), engine.NewStream(runner, net, 1)
	for pass := range 2 {
		for step := range steps {
			if _, err := other.Step(x[(steps-1-step)*size:][:size]); err != nil {
				t.Fatal(err)
			}
			got, err := s.Step(x[step*n*size:][:n*size])
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want[step*n*k:][:n*k]) {
				t.Errorf("pass %d, step %d: %v, in a batch %v", pass, step, got, want[step*n*k:][:n*k])
			}
			// As far as it has come, a stream is a batch of that many steps.
			mean := make([]float64, n*k)
			from := net.Readout().First(step + 1)
			for i := range (step + 1 - from) * n * k {
				mean[i%(n*k)] += float64(want[from*n*k+i]) / float64(step+1-from)
			}
			for i, m := range s.Mean() {
				if math.Abs(float64(m)-mean[i]) > 1e-5 {
					t.Fatalf("mean after %d steps %v, want %v", step+1, s.Mean(), mean)
				}
			}
		}
		if s.Steps() != steps {
			t.Errorf("%d steps, want %d", s.Steps(), steps)
		}
		s.Reset()
		if s.Steps() != 0 || slices.Max(s.Mean()) != 0 || slices.Min(s.Mean()) != 0 {
			t.Errorf("after a reset: %d steps, mean %v", s.Steps(), s.Mean())
		}
	}
	if _, err := s.Step(x[:size]); err == nil || s.Steps() != 0 {
		t.Errorf("a frame of one for two sequences: error %v, %d steps", err, s.Steps())
	}
}
