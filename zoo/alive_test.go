package zoo_test

import (
	"testing"

	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/zoo"
)

// Nets of every depth pass spikes to their end before any training: each layer
// fires at each step, and none fires all the time. Images are small, which changes
// the number of values in each layer and little else.
func TestNoLayerIsDeadAtInitialisation(t *testing.T) {
	const steps = 4
	for _, form := range []string{"qif", "lif"} {
		for _, member := range zoo.Nets {
			t.Run(member.Name+" of "+form, func(t *testing.T) {
				c := config(t, small(member.Use.Input.Shape))
				c.Coding = member.Use.Input.Coding
				m, err := neuron.Default(form)
				if err != nil {
					t.Fatal(err)
				}
				c.Model = m
				net := build(t, member.Name, c)
				acts, err := train.FirstPass(cpu.Engine{}, net, train.Noise(net, 4, steps, 1), train.EvalOptions{Steps: steps}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(acts) != len(net.Neurons()) {
					t.Fatalf("%d layers observed, the network has %d", len(acts), len(net.Neurons()))
				}
				for _, a := range acts {
					mean := 0.
					for i, rate := range a.Rate {
						mean += rate / steps
						if rate < .02 || rate > .6 {
							t.Errorf("%s fires at %.3f at step %d", a.Node, rate, i+1)
						}
					}
					if len(a.Rate) != steps || mean < .05 || mean > .5 {
						t.Errorf("%s fires at %.3f", a.Node, a.Rate)
					}
				}
			})
		}
	}
}

// small is an image on which a network's last convolutions see a pixel or a few.
func small(s graph.Shape) graph.Shape {
	side := map[int]int{28: 8, 32: 8, 48: 16, 224: 32}[s.H]
	return graph.Shape{H: side, W: side, C: s.C}
}
