package graph_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/qif-snn/qif/graph"
)

func TestShapes(t *testing.T) {
	net := check(t, everyOp())
	want := map[string]graph.Shape{
		"in": {8, 6, 2}, "c1": {4, 3, 4}, "bn1": {4, 3, 4}, "c2": {4, 3, 4}, "sum": {4, 3, 4}, "n1": {4, 3, 4},
		"avg": {3, 2, 4}, "max": {3, 2, 4}, "both": {3, 2, 8}, "flat": {1, 1, 48}, "gap": {1, 1, 8}, "vec": {1, 1, 56},
		"drop": {1, 1, 56}, "fc": {1, 1, 5}, "n2": {1, 1, 5}, "last": {1, 1, 3}, "out": {1, 1, 3},
	}
	for _, l := range net.Layers {
		if l.Out != want[l.Name] {
			t.Errorf("%s: shape %v, want %v", l.Name, l.Out, want[l.Name])
		}
		for i, j := range l.From {
			if net.Layers[j].Name != l.Inputs[i] || l.In[i] != net.Layers[j].Out {
				t.Errorf("%s: input %d is node %d of shape %v, want %s", l.Name, i, j, l.In[i], l.Inputs[i])
			}
		}
	}
	if net.Classes() != 3 || net.Input().Coding != graph.Frames {
		t.Errorf("%d classes and coding %s, want 3 and frames", net.Classes(), net.Input().Coding)
	}
}

func TestCounts(t *testing.T) {
	net := check(t, everyOp())
	type count struct{ params, macs int64 }
	want := map[string]count{
		"c1":   {3*3*2*4 + 4, 4 * 3 * 4 * 3 * 3 * 2},
		"bn1":  {4 + 4, 0}, // the running statistics are not trained
		"c2":   {4 * 4, 4 * 3 * 4 * 4},
		"n1":   {4 + 4, 0}, // u2 and a, per channel
		"fc":   {56*5 + 5, 56 * 5},
		"last": {5 * 3, 5 * 3},
	}
	var params, macs int64
	for _, l := range net.Layers {
		var n int64
		for _, p := range l.Params {
			if p.Trainable() {
				n += int64(p.Size())
			}
		}
		if got := (count{n, l.MACs}); got != want[l.Name] {
			t.Errorf("%s: parameters and MACs %v, want %v", l.Name, got, want[l.Name])
		}
		params += want[l.Name].params
		macs += want[l.Name].macs
	}
	if net.ParamCount() != params || net.MACs() != macs {
		t.Errorf("%d parameters and %d MACs, want %d and %d", net.ParamCount(), net.MACs(), params, macs)
	}
}

func TestParams(t *testing.T) {
	inf := math.Inf(1)
	want := []graph.Param{
		{Name: "c1.weight", Shape: []int{3, 3, 2, 4}, Role: graph.Weight, FanIn: 18},
		{Name: "c1.bias", Shape: []int{4}, Role: graph.Bias, FanIn: 18},
		{Name: "bn1.scale", Shape: []int{4}, Role: graph.NormScale, Init: 1},
		{Name: "bn1.shift", Shape: []int{4}, Role: graph.NormShift},
		{Name: "bn1.running_mean", Shape: []int{4}, Role: graph.RunningMean},
		{Name: "bn1.running_var", Shape: []int{4}, Role: graph.RunningVar, Init: 1},
		{Name: "c2.weight", Shape: []int{1, 1, 4, 4}, Role: graph.Weight, FanIn: 4},
		{Name: "n1.u2", Shape: []int{4}, Role: graph.NeuronParam, Init: .5, Min: -inf, Max: inf},
		{Name: "n1.a", Shape: []int{4}, Role: graph.NeuronParam, Init: .25, Min: 1e-3, Max: inf},
		{Name: "fc.weight", Shape: []int{56, 5}, Role: graph.Weight, FanIn: 56},
		{Name: "fc.bias", Shape: []int{5}, Role: graph.Bias, FanIn: 56},
		{Name: "last.weight", Shape: []int{5, 3}, Role: graph.Weight, FanIn: 5},
	}
	got := check(t, everyOp()).Params
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	for _, p := range got {
		if p.Decays() != (p.Role == graph.Weight) {
			t.Errorf("%s: decays %v", p.Name, p.Decays())
		}
	}
}

// TestStatic: only what a directly coded input reaches without passing a neuron
// is constant over time.
func TestStatic(t *testing.T) {
	for coding, want := range map[string]map[string]bool{
		graph.Direct: {"in": true, "conv": true, "bn": true, "spikes": false, "mix": false, "both": false, "pool": true, "end": false, "out": false},
		graph.Frames: {},
	} {
		b := graph.NewBuilder("static")
		x := b.Add("in", &graph.Input{Shape: graph.Shape{H: 1, W: 1, C: 2}, Coding: coding})
		x = b.Add("conv", &graph.Conv{Out: 2, Kernel: 1, Stride: 1}, x)
		x = b.Add("bn", tdbn(1, 1), x)
		s := b.Add("spikes", lif(), x)
		p := b.Add("pool", &graph.AvgPool{Kernel: 1, Stride: 1}, x)
		x = b.Add("mix", &graph.Add{}, p, s)
		x = b.Add("both", &graph.Concat{}, x, p)
		b.Add("out", &graph.Readout{}, b.Add("end", &graph.Flatten{}, x))
		for _, l := range check(t, b).Layers {
			if l.Static != want[l.Name] {
				t.Errorf("%s input: %s is static: %v, want %v", coding, l.Name, l.Static, want[l.Name])
			}
		}
	}
}

// vector starts a graph with a vector of c elements, image with an image.
func vector(c int) *graph.Builder { return image(1, 1, c) }

func image(h, w, c int) *graph.Builder {
	b := graph.NewBuilder("g")
	b.Add("in", &graph.Input{Shape: graph.Shape{H: h, W: w, C: c}, Coding: graph.Direct})
	return b
}

// with adds a node named "it" to a graph that starts with "in".
func with(b *graph.Builder, op graph.Op, inputs ...string) *graph.Builder {
	b.Add("it", op, inputs...)
	return b
}

func TestCheckRefuses(t *testing.T) {
	model := func(fn func(*graph.Neuron)) *graph.Neuron {
		n := lif()
		fn(n)
		return n
	}
	nan := math.NaN()
	for name, c := range map[string]struct {
		b    *graph.Builder
		want string
	}{
		"empty":               {graph.NewBuilder("g"), `graph "g": has no input node`},
		"no readout":          {vector(2), `has no readout node`},
		"name":                {graph.NewBuilder("a\xff"), `not valid UTF-8`},
		"second input":        {with(vector(2), &graph.Input{Shape: graph.Shape{H: 1, W: 1, C: 2}, Coding: graph.Direct}), `node 1 "it": a second input, after "in"`},
		"after readout":       {with(vector(2), &graph.Readout{}, "in"), `node 2 "more": flatten: input "it" is a readout`},
		"not an operation":    {with(vector(2), nil, "in"), `node 1 "it": has no operation`},
		"not before":          {with(vector(2), &graph.Flatten{}, "later"), `node 1 "it": flatten: input "later" is not a node before it`},
		"itself":              {with(vector(2), &graph.Flatten{}, "it"), `node 1 "it": flatten: input "it" is not a node before it`},
		"linear on a map":     {with(image(2, 1, 1), &graph.Linear{Out: 2}, "in"), `node 1 "it": linear: takes a vector, got 2×1×1`},
		"readout of a map":    {with(image(1, 2, 2), &graph.Readout{}, "in"), `node 1 "it": readout: takes a vector of logits, got 1×2×2`},
		"negative readout":    {with(vector(2), &graph.Readout{Last: -1}, "in"), `node 1 "it": readout: last is -1, expected 0 (all) to 1048576 steps`},
		"one class":           {with(vector(1), &graph.Readout{}, "in"), `node 1 "it": readout: takes at least 2 classes`},
		"no input":            {with(vector(2), &graph.Flatten{}), `node 1 "it": flatten: takes 1 input, got 0`},
		"two inputs":          {with(vector(2), lif(), "in", "in"), `node 1 "it": neuron: takes 1 input, got 2`},
		"one branch":          {with(vector(2), &graph.Add{}, "in"), `node 1 "it": add: takes 2 inputs or more, got 1`},
		"one part":            {with(vector(2), &graph.Concat{}, "in"), `node 1 "it": concat: takes 2 inputs or more, got 1`},
		"fed input":           {with(vector(2), &graph.Input{}, "in"), `node 1 "it": input: takes no input, got 1`},
		"coding":              {with(vector(2), &graph.Input{Shape: graph.Shape{H: 1, W: 1, C: 1}, Coding: "rate"}), `node 1 "it": input: coding is "rate", expected "direct" or "frames"`},
		"no channels":         {vector(0), `node 0 "in": input: shape 1×1×0`},
		"negative":            {image(-1, 2, 2), `node 0 "in": input: shape -1×2×2`},
		"too wide":            {image(1, 1<<20+1, 1), `node 0 "in": input: shape 1×1048577×1`},
		"too large":           {image(1<<20, 1<<20, 1<<20), `node 0 "in": input: output 1048576×1048576×1048576 has more than 2147483647 elements`},
		"no filters":          {with(vector(2), &graph.Conv{Kernel: 1, Stride: 1}, "in"), `node 1 "it": conv: out is 0`},
		"kernel too large":    {with(image(3, 2, 1), &graph.Conv{Out: 1, Kernel: 5, Stride: 1, Pad: 1}, "in"), `node 1 "it": conv: kernel 5 with pad 1 does not fit an input of 3×2×1`},
		"no kernel":           {with(vector(2), &graph.Conv{Out: 1, Stride: 1}, "in"), `node 1 "it": conv: kernel is 0`},
		"stride":              {with(vector(2), &graph.Conv{Out: 1, Kernel: 1}, "in"), `node 1 "it": conv: stride is 0`},
		"padding":             {with(vector(2), &graph.Conv{Out: 1, Kernel: 1, Stride: 1, Pad: 1}, "in"), `node 1 "it": conv: pad is 1, expected 0..0 for kernel 1`},
		"pool too large":      {with(image(2, 1, 1), &graph.MaxPool{Kernel: 2, Stride: 1}, "in"), `node 1 "it": maxpool: kernel 2 with pad 0 does not fit`},
		"pool's padding":      {with(image(2, 2, 1), &graph.MaxPool{Kernel: 2, Stride: 1, Pad: 2}, "in"), `node 1 "it": maxpool: pad is 2, expected 0..1 for kernel 2`},
		"votes of a map":      {with(image(2, 2, 4), &graph.Vote{Votes: 2}, "in"), `node 1 "it": vote: takes a vector, got 2×2×4`},
		"odd votes":           {with(vector(5), &graph.Vote{Votes: 2}, "in"), `node 1 "it": vote: 5 channels do not divide into groups of 2 votes`},
		"no votes":            {with(vector(4), &graph.Vote{}, "in"), `node 1 "it": vote: 4 channels do not divide into groups of 0 votes`},
		"huge kernel":         {with(vector(2), &graph.Conv{Out: 1, Kernel: math.MaxInt, Stride: 1, Pad: math.MaxInt - 1}, "in"), `node 1 "it": conv: kernel is 9223372036854775807`},
		"huge stride":         {with(vector(2), &graph.AvgPool{Kernel: 1, Stride: math.MaxInt}, "in"), `node 1 "it": avgpool: stride is 9223372036854775807`},
		"huge weight":         {with(vector(2), &graph.Conv{Out: 1 << 20, Kernel: 1 << 20, Stride: 1 << 20, Pad: 1<<20 - 1}, "in"), `node 1 "it": conv: tensor weight [1048576 1048576 2 1048576] has more than`},
		"huge matrix":         {with(vector(1<<20), &graph.Linear{Out: 1 << 20}, "in"), `node 1 "it": linear: tensor weight [1048576 1048576]`},
		"huge layer":          {with(vector(2), &graph.Linear{Out: 1<<20 + 1}, "in"), `node 1 "it": linear: out is 1048577`},
		"shapes do not add":   {differing(&graph.Add{}, 1), `node 2 "it": add: inputs differ: 3×3×2 and 2×2×2`},
		"shapes do not join":  {differing(&graph.Concat{}, 1), `node 2 "it": concat: inputs differ in height or width: 3×3×2 and 2×2×2`},
		"alpha":               {with(vector(2), tdbn(0, 1), "in"), `node 1 "it": tdbn: alpha 0, threshold 1`},
		"threshold":           {with(vector(2), tdbn(1, math.Inf(1)), "in"), `node 1 "it": tdbn: alpha 1, threshold +Inf`},
		"eps":                 {with(vector(2), &graph.TDBN{Alpha: 1, Threshold: 1, Momentum: .1}, "in"), `node 1 "it": tdbn: alpha 1, threshold 1 and eps 0`},
		"momentum":            {with(vector(2), &graph.TDBN{Alpha: 1, Threshold: 1, Eps: 1e-5, Momentum: nan}, "in"), `node 1 "it": tdbn: momentum is NaN`},
		"alpha and threshold": {with(vector(2), tdbn(1e200, 1e200), "in"), `node 1 "it": tdbn: alpha 1e+200 times threshold 1e+200`},
		"dropout":             {with(vector(2), &graph.Dropout{P: 1}, "in"), `node 1 "it": dropout: p is 1`},
		"threshold at reset":  {with(vector(2), model(func(n *graph.Neuron) { n.Model.ResetValue = 1 }), "in"), `node 1 "it": neuron: neuron lif: threshold 1 must lie above the reset value 1`},
		"not a number":        {with(vector(2), model(func(n *graph.Neuron) { n.Model.Threshold = nan }), "in"), `node 1 "it": neuron: neuron lif: threshold θ is NaN`},
		"leak":                {with(vector(2), model(func(n *graph.Neuron) { n.Model.Params["leak"] = nan }), "in"), `node 1 "it": neuron: neuron lif: leak is NaN`},
		"form":                {with(vector(2), model(func(n *graph.Neuron) { n.Model.Form = "hh" }), "in"), `node 1 "it": neuron: unknown neuron "hh"`},
		"window shape":        {with(vector(2), model(func(n *graph.Neuron) { n.Window.Shape = "round" }), "in"), `node 1 "it": neuron: unknown window shape "round"`},
		"window policy":       {with(vector(2), model(func(n *graph.Neuron) { n.Window.Policy.Value = nan }), "in"), `node 1 "it": neuron: window policy fixed: value NaN`},
	} {
		c.b.Add("more", &graph.Flatten{}, "it")
		g := c.b.Graph()
		if len(g.Nodes) < 3 { // what the test is about needs no node "it"
			g.Nodes = g.Nodes[:len(g.Nodes)-1]
		}
		_, err := graph.Check(g)
		wantError(t, name, err, c.want)
	}
}

// differing feeds an operation with 3×3×2 and 2×2×2.
func differing(op graph.Op, stride int) *graph.Builder {
	b := image(3, 3, 2)
	return with(b, op, "in", b.Add("pool", &graph.AvgPool{Kernel: 2, Stride: stride}, "in"))
}

func TestLooseEnds(t *testing.T) {
	for name, c := range map[string]struct {
		add  func(b *graph.Builder)
		want string
	}{
		"duplicate": {func(b *graph.Builder) { b.Add("in", &graph.Flatten{}, "in") }, `node 1 "in": the name is taken by an earlier node`},
		"unused": {func(b *graph.Builder) {
			b.Add("idle", &graph.Flatten{}, "in")
			b.Add("out", &graph.Readout{}, "in")
		}, `node 1 "idle": nothing uses its output`},
		"second readout": {func(b *graph.Builder) {
			b.Add("out", &graph.Readout{}, "in")
			b.Add("also", &graph.Readout{}, "in")
		}, `node 2 "also": a second readout, after "out"`},
		"beyond the readout": {func(b *graph.Builder) {
			b.Add("out", &graph.Readout{}, "in")
			b.Add("late", &graph.Flatten{}, "in")
		}, `node 2 "late": follows the readout`},
		"dot":   {func(b *graph.Builder) { b.Add("a.b", &graph.Flatten{}, "in") }, `node 1 "a.b": a name is made of`},
		"blank": {func(b *graph.Builder) { b.Add("", &graph.Flatten{}, "in") }, `node 1 "": a name is made of`},
		"line":  {func(b *graph.Builder) { b.Add("a\n", &graph.Flatten{}, "in") }, `node 1 "a\n": a name is made of`},
	} {
		b := vector(2)
		c.add(b)
		_, err := graph.Check(b.Graph())
		wantError(t, name, err, c.want)
	}
}

// TestCountsDoNotOverflow: layers that are each within bounds add up to work
// beyond an int64, and channels to more than a tensor holds.
func TestCountsDoNotOverflow(t *testing.T) {
	b := image(1<<10, 1<<10, 1<<8)
	at := "in"
	for i := range 8 {
		// 2^28 outputs, each from 2^28 weights over 2^8 filters: 2^48 MACs.
		at = b.Add(fmt.Sprintf("conv%d", i), &graph.Conv{Out: 1 << 8, Kernel: 1<<7 - 1, Stride: 1, Pad: 1<<6 - 1}, at)
	}
	b.Add("gap", &graph.GlobalAvgPool{}, at)
	b.Add("out", &graph.Readout{}, "gap")
	if net := check(t, b); net.MACs() != 8*(1<<28)*(127*127<<8) {
		t.Errorf("%d MACs", net.MACs())
	}

	b = vector(1 << 20)
	at = "in"
	for i := range 12 {
		at = b.Add(fmt.Sprintf("double%d", i), &graph.Concat{}, at, at)
	}
	_, err := graph.Check(b.Graph())
	wantError(t, "channels", err, `node 11 "double10": concat: inputs have more than 2147483647 channels in all`)

	b = image(1<<15, 1<<15, 1)
	at = "in"
	for i := range 4 {
		at = b.Add(fmt.Sprintf("conv%d", i), &graph.Conv{Out: 1, Kernel: 1<<15 - 1, Stride: 1, Pad: 1<<14 - 1}, at)
	}
	_, err = graph.Check(b.Graph())
	wantError(t, "work", err, `node 2 "conv1": conv: the network so far takes more than 2^60 multiply-accumulates`)
}

func TestReadoutCountsTheLastSteps(t *testing.T) {
	for _, c := range []struct{ last, steps, first int }{{0, 1, 0}, {0, 28, 0}, {12, 28, 16}, {1, 28, 27}, {28, 28, 0}, {29, 28, 0}} {
		if got := (&graph.Readout{Last: c.last}).First(c.steps); got != c.first {
			t.Errorf("the last %d of %d steps begin at %d, want %d", c.last, c.steps, got, c.first)
		}
	}
}
