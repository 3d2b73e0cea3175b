package ref_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine/ref"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// forward runs one sample or more over steps, with the head's tensors zero if
// they are not given.
func forward(t *testing.T, net *graph.Network, params map[string][]float64, x []float64, n, steps int, o ref.Options) *ref.Trace {
	t.Helper()
	if _, ok := params["fc.weight"]; !ok && params != nil {
		for _, p := range net.Params {
			if p.Name == "fc.weight" {
				params[p.Name] = make([]float64, p.Size())
			}
		}
	}
	tr, err := ref.Forward(net, params, x, n, steps, windowsOf(t, net, steps), o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestConvByHand(t *testing.T) {
	tests := []struct {
		name         string
		in           graph.Shape
		op           graph.Conv
		x, w, b      []float64
		want         []float64
		steps, batch int
	}{
		{
			name: "2×2 on 2×2", in: graph.Shape{H: 2, W: 2, C: 1}, op: graph.Conv{Out: 1, Kernel: 2, Stride: 1, Bias: true},
			x: []float64{1, 2, 3, 4}, w: []float64{1, 10, 100, 1000}, b: []float64{.5},
			want: []float64{4321.5}, // 1·1 + 2·10 + 3·100 + 4·1000 + .5
		},
		{
			// Each kernel tap has a digit of its own: with the centre at 10⁴ the
			// pixel to the right shows at 10⁵, the one below at 10⁷.
			name: "3×3 padded", in: graph.Shape{H: 2, W: 2, C: 1}, op: graph.Conv{Out: 1, Kernel: 3, Stride: 1, Pad: 1},
			x: []float64{1, 2, 3, 4}, w: []float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8},
			want: []float64{430210000, 43021000, 430210, 43021},
		},
		{
			name: "stride 2", in: graph.Shape{H: 3, W: 3, C: 1}, op: graph.Conv{Out: 1, Kernel: 1, Stride: 2},
			x: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, w: []float64{10}, want: []float64{10, 30, 70, 90},
		},
		{
			name: "channels", in: graph.Shape{H: 1, W: 1, C: 2}, op: graph.Conv{Out: 3, Kernel: 1, Stride: 1},
			x: []float64{2, 3}, w: []float64{1, 2, 4, 10, 20, 40}, want: []float64{32, 64, 128},
		},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			net := chain(t, c.in, graph.Direct, append([]named{{"conv", &c.op}}, head...)...)
			params := map[string][]float64{"conv.weight": c.w}
			if c.op.Bias {
				params["conv.bias"] = c.b
			}
			tr := forward(t, net, params, c.x, 1, 2, ref.Options{})
			near(t, "conv", tr.Outputs["conv"], slices.Concat(c.want, c.want)) // the same at both steps
		})
	}
}

// TestConvScatters compares with the transposed formulation, in which every
// input adds to the outputs that see it, on a copy of the input with an explicit
// frame of zeros.
func TestConvScatters(t *testing.T) {
	const n, h, w, cin, cout, k, stride, pad = 2, 5, 4, 3, 2, 3, 2, 1
	net := chain(t, graph.Shape{H: h, W: w, C: cin}, graph.Direct,
		append([]named{{"conv", &graph.Conv{Out: cout, Kernel: k, Stride: stride, Pad: pad}}}, head...)...)
	x, weight := normals(n*h*w*cin, 1), normals(k*k*cin*cout, 2)
	got := forward(t, net, map[string][]float64{"conv.weight": weight}, x, n, 1, ref.Options{}).Outputs["conv"]

	const ph, pw, oh, ow = h + 2*pad, w + 2*pad, 3, 2
	want := make([]float64, n*oh*ow*cout)
	for i := range n {
		padded := make([]float64, ph*pw*cin)
		for r := range h {
			copy(padded[((r+pad)*pw+pad)*cin:], x[(i*h+r)*w*cin:][:w*cin])
		}
		for at, v := range padded {
			c, col, row := at%cin, at/cin%pw, at/cin/pw
			for or := range oh {
				for oc := range ow {
					a, b := row-or*stride, col-oc*stride
					if a < 0 || a >= k || b < 0 || b >= k {
						continue
					}
					for o := range cout {
						want[((i*oh+or)*ow+oc)*cout+o] += v * weight[((a*k+b)*cin+c)*cout+o]
					}
				}
			}
		}
	}
	near(t, "conv", got, want)
}

func TestShapesByHand(t *testing.T) {
	square := graph.Shape{H: 2, W: 2, C: 2}
	x := []float64{1, 10, 2, 20, 3, 30, 4, 40}
	for name, c := range map[string]struct {
		op   graph.Op
		want []float64
	}{
		"average":        {&graph.AvgPool{Kernel: 2, Stride: 1}, []float64{2.5, 25}},
		"largest":        {&graph.MaxPool{Kernel: 2, Stride: 2}, []float64{4, 40}},
		"skipping":       {&graph.MaxPool{Kernel: 1, Stride: 2}, []float64{1, 10}},
		"padded":         {&graph.MaxPool{Kernel: 3, Stride: 2, Pad: 1}, []float64{4, 40}},
		"in the corners": {&graph.MaxPool{Kernel: 2, Stride: 2, Pad: 1}, x},
		"global average": {&graph.GlobalAvgPool{}, []float64{2.5, 25}},
		"flatten":        {&graph.Flatten{}, x},
		"dropout":        {&graph.Dropout{P: .5}, x},
	} {
		net := chain(t, square, graph.Direct, append([]named{{"op", c.op}}, head...)...)
		got := forward(t, net, map[string][]float64{}, x, 1, 1, ref.Options{})
		near(t, name, got.Outputs["op"], c.want)
	}
}

func TestBranchesByHand(t *testing.T) {
	b := graph.NewBuilder("branches")
	x := b.Add("input", &graph.Input{Shape: graph.Shape{H: 1, W: 2, C: 2}, Coding: graph.Frames})
	y := b.Add("pool", &graph.MaxPool{Kernel: 1, Stride: 1}, x)
	z := b.Add("conv", &graph.Conv{Out: 1, Kernel: 1, Stride: 1}, x)
	sum := b.Add("sum", &graph.Add{}, x, y, x)
	join := b.Add("join", &graph.Concat{}, z, sum)
	b.Add("readout", &graph.Readout{}, b.Add("gap", &graph.GlobalAvgPool{}, join))
	tr := forward(t, check(t, b), map[string][]float64{"conv.weight": {1, 1}},
		[]float64{1, 2, 3, 4, 5, 6, 7, 8}, 1, 2, ref.Options{})
	near(t, "sum", tr.Outputs["sum"], []float64{3, 6, 9, 12, 15, 18, 21, 24})
	near(t, "join", tr.Outputs["join"], []float64{3, 3, 6, 7, 9, 12, 11, 15, 18, 15, 21, 24})
	near(t, "logits", tr.Logits, []float64{5, 6, 9, 13, 18, 21})
}

// TestPaddingIsNotAValue: where all is negative, padding must not win.
func TestPaddingIsNotAValue(t *testing.T) {
	net := chain(t, graph.Shape{H: 3, W: 3, C: 2}, graph.Direct, append([]named{{"op", &graph.MaxPool{Kernel: 3, Stride: 2, Pad: 1}}}, head...)...)
	x := make([]float64, 18)
	for i := range x {
		x[i] = float64(i) - 100
	}
	got := forward(t, net, map[string][]float64{}, x, 1, 1, ref.Options{})
	near(t, "largest", got.Outputs["op"], []float64{-92, -91, -90, -89, -86, -85, -84, -83})
}

func TestVotesByHand(t *testing.T) {
	net := chain(t, graph.Shape{H: 1, W: 1, C: 6}, graph.Direct, named{"op", &graph.Vote{Votes: 3}})
	got := forward(t, net, map[string][]float64{}, []float64{1, 2, 4, 8, 16, 32}, 1, 1, ref.Options{})
	near(t, "votes", got.Logits, []float64{7, 56})
}

func TestLinearByHand(t *testing.T) {
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Direct, named{"out", &graph.Linear{Out: 3, Bias: true}})
	params := map[string][]float64{"out.weight": {1, 2, 4, 10, 20, 40}, "out.bias": {.1, .2, .3}}
	tr := forward(t, net, params, []float64{2, 3, 1, 0}, 2, 1, ref.Options{})
	near(t, "logits", tr.Logits, []float64{32.1, 64.2, 128.3, 1.1, 2.2, 4.3})
}

func TestTDBNByHand(t *testing.T) {
	op := graph.TDBN{Alpha: .5, Threshold: 2, Momentum: .25, Eps: 4}
	net := chain(t, graph.Shape{H: 1, W: 2, C: 1}, graph.Frames, append([]named{{"bn", &op}}, head...)...)
	params := map[string][]float64{
		"bn.scale": {3}, "bn.shift": {.25}, "bn.running_mean": {1}, "bn.running_var": {12},
	}
	x := []float64{1, 3, 5, 7} // two steps of two pixels: mean 4, variance 5
	tr := forward(t, net, params, x, 1, 2, ref.Options{Train: true})
	// x − 4 over √(5+4) = 3, times λαθ = 3, plus β.
	near(t, "batch", tr.Outputs["bn"], []float64{-2.75, -.75, 1.25, 3.25})
	near(t, "mean", tr.BatchMean["bn"], []float64{4})
	near(t, "variance", tr.BatchVar["bn"], []float64{5})
	running := tr.Running(net, params)
	near(t, "running mean", running["bn.running_mean"], []float64{.75*1 + .25*4})
	near(t, "running variance", running["bn.running_var"], []float64{.75*12 + .25*20/3})
	if len(running) != 2 {
		t.Errorf("%d running tensors, want 2", len(running))
	}
	// x − 1 over √(12+4) = 4, times 3, plus β.
	tr = forward(t, net, params, x, 1, 2, ref.Options{})
	near(t, "running", tr.Outputs["bn"], []float64{.25, 1.75, 3.25, 4.75})
	if len(tr.BatchMean) != 0 {
		t.Error("an inference pass reports batch statistics")
	}
}

// TestTDBNOfFixedScale: λ is 1, and no tensor says so.
func TestTDBNOfFixedScale(t *testing.T) {
	op := graph.TDBN{Alpha: .5, Threshold: 2, Momentum: .25, Eps: 4, FixedScale: true}
	net := chain(t, graph.Shape{H: 1, W: 2, C: 1}, graph.Frames, append([]named{{"bn", &op}}, head...)...)
	params := map[string][]float64{"bn.shift": {.25}, "bn.running_mean": {1}, "bn.running_var": {12}}
	x := []float64{1, 3, 5, 7} // mean 4, variance 5: over √(5+4) = 3, running √(12+4) = 4
	for train, want := range map[bool][]float64{true: {-.75, .25 - 1./3, .25 + 1./3, 1.25}, false: {.25, .75, 1.25, 1.75}} {
		near(t, "tdBN", forward(t, net, params, x, 1, 2, ref.Options{Train: train}).Outputs["bn"], want)
	}
}

// TestRunningCountsSteps: a directly coded image is T equal frames, so its
// unbiased variance divides by T·N·H·W − 1.
func TestRunningCountsSteps(t *testing.T) {
	op := graph.DefaultTDBN(1, 1)
	op.Momentum = 1
	net := chain(t, graph.Shape{H: 1, W: 2, C: 1}, graph.Direct, append([]named{{"bn", &op}}, head...)...)
	params := map[string][]float64{"bn.scale": {1}, "bn.shift": {0}, "bn.running_mean": {0}, "bn.running_var": {1}}
	for steps, want := range map[int]float64{1: 2, 2: 4. / 3, 4: 8. / 7} { // values 1 and 3: variance 1
		tr := forward(t, net, params, []float64{1, 3}, 1, steps, ref.Options{Train: true})
		near(t, "running variance", tr.Running(net, params)["bn.running_var"], []float64{want})
	}
}

func TestDropoutMasksSamples(t *testing.T) {
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Frames, named{"drop", &graph.Dropout{P: .5}})
	mask := func(node string, sample, element int) float64 {
		if node != "drop" {
			t.Errorf("asked for the mask of %q", node)
		}
		return [][]float64{{0, 2}, {2, 0}}[sample][element]
	}
	tr := forward(t, net, map[string][]float64{}, []float64{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, ref.Options{DropoutMask: mask})
	near(t, "logits", tr.Logits, []float64{0, 4, 6, 0, 0, 12, 14, 0})
}

func TestForwardRefuses(t *testing.T) {
	net := chain(t, graph.Shape{H: 1, W: 1, C: 2}, graph.Frames,
		named{"spike", neuronOp(t, "lif", window.Sigmoid, 1, nil)}, named{"fc", &graph.Linear{Out: 2}})
	good := map[string][]float64{"fc.weight": make([]float64, 4)}
	x := make([]float64, 8)
	for name, c := range map[string]struct {
		params map[string][]float64
		x      []float64
		n      int
		o      ref.Options
		want   string
	}{
		"no samples":    {good, nil, 0, ref.Options{}, "0 samples and 2 steps"},
		"input":         {good, x[:4], 2, ref.Options{}, "input has 4 numbers, expected 8"},
		"tensor":        {map[string][]float64{"fc.weight": x[:3]}, x, 2, ref.Options{}, `tensor "fc.weight" has 3 numbers, expected 4`},
		"extra":         {map[string][]float64{"fc.weight": x[:4], "fc.bias": x[:2]}, x, 2, ref.Options{}, "2 tensors given, the network has 1"},
		"windows":       {good, x, 2, ref.Options{Smooth: true}, `node "spike": 0 window widths`},
		"frozen length": {good, x, 2, ref.Options{FrozenReset: map[string][]float64{"spike": x[:7]}}, `node "spike": 7 frozen spikes, expected 8`},
		"frozen node":   {good, x, 2, ref.Options{FrozenReset: map[string][]float64{"fc": x}}, `"fc", which is not a neuron`},
	} {
		_, err := ref.Forward(net, c.params, c.x, c.n, 2, nil, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestFloat64(t *testing.T) {
	got := ref.Float64([]graph.Tensor{{Name: "a.weight", Shape: []int{2}, Data: []float32{.5, float32(math.Pi)}}})
	near(t, "a.weight", got["a.weight"], []float64{.5, float64(float32(math.Pi))})
}
