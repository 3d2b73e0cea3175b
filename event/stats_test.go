package event

import (
	"strings"
	"testing"
)

func TestMeasure(t *testing.T) {
	for _, span := range []int64{1, 100, 256, 257, 100_000, 1 << 40} {
		s := noise(uint64(span), odd, 500, span)
		got, err := Measure(s)
		if err != nil {
			t.Fatal(err)
		}
		var on, sum int64
		pixels := map[[2]uint16]int64{}
		for _, e := range s.Events {
			if e.On {
				on++
			}
			pixels[[2]uint16{e.X, e.Y}]++
		}
		for i, n := range got.Rate {
			from := got.From + int64(i)*got.Width
			if want := s.Between(from, from+got.Width); int64(len(want.Events)) != n {
				t.Fatalf("span %d: interval %d has %d events, want %d", span, i, n, len(want.Events))
			}
			sum += n
		}
		from, to := s.Span()
		if got.Events != 500 || got.On != on || got.Off != 500-on || sum != 500 || got.From != from || got.To != to || len(got.Rate) > rateBins {
			t.Errorf("span %d: %+v", span, got)
		}
		if got.Pixels != len(pixels) || got.Most.Events != pixels[[2]uint16{uint16(got.Most.X), uint16(got.Most.Y)}] {
			t.Errorf("span %d: %d pixels, most %+v", span, got.Pixels, got.Most)
		}
		for _, n := range pixels {
			if n > got.Most.Events {
				t.Errorf("a pixel has %d events, the most is said to be %d", n, got.Most.Events)
			}
		}
		if want := 500 / float64(to-from) * 1e6; got.PerSecond() != want {
			t.Errorf("%v events a second, want %v", got.PerSecond(), want)
		}
	}
	if _, err := Measure(Stream{odd, []Event{{5, 0, 0, true}, {4, 0, 0, true}}}); err == nil || !strings.Contains(err.Error(), "at 4 µs, before the last one at 5 µs") {
		t.Error(err)
	}
	empty, err := Measure(Stream{Sensor: odd})
	if _, ok := empty.OnOff(); err != nil || ok || empty.PerSecond() != 0 || empty.Rate == nil {
		t.Errorf("%+v, error %v", empty, err)
	}
}
