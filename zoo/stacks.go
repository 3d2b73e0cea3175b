package zoo

import "github.com/qif-snn/qif/graph"

// MLP is a stack of fully connected layers with tdBN and neurons, of the given
// widths, and the logits behind it.
func MLP(c Config, hidden ...int) graph.Graph {
	b := newBuilder("mlp", c)
	for _, width := range hidden {
		b.hidden(width)
	}
	return b.classify()
}
