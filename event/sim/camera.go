// Package sim simulates an event camera that looks at a picture in motion.
//
// The camera is the usual model of a dynamic vision sensor (Lichtsteiner, Posch
// and Delbruck 2008; Rebecq et al., "ESIM", 2018; Hu, Liu and Delbruck, "v2e",
// 2021); the program is ours. A pixel compares the logarithm of its intensity
// with the level that it remembers from its last event, and sends an event when
// the difference reaches a threshold. Thresholds differ from pixel to pixel; the
// remembered level leaks, which gives ON events at rest; photons come at
// random, which gives events of both polarities, more of them in the dark; and
// after an event the pixel is held in reset for the refractory time, so changes
// within it are lost.
package sim

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// What random numbers are drawn for; event has the numbers below.
const (
	drawThresholds = 80 + iota // of a camera's pixels
	drawNoise                  // per recording
)

// Config describes a camera's pixels.
type Config struct {
	On         float64 `json:"on"`         // threshold for ON events, as a difference of natural logarithms
	Off        float64 `json:"off"`        // threshold for OFF events, likewise above 0
	Mismatch   float64 `json:"mismatch"`   // standard deviation of both over pixels
	Refractory int64   `json:"refractory"` // µs
	Leak       float64 `json:"leak"`       // ON events a second at rest
	Shot       float64 `json:"shot"`       // events a second from noise at intensity 0
	Step       int64   `json:"step"`       // µs between samples of the scene
}

// Default returns thresholds of .2 that deviate by .03, a refractory time of .5
// ms, leak events at .1 Hz and noise at 1 Hz, between the presets "clean" and
// "noisy" of v2e, with the scene sampled every millisecond.
func Default() Config {
	return Config{On: .2, Off: .2, Mismatch: .03, Refractory: 500, Leak: .1, Shot: 1, Step: 1000}
}

// Least and largest thresholds. A pixel whose threshold mismatch would bring
// below the least has that.
const (
	minThreshold = .01
	maxThreshold = 10
)

// Validate says what is wrong with the parameters.
func (c Config) Validate() error {
	for _, p := range []struct {
		name   string
		v      float64
		lo, hi float64
		unit   string
	}{
		{"on", c.On, minThreshold, maxThreshold, ""},
		{"off", c.Off, minThreshold, maxThreshold, ""},
		{"mismatch", c.Mismatch, 0, maxThreshold, ""},
		{"leak", c.Leak, 0, 1e4, " Hz"},
		{"shot", c.Shot, 0, 1e4, " Hz"},
		{"refractory", float64(c.Refractory), 0, 1e7, " µs"},
		{"step", float64(c.Step), 1, 1e6, " µs"},
	} {
		if !(p.v >= p.lo && p.v <= p.hi) {
			return fmt.Errorf("simulated camera: %s is %v%s, expected %v to %v", p.name, p.v, p.unit, p.lo, p.hi)
		}
	}
	return nil
}

// A Scene writes the intensities [H, W] that the camera sees at a time in µs,
// relative to white, which is 1; none may be 0 or less.
type Scene func(t int64, intensity []float64)

// A Camera is a sensor with its pixels' own thresholds. It keeps no state from
// one recording to the next and may record several at once.
type Camera struct {
	config  Config
	sensor  event.Sensor
	on, off []float64
	seed    uint64
}

// New makes a camera, whose thresholds the seed draws.
func New(c Config, s event.Sensor, seed uint64) (*Camera, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	pcg := new(rand.PCG)
	data.Seed(pcg, seed, drawThresholds, 0, 0)
	r := rand.New(pcg)
	cam := &Camera{c, s, make([]float64, s.Pixels()), make([]float64, s.Pixels()), seed}
	for i := range cam.on {
		cam.on[i] = max(minThreshold, c.On+c.Mismatch*r.NormFloat64())
		cam.off[i] = max(minThreshold, c.Off+c.Mismatch*r.NormFloat64())
	}
	return cam, nil
}

// Sensor returns the camera's size.
func (c *Camera) Sensor() event.Sensor { return c.sensor }

// Record records a scene from 0 to the given time in µs. Noise, and the phases
// in which pixels start, depend on the camera's seed and the number alone.
// Between samples of the scene levels change linearly, and an event has the time
// at which the line reaches the threshold.
func (c *Camera) Record(scene Scene, duration int64, number uint64) (event.Stream, error) {
	if duration < 1 || duration > 1e9 {
		return event.Stream{}, fmt.Errorf("a simulated recording lasts %d µs, expected 1 to 10⁹", duration)
	}
	r := newRecording(c, number)
	if err := r.look(scene, 0); err != nil {
		return event.Stream{}, err
	}
	r.begin()
	for t := int64(0); t < duration; {
		end := min(t+c.config.Step, duration)
		r.from, r.levels = r.levels, r.from
		copy(r.before, r.intensity)
		if err := r.look(scene, end); err != nil {
			return event.Stream{}, err
		}
		first := len(r.out)
		for i := range r.memory {
			r.pixel(i, float64(t), float64(end))
		}
		slices.SortStableFunc(r.out[first:], func(a, b event.Event) int { return cmp.Compare(a.T, b.T) })
		t = end
	}
	return event.Stream{Sensor: c.sensor, Events: r.out}, nil
}

// recording is the state of all pixels. A level is the logarithm of the
// intensity plus what has leaked since the start: so the leak is a slope of the
// level, and what a pixel remembers is constant between events.
type recording struct {
	*Camera
	rand      *rand.Rand
	intensity []float64 // at the end of the present step
	before    []float64 // intensity at its beginning
	from      []float64 // levels at its beginning
	levels    []float64 // levels at its end
	memory    []float64
	ready     []float64 // µs at which the refractory time ends
	quiet     []float64 // what the noise's rate has to add up to until its next event
	out       []event.Event
}

func newRecording(c *Camera, number uint64) *recording {
	pcg := new(rand.PCG)
	data.Seed(pcg, c.seed, drawNoise, number, 0)
	r := &recording{Camera: c, rand: rand.New(pcg)}
	for _, v := range []*[]float64{&r.intensity, &r.before, &r.from, &r.levels, &r.memory, &r.ready, &r.quiet} {
		*v = make([]float64, c.sensor.Pixels())
	}
	return r
}

// look samples the scene.
func (r *recording) look(scene Scene, t int64) error {
	scene(t, r.intensity)
	for i, v := range r.intensity {
		if !(v > 0) || math.IsInf(v, 1) {
			return fmt.Errorf("simulated scene: the intensity at %d µs at x = %d, y = %d is %v, expected a finite number above 0",
				t, i%r.sensor.W, i/r.sensor.W, v)
		}
		r.levels[i] = math.Log(v) + r.leak(i)*float64(t)
	}
	return nil
}

// leak is by how much a pixel's level seems to rise in a microsecond.
func (r *recording) leak(i int) float64 { return r.config.Leak * r.on[i] / 1e6 }

// begin draws the pixels' phases: anywhere between the thresholds, as after a
// long time of noise.
func (r *recording) begin() {
	for i, level := range r.levels {
		r.memory[i] = level - r.on[i] + (r.on[i]+r.off[i])*r.rand.Float64()
		if r.config.Shot > 0 {
			r.quiet[i] = r.rand.ExpFloat64()
		}
	}
}

// bright is the share of noise events that is left at intensity 1 and above, as
// v2e has it; between it and the dark the rate falls linearly.
const bright = .25

// pixel lets a pixel's level go in a line through the step [t, end).
func (r *recording) pixel(i int, t, end float64) {
	slope := (r.levels[i] - r.from[i]) / (end - t)
	level := func(at float64) float64 { return r.from[i] + slope*(at-t) }
	rate := r.config.Shot / 1e6 * (1 - (1-bright)*min(r.before[i], 1))
	noise := math.Inf(1) // when the next noise event comes
	if rate > 0 {
		noise = t + r.quiet[i]/rate
	}
	now := t
	for {
		if r.ready[i] > now { // held in reset
			now = min(r.ready[i], end)
			r.memory[i] = level(now)
			for noise < now {
				noise += r.rand.ExpFloat64() / rate
			}
		}
		if now >= end {
			break
		}
		at, on := r.crossing(i, now, level(now), slope)
		byNoise := noise < at
		if min(at, noise) >= end {
			break
		}
		if byNoise {
			at, on = noise, r.rand.Uint64()>>63 == 1
			noise += r.rand.ExpFloat64() / rate
		}
		r.emit(i, at, on)
		switch {
		case r.config.Refractory > 0:
			r.ready[i] = at + float64(r.config.Refractory)
		case byNoise:
			r.memory[i] = level(at)
		case on:
			r.memory[i] += r.on[i]
		default:
			r.memory[i] -= r.off[i]
		}
		now = at
	}
	if rate > 0 {
		r.quiet[i] = (noise - end) * rate
	}
}

// crossing returns when a pixel whose level is at a value now and moves along a
// slope reaches a threshold, and which.
func (r *recording) crossing(i int, now, level, slope float64) (at float64, on bool) {
	up, down := r.memory[i]+r.on[i]-level, level-(r.memory[i]-r.off[i])
	switch {
	case up <= 0:
		return now, true
	case down <= 0:
		return now, false
	case slope > 0:
		return now + up/slope, true
	case slope < 0:
		return now - down/slope, false
	}
	return math.Inf(1), false
}

func (r *recording) emit(i int, at float64, on bool) {
	r.out = append(r.out, event.Event{
		T: int64(at), X: uint16(i % r.sensor.W), Y: uint16(i / r.sensor.W), On: on,
	})
}
