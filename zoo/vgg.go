package zoo

import "github.com/qif-snn/qif/graph"

// VGGSNN is the network of TET (Deng et al. 2022) for frames of events of 48×48
// pixels and two polarities: 9,271,498 parameters and 1,361,654,784
// multiply-accumulates per step for 10 classes. As published, its convolutions
// have biases, 2,752 in all, which tdBN behind them makes idle.
func VGGSNN(c Config) graph.Graph {
	b := newBuilder("vggsnn", c)
	for _, stage := range [][]int{{64, 128}, {256, 256}, {512, 512}, {512, 512}} {
		for _, out := range stage {
			b.convolve(graph.Conv{Out: out, Kernel: 3, Stride: 1, Pad: 1, Bias: true})
		}
		b.pool()
	}
	return b.classify()
}

// PLIFFashion is the network of PLIF (Fang et al. 2021) for Fashion-MNIST, of
// which ten neurons vote for each class. As published, the neurons of its fully
// connected layers stand without normalisation; here tdBN stands before them, as
// everywhere in this zoo, so that they fire from the start. They were trained
// with a dropout of .5.
func PLIFFashion(c Config) graph.Graph {
	const votes = 10
	b := newBuilder("plif-fashion", c)
	for range 2 {
		b.conv(128)
		b.add("pool", &graph.MaxPool{Kernel: 2, Stride: 2})
	}
	b.hidden(2048)
	b.hidden(votes * c.Classes)
	b.at = b.Add("vote", &graph.Vote{Votes: votes}, b.at)
	return b.readout()
}
