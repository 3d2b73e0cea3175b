package graph_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// watcher is a default QIF layer whose window is twice its potential's
// deviation wide.
func watcher(t *testing.T, threshold float64) *graph.Neuron {
	t.Helper()
	m, err := neuron.Default("qif")
	if err != nil {
		t.Fatal(err)
	}
	m.Threshold = threshold
	return &graph.Neuron{Model: m, Window: window.Spec{Policy: window.Policy{Kind: window.Sigma, Value: 2}, Shape: window.Rectangular}}
}

// spread builds a network in which a neuron layer follows what add builds on a
// 1×1×4 input, and returns that layer's windows.
func spread(t *testing.T, steps int, add func(b *graph.Builder) string) graph.LayerWindows {
	t.Helper()
	b := vector(4)
	b.Add("n", watcher(t, .5), add(b))
	b.Add("out", &graph.Readout{}, "n")
	ws, err := check(t, b).Windows(steps)
	if err != nil {
		t.Fatal(err)
	}
	if len(ws) != 1 || ws[0].Node != "n" {
		t.Fatalf("windows of %v", ws)
	}
	return ws[0]
}

func TestWindowsFollowTheNormalisation(t *testing.T) {
	bn := func(b *graph.Builder, name string, alpha, theta float64) string {
		return b.Add(name, tdbn(alpha, theta), "in")
	}
	half := math.Sqrt(.5)
	for name, c := range map[string]struct {
		add     func(b *graph.Builder) string
		std     float64
		assumed bool
	}{
		"serial": {func(b *graph.Builder) string { return bn(b, "a", 1, .5) }, .5, false},
		"scaled": {func(b *graph.Builder) string { return bn(b, "a", half, 3) }, 3 * half, false},
		"residual": {func(b *graph.Builder) string {
			return b.Add("s", &graph.Add{}, bn(b, "a", half, .5), bn(b, "b", half, .5))
		}, .5, false},
		"unequal": {func(b *graph.Builder) string { return b.Add("s", &graph.Add{}, bn(b, "a", 1, 3), bn(b, "b", 1, 4)) }, 5, false},
		"three": {func(b *graph.Builder) string {
			return b.Add("s", &graph.Add{}, bn(b, "a", 1, 1), bn(b, "b", 1, 1), bn(b, "c", 1, 1))
		}, math.Sqrt(3), false},
		"joined":    {func(b *graph.Builder) string { return b.Add("s", &graph.Concat{}, bn(b, "a", 1, 1), bn(b, "b", .5, 2)) }, 1, false},
		"flattened": {func(b *graph.Builder) string { return b.Add("f", &graph.Flatten{}, bn(b, "a", 1, 2)) }, 2, false},
		// No tdBN fixes these; θ of the neurons is .5.
		"mixed":    {func(b *graph.Builder) string { return b.Add("s", &graph.Concat{}, bn(b, "a", 1, 1), bn(b, "b", 1, 2)) }, .5, true},
		"bare":     {func(*graph.Builder) string { return "in" }, .5, true},
		"with raw": {func(b *graph.Builder) string { return b.Add("s", &graph.Add{}, bn(b, "a", 1, 1), "in") }, .5, true},
		"linear":   {func(b *graph.Builder) string { return b.Add("l", &graph.Linear{Out: 4}, bn(b, "a", 1, 1)) }, .5, true},
	} {
		w := spread(t, 3, c.add)
		if math.Abs(w.Input.Std-c.std) > 1e-12 || w.Input.Mean != 0 || w.Assumed != c.assumed {
			t.Errorf("%s: input %+v, assumed %v; want deviation %v, assumed %v", name, w.Input, w.Assumed, c.std, c.assumed)
		}
		// At the first step u = f(0) + x = x.
		if math.Abs(w.Moments[0].Std-c.std) > 1e-12 || math.Abs(w.Widths[0]-2*c.std) > 1e-12 {
			t.Errorf("%s: deviation %v and width %v at the first step, want %v and %v", name, w.Moments[0].Std, w.Widths[0], c.std, 2*c.std)
		}
		if len(w.Widths) != 3 || len(w.Moments) != 3 {
			t.Errorf("%s: %d widths and %d moments, want 3 of each", name, len(w.Widths), len(w.Moments))
		}
	}
}

// TestWindowsOfLaterSteps has the second step's moments in closed form: without
// threshold within reach u[2] = f(x[1]) + x[2], for f(v) = v(v−½)/4 and x ~
// N(0, w): mean w/4, variance w + (2w² + w/4)/16.
func TestWindowsOfLaterSteps(t *testing.T) {
	const w = .01
	b := vector(2)
	b.Add("bn", tdbn(.1, 1), "in")
	b.Add("n", watcher(t, 1), "bn") // ten deviations away
	b.Add("out", &graph.Readout{}, "n")
	ws, err := check(t, b).Windows(2)
	if err != nil {
		t.Fatal(err)
	}
	mean, std := w/4, math.Sqrt(w+(2*w*w+w/4)/16)
	m := ws[0].Moments[1]
	if math.Abs(m.Mean-mean) > 1e-12 || math.Abs(m.Std-std) > 1e-12 || math.Abs(ws[0].Widths[1]-2*std) > 1e-12 {
		t.Errorf("moments %+v and width %v, want mean %v, deviation %v and twice that", m, ws[0].Widths[1], mean, std)
	}
}

// TestWindowsOfDeepSums: a tower of additions doubles the paths at every floor,
// which must not double the work.
func TestWindowsOfDeepSums(t *testing.T) {
	w := spread(t, 1, func(b *graph.Builder) string {
		at := b.Add("bn", tdbn(1, 1), "in")
		for i := range 64 {
			at = b.Add(fmt.Sprintf("sum%d", i), &graph.Add{}, at, at)
		}
		return at
	})
	if math.Abs(w.Input.Std/math.Exp2(32)-1) > 1e-12 {
		t.Errorf("deviation %v, want 2^32", w.Input.Std)
	}
}

func TestWindowsRefuse(t *testing.T) {
	b := vector(2)
	b.Add("n", watcher(t, 1), "in")
	b.Add("out", &graph.Readout{}, "n")
	_, err := check(t, b).Windows(0)
	wantError(t, "no steps", err, `node "n"`, "0 time steps")
}

// TestWindowsBelowZero: without tdBN a negative threshold still gives the input
// a positive deviation.
func TestWindowsBelowZero(t *testing.T) {
	n := watcher(t, -.5)
	n.Model.ResetValue = -1
	b := vector(2)
	b.Add("n", n, "in")
	b.Add("out", &graph.Readout{}, "n")
	ws, err := check(t, b).Windows(2)
	if err != nil {
		t.Fatal(err)
	}
	if ws[0].Input.Std != .5 || !ws[0].Assumed {
		t.Errorf("input %+v, assumed %v", ws[0].Input, ws[0].Assumed)
	}
}

func TestNeuronsAndWindowsShareAnOrder(t *testing.T) {
	net := check(t, everyOp())
	windows, err := net.Windows(2)
	if err != nil {
		t.Fatal(err)
	}
	neurons := net.Neurons()
	if len(neurons) == 0 || len(neurons) != len(windows) {
		t.Fatalf("%d layers of neurons, %d windows", len(neurons), len(windows))
	}
	for i, n := range neurons {
		if n.Name != windows[i].Node || n.Op != graph.Op(n.Neuron) {
			t.Errorf("layer %d is %q with operation %v, its window is that of %q", i, n.Name, n.Op.Kind(), windows[i].Node)
		}
	}
}
