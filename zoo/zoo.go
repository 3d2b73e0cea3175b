// Package zoo holds architectures: each is one function that returns a graph.
package zoo

import (
	"fmt"
	"strings"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Config is what architectures are built for.
type Config struct {
	Input   graph.Shape
	Coding  string // graph.Direct or graph.Frames
	Classes int
	Model   neuron.Model // of every neuron layer
	Window  window.Spec
	Dropout float64 // before each fully connected layer; 0: none
	// ReadoutLast is how many of the last steps classify; 0: all.
	ReadoutLast int
}

// Net is a member of the zoo.
type Net struct {
	Name, Doc string // Doc tells its layers
	Use       Use    // what it is meant for
	Build     func(Config) graph.Graph
}

// Use is what a network is meant for: images of what shape, how they come, how
// many classes they have. It takes others.
type Use struct {
	Input   graph.Input
	Classes int
}

var (
	fashion  = use(28, 28, 1, graph.Direct, 10)
	cifar    = use(32, 32, 3, graph.Direct, 10)
	dvs      = use(48, 48, 2, graph.Frames, 10)
	imageNet = use(224, 224, 3, graph.Direct, 1000)
)

func use(h, w, c int, coding string, classes int) Use {
	return Use{graph.Input{Shape: graph.Shape{H: h, W: w, C: c}, Coding: coding}, classes}
}

// Nets lists the members.
var Nets = []Net{
	{"tiny", "16C3-AP2-32C3-AP2-FC", fashion, Tiny},
	{"mini", "32C3-AP2-64C3-64C3-AP2-128C3-FC", fashion, Mini},
	{"small", "64C3-64C3-AP2-128C3-128C3-AP2-FC256-FC", fashion, Small},
	{"mlp", "FC128-FC128-FC", fashion, func(c Config) graph.Graph { return MLP(c, 128, 128) }},
	{"resnet19", "64C3-[128C3-128C3]×3-[256C3-256C3]×3-[512C3-512C3]×2-GAP-FC256-FC", cifar, ResNet19},
	{"resnet19-128", "128C3-[128C3-128C3]×3-[256C3-256C3]×3-[512C3-512C3]×2-GAP-FC256-FC", cifar, ResNet19Stem128},
	{"vggsnn", "64C3-128C3-AP2-256C3-256C3-AP2-512C3-512C3-AP2-512C3-512C3-AP2-FC", dvs, VGGSNN},
	{"plif-fashion", "128C3-MP2-128C3-MP2-FC2048-FC100-vote", fashion, PLIFFashion},
	{"resnet34", "64C7s2-MP3s2-[64C3-64C3]×3-[128C3-128C3]×4-[256C3-256C3]×6-[512C3-512C3]×3-GAP-FC", imageNet, ResNet34},
	{"sew-resnet18", "64C7s2-MP3s2-[64C3-64C3]×2-[128C3-128C3]×2-[256C3-256C3]×2-[512C3-512C3]×2-GAP-FC", imageNet, SEWResNet18},
	{"sew-resnet34", "64C7s2-MP3s2-[64C3-64C3]×3-[128C3-128C3]×4-[256C3-256C3]×6-[512C3-512C3]×3-GAP-FC", imageNet, SEWResNet34},
	{
		"sew-resnet50", "64C7s2-MP3s2-[64C1-64C3-256C1]×3-[128C1-128C3-512C1]×4-[256C1-256C3-1024C1]×6-[512C1-512C3-2048C1]×3-GAP-FC",
		imageNet, SEWResNet50,
	},
}

// Named returns the member of that name.
func Named(name string) (Net, error) {
	var names []string
	for _, n := range Nets {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Net{}, fmt.Errorf("unknown network %q; known: %s, or the path of a graph file ending in .json", name, strings.Join(names, ", "))
}

// Tiny is 16C3-AP2-32C3-AP2-FC.
func Tiny(c Config) graph.Graph {
	b := newBuilder("tiny", c)
	b.conv(16)
	b.pool()
	b.conv(32)
	b.pool()
	return b.classify()
}

// Mini is 32C3-AP2-64C3-64C3-AP2-128C3-FC.
func Mini(c Config) graph.Graph {
	b := newBuilder("mini", c)
	b.conv(32)
	b.pool()
	b.conv(64)
	b.conv(64)
	b.pool()
	b.conv(128)
	return b.classify()
}

// Small is 64C3-64C3-AP2-128C3-128C3-AP2-FC256-FC.
func Small(c Config) graph.Graph {
	b := newBuilder("small", c)
	b.conv(64)
	b.conv(64)
	b.pool()
	b.conv(128)
	b.conv(128)
	b.pool()
	b.hidden(256)
	return b.classify()
}

// builder strings layers together, numbering each kind from 1.
type builder struct {
	*graph.Builder
	c     Config
	at    string // the node built last
	count map[string]int
	flat  bool
}

func newBuilder(name string, c Config) *builder {
	b := &builder{Builder: graph.NewBuilder(name), c: c, count: map[string]int{}}
	b.at = b.Add("input", &graph.Input{Shape: c.Input, Coding: c.Coding})
	return b
}

// add puts an operation behind the node built last.
func (b *builder) add(kind string, op graph.Op) { b.feed(kind, op, b.at) }

// feed adds an operation fed by the given nodes.
func (b *builder) feed(kind string, op graph.Op, inputs ...string) {
	b.count[kind]++
	b.at = b.Add(fmt.Sprintf("%s%d", kind, b.count[kind]), op, inputs...)
}

// conv adds a 3×3 convolution without bias, tdBN and neurons.
func (b *builder) conv(out int) { b.convolve(graph.Conv{Out: out, Kernel: 3, Stride: 1, Pad: 1}) }

// convolve adds a convolution, tdBN and neurons.
func (b *builder) convolve(op graph.Conv) {
	b.add("conv", &op)
	b.spike()
}

// spike adds tdBN in front of neurons.
func (b *builder) spike() {
	b.norm("norm", 1)
	b.neurons()
}

// norm adds tdBN that leaves a deviation of α·θ.
func (b *builder) norm(kind string, alpha float64) {
	op := graph.DefaultTDBN(alpha, b.c.Model.Threshold)
	b.add(kind, &op)
}

func (b *builder) neurons() { b.fire("neuron") }

// fire adds neurons of a name of their own.
func (b *builder) fire(kind string) {
	b.add(kind, &graph.Neuron{Model: b.c.Model, Window: b.c.Window})
}

// globalPool leaves a vector: the mean of the image.
func (b *builder) globalPool() {
	b.at = b.Add("global_pool", &graph.GlobalAvgPool{}, b.at)
	b.flat = true
}

func (b *builder) pool() { b.add("pool", &graph.AvgPool{Kernel: 2, Stride: 2}) }

// hidden adds a fully connected layer with tdBN, without which its neurons
// would not fire, and neurons.
func (b *builder) hidden(out int) {
	b.connect(out, false)
	b.spike()
}

// connect adds a fully connected layer behind whatever came before.
func (b *builder) connect(out int, bias bool) {
	if !b.flat {
		b.at = b.Add("flatten", &graph.Flatten{}, b.at)
		b.flat = true
	}
	if b.c.Dropout != 0 { // graph.Check refuses a negative share
		b.add("dropout", &graph.Dropout{P: b.c.Dropout})
	}
	b.add("fc", &graph.Linear{Out: out, Bias: bias})
}

// classify ends the network with logits that do not spike.
func (b *builder) classify() graph.Graph {
	b.connect(b.c.Classes, true)
	return b.readout()
}

// readout ends the network with the node built last as its logits.
func (b *builder) readout() graph.Graph {
	b.at = b.Add("readout", &graph.Readout{Last: b.c.ReadoutLast}, b.at)
	return b.Graph()
}
