package analysis

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Counted by hand: the default QIF fires at 2 (not a rebound: v[0] = 0), at f(−2) +
// .1 (a rebound) and at f(−1) + 3 (not one: it took input).
func TestReboundsByHand(t *testing.T) {
	d := dynamicsOf(t, model(t, "qif", nil))
	level := reboundLevel(d)
	v, spikes, rebounds := 0.0, 0, 0
	for _, x := range []float64{2, -2, .1, -1, 3} {
		_, spike, next := d.Step(v, x)
		if spike {
			spikes++
			if v <= level {
				rebounds++
			}
		}
		v = next
	}
	if spikes != 3 || rebounds != 1 {
		t.Errorf("%d spikes, %d rebounds", spikes, rebounds)
	}
	if level := reboundLevel(dynamicsOf(t, model(t, "lif", nil))); !math.IsInf(level, -1) {
		t.Errorf("LIF rebounds at %v", level)
	}
	always := model(t, "qif", map[string]float64{"u1": -3, "u2": -3})
	always.Threshold, always.ResetValue = -1, -2
	if level := reboundLevel(dynamicsOf(t, always)); level != -3 {
		t.Errorf("what always fires rebounds at %v, want the vertex", level)
	}
}

// The share by integrating against simulation, for random neurons of both resets
// with floors and without: within 4.5 standard errors.
func TestReboundShareAgainstSimulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 1))
	compared, rebounding := 0, 0
	for compared < 40 {
		m := model(t, "qif", map[string]float64{"a": .1 + .6*rng.Float64(), "u1": 2*rng.Float64() - 1, "u2": 2*rng.Float64() - 1})
		m.Threshold = .5 + rng.Float64()
		if rng.IntN(3) == 0 {
			m = floored(m, -1-3*rng.Float64())
		}
		if rng.IntN(4) == 0 {
			m.Reset = neuron.SoftReset
		}
		o := quick(t, m)
		o.Steps, o.Samples, o.Deviations, o.Seed = 4, 20000, []float64{m.Threshold * (.5 + 1.5*rng.Float64())}, uint64(compared)
		s := newReboundStudy(dynamicsOf(t, m), o)
		if err := runAll(context.Background(), s.tasks(), nil); err != nil {
			t.Fatal(err)
		}
		p := s.result().Points[0]
		compared++
		if p.Problem != nil {
			continue
		}
		if p.IntegratedShare == nil || p.Share == nil || p.StandardError == nil {
			t.Fatalf("%+v: %+v", m, p)
		}
		if *p.Share > 0 {
			rebounding++
		}
		// One spike more or less is what the error misses where rebounds are rare.
		slack := 4.5**p.StandardError + 3/(p.Rate*float64(o.Samples*o.Steps))
		if math.Abs(*p.Share-*p.IntegratedShare) > slack {
			t.Errorf("%+v, deviation %v: share %v ± %v, integrated %v", m, p.InputSD, *p.Share, *p.StandardError, *p.IntegratedShare)
		}
	}
	if rebounding < 20 {
		t.Errorf("only %d neurons rebound", rebounding)
	}
}

// At step 1 nothing has been inhibited yet; at step 2, v = x[1] ~ N(0, 1) and the
// share has a form that a plain sum over a fine grid gives.
func TestReboundShareOfTwoSteps(t *testing.T) {
	d := dynamicsOf(t, model(t, "qif", nil))
	upper := func(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
	const h = 1e-4
	spikes, rebounds := upper(1), 0.0
	at := func(v float64) float64 { return upper(1 - d.At(v)) }
	for i := range 130000 {
		v := 1 - (float64(i)+.5)*h
		p := h * math.Exp(-v*v/2) / math.Sqrt(2*math.Pi) * at(v)
		spikes += p
		if v <= reboundLevel(d) {
			rebounds += p
		}
	}
	spikes += upper(1) * at(0)
	rate, share, err := integrateRebound(d, window.Input{Std: 1}, 2)
	if err != nil || math.Abs(rate-spikes/2) > 1e-6 || math.Abs(share-rebounds/spikes) > 1e-5 {
		t.Errorf("rate %v, share %v, %v; want %v, %v", rate, share, err, spikes/2, rebounds/spikes)
	}
	if _, share, err := integrateRebound(d, window.Input{Std: 1}, 1); err != nil || share != 0 {
		t.Errorf("one step: share %v, %v", share, err)
	}
}

// The standard error against the spread of repeated simulations.
func TestReboundStandardError(t *testing.T) {
	m := model(t, "qif", nil)
	o := quick(t, m)
	o.Samples, o.Steps = 400, 10
	const repeats = 300
	sum, squares, variance := 0.0, 0.0, 0.0
	for seed := range repeats {
		o.Seed = uint64(seed)
		s := newReboundStudy(dynamicsOf(t, m), o)
		for i := range s.counts {
			s.tasks()[i]()
		}
		p := s.result().Points[0]
		sum, squares, variance = sum+*p.Share, squares+*p.Share**p.Share, variance+*p.StandardError**p.StandardError
	}
	mean := sum / repeats
	spread := math.Sqrt(squares/repeats - mean*mean)
	if ratio := spread / math.Sqrt(variance/repeats); ratio < .85 || ratio > 1.15 {
		t.Errorf("spread %v is %v standard errors", spread, ratio)
	}
}

// Without a level there is no rebound, and with a falling line there is.
func TestReboundShareOfLines(t *testing.T) {
	for _, c := range []struct {
		m    neuron.Model
		some bool
	}{{model(t, "lif", nil), false}, {model(t, "if", nil), false}, {model(t, "lif", map[string]float64{"leak": -.8}), true}} {
		d := dynamicsOf(t, c.m)
		if _, share, err := integrateRebound(d, window.Input{Std: 1}, 5); err != nil || share > 0 != c.some || math.IsNaN(share) {
			t.Errorf("%s %v: share %v, %v", c.m.Form, c.m.Params, share, err)
		}
	}
}
