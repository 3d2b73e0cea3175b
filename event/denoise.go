package event

import (
	"fmt"
	"math"
)

// Denoise is a background-activity filter (Delbruck, "Frame-free dynamic digital
// vision", 2008): an event stays if enough of the eight pixels around its own
// had an event, of either polarity, less than Within ago. Noise comes alone,
// edges do not. An event of the same time counts if it comes first.
type Denoise struct {
	Within     int64 `json:"within"`     // µs
	Neighbours int   `json:"neighbours"` // how many, 1 to 8
}

// Validate says what is wrong with the parameters.
func (d Denoise) Validate() error {
	switch {
	case d.Within < 1 || d.Within > maxTime:
		return fmt.Errorf("denoising looks back %d µs, expected 1 to %d", d.Within, int64(maxTime))
	case d.Neighbours < 1 || d.Neighbours > 8:
		return fmt.Errorf("denoising asks for %d neighbours, expected 1 to 8", d.Neighbours)
	}
	return nil
}

// Stream returns the events that have support, in memory of their own.
func (d Denoise) Stream(s Stream) (Stream, error) {
	if err := d.Validate(); err != nil {
		return Stream{}, err
	}
	if err := s.Validate(); err != nil {
		return Stream{}, err
	}
	// A margin of pixels that never fire spares the edges their own case.
	const never = math.MinInt64 / 2
	row := s.Sensor.W + 2
	last := make([]int64, row*(s.Sensor.H+2))
	for i := range last {
		last[i] = never
	}
	around := [8]int{-row - 1, -row, -row + 1, -1, 1, row - 1, row, row + 1}
	out := Stream{s.Sensor, nil}
	for _, e := range s.Events {
		at := (int(e.Y)+1)*row + int(e.X) + 1
		found := 0
		for _, by := range around {
			if e.T-last[at+by] < d.Within {
				found++
			}
		}
		last[at] = e.T
		if found >= d.Neighbours {
			out.Events = append(out.Events, e)
		}
	}
	return out, nil
}

// HotPixels returns the warp that drops every pixel with more events a second
// than given, on average over the stream's span, as broken pixels have.
func HotPixels(s Stream, perSecond float64) (Warp, error) {
	if !(perSecond > 0) {
		return Warp{}, fmt.Errorf("hot pixels have more than %v events a second, expected a number above 0", perSecond)
	}
	if err := s.Validate(); err != nil {
		return Warp{}, err
	}
	n := make([]int, s.Sensor.Pixels())
	for _, e := range s.Events {
		n[s.Sensor.at(e.X, e.Y)]++
	}
	from, to := s.Span()
	most := perSecond * float64(to-from) / 1e6
	return Without(s.Sensor, func(x, y int) bool { return float64(n[y*s.Sensor.W+x]) > most }), nil
}
