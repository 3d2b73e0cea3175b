// Package event handles the recordings of event cameras: streams of changes of
// brightness as values, readers for the field's file formats, frames made of
// events, and the data sets that come as recordings.
//
// Time is in microseconds, intervals are half-open, and nothing is lost unless
// it is asked for: the last event is in the last frame, and a frame without
// events is a frame of zeros.
package event

import (
	"fmt"
	"slices"
	"sort"
)

// An Event is a change of brightness at a pixel: to brighter if it is On.
//
// Events lie in memory as an array of these 16 bytes rather than as an array
// per field. What is done with them, filtering, slicing, sorting, binning, takes
// them whole and in order, so one append and one line of the cache serve a few
// events, and a slice of a stream is a slice.
type Event struct {
	T    int64 // µs, from an origin that is the recording's own
	X, Y uint16
	On   bool
}

// A Sensor is the size of a camera's array of pixels.
type Sensor struct {
	W int `json:"w"`
	H int `json:"h"`
}

// maxSide is the most pixels that a sensor may have along a side. It bounds what
// the size in a file's header can make of memory: 2²⁴ pixels at most.
const maxSide = 4096

// Validate says what is wrong with the size.
func (s Sensor) Validate() error {
	if s.W < 1 || s.H < 1 || s.W > maxSide || s.H > maxSide {
		return fmt.Errorf("the sensor has %d×%d pixels, expected 1 to %d along each side", s.W, s.H, maxSide)
	}
	return nil
}

// String returns the size as width×height.
func (s Sensor) String() string { return fmt.Sprintf("%d×%d", s.W, s.H) }

// Has says whether the sensor has the pixel.
func (s Sensor) Has(x, y uint16) bool { return int(x) < s.W && int(y) < s.H }

// Pixels returns the number of pixels, W·H.
func (s Sensor) Pixels() int { return s.W * s.H }

// at returns the pixel's place in a row-major array [H, W].
func (s Sensor) at(x, y uint16) int { return int(y)*s.W + int(x) }

// A Stream is a recording: events in the order of time. Events of one time keep
// the order in which the camera sent them.
type Stream struct {
	Sensor Sensor
	Events []Event
}

// maxTime bounds times on both sides of 0, so that sums and differences of a few
// of them fit 64 bits: 2⁶⁰ µs are 36,000 years.
const maxTime = 1 << 60

// Validate says what is wrong with the stream: a size that is none, an event off
// the sensor, or a time before its predecessor's or beyond 2⁶⁰ µs.
func (s Stream) Validate() error {
	if err := s.Sensor.Validate(); err != nil {
		return err
	}
	for i, e := range s.Events {
		switch {
		case !s.Sensor.Has(e.X, e.Y):
			return s.off(i)
		case e.T < -maxTime || e.T > maxTime:
			return fmt.Errorf("event %d is at %d µs, expected at most 2⁶⁰ µs on either side of 0", i, e.T)
		case i > 0 && e.T < s.Events[i-1].T:
			return fmt.Errorf("event %d is at %d µs, before the one at %d µs that precedes it", i, e.T, s.Events[i-1].T)
		}
	}
	return nil
}

// off returns the error for an event that does not lie on the sensor.
func (s Stream) off(i int) error {
	e := s.Events[i]
	return fmt.Errorf("event %d is at x = %d, y = %d, off the sensor of %v pixels", i, e.X, e.Y, s.Sensor)
}

// Span returns the interval [from, to) of the stream's events: from the first
// one's time to a microsecond after the last one's. Without events it is empty.
func (s Stream) Span() (from, to int64) {
	if len(s.Events) == 0 {
		return 0, 0
	}
	return s.Events[0].T, s.Events[len(s.Events)-1].T + 1
}

// Between returns the events with from ≤ T < to. It shares the stream's memory.
func (s Stream) Between(from, to int64) Stream {
	lo := s.Since(from)
	return s.Slice(lo, max(lo, s.Since(to)))
}

// Since returns the number of events before the time t, which is the index of
// the first one at t or later.
func (s Stream) Since(t int64) int {
	return sort.Search(len(s.Events), func(i int) bool { return s.Events[i].T >= t })
}

// Slice returns the events with indices lo ≤ i < hi. It shares the stream's
// memory.
func (s Stream) Slice(lo, hi int) Stream {
	return Stream{s.Sensor, s.Events[lo:hi:hi]}
}

// Shift returns a copy of the stream with the first event at time t.
func (s Stream) Shift(t int64) Stream {
	out := Stream{s.Sensor, slices.Clone(s.Events)}
	if len(out.Events) > 0 {
		d := t - out.Events[0].T
		for i := range out.Events {
			out.Events[i].T += d
		}
	}
	return out
}
