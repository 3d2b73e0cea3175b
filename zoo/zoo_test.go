package zoo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
	"github.com/qif-snn/qif/zoo"
)

var (
	fashion = graph.Shape{H: 28, W: 28, C: 1}
	cifar   = graph.Shape{H: 32, W: 32, C: 3}
)

func config(t testing.TB, in graph.Shape) zoo.Config {
	t.Helper()
	m, err := neuron.Default("qif")
	if err != nil {
		t.Fatal(err)
	}
	return zoo.Config{
		Input: in, Coding: graph.Direct, Classes: 10, Model: m,
		Window: window.Spec{Policy: window.Policy{Kind: window.Sigma, Value: 1}, Shape: window.Triangular},
	}
}

func build(t testing.TB, name string, c zoo.Config) *graph.Network {
	t.Helper()
	member, err := zoo.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.Check(member.Build(c))
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// meant builds a member for what it is meant for.
func meant(t testing.TB, name string) *graph.Network {
	t.Helper()
	member, err := zoo.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	c := config(t, member.Use.Input.Shape)
	c.Coding, c.Classes = member.Use.Input.Coding, member.Use.Classes
	return build(t, name, c)
}

// TestCounts holds trainable parameters and multiply-accumulates per step.
//
// tiny on 28×28×1: the maps are 28², 14² and 7².
//
//	conv1  9·1·16  =   144   norm1 2·16 = 32    28²·144  =  112,896
//	conv2  9·16·32 = 4,608   norm2 2·32 = 64    14²·4,608 =  903,168
//	fc1    7²·32·10 + 10 = 15,690                            15,680
//	                        total 20,538                  1,031,744
//
// mini on 28×28×1:
//
//	conv1  9·1·32   =    288   norm1  64    28²·288    =   225,792
//	conv2  9·32·64  = 18,432   norm2 128    14²·18,432 = 3,612,672
//	conv3  9·64·64  = 36,864   norm3 128    14²·36,864 = 7,225,344
//	conv4  9·64·128 = 73,728   norm4 256    7²·73,728  = 3,612,672
//	fc1    7²·128·10 + 10 = 62,730                          62,720
//	                 total 192,618                      14,739,200
//
// small on 28×28×1:
//
//	conv1  9·1·64    =       576   norm1 128    28²·576     =    451,584
//	conv2  9·64·64   =    36,864   norm2 128    28²·36,864  = 28,901,376
//	conv3  9·64·128  =    73,728   norm3 256    14²·73,728  = 14,450,688
//	conv4  9·128·128 =   147,456   norm4 256    14²·147,456 = 28,901,376
//	fc1    7²·128·256 = 1,605,632  norm5 512                   1,605,632
//	fc2    256·10 + 10 =   2,570                                   2,560
//	                 total 1,868,106                          74,313,216
//
// mlp on 28×28×1, and on rows of 28 numbers, where fc1 has 28·128 = 3,584:
//
//	fc1  784·128 = 100,352   norm1 256   100,352
//	fc2  128·128 =  16,384   norm2 256    16,384
//	fc3  128·10 + 10 = 1,290               1,280
//	             total 118,538           118,016
//
// On 32×32×3 the maps are 32², 16² and 8². tiny: conv1 432 and 442,368 MACs,
// conv2 1,179,648, fc1 8²·32·10 = 20,480; mini: conv1 864 and 884,736 MACs,
// conv2 and conv4 4,718,592 each, conv3 9,437,184, fc1 8²·128·10 = 81,920; small: conv1 1,728 and 1,769,472,
// conv2 and conv4 37,748,736 each, conv3 18,874,368, fc1 8²·128·256 = 2,097,152.
//
// ResNet-19's are added up in resnet.go; TestCountsByFormula has the others.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name         string
		in           graph.Shape
		params, macs int64
	}{
		{"tiny", fashion, 20_538, 1_031_744},
		{"tiny", cifar, 432 + 32 + 4_608 + 64 + 20_490, 442_368 + 1_179_648 + 20_480},
		{"mini", fashion, 192_618, 14_739_200},
		{
			"mini", cifar, 864 + 64 + 18_432 + 128 + 36_864 + 128 + 73_728 + 256 + 81_930,
			884_736 + 4_718_592 + 9_437_184 + 4_718_592 + 81_920,
		},
		{"small", fashion, 1_868_106, 74_313_216},
		{
			"small", cifar, 1_728 + 128 + 36_864 + 128 + 73_728 + 256 + 147_456 + 256 + 2_097_152 + 512 + 2_570,
			1_769_472 + 2*37_748_736 + 18_874_368 + 2_097_152 + 2_560,
		},
		{"mlp", fashion, 118_538, 118_016},
		{"mlp", graph.Shape{H: 1, W: 1, C: 28}, 3_584 + 256 + 16_384 + 256 + 1_290, 3_584 + 16_384 + 1_280},
		{"resnet19", cifar, 12_630_858, 2_216_495_616},
		{"resnet19-128", cifar, 12_697_994, 2_285_373_952},
	} {
		net := build(t, c.name, config(t, c.in))
		if net.ParamCount() != c.params || net.MACs() != c.macs {
			t.Errorf("%s on %v: %d parameters and %d MACs, want %d and %d", c.name, c.in, net.ParamCount(), net.MACs(), c.params, c.macs)
		}
	}
}

// TestResidualBlocks holds ResNet-19's shapes and where it has shortcuts.
func TestResidualBlocks(t *testing.T) {
	for name, shortcuts := range map[string]string{
		"resnet19":     "16×16×128 8×8×256 4×4×512",
		"resnet19-128": "8×8×256 4×4×512",
	} {
		net := build(t, name, config(t, graph.Shape{H: 16, W: 16, C: 3}))
		blocks, got := []string{}, []string{}
		for _, l := range net.Layers {
			switch {
			case l.Op.Kind() == "add":
				blocks = append(blocks, l.Out.String())
			case strings.HasPrefix(l.Name, "shortcut_norm"):
				got = append(got, l.Out.String())
			}
		}
		const want = "16×16×128 16×16×128 16×16×128 8×8×256 8×8×256 8×8×256 4×4×512 4×4×512"
		if strings.Join(blocks, " ") != want || strings.Join(got, " ") != shortcuts {
			t.Errorf("%s: blocks %v, shortcuts %v; want %v and %v", name, blocks, got, want, shortcuts)
		}
	}
}

// TestEveryMember holds what all members promise.
func TestEveryMember(t *testing.T) {
	for _, member := range zoo.Nets {
		for _, coding := range []string{graph.Direct, graph.Frames} {
			for _, in := range []graph.Shape{fashion, cifar} {
				c := config(t, in)
				c.Coding, c.Classes, c.Model.Threshold, c.Dropout, c.ReadoutLast = coding, 7, .5, .2, 3
				net := build(t, member.Name, c)
				if net.Graph.Name != member.Name || net.Classes() != 7 || net.Readout().Last != 3 ||
					!reflect.DeepEqual(*net.Input(), graph.Input{Shape: in, Coding: coding}) {
					t.Errorf("%s: named %q, %d classes, input %v", member.Name, net.Graph.Name, net.Classes(), net.Input())
				}
				checkLayers(t, net, c)
				checkFile(t, net)
			}
		}
	}
}

// checkLayers requires tdBN for the neurons' threshold before every neuron, of
// 1/√2 the deviation where two branches are added and of fixed scale in the head of
// ResNet-19, dropout before every linear layer, and biases where no tdBN follows;
// in VGGSNN before it too.
func checkLayers(t *testing.T, net *graph.Network, c zoo.Config) {
	t.Helper()
	next := map[string]graph.Layer{} // what follows a node; the last of several
	for _, l := range net.Layers {
		for _, in := range l.Inputs {
			next[in] = l
		}
	}
	for _, l := range net.Layers[1:] {
		before, after := net.Layers[l.From[0]].Op, ""
		if n, ok := next[l.Name]; ok {
			after = n.Op.Kind()
		}
		ok := true
		switch op := l.Op.(type) {
		case *graph.Conv:
			k, bias := op.Kernel, net.Graph.Name == "vggsnn"
			ok = *op == graph.Conv{Out: op.Out, Kernel: k, Stride: op.Stride, Pad: k / 2, Bias: bias} &&
				(k == 3 || k == 1 || k == 7 && l.Name == "conv1") && after == "tdbn"
		case *graph.Linear:
			ok = before.Kind() == "dropout" && op.Bias == (after != "tdbn") && (after == "tdbn" || after == "readout")
		case *graph.TDBN:
			alpha := 1.
			if after == "add" {
				alpha = math.Sqrt2 / 2
			}
			want := graph.DefaultTDBN(alpha, c.Model.Threshold)
			want.FixedScale = before.Kind() == "linear" && strings.HasPrefix(net.Graph.Name, "resnet19")
			ok = *op == want && (after == "neuron" || after == "add")
		case *graph.Add:
			if ok = len(l.From) == 2 && before.Kind() == "tdbn" && after == "neuron"; strings.HasPrefix(net.Graph.Name, "sew") {
				ok = len(l.From) == 2 && before.Kind() == "neuron" && after != "neuron"
			}
		case *graph.Neuron:
			ok = (before.Kind() == "tdbn" || before.Kind() == "add") && reflect.DeepEqual(*op, graph.Neuron{Model: c.Model, Window: c.Window})
		case *graph.Dropout:
			ok = op.P == c.Dropout && after == "linear"
		}
		if !ok {
			t.Errorf("%s: %s is %+v, between %s and %s", net.Graph.Name, l.Name, l.Op, before.Kind(), after)
		}
	}
}

// checkFile requires that the network survives its JSON form.
func checkFile(t *testing.T, net *graph.Network) {
	t.Helper()
	b, err := json.Marshal(net.Graph)
	if err != nil {
		t.Fatal(err)
	}
	back, err := graph.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, net) {
		t.Errorf("%s reads back from its JSON form as another network", net.Graph.Name)
	}
}

func TestNodeNames(t *testing.T) {
	c := config(t, fashion)
	c.Dropout = .5
	for name, want := range map[string]string{
		"tiny": "input conv1 norm1 neuron1 pool1 conv2 norm2 neuron2 pool2 flatten dropout1 fc1 readout",
		"mini": "input conv1 norm1 neuron1 pool1 conv2 norm2 neuron2 conv3 norm3 neuron3 pool2 " +
			"conv4 norm4 neuron4 flatten dropout1 fc1 readout",
		"small": "input conv1 norm1 neuron1 conv2 norm2 neuron2 pool1 conv3 norm3 neuron3 conv4 norm4 neuron4 pool2 " +
			"flatten dropout1 fc1 norm5 neuron5 dropout2 fc2 readout",
		"mlp": "input flatten dropout1 fc1 norm1 neuron1 dropout2 fc2 norm2 neuron2 dropout3 fc3 readout",
		"resnet19": "input conv1 norm1 neuron1 " +
			"conv2 norm2 neuron2 conv3 norm3 shortcut1 shortcut_norm1 add1 neuron3 " +
			"conv4 norm4 neuron4 conv5 norm5 add2 neuron5 conv6 norm6 neuron6 conv7 norm7 add3 neuron7 " +
			"conv8 norm8 neuron8 conv9 norm9 shortcut2 shortcut_norm2 add4 neuron9 " +
			"conv10 norm10 neuron10 conv11 norm11 add5 neuron11 conv12 norm12 neuron12 conv13 norm13 add6 neuron13 " +
			"conv14 norm14 neuron14 conv15 norm15 shortcut3 shortcut_norm3 add7 neuron15 " +
			"conv16 norm16 neuron16 conv17 norm17 add8 neuron17 " +
			"global_pool dropout1 fc1 norm18 neuron18 dropout2 fc2 readout",
		"plif-fashion": "input conv1 norm1 neuron1 pool1 conv2 norm2 neuron2 pool2 flatten " +
			"dropout1 fc1 norm3 neuron3 dropout2 fc2 norm4 neuron4 vote readout",
		"sew-resnet18": "input conv1 norm1 neuron1 pool1 " +
			"conv2 norm2 neuron2 conv3 norm3 neuron3 add1 conv4 norm4 neuron4 conv5 norm5 neuron5 add2 " +
			"conv6 norm6 neuron6 conv7 norm7 neuron7 shortcut1 shortcut_norm1 shortcut_neuron1 add3 " +
			"conv8 norm8 neuron8 conv9 norm9 neuron9 add4 " +
			"conv10 norm10 neuron10 conv11 norm11 neuron11 shortcut2 shortcut_norm2 shortcut_neuron2 add5 " +
			"conv12 norm12 neuron12 conv13 norm13 neuron13 add6 " +
			"conv14 norm14 neuron14 conv15 norm15 neuron15 shortcut3 shortcut_norm3 shortcut_neuron3 add7 " +
			"conv16 norm16 neuron16 conv17 norm17 neuron17 add8 global_pool dropout1 fc1 readout",
	} {
		var names []string
		for _, n := range build(t, name, c).Graph.Nodes {
			names = append(names, n.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: nodes %s, want %s", name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := zoo.Named("resnet-0"); err == nil || !strings.Contains(err.Error(), `"resnet-0"; known: tiny, mini, small`) {
		t.Errorf("an unknown name: got error %v", err)
	}
	for name, c := range map[string]struct {
		change func(c *zoo.Config)
		want   string
	}{
		"small image":      {func(c *zoo.Config) { c.Input.H = 3 }, `"pool2": avgpool: kernel 2 with pad 0 does not fit`},
		"negative dropout": {func(c *zoo.Config) { c.Dropout = -.1 }, `"dropout1": dropout: p is -0.1`},
		"one class":        {func(c *zoo.Config) { c.Classes = 1 }, `"readout": readout: takes at least 2 classes`},
		"coding":           {func(c *zoo.Config) { c.Coding = "" }, `"input": input: coding is ""`},
	} {
		conf := config(t, fashion)
		c.change(&conf)
		_, err := graph.Check(zoo.Tiny(conf))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}

func ExampleNamed() {
	member, err := zoo.Named("tiny")
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := neuron.Default("qif")
	if err != nil {
		fmt.Println(err)
		return
	}
	net, err := graph.Check(member.Build(zoo.Config{
		Input: graph.Shape{H: 28, W: 28, C: 1}, Coding: graph.Direct, Classes: 10, Model: model,
		Window: window.Spec{Policy: window.Policy{Kind: window.Bandwidth, Value: window.DefaultTerms}, Shape: window.Triangular},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(member.Doc)
	for _, l := range net.Layers {
		fmt.Printf("%-8s %v\n", l.Name, l.Out)
	}
	// Output:
	// 16C3-AP2-32C3-AP2-FC
	// input    28×28×1
	// conv1    28×28×16
	// norm1    28×28×16
	// neuron1  28×28×16
	// pool1    14×14×16
	// conv2    14×14×32
	// norm2    14×14×32
	// neuron2  14×14×32
	// pool2    7×7×32
	// flatten  1×1×1568
	// fc1      1×1×10
	// readout  1×1×10
}
