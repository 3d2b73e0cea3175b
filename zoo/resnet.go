package zoo

import (
	"math"

	"github.com/qif-snn/qif/graph"
)

// ResNet19 is the spiking ResNet-19 of tdBN (Zheng et al. 2021) with a stem of
// 64 channels. For 10 classes on 32×32×3 it takes 2,216,495,616
// multiply-accumulates per step. It has the 12,630,858 parameters of the
// published network:
//
//	convolutions   12,486,336   stem 1,728, blocks 12,312,576, shortcuts 172,032
//	their tdBN         10,624   scale and shift of 5,312 channels
//	FC 512→256        131,328   131,072 weights, 256 shifts of tdBN
//	FC 256→10           2,570   with a bias
//
// As published, FC 512→256 has a bias and the neurons behind it stand without
// normalisation: at initialisation no input reaches their threshold, they are
// dead. Here tdBN stands before them. Its shifts take the place of the bias; its
// scale is fixed, so that the number of parameters stays.
func ResNet19(c Config) graph.Graph { return resNet19("resnet19", 64, c) }

// ResNet19Stem128 is ResNet19 with a stem of 128 channels, so that the first
// block needs no shortcut: 12,697,994 parameters and 2,285,373,952
// multiply-accumulates.
func ResNet19Stem128(c Config) graph.Graph { return resNet19("resnet19-128", 128, c) }

func resNet19(name string, stem int, c Config) graph.Graph {
	b := newBuilder(name, c)
	b.conv(stem)
	in := stem
	for _, stage := range []struct{ out, blocks, stride int }{{128, 3, 1}, {256, 3, 2}, {512, 2, 2}} {
		stride := stage.stride
		for range stage.blocks {
			b.residual(in, stage.out, stride)
			in, stride = stage.out, 1
		}
	}
	b.globalPool()
	b.connect(256, false)
	head := graph.DefaultTDBN(1, c.Model.Threshold)
	head.FixedScale = true
	b.add("norm", &head)
	b.neurons()
	return b.classify()
}

// residual adds a basic block: two 3×3 convolutions, to whose result the
// block's input is added before the second layer of neurons, through a 1×1
// convolution where the shape changes. Both branches are normalised to 1/√2 of
// the usual deviation, so that a sum of two has it.
func (b *builder) residual(in, out, stride int) {
	alpha := math.Sqrt2 / 2
	shortcut := b.at
	b.add("conv", &graph.Conv{Out: out, Kernel: 3, Stride: stride, Pad: 1})
	b.spike()
	b.add("conv", &graph.Conv{Out: out, Kernel: 3, Stride: 1, Pad: 1})
	b.norm("norm", alpha)
	main := b.at
	if in != out || stride != 1 {
		b.at = shortcut
		b.add("shortcut", &graph.Conv{Out: out, Kernel: 1, Stride: stride})
		b.norm("shortcut_norm", alpha)
		shortcut = b.at
	}
	b.feed("add", &graph.Add{}, main, shortcut)
	b.neurons()
}
