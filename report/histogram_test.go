package report

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestHistogramAgainstEdges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		lo := 4*rng.Float64() - 3
		h := NewHistogram(lo, lo+.1+3*rng.Float64(), 1+rng.IntN(30))
		u := make([]float32, 500)
		for i := range u {
			u[i] = float32(lo + 2*rng.NormFloat64())
		}
		h.Add(u[:100])
		h.Add(u[100:])
		width := (h.Hi - h.Lo) / float64(len(h.Counts))
		want := make([]int64, len(h.Counts))
		var below, above int64
		for _, f := range u {
			v := float64(f)
			if v < h.Lo {
				below++
			}
			if v >= h.Hi {
				above++
			}
			for i := range want {
				if left := h.Lo + float64(i)*width; v >= left && v < left+width {
					want[i]++
				}
			}
		}
		if h.Below != below || h.Above != above || h.Total() != 500 {
			t.Fatalf("below %d, above %d, total %d, want %d, %d, 500", h.Below, h.Above, h.Total(), below, above)
		}
		for i := range want {
			if h.Counts[i] != want[i] {
				t.Fatalf("bins %v, want %v", h.Counts, want)
			}
		}
		area := 0.
		for _, d := range h.density() {
			area += d * width
		}
		if math.Abs(area+h.Outside()-1) > 1e-12 {
			t.Fatalf("density integrates to %v, %v lie outside", area, h.Outside())
		}
		checkMoments(t, h, u)
	}
}

func checkMoments(t *testing.T, h Histogram, u []float32) {
	t.Helper()
	mean, variance := 0., 0.
	for _, v := range u {
		mean += float64(v) / float64(len(u))
	}
	for _, v := range u {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(u))
	}
	if m, s := h.Moments(); math.Abs(m-mean) > 1e-12 || math.Abs(s-math.Sqrt(variance)) > 1e-9 {
		t.Fatalf("mean %v, deviation %v, want %v, %v", m, s, mean, math.Sqrt(variance))
	}
}

func TestHistogramEdges(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	h := NewHistogram(0, 1, 4)
	h.Add([]float32{0, .25, .5, .75, 1, -1e-9, nan, inf, -inf, math.Nextafter32(1, 0)})
	if got := [4]int64(h.Counts); got != [4]int64{1, 1, 1, 2} || h.Below != 2 || h.Above != 2 {
		t.Errorf("counts %v, below %d, above %d", h.Counts, h.Below, h.Above)
	}
	if m, _ := h.Moments(); math.Abs(m-3.5/7) > 1e-6 {
		t.Errorf("mean %v of the finite ones", m)
	}
	// The largest potential below Hi must not leave the last bin by rounding.
	for bins := range 300 {
		h := NewHistogram(-4.5, 4.8, bins+1)
		h.Add([]float32{math.Nextafter32(4.8, 0), -4.5})
		if h.Counts[bins] == 0 || h.Counts[0] == 0 {
			t.Fatalf("%d bins: %v", bins+1, h)
		}
	}
}

func TestHistogramWithoutARange(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct{ lo, hi, wantLo, wantHi float64 }{
		{1, 1, .5, 1.5}, {2, 1, 1.5, 2.5}, {nan, 1, -.5, .5}, {1, nan, .5, 1.5}, {math.Inf(-1), 0, -.5, .5}, {0, math.Inf(1), -.5, .5},
	} {
		h := NewHistogram(c.lo, c.hi, 0)
		if h.Lo != c.wantLo || h.Hi != c.wantHi || len(h.Counts) != 1 {
			t.Errorf("[%v, %v): %+v", c.lo, c.hi, h)
		}
	}
	if m, s := new(Histogram).Moments(); !math.IsNaN(m) || !math.IsNaN(s) {
		t.Errorf("moments of nothing: %v, %v", m, s)
	}
	if o := new(Histogram).Outside(); o != 0 {
		t.Errorf("outside of nothing: %v", o)
	}
}

func TestPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var hs []Histogram
	all := NewHistogram(-1, 2, 7)
	for range 3 {
		h, u := NewHistogram(-1, 2, 7), make([]float32, 50)
		for i := range u {
			u[i] = float32(rng.NormFloat64())
		}
		h.Add(u)
		all.Add(u)
		hs = append(hs, h)
	}
	got := pool(hs)
	if got.Total() != 150 || got.Below != all.Below || got.Above != all.Above || [7]int64(got.Counts) != [7]int64(all.Counts) {
		t.Errorf("pooled %+v, want %+v", got, all)
	}
	m, s := got.Moments()
	if wm, ws := all.Moments(); math.Abs(m-wm) > 1e-12 || math.Abs(s-ws) > 1e-12 {
		t.Errorf("moments %v, %v, want %v, %v", m, s, wm, ws)
	}
}
