package neuron

import "math"

// A State is what a neuron does in the long run.
type State string

// The states. Those of a neuron that does not fire come first.
const (
	Rests           State = "rests"             // approaches a fixed point from one side
	Alternates      State = "alternates"        // approaches a fixed point in a damped oscillation
	AtFloor         State = "rests-at-floor"    // is held at the floor
	Cycles          State = "cycles"            // repeats its potentials below the threshold
	Irregular       State = "irregular"         // stays below the threshold without a short period: long cycles and chaos
	FiresTransient  State = "fires-transiently" // fires at first, then no more
	Fires           State = "fires"             // repeats a pattern of spikes
	FiresIrregular  State = "fires-irregularly" // fires again and again without a short period
	Escapes         State = "escapes"           // the potential grows without bound
	UndecidedRegime State = "undecided"         // not settled within the steps that were looked at
)

// A Regime is the long run of a neuron under constant input.
type Regime struct {
	State State
	// Period is the number of steps after which the potential repeats: of a cycle
	// or of a pattern of spikes. 0 where there is none.
	Period int
	// Spikes is the number of spikes per period, or in all if the neuron fires
	// transiently.
	Spikes int
	// Rate is the number of spikes per step in the long run.
	Rate float64
}

// Limits of what Regime looks at.
const (
	// MaxPeriod is the longest period that is told from irregular behaviour.
	MaxPeriod = 128

	burnIn       = 4096    // steps after which transients have gone
	longest      = 1 << 20 // steps for passing the ghost of a saddle node
	enoughSpikes = 8       // of a slow neuron, for its rate
	samePeriod   = 1e-9    // difference, in units of θ − reset value, of potentials that count as repeated
	onUnstable   = 1e-13   // step, in those units, that rounding can hold back
	offUnstable  = 1e-6    // nudge, in those units, off a fixed point that has doubled its period
	farAway      = 1e9     // potential, in those units, that has escaped
)

// Regime returns the long run of the neuron under constant input x from v[0] =
// the reset value. A potential on a fixed point with slope below −1, where nothing
// real stays, is nudged off it.
//
// It iterates the map, and decides by closed forms when an orbit has settled:
//
//   - A hard reset restarts the neuron, so it fires with the period of its first
//     spike or never.
//   - A potential is caught by a fixed point v* with slope s within the radius r
//     where |s| + |c2|·r < 1, since it comes nearer with each step.
//   - Bounded orbits of a quadratic map with 0 < D ≤ 4 approach its stable fixed
//     point, with 4 < D ≤ 6 its 2-cycle, unless they start on another cycle:
//     this decides where the approach is slow.
func (d Dynamics) Regime(x float64) Regime {
	o := orbit{Dynamics: d, x: x, scale: d.Threshold - d.ResetValue, v: d.ResetValue}
	for _, p := range d.FixedPoints(x) {
		if p.Stable() && p.V < d.Threshold && p.V >= d.Floor {
			o.rest, o.hasRest = p, true
		}
	}
	mustFire := o.mustFire()
	for o.t < burnIn || mustFire && o.spikes == 0 && o.t < longest {
		if r, ok := o.advance(); ok {
			return r
		}
	}
	if mustFire && o.spikes == 0 {
		return Regime{State: UndecidedRegime}
	}
	return o.settled()
}

// Fires reports whether the neuron fires again and again.
func (r Regime) Fires() bool {
	return r.State == Fires || r.State == FiresIrregular || r.State == Escapes && r.Rate > 0
}

// An orbit is a neuron on its way under constant input.
type orbit struct {
	Dynamics
	x, scale float64
	v        float64
	t        int
	spikes   int
	bounded  int // steps since the floor last held the potential, or since the start
	rest     FixedPoint
	hasRest  bool // there is a stable fixed point between floor and threshold
}

// advance takes a step. It returns the regime where that decides it.
func (o *orbit) advance() (r Regime, ok bool) {
	u, spike, next := o.Step(o.v, o.x)
	o.t++
	o.bounded++
	if !spike && next != u {
		o.bounded = 0
	}
	if spike {
		o.spikes++
		if !o.Soft {
			return Regime{Fires, o.t, 1, 1 / float64(o.t)}, true
		}
	}
	v := o.v
	o.v = next
	switch {
	case o.escapes(spike):
		return Regime{State: Escapes, Rate: o.rateFar(spike)}, true
	case spike:
		return r, false
	case next == v && next != u:
		return o.quiet(AtFloor, 0), true
	case math.Abs(next-v) < onUnstable*o.scale && o.Slope(v) < -1:
		o.v += offUnstable * o.scale
		return r, false
	case next == v, o.caught():
		return o.quiet(approach(o.Slope(next)), 0), true
	}
	return r, false
}

// quiet is the regime of a neuron that no longer fires.
func (o *orbit) quiet(s State, period int) Regime {
	if o.spikes > 0 {
		return Regime{State: FiresTransient, Spikes: o.spikes}
	}
	return Regime{State: s, Period: period}
}

func approach(slope float64) State {
	if slope < 0 {
		return Alternates
	}
	return Rests
}

// caught reports whether the stable fixed point holds the potential for good:
// within this radius each step brings it nearer, and none reaches the threshold.
func (o *orbit) caught() bool {
	r := math.Abs(o.v - o.rest.V)
	return o.hasRest && math.Abs(o.rest.Slope)+math.Abs(o.C2)*r < 1 && o.rest.V+r < o.Threshold
}

// mustFire reports whether f(v) + x > v for all v ≤ θ, so that the potential
// rises until it fires, however slowly.
func (o *orbit) mustFire() bool {
	if o.C2 > 0 && o.Discriminant(o.x) < 0 {
		return true
	}
	return o.C2 >= 0 && o.Slope(o.Threshold) <= 1 && o.At(o.Threshold)+o.x > o.Threshold
}

// escapes reports whether the potential will grow without bound, given whether
// the last step fired: upwards where each step fires and raises it, downwards
// where nothing fires, or because a soft reset let it go far.
func (o *orbit) escapes(spike bool) bool {
	switch {
	case math.IsNaN(o.v), o.Soft && math.Abs(o.v) > farAway*o.scale:
		return true
	case spike: // soft reset: v ← f(v) + x − θ
		return o.v >= 0 && o.At(o.v)+o.x-o.Threshold > o.v && (o.C2 > 0 && o.Slope(o.v) > 1 || o.C2 == 0 && o.C1 >= 1)
	}
	return math.IsInf(o.Floor, -1) && o.At(o.v)+o.x < o.v && (o.C2 < 0 && o.Slope(o.v) > 1 || o.C2 == 0 && o.C1 >= 1)
}

// rateFar is the firing rate of a potential that escapes.
func (o *orbit) rateFar(spike bool) float64 {
	switch {
	case o.C2 > 0: // under a soft reset, upwards from either side
		return 1
	case o.C2 == 0 && o.C1 < 0: // to either side in turn
		return .5
	case o.C2 == 0 && spike:
		return 1
	}
	return 0
}

// settled returns the regime of an orbit that has lost its transient.
func (o *orbit) settled() Regime {
	before := o.spikes
	if before == 0 && o.bounded > burnIn/2 && o.C2 != 0 {
		switch d := o.Discriminant(o.x); {
		case d >= 0 && d <= 4:
			return o.quiet(approach(1-math.Sqrt(d)), 0)
		case d > 4 && d <= 6:
			return o.quiet(Cycles, 2)
		}
	}
	start := o.v
	for p := 1; p <= MaxPeriod; p++ {
		if r, ok := o.advance(); ok {
			return r
		}
		if math.Abs(o.v-start) > samePeriod*o.scale {
			continue
		}
		if n := o.spikes - before; n > 0 {
			return Regime{Fires, p, n, float64(n) / float64(p)}
		}
		return o.quiet(Cycles, p)
	}
	from, at := o.spikes, o.t
	for o.t-at < burnIn || o.mustFire() && o.spikes-from < enoughSpikes && o.t < longest {
		if r, ok := o.advance(); ok {
			return r
		}
	}
	if n := o.spikes - from; n > 0 {
		return Regime{State: FiresIrregular, Rate: float64(n) / float64(o.t-at)}
	}
	return o.quiet(Irregular, 0)
}
