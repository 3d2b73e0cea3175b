package zoo_test

import (
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/zoo"
)

// TestStacks counts layers and parameters of stacks, which keep what all members
// promise.
//
//	mlp 20→32→32→10   20·32 + 32² + 2·(32+32) + 32·10 + 10
//	plain, 3 × 8      9·8 + 2·9·64 + 3·16 + 14²·8·10 + 10
//	residual, 2 × 8   9·8 + 4·9·64 + 5·16 + 14²·8·10 + 10
func TestStacks(t *testing.T) {
	c := config(t, fashion)
	c.Dropout = .1
	vector := c
	vector.Input = graph.Shape{H: 1, W: 1, C: 20}
	for _, k := range []struct {
		g       graph.Graph
		c       zoo.Config
		neurons int
		params  int64
	}{
		{zoo.MLP(vector, 32, 32), vector, 2, 640 + 1024 + 128 + 330},
		{zoo.Plain(c, 3, 8), c, 3, 72 + 1152 + 48 + 15690},
		{zoo.Residual(c, 2, 8), c, 5, 72 + 2304 + 80 + 15690},
	} {
		net, err := graph.Check(k.g)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(net.Neurons()); n != k.neurons || net.ParamCount() != k.params {
			t.Errorf("%s: %d layers of neurons and %d parameters, want %d and %d", k.g.Name, n, net.ParamCount(), k.neurons, k.params)
		}
		checkLayers(t, net, k.c)
		checkFile(t, net)
	}
}
