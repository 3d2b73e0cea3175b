package report

import "math"

// A Histogram counts membrane potentials in bins of equal width: bin i holds
// those of [Lo + i·w, Lo + (i+1)·w) with w = (Hi−Lo)/len(Counts).
type Histogram struct {
	Lo, Hi       float64
	Counts       []int64
	Below, Above int64 // outside [Lo, Hi)

	n             int64 // finite potentials, inside or not
	sum, sumOfSqr float64
}

// NewHistogram returns an empty histogram of the interval [lo, hi). Fewer than
// one bin becomes one; an interval that is empty or not finite becomes the
// interval of width 1 around lo, or around 0 if lo is not finite.
func NewHistogram(lo, hi float64, bins int) Histogram {
	if !finite(lo) {
		lo, hi = 0, 0
	}
	if !finite(hi) || !(hi > lo) {
		lo, hi = lo-.5, lo+.5
	}
	return Histogram{Lo: lo, Hi: hi, Counts: make([]int64, max(bins, 1))}
}

// Add counts potentials. NaN counts nowhere; infinities count below and above.
func (h *Histogram) Add(u []float32) {
	scale := float64(len(h.Counts)) / (h.Hi - h.Lo)
	for _, f := range u {
		v := float64(f)
		switch {
		case v < h.Lo:
			h.Below++
		case v >= h.Hi:
			h.Above++
		case v == v: // not NaN
			i := int((v - h.Lo) * scale)
			h.Counts[min(i, len(h.Counts)-1)]++ // rounding may reach the end
		}
		if finite(v) {
			h.n++
			h.sum += v
			h.sumOfSqr += v * v
		}
	}
}

// Total returns how many potentials were counted, inside and outside.
func (h *Histogram) Total() int64 {
	n := h.Below + h.Above
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Outside returns the share of potentials that no bin holds, 0 if there are
// none.
func (h *Histogram) Outside() float64 {
	n := h.Total()
	if n == 0 {
		return 0
	}
	return float64(h.Below+h.Above) / float64(n)
}

// Moments returns mean and standard deviation of the finite potentials added,
// also of those outside the bins; NaN if none were.
func (h *Histogram) Moments() (mean, std float64) {
	if h.n == 0 {
		return math.NaN(), math.NaN()
	}
	mean = h.sum / float64(h.n)
	return mean, math.Sqrt(max(0, h.sumOfSqr/float64(h.n)-mean*mean))
}

// density returns the probability density in each bin.
func (h *Histogram) density() []float64 {
	d := make([]float64, len(h.Counts))
	n := h.Total()
	if n == 0 {
		return d
	}
	width := (h.Hi - h.Lo) / float64(len(h.Counts))
	for i, c := range h.Counts {
		d[i] = float64(c) / float64(n) / width
	}
	return d
}

// pool returns the histogram of all potentials of histograms with equal bins.
func pool(hs []Histogram) Histogram {
	if len(hs) == 0 {
		return Histogram{}
	}
	p := NewHistogram(hs[0].Lo, hs[0].Hi, len(hs[0].Counts))
	for _, h := range hs {
		for i, c := range h.Counts {
			p.Counts[i] += c
		}
		p.Below += h.Below
		p.Above += h.Above
		p.n += h.n
		p.sum += h.sum
		p.sumOfSqr += h.sumOfSqr
	}
	return p
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
