package cpu

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// TestEarlyExitStopsWhereTheMarginIsReached compares with whole runs: a sample's
// logits are the mean over the steps that it took, and those are the first after
// which it was certain.
func TestEarlyExitStopsWhereTheMarginIsReached(t *testing.T) {
	const batch, steps = 70, 5
	for _, last := range []int{0, 3} {
		coding := map[int]string{0: graph.Direct, 3: graph.Frames}[last]
		net := counting(t, everything(t, variants[0], coding, 0), last)
		first := net.Readout().First(steps)
		r, err := Engine{}.CompileInfer(net, engine.InferOptions{Batch: batch, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		tr := compileTrain(t, net, engine.TrainOptions{Batch: 30, Steps: steps, Seed: 1, Loss: ce, Optimizer: adamw})
		for i := range 30 { // running statistics that let neurons fire
			if _, err := tr.Step(randomBatch(net, 30, steps, uint64(i)), .01); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Load(tr.Tensors()); err != nil {
			t.Fatal(err)
		}
		b := randomBatch(net, batch, steps, 3)
		k := net.Classes()
		all := make([]float32, steps*batch*k)
		if err := r.Run(b, all, nil); err != nil {
			t.Fatal(err)
		}
		const margin = .1
		got, took := make([]float32, batch*k), make([]int32, batch)
		if err := r.(engine.EarlyRunner).RunEarly(b, margin, got, took); err != nil {
			t.Fatal(err)
		}
		seen := map[int32]bool{}
		for i := range batch {
			sum := make([]float32, k)
			for s := first; s < steps; s++ {
				for j := range sum {
					sum[j] += all[(s*batch+i)*k+j]
				}
				if certainty(sum, s+1-first) < margin && s < steps-1 {
					continue
				}
				seen[took[i]] = true
				if int(took[i]) != s+1 {
					t.Errorf("%s: sample %d took %d steps, expected %d", coding, i, took[i], s+1)
				}
				for j, v := range sum {
					if want := v / float32(s+1-first); math.Abs(float64(got[i*k+j]-want)) > 1e-6 {
						t.Errorf("%s: logit %d of sample %d is %v, expected %v", coding, j, i, got[i*k+j], want)
					}
				}
				break
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: all samples took %v steps: the test says nothing", coding, seen)
		}
		if err := r.(engine.EarlyRunner).RunEarly(b, 1, got, took); err == nil || !strings.Contains(err.Error(), "margin is 1") {
			t.Errorf("a margin of 1: got error %v", err)
		}
	}
}

// counting returns the network with a readout of the last steps.
func counting(t *testing.T, net *graph.Network, last int) *graph.Network {
	t.Helper()
	g := graph.Graph{Name: net.Graph.Name, Nodes: slices.Clone(net.Graph.Nodes)}
	g.Nodes[len(g.Nodes)-1].Op = &graph.Readout{Last: last}
	net, err := graph.Check(g)
	if err != nil {
		t.Fatal(err)
	}
	return net
}
