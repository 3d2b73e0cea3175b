package plotstyle

import (
	"math"
	"strings"
	"testing"
)

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{math.Log10(.25), math.Log10(4), "0.5 1 2"},
		{math.Log10(50), math.Log10(2000), "50 100 200 500 1000 2000"},
		{-4, 1, "1e−4 0.001 0.01 0.1 1 10"},
		{-20, 3, "1e−18 1e−15 1e−12 1e−9 1e−6 0.001 1 1000"},
		{1, 1, ""},
		{0, math.Inf(1), ""},
	} {
		var got []string
		for _, tick := range (LogTicks{}).Ticks(c.lo, c.hi) {
			got = append(got, tick.Label)
			if tick.Value < c.lo-1e-6 || tick.Value > c.hi+1e-6 {
				t.Errorf("tick at %v lies outside [%v, %v]", tick.Value, c.lo, c.hi)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("from %v to %v: %q, want %q", c.lo, c.hi, s, c.want)
		}
	}
}
