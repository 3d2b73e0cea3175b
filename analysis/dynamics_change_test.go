package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

// The contrast of a small change is the closed form −s·Δ/(1−s), and that of a
// change whose map falls all the way is first step less fixed point.
func TestContrastInClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 1))
	alternating, monotone := 0, 0
	for range 3000 {
		d := neuron.Dynamics{Map: neuron.Map{C2: rng.Float64() - .3, C1: 2*rng.Float64() - 1}, Threshold: 1, Floor: math.Inf(-1)}
		from := 2*rng.Float64() - 1.5
		v, slope, ok := restUnder(d, from)
		if !ok || math.Abs(slope) > .98 || math.Abs(slope) < .02 || v > .9 {
			continue
		}
		const small = 1e-4
		c := respondToChange(d, from, from+small, 10)
		if c.Contrast == nil || c.Gain == nil || !is(c.Before, v) || math.Abs(*c.First-v-small) > 1e-12 {
			t.Fatalf("%+v from %v: %+v", d, from, c)
		}
		want := max(0, -slope/(1-slope))
		if math.Abs(*c.Gain-want) > 1e-12 || math.Abs(*c.Contrast/small-want) > 1e-3*(1+math.Abs(d.C2)) {
			t.Errorf("%+v from %v: slope %v, contrast %v per unit, gain %v, want %v", d, from, slope, *c.Contrast/small, *c.Gain, want)
		}
		if slope > 0 {
			monotone++
		} else {
			alternating++
		}
	}
	if min(monotone, alternating) < 200 {
		t.Errorf("%d monotone, %d alternating", monotone, alternating)
	}
	// From −1 to 0 by hand: ¼v² − 1.125v − 1 = 0 has the root −.7604, so u = .2396
	// at first and 0 at last. The LIF rests at −2 and rises to 0.
	d := dynamicsOf(t, model(t, "qif", nil))
	before := 2.25 - math.Sqrt(2.25*2.25+4)
	c := respondToChange(d, -1, 0, 30)
	if !is(c.Before, before) || !is(c.First, before+1) || !is(c.Peak, before+1) || !is(c.Steady, 0) || !is(c.Contrast, before+1) || *c.Spikes != 0 || *c.Rate != 0 {
		t.Errorf("default QIF: %+v", c)
	}
	c = respondToChange(dynamicsOf(t, model(t, "lif", nil)), -1, 0, 30)
	if !is(c.Before, -2) || !is(c.First, -1) || !is(c.Contrast, 0) || !is(c.Steady, 0) {
		t.Errorf("LIF: %+v", c)
	}
	// At the floor u lies below v: 1.1·(−4) − 1.
	c = respondToChange(dynamicsOf(t, floored(model(t, "lif", map[string]float64{"leak": 1.1}), -4)), -1, 0, 30)
	if !is(c.Before, -5.4) || !is(c.First, -4.4) || !is(c.Steady, -4.4) {
		t.Errorf("at the floor: %+v", c)
	}
}

// A change into firing: the mean potential and the rate are those of the period.
func TestChangeIntoFiring(t *testing.T) {
	d := dynamicsOf(t, model(t, "lif", nil))
	c := respondToChange(d, 0, .7, 10) // .7, 1.05, reset
	if c.Rate == nil || *c.Rate != .5 || *c.Spikes != 5 || math.Abs(*c.Steady-.875) > 1e-12 || !is(c.Peak, 1.05) {
		t.Errorf("%+v", c)
	}
	c = respondToChange(d, 2, 0, 10)
	if c.Before != nil || c.Contrast != nil || c.Rate != nil {
		t.Errorf("a neuron that fires before: %+v", c)
	}
}

func TestRestUnder(t *testing.T) {
	d := dynamicsOf(t, floored(model(t, "qif", map[string]float64{"a": -.2}), -4))
	if v, slope, ok := restUnder(d, -2); !ok || v != -4 || slope != 0 {
		t.Errorf("at the floor: %v %v %v", v, slope, ok)
	}
	if v, slope, ok := restUnder(d, 0); !ok || v != 0 || math.Abs(slope-.1) > 1e-15 {
		t.Errorf("at rest: %v %v %v", v, slope, ok)
	}
}
