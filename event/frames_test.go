package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// binsOf says to which of the frames an event belongs, or -1, by going through
// all frames: what Binning must agree with.
func binsOf(b Binning, s Stream) (bins []int, frames int) {
	n := int64(len(s.Events))
	from, to := s.Span()
	type interval struct{ lo, hi int64 }
	var all []interval
	last := to - 1 // time of the last event
	switch b.By {
	case ByCount, ByTime:
		total := n
		if b.By == ByTime {
			total = last - from
			if b.Rest == Spread {
				total++
			}
		}
		for k := range int64(b.N) {
			lo, hi := k*total/int64(b.N), (k+1)*total/int64(b.N)
			if b.Rest != Spread {
				lo, hi = k*(total/int64(b.N)), (k+1)*(total/int64(b.N))
			}
			if b.Rest == Last && k == int64(b.N)-1 {
				hi = total + 1
			}
			if b.By == ByTime {
				lo, hi = lo+from, hi+from
			}
			all = append(all, interval{lo, hi})
		}
	case ByDuration:
		for at := from; at <= last; at += b.Duration {
			all = append(all, interval{at, at + b.Duration})
		}
		if end := &all[len(all)-1]; end.hi > to { // the last one is not filled
			switch {
			case b.Rest == Drop:
				all = all[:len(all)-1]
			case b.Rest == Last && len(all) > 1:
				all[len(all)-2].hi = end.hi
				all = all[:len(all)-1]
			}
		}
	}
	for i, e := range s.Events {
		v := e.T
		if b.By == ByCount {
			v = int64(i)
		}
		bin := -1
		for k, iv := range all {
			if iv.lo <= v && v < iv.hi {
				bin = k
			}
		}
		bins = append(bins, bin)
	}
	return bins, len(all)
}

// denseOf counts events into [T, H, W, C] one at a time.
func denseOf(b Binning, s Stream) ([]float32, int) {
	bins, n := binsOf(b, s)
	c := b.Channels()
	dense := make([]float32, n*s.Sensor.H*s.Sensor.W*c)
	for i, e := range s.Events {
		if bins[i] < 0 {
			continue
		}
		channel := 0
		if e.On && c == 2 {
			channel = 1
		}
		dense[((bins[i]*s.Sensor.H+int(e.Y))*s.Sensor.W+int(e.X))*c+channel]++
	}
	return dense, n
}

func TestFramesAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for trial := range 400 {
		s := noise(uint64(trial), Sensor{1 + r.IntN(12), 1 + r.IntN(12)}, 1+r.IntN(60), 1+r.Int64N(300))
		for _, rest := range []Rest{Spread, Last, Drop} {
			for _, b := range []Binning{
				{By: ByTime, N: 1 + r.IntN(12)}, {By: ByCount, N: 1 + r.IntN(12)}, {By: ByDuration, Duration: 1 + r.Int64N(80)},
			} {
				b.Rest, b.Merge = rest, trial%2 == 0
				f, err := b.Frames(s)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Validate(); err != nil {
					t.Fatal(err)
				}
				want, n := denseOf(b, s)
				if f.Len() != n || !slices.Equal(f.Dense(), want) {
					t.Fatalf("%+v of %d events: %d frames, want %d; or their counts differ", b, len(s.Events), f.Len(), n)
				}
				if rest != Drop && f.Events() != int64(len(s.Events)) {
					t.Fatalf("%+v: %d of %d events are counted", b, f.Events(), len(s.Events))
				}
			}
		}
	}
}

// The cases that users of other libraries have met.
func TestFramesAtTheEdges(t *testing.T) {
	at := func(times ...int64) Stream {
		s := Stream{Sensor: Sensor{1, 1}}
		for _, v := range times {
			s.Events = append(s.Events, Event{T: v})
		}
		return s
	}
	for _, c := range []struct {
		name string
		b    Binning
		s    Stream
		want string // counts per frame
	}{
		{"the last event is in the last frame", Binning{By: ByTime, N: 2}, at(0, 9), "1 1"},
		{"and is the remainder in the field's way", Binning{By: ByTime, N: 2, Rest: Last}, at(0, 10), "1 1"},
		{"or lost", Binning{By: ByTime, N: 2, Rest: Drop}, at(0, 10), "1 0"},
		{"intervals are half-open", Binning{By: ByTime, N: 2}, at(0, 5, 9), "1 2"},
		{"a pause is frames of zeros", Binning{By: ByTime, N: 4}, at(0, 1, 99), "2 0 0 1"},
		{"less time than frames", Binning{By: ByTime, N: 3}, at(4, 4), "0 0 2"},
		{"less time than frames, the rest last", Binning{By: ByTime, N: 3, Rest: Last}, at(4, 5), "0 0 2"},
		{"fewer events than frames", Binning{By: ByCount, N: 4}, at(1, 2), "0 1 0 1"},
		{"fewer events than frames, the rest dropped", Binning{By: ByCount, N: 4, Rest: Drop}, at(1, 2), "0 0 0 0"},
		{"counts that do not divide", Binning{By: ByCount, N: 3}, at(1, 1, 1, 1, 1), "1 2 2"},
		{"counts that do not divide, the rest last", Binning{By: ByCount, N: 3, Rest: Last}, at(1, 1, 1, 1, 1), "1 1 3"},
		{"no events, by time", Binning{By: ByTime, N: 2}, at(), "0 0"},
		{"no events, by count", Binning{By: ByCount, N: 2}, at(), "0 0"},
		{"no events, by duration", Binning{By: ByDuration, Duration: 5}, at(), "0"},
		{"a last frame that is not filled", Binning{By: ByDuration, Duration: 5}, at(0, 4, 5), "2 1"},
		{"joined to the one before", Binning{By: ByDuration, Duration: 5, Rest: Last}, at(0, 4, 5), "3"},
		{"dropped", Binning{By: ByDuration, Duration: 5, Rest: Drop}, at(0, 4, 5), "2"},
		{"a frame that is just filled", Binning{By: ByDuration, Duration: 5, Rest: Drop}, at(0, 4), "2"},
		{"longer than the recording", Binning{By: ByDuration, Duration: 50, Rest: Last}, at(0, 4), "2"},
		{"times far from 0", Binning{By: ByTime, N: 2}, at(-maxTime, maxTime), "1 1"},
	} {
		f, err := c.b.Frames(c.s)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var counts []int
		for _, n := range f.Dense() {
			counts = append(counts, int(n))
		}
		if f.C == 2 { // all are OFF
			for i := 1; i < len(counts); i++ {
				counts = slices.Delete(counts, i, i+1)
			}
		}
		if got := strings.Trim(fmt.Sprint(counts), "[]"); got != c.want {
			t.Errorf("%s: counts are %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBinningErrors(t *testing.T) {
	s := noise(1, Sensor{2, 2}, 10, 100)
	off := Stream{Sensor{2, 2}, []Event{{0, 0, 0, true}, {1, 2, 0, true}}}
	far := Stream{Sensor{2, 2}, []Event{{0, 0, 0, true}, {maxTime, 0, 0, true}}}
	for _, c := range []struct {
		b    Binning
		s    Stream
		want string
	}{
		{Binning{}, s, "the number of frames is 0, expected 1 to 1048576"},
		{Binning{N: maxFrames + 1}, s, "the number of frames is 1048577"},
		{Binning{By: 3, N: 1}, s, "the way to cut frames is 3, expected one of time, count, duration"},
		{Binning{N: 1, Rest: -1}, s, "the policy for the remainder is -1, expected one of spread, last, drop"},
		{Binning{N: 1, Duration: 5}, s, "frames by time have no fixed duration, got 5 µs"},
		{Binning{By: ByDuration}, s, "a frame's duration is 0 µs"},
		{Binning{By: ByDuration, N: 1, Duration: 5}, s, "frames of a fixed duration have no fixed number, got n = 1"},
		{Binning{By: ByDuration, Duration: 5}, far, "make 230584300921369396 frames of 5 µs, expected at most 1048576"},
		{Binning{N: 1}, off, "event 1 is at x = 2, y = 0, off the sensor of 2×2 pixels"},
		{Binning{N: 1}, Stream{Sensor: Sensor{0, 2}}, "the sensor has 0×2 pixels"},
	} {
		if _, err := c.b.Frames(c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error is %v, want %s", c.b, err, c.want)
		}
	}
}

func TestSlices(t *testing.T) {
	s := noise(5, Sensor{4, 4}, 200, 50)
	for from := int64(990); from < 1060; from++ {
		for to := from - 2; to < from+20; to++ {
			var want []Event
			for _, e := range s.Events {
				if from <= e.T && e.T < to {
					want = append(want, e)
				}
			}
			if got := s.Between(from, to); !slices.Equal(got.Events, want) {
				t.Fatalf("between %d and %d lie %d events, want %d", from, to, len(got.Events), len(want))
			}
		}
	}
	moved := s.Shift(7)
	if from, to := moved.Span(); from != 7 || moved.Events[9].T-7 != s.Events[9].T-s.Events[0].T || to <= from {
		t.Errorf("shifted stream spans %d to %d", from, to)
	}
	if err := moved.Validate(); err != nil {
		t.Error(err)
	}
}
