package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// moving builds a network of one layer of neurons whose windows follow a policy.
func moving(t *testing.T, form, policy string, change func(*neuron.Model)) *graph.Network {
	t.Helper()
	m, err := neuron.Default(form)
	if err != nil {
		t.Fatal(err)
	}
	change(&m)
	p, err := window.ParsePolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	b := vector(4)
	b.Add("bn", tdbn(1, 1), "in")
	b.Add("n", &graph.Neuron{Model: m, Window: window.Spec{Policy: p, Shape: window.Triangular}}, "bn")
	b.Add("out", &graph.Readout{}, "n")
	return check(t, b)
}

// learn returns a change that has parameters learned.
func learn(names ...string) func(*neuron.Model) {
	return func(m *neuron.Model) { m.Learn = names }
}

// windowsAt returns the windows where the named tensors have the given numbers,
// and those at the start.
func windowsAt(t *testing.T, net *graph.Network, steps int, set map[string][]float32) (at, start graph.LayerWindows) {
	t.Helper()
	tensors := net.Init(1)
	for i := range tensors {
		if v, ok := set[tensors[i].Name]; ok {
			tensors[i].Data = v
		}
	}
	now, err := net.WindowsOf(tensors, steps)
	if err != nil {
		t.Fatal(err)
	}
	first, err := net.Windows(steps)
	if err != nil {
		t.Fatal(err)
	}
	return now[0], first[0]
}

// TestWindowFollowsTheLeak: of a LIF whose threshold is out of reach, u[2] has the
// deviation √(1+λ²), so that sigma:2 is 2·√(1+λ²) wide (Lian et al. 2023).
func TestWindowFollowsTheLeak(t *testing.T) {
	net := moving(t, "lif", "sigma:2", func(m *neuron.Model) {
		m.Learn, m.Threshold, m.Params["leak"] = []string{"leak"}, 40, .5
	})
	for _, leak := range []float32{.25, .5, .75} {
		at, start := windowsAt(t, net, 2, map[string][]float32{"n.leak": {leak}})
		want := 2 * math.Sqrt(1+float64(leak*leak))
		if math.Abs(at.Widths[1]-want) > 1e-9 || math.Abs(at.Widths[0]-2) > 1e-9 || at.RunsAway {
			t.Errorf("leak %v: widths %v, want 2 and %v; runs away: %v", leak, at.Widths, want, at.RunsAway)
		}
		if want := 2 * math.Sqrt(1.25); math.Abs(start.Widths[1]-want) > 1e-9 {
			t.Errorf("leak %v: width %v at the start, want %v", leak, start.Widths[1], want)
		}
	}
}

// TestWindowsOfTensorsAreThoseOfANetworkBegunThere, with learned numbers for
// initial ones; per channel their mean counts.
func TestWindowsOfTensorsAreThoseOfANetworkBegunThere(t *testing.T) {
	set := func(m *neuron.Model) { m.Params["a"], m.Params["u2"] = .5, -.25 }
	for _, policy := range []string{"sigma:2", "bandwidth:300"} {
		want, _ := windowsAt(t, moving(t, "qif", policy, set), 4, nil)
		got, start := windowsAt(t, moving(t, "qif", policy, learn("a", "u2")), 4, map[string][]float32{"n.a": {.5}, "n.u2": {-.25}})
		if !slices.Equal(got.Widths, want.Widths) || slices.Equal(got.Widths, start.Widths) {
			t.Errorf("%s: widths %v, want %v (start %v)", policy, got.Widths, want.Widths, start.Widths)
		}
		channels := moving(t, "qif", policy, func(m *neuron.Model) { m.Learn, m.PerChannel = []string{"u2", "a"}, true })
		got, _ = windowsAt(t, channels, 4, map[string][]float32{"n.a": {.25, .75, .5, .5}, "n.u2": {-.5, 0, -.5, 0}})
		if !slices.Equal(got.Widths, want.Widths) {
			t.Errorf("%s per channel: widths %v, want %v", policy, got.Widths, want.Widths)
		}
	}
}

func TestFixedWidthsFollowNothing(t *testing.T) {
	net := moving(t, "qif", "fixed:.7", learn("a"))
	at, start := windowsAt(t, net, 3, map[string][]float32{"n.a": {.5}})
	if !slices.Equal(at.Widths, []float64{.7, .7, .7}) || !slices.Equal(start.Widths, at.Widths) {
		t.Errorf("widths %v, at the start %v", at.Widths, start.Widths)
	}
}

// TestOwnTensorsScaleTheWidths: a learned width is the exponential of its tensor
// times the width at the start, a measured one follows the root of the variance.
func TestOwnTensorsScaleTheWidths(t *testing.T) {
	for _, c := range []struct {
		policy, tensor string
		value          float32
		factor         float64
	}{
		{"learned", "n.log_width", float32(math.Ln2), 2},
		{"learned:1.5", "n.log_width", -1, math.Exp(-1)},
		{"measured", "n.running_spread", 2.25, 1.5},
		{"measured:2", "n.running_spread", .25, .5},
	} {
		at, start := windowsAt(t, moving(t, "qif", c.policy, learn("a")), 3, map[string][]float32{c.tensor: {c.value}, "n.a": {.5}})
		for s, w := range at.Widths {
			if math.Abs(w/start.Widths[s]/c.factor-1) > 1e-6 {
				t.Errorf("%s: width %v at step %d, %v at the start; expected a factor of %v", c.policy, w, s+1, start.Widths[s], c.factor)
			}
		}
		if fresh, _ := windowsAt(t, moving(t, "qif", c.policy, learn("a")), 3, nil); !slices.Equal(fresh.Widths, start.Widths) {
			t.Errorf("%s: fresh tensors give widths %v, want %v", c.policy, fresh.Widths, start.Widths)
		}
	}
}

// TestWindowsOfAPotentialThatRunsAway: where the closed form fails at learned
// parameters, windows are those of the nearest of ½, ¼, … of the way to them.
func TestWindowsOfAPotentialThatRunsAway(t *testing.T) {
	soft := func(m *neuron.Model) { m.Reset, m.Learn = neuron.SoftReset, []string{"a"} }
	const steps, far = 6, 64.
	at, start := windowsAt(t, moving(t, "qif", "sigma:2", soft), steps, map[string][]float32{"n.a": {.25 + far}})
	if !at.RunsAway || start.RunsAway {
		t.Fatalf("runs away: %v, at the start %v", at.RunsAway, start.RunsAway)
	}
	// The widths are those of some a between, which does not run away.
	found := slices.Equal(at.Widths, start.Widths)
	for way := .5; way > 1./32 && !found; way /= 2 {
		near, _ := windowsAt(t, moving(t, "qif", "sigma:2", soft), steps, map[string][]float32{"n.a": {float32(.25 + way*far)}})
		found = !near.RunsAway && slices.Equal(near.Widths, at.Widths)
	}
	if !found {
		t.Errorf("widths %v belong to no parameters on the way", at.Widths)
	}
	mild, _ := windowsAt(t, moving(t, "qif", "sigma:2", soft), 2, map[string][]float32{"n.a": {.3}})
	if mild.RunsAway {
		t.Error("a mild curvature runs away within two steps")
	}
}

func TestSpreadFollowsTheMeasuredVariance(t *testing.T) {
	rules, err := moving(t, "qif", "measured", func(*neuron.Model) {}).WindowRules(2)
	if err != nil {
		t.Fatal(err)
	}
	predicted := window.Pool(rules[0].Start.Moments).Std
	// Means ±1 and deviations 1, 3 have a total variance of (1 + 9)/2 + 1.
	measured := []window.Moments{{Mean: -1, Std: 1}, {Mean: 1, Std: 3}}
	want := .9*2 + .1*6/(predicted*predicted)
	if got := rules[0].Spread(2, measured); math.Abs(got-want) > 1e-12 {
		t.Errorf("spread %v, want %v", got, want)
	}
	// A silent layer must not close its window.
	spread := 1.
	for range 1000 {
		spread = rules[0].Spread(spread, []window.Moments{{}, {}})
	}
	if spread != 1./256 {
		t.Errorf("without spread: %v, want 1/256", spread)
	}
}

func TestWindowTensors(t *testing.T) {
	for policy, want := range map[string]string{"learned": "log_width", "measured": "running_spread", "sigma:2": ""} {
		net := moving(t, "qif", policy, func(*neuron.Model) {})
		var names []string
		for _, p := range net.Params {
			if p.Role == graph.WindowWidth || p.Role == graph.RunningSpread {
				names = append(names, p.Name)
				if p.Decays() || p.Trainable() != (policy == "learned") || p.Size() != 1 {
					t.Errorf("%s: decays %v, trainable %v, shape %v", p.Name, p.Decays(), p.Trainable(), p.Shape)
				}
			}
		}
		if want == "" && names != nil || want != "" && !slices.Equal(names, []string{"n." + want}) {
			t.Errorf("%s: tensors %q", policy, names)
		}
	}
}
