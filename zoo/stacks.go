package zoo

import "github.com/qif-snn/qif/graph"

// Stacks are for studies: layers of one kind, as many as asked for, so that what
// happens with depth shows by itself.

// MLP is a stack of fully connected layers with tdBN and neurons, of the given
// widths, and the logits behind it.
func MLP(c Config, hidden ...int) graph.Graph {
	b := newBuilder("mlp", c)
	for _, width := range hidden {
		b.hidden(width)
	}
	return b.classify()
}

// Plain is AP2-[wC3]×n-FC with w channels: n blocks of convolution, tdBN and
// neurons at half the input's resolution.
func Plain(c Config, blocks, width int) graph.Graph {
	b := newBuilder("plain", c)
	b.pool()
	for range blocks {
		b.conv(width)
	}
	return b.classify()
}

// Residual is AP2-wC3-[wC3-wC3]×n-FC with w channels: a stem and n basic blocks
// as ResNet19 has them, the residual branch normalised to 1/√2 of the usual
// deviation.
func Residual(c Config, blocks, width int) graph.Graph {
	b := newBuilder("residual", c)
	b.pool()
	b.conv(width)
	for range blocks {
		b.residual(width, width, 1)
	}
	return b.classify()
}
