package zoo_test

import (
	"testing"

	"github.com/qif-snn/qif/graph"
)

// tally adds up the parameters and multiply-accumulates of layers as the papers'
// tables give them, each convolution with its normalisation's scale and shift. It
// knows nothing of graphs.
type tally struct {
	side, channels int // of the square image so far
	params, macs   int64
}

// conv is a K×K convolution padded by K/2, with tdBN.
func (t *tally) conv(out, kernel, stride int, bias bool) {
	t.side = (t.side-1)/stride + 1
	weights := int64(kernel * kernel * t.channels * out)
	t.params += weights + 2*int64(out)
	if bias {
		t.params += int64(out)
	}
	t.macs += weights * int64(t.side*t.side)
	t.channels = out
}

// linear is a fully connected layer with so many numbers for each output beside
// its weights.
func (t *tally) linear(out, beside int) {
	weights := int64(t.side * t.side * t.channels * out)
	t.params += weights + int64(beside*out)
	t.macs += weights
	t.side, t.channels = 1, out
}

// stages are a ResNet's for ImageNet.
func (t *tally) stages(blocks []int, widen int) {
	t.conv(64, 7, 2, false)
	t.side /= 2
	width, stride := 64, 1
	for _, n := range blocks {
		for range n {
			in := *t
			if widen == 1 {
				t.conv(width, 3, stride, false)
				t.conv(width, 3, 1, false)
			} else {
				t.conv(width, 1, 1, false)
				t.conv(width, 3, stride, false)
				t.conv(width*widen, 1, 1, false)
			}
			if in.channels != width*widen || stride != 1 {
				before := in
				in.conv(width*widen, 1, stride, false)
				t.params += in.params - before.params
				t.macs += in.macs - before.macs
			}
			stride = 1
		}
		width, stride = 2*width, 2
	}
	t.side = 1
	t.linear(1000, 1)
}

// TestCountsByFormula holds the larger members to counts added up from their
// tables, and to the published ones. The published numbers of the ResNets are
// those of the networks without spikes, in which batch normalisation has as many
// parameters.
func TestCountsByFormula(t *testing.T) {
	published := map[string][2]int64{ // 0: none
		"vggsnn":       {9_271_498, 1_361_654_784},
		"resnet34":     {21_797_672, 3_663_761_408},
		"sew-resnet18": {11_689_512, 1_814_073_344},
		"sew-resnet34": {21_797_672, 3_663_761_408},
		"sew-resnet50": {25_557_032, 4_089_184_256},
	}
	vgg := tally{side: 48, channels: 2}
	for _, pair := range [][2]int{{64, 128}, {256, 256}, {512, 512}, {512, 512}} {
		vgg.conv(pair[0], 3, 1, true)
		vgg.conv(pair[1], 3, 1, true)
		vgg.side /= 2
	}
	vgg.linear(10, 1)
	plif := tally{side: 28, channels: 1}
	for range 2 {
		plif.conv(128, 3, 1, false)
		plif.side /= 2
	}
	plif.linear(2048, 2)
	plif.linear(100, 2)
	resnet := func(blocks []int, widen int) tally {
		r := tally{side: 224, channels: 3}
		r.stages(blocks, widen)
		return r
	}
	for name, want := range map[string]tally{
		"vggsnn": vgg, "plif-fashion": plif,
		"resnet34":     resnet([]int{3, 4, 6, 3}, 1),
		"sew-resnet18": resnet([]int{2, 2, 2, 2}, 1),
		"sew-resnet34": resnet([]int{3, 4, 6, 3}, 1),
		"sew-resnet50": resnet([]int{3, 4, 6, 3}, 4),
	} {
		net := meant(t, name)
		if net.ParamCount() != want.params || net.MACs() != want.macs {
			t.Errorf("%s: %d parameters and %d MACs, by formula %d and %d", name, net.ParamCount(), net.MACs(), want.params, want.macs)
		}
		if p, ok := published[name]; ok && p != [2]int64{net.ParamCount(), net.MACs()} {
			t.Errorf("%s: %d parameters and %d MACs, published %v", name, net.ParamCount(), net.MACs(), p)
		}
	}
}

// TestFirstLayer holds what is charged once per image.
func TestFirstLayer(t *testing.T) {
	for _, name := range []string{"resnet34", "sew-resnet18", "sew-resnet34", "sew-resnet50"} {
		for _, l := range meant(t, name).Layers {
			if l.MACs > 0 && l.Static != (l.Name == "conv1") {
				t.Errorf("%s: %s is constant over time: %v", name, l.Name, l.Static)
			}
			if l.Name == "conv1" && (l.MACs != 118_013_952 || l.Out != graph.Shape{H: 112, W: 112, C: 64}) {
				t.Errorf("%s: conv1 gives %v by %d MACs", name, l.Out, l.MACs)
			}
		}
	}
}
