package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

// The response of the default QIF to 2 and then nothing, by hand: it fires, is
// reset to 0, and stays there; after −2 it rebounds, f(−2) = 1.25.
func TestRespondByHand(t *testing.T) {
	d, err := model(t, "qif", nil).Dynamics()
	if err != nil {
		t.Fatal(err)
	}
	r := respond(d, 0, []float64{2, 0, -2, 0, 0, .5, 0})
	if want := []float64{2, 0, -2, 1.25, 0, .5, 0}; !slices.Equal(r.u, want) {
		t.Errorf("u %v, want %v", r.u, want)
	}
	if want := []float64{1, 4}; !slices.Equal(r.spikes, want) {
		t.Errorf("spikes %v, want %v", r.spikes, want)
	}
}

func TestInputs(t *testing.T) {
	if got, want := stepInput(12, 3), []float64{0, 0, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("step %v, want %v", got, want)
	}
	for steps := 1; steps < 40; steps++ {
		for n := 0; n <= steps; n++ {
			sizes := make([]float64, n)
			for i := range sizes {
				sizes[i] = float64(i + 1)
			}
			var got []float64
			for _, x := range impulses(steps, sizes) {
				if x != 0 {
					got = append(got, x)
				}
			}
			if !slices.Equal(got, sizes) {
				t.Fatalf("T = %d: impulses %v, want %v", steps, got, sizes)
			}
		}
	}
}

// A cobweb's line goes from the diagonal to the map and back, and breaks where
// the reset or the floor interferes.
func TestCobweb(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	spikes, floors := 0, 0
	for range 300 {
		m := randomModel(t, rng)
		d, err := m.Dynamics()
		if err != nil {
			t.Fatal(err)
		}
		v := d.ResetValue + (d.Threshold-d.ResetValue)*rng.NormFloat64()
		input := rng.NormFloat64()
		x, y, spikeV, spikeU := cobweb(d, input, v)
		if x[0] != v || y[0] != v {
			t.Fatalf("starts at (%v, %v), want %v", x[0], y[0], v)
		}
		seen := 0
		for i := 0; i+1 < len(x); {
			u, spike, next := d.Step(v, input)
			if x[i] != v || y[i] != v || x[i+1] != v || y[i+1] != u {
				t.Fatalf("%+v: from (%v, %v) to (%v, %v), want f(%v) = %v", m, x[i], y[i], x[i+1], y[i+1], v, u)
			}
			i += 2
			if spike {
				if spikeV[seen] != v || spikeU[seen] != u {
					t.Fatalf("spike at (%v, %v), want (%v, %v)", spikeV[seen], spikeU[seen], v, u)
				}
				seen++
			}
			if next != u {
				if !math.IsNaN(x[i]) || !math.IsNaN(y[i]) {
					t.Fatalf("%+v: no break where %v becomes %v", m, u, next)
				}
				if !spike {
					floors++
				}
				i++
			}
			v = next
			if x[i] != v || y[i] != v {
				t.Fatalf("%+v: (%v, %v), want (%v, %v)", m, x[i], y[i], v, v)
			}
		}
		if seen != len(spikeV) || seen != len(spikeU) {
			t.Fatalf("%d spikes, want %d", len(spikeV), seen)
		}
		spikes += seen
	}
	if spikes < 50 || floors < 50 {
		t.Errorf("%d spikes, %d floors: the test misses a case", spikes, floors)
	}
}

// By default a trajectory shows the rebound where there is one.
func TestDefaultStarts(t *testing.T) {
	for _, c := range []struct {
		m      neuron.Model
		starts int
	}{
		{model(t, "qif", nil), 2}, {model(t, "lif", nil), 1}, {floored(model(t, "qif", nil), -1), 1}, {floored(model(t, "qif", nil), -3), 2},
		{model(t, "qif", map[string]float64{"a": .01}), 1}, // too far away to draw
	} {
		o, err := DefaultDynamicsOptions(c.m)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Starts) != c.starts || o.Starts[0] >= c.m.Threshold {
			t.Errorf("%+v: starts %v, want %d", c.m, o.Starts, c.starts)
			continue
		}
		d, err := c.m.Dynamics()
		if err != nil {
			t.Fatal(err)
		}
		if c.starts == 2 {
			if _, spike, _ := d.Step(o.Starts[1], 0); !spike || o.Starts[1] < d.Floor {
				t.Errorf("%+v: the start %v does not rebound", c.m, o.Starts[1])
			}
		}
	}
}
