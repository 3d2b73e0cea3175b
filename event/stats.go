package event

import "fmt"

// Stats describes a recording, or several of one sensor.
type Stats struct {
	Sensor Sensor `json:"sensor"`
	Events int64  `json:"events"`
	On     int64  `json:"on"`
	Off    int64  `json:"off"`
	From   int64  `json:"from"`     // µs, the first event's time
	To     int64  `json:"to"`       // µs, one past the last event's
	Pixels int    `json:"pixels"`   // that have events
	Most   Pixel  `json:"most"`     // the pixel with the most events
	Width  int64  `json:"width_us"` // of the intervals of Rate
	// Rate has the events in successive intervals of that width, the first of
	// which begins with the first event.
	Rate []int64 `json:"rate"`
}

// A Pixel is a pixel and its number of events.
type Pixel struct {
	X      int   `json:"x"`
	Y      int   `json:"y"`
	Events int64 `json:"events"`
}

// OnOff returns the ratio of ON to OFF events, and whether there is one.
func (s Stats) OnOff() (float64, bool) {
	if s.Off == 0 {
		return 0, false
	}
	return float64(s.On) / float64(s.Off), true
}

// PerSecond returns the events a second.
func (s Stats) PerSecond() float64 {
	if s.To <= s.From {
		return 0
	}
	return float64(s.Events) / float64(s.To-s.From) * 1e6
}

// rateBins is the most intervals in which a Meter counts: whenever there are
// more, it joins them in pairs. So it needs neither the recording's length nor
// memory that grows with it.
const rateBins = 256

// A Meter gathers statistics of a recording as its events pass.
type Meter struct {
	s     Stats
	pixel []int64
}

// NewMeter returns a meter that has seen no events.
func NewMeter(s Sensor) (*Meter, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Meter{Stats{Sensor: s, Width: 1}, make([]int64, s.Pixels())}, nil
}

// Add takes events that follow those before.
func (m *Meter) Add(events []Event) error {
	for _, e := range events {
		switch {
		case !m.s.Sensor.Has(e.X, e.Y):
			return fmt.Errorf("an event is at x = %d, y = %d, off the sensor of %v pixels", e.X, e.Y, m.s.Sensor)
		case m.s.Events == 0:
			m.s.From = e.T
		case e.T < m.s.To-1:
			return fmt.Errorf("an event is at %d µs, before the last one at %d µs", e.T, m.s.To-1)
		}
		m.s.Events++
		if e.On {
			m.s.On++
		}
		m.s.To = e.T + 1
		m.pixel[m.s.Sensor.at(e.X, e.Y)]++
		m.count(e.T - m.s.From)
	}
	return nil
}

// count counts an event at a time since the first.
func (m *Meter) count(t int64) {
	for t/m.s.Width >= rateBins {
		joined := m.s.Rate[:0]
		for i := 0; i < len(m.s.Rate); i += 2 {
			n := m.s.Rate[i]
			if i+1 < len(m.s.Rate) {
				n += m.s.Rate[i+1]
			}
			joined = append(joined, n)
		}
		m.s.Rate = joined
		m.s.Width *= 2
	}
	for int64(len(m.s.Rate)) <= t/m.s.Width {
		m.s.Rate = append(m.s.Rate, 0)
	}
	m.s.Rate[t/m.s.Width]++
}

// Stats returns what has been gathered.
func (m *Meter) Stats() Stats {
	s := m.s
	s.Off = s.Events - s.On
	s.Rate = append([]int64{}, m.s.Rate...)
	for i, n := range m.pixel {
		if n > 0 {
			s.Pixels++
		}
		if n > s.Most.Events {
			s.Most = Pixel{i % s.Sensor.W, i / s.Sensor.W, n}
		}
	}
	return s
}

// Measure returns a stream's statistics.
func Measure(s Stream) (Stats, error) {
	m, err := NewMeter(s.Sensor)
	if err == nil {
		err = m.Add(s.Events)
	}
	if err != nil {
		return Stats{}, err
	}
	return m.Stats(), nil
}
