package zoo

import "github.com/qif-snn/qif/graph"

// ResNet34 is the spiking ResNet-34 of tdBN (Zheng et al. 2021) for images of
// 224×224: addition before the neurons. It has the 21,797,672 parameters of
// ResNet-34 (He et al. 2016) and takes 3,663,761,408 multiply-accumulates per
// step for 1,000 classes.
func ResNet34(c Config) graph.Graph {
	b := newBuilder("resnet34", c)
	b.stem()
	b.stages([4]int{3, 4, 6, 3}, 1, b.residual)
	return b.average()
}

// SEWResNet18, SEWResNet34 and SEWResNet50 are the spike-element-wise ResNets of
// Fang et al. 2021 with ADD: each block adds its input behind its last neurons, so
// that what blocks hand on is not spikes but their sums. They have the
// parameters of the ResNets they are named after: 11,689,512, 21,797,672 and
// 25,557,032.
func SEWResNet18(c Config) graph.Graph {
	b := newBuilder("sew-resnet18", c)
	b.stem()
	b.stages([4]int{2, 2, 2, 2}, 1, b.sew)
	return b.average()
}

// SEWResNet34 has basic blocks; see SEWResNet18.
func SEWResNet34(c Config) graph.Graph {
	b := newBuilder("sew-resnet34", c)
	b.stem()
	b.stages([4]int{3, 4, 6, 3}, 1, b.sew)
	return b.average()
}

// SEWResNet50 has bottlenecks; see SEWResNet18.
func SEWResNet50(c Config) graph.Graph {
	b := newBuilder("sew-resnet50", c)
	b.stem()
	b.stages([4]int{3, 4, 6, 3}, bottleneck, b.sewBottleneck)
	return b.average()
}

// bottleneck is how many times wider a bottleneck's output is than its 3×3
// convolution.
const bottleneck = 4

// stem begins a network for images of 224×224, of which it leaves 56×56.
func (b *builder) stem() {
	b.convolve(graph.Conv{Out: 64, Kernel: 7, Stride: 2, Pad: 3})
	b.add("pool", &graph.MaxPool{Kernel: 3, Stride: 2, Pad: 1})
}

// stages adds the four stages of so many blocks, of 64, 128, 256 and 512
// channels times widen. All but the first halve the image.
func (b *builder) stages(blocks [4]int, widen int, block func(in, out, stride int)) {
	in, out, stride := 64, 64*widen, 1
	for _, n := range blocks {
		for range n {
			block(in, out, stride)
			in, stride = out, 1
		}
		out, stride = 2*out, 2
	}
}

// sew adds a basic block: two 3×3 convolutions, each with neurons, to whose
// spikes the block's input is added.
func (b *builder) sew(in, out, stride int) {
	shortcut := b.at
	b.convolve(graph.Conv{Out: out, Kernel: 3, Stride: stride, Pad: 1})
	b.conv(out)
	b.addSpikes(shortcut, in, out, stride)
}

// sewBottleneck adds a block of a 1×1, a 3×3 and a 1×1 convolution.
func (b *builder) sewBottleneck(in, out, stride int) {
	shortcut := b.at
	b.convolve(graph.Conv{Out: out / bottleneck, Kernel: 1, Stride: 1})
	b.convolve(graph.Conv{Out: out / bottleneck, Kernel: 3, Stride: stride, Pad: 1})
	b.convolve(graph.Conv{Out: out, Kernel: 1, Stride: 1})
	b.addSpikes(shortcut, in, out, stride)
}

// addSpikes adds a block's input to the spikes made last, through a 1×1
// convolution with neurons where the shape changes.
func (b *builder) addSpikes(shortcut string, in, out, stride int) {
	main := b.at
	if in != out || stride != 1 {
		b.at = shortcut
		b.add("shortcut", &graph.Conv{Out: out, Kernel: 1, Stride: stride})
		b.norm("shortcut_norm", 1)
		b.fire("shortcut_neuron")
		shortcut = b.at
	}
	b.feed("add", &graph.Add{}, main, shortcut)
}

// average ends the network with the logits of an image's mean.
func (b *builder) average() graph.Graph {
	b.globalPool()
	return b.classify()
}
