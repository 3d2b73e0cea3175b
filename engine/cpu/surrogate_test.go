package cpu

import (
	"math"
	"slices"
	"testing"

	"github.com/qif-snn/qif/engine"
)

// moving are kinds of neurons whose windows move: learned, measured and following
// learned neurons, per layer and per channel.
var moving = []variant{variants[1], variants[2], variants[9], variants[11]}

// TestWidthsFollowTensors: the widths of a step are those that the network gives
// its tensors before it, and they do move.
func TestWidthsFollowTensors(t *testing.T) {
	for _, v := range moving {
		net := everything(t, v, "direct", .2)
		tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: adamw})
		start, err := net.Windows(3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			want, err := net.WindowsOf(tr.Tensors(), 3)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Step(randomBatch(net, 4, 3, uint64(i)), .02); err != nil {
				t.Fatal(err)
			}
			for k, n := range tr.scan {
				if !slices.Equal(n.win.windows.Widths, want[k].Widths) {
					t.Fatalf("%s, step %d: widths of %s are %v, want %v", v.name, i, n.name, n.win.windows.Widths, want[k].Widths)
				}
				if same := slices.Equal(want[k].Widths, start[k].Widths); same != (i == 0) {
					t.Errorf("%s, step %d: widths of %s are %v, at the start %v", v.name, i, n.name, want[k].Widths, start[k].Widths)
				}
			}
		}
	}
}

// TestWeightDecayLeavesWidths: with decay alone at work, a learned width stays.
func TestWeightDecayLeavesWidths(t *testing.T) {
	for _, o := range []engine.Optimizer{sgd, adamw} {
		o.Decay = .5
		net := everything(t, variants[1], "direct", 0)
		tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: o})
		for _, p := range tr.params {
			clear(p.grad)
			for i := range p.data {
				p.data[i] = .5
			}
		}
		tr.opt.step(.1, 1, 1)
		for _, p := range tr.params {
			if p.grad == nil {
				continue
			}
			if moved := p.data[0] != .5; moved != (p.spec.Role == "weight") {
				t.Errorf("%s: %s decays: %v", o.Kind, p.spec.Name, moved)
			}
		}
	}
}

// TestWidthsStayInRange: no learning rate closes a window.
func TestWidthsStayInRange(t *testing.T) {
	net := everything(t, variants[7], "direct", 0)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Loss: ce, Optimizer: adamw})
	reached := false
	for i := range 20 {
		if _, err := tr.Step(randomBatch(net, 4, 3, uint64(i)), 20); err != nil {
			t.Fatal(err)
		}
		for _, n := range tr.scan {
			w := float64(n.win.width.data[0])
			if math.Abs(w) > math.Log(16)+1e-6 {
				t.Fatalf("%s: a width of exp(%v) times that at the start", n.name, w)
			}
			reached = reached || math.Abs(w) > 2.7
		}
	}
	if !reached {
		t.Error("no width came near its bounds: the test shows nothing")
	}
}
