package plotstyle

import (
	"math"
	"regexp"
	"strconv"

	"gonum.org/v1/plot"
)

// Ticks places labelled ticks at round numbers, 1, 2 or 5 times a power of ten
// apart.
type Ticks struct {
	Most  int  // at most so many; 0: 6
	Whole bool // at whole numbers only
}

// Ticks implements plot.Ticker.
func (t Ticks) Ticks(lo, hi float64) []plot.Tick {
	most := t.Most
	if most == 0 {
		most = 6
	}
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return nil
	}
	decade := math.Floor(math.Log10((hi - lo) / float64(most)))
	var step float64
	first, last := 0., math.Inf(1)
	for i := 0; last-first+1 > float64(most); i++ {
		step = []float64{1, 2, 5}[i%3] * math.Pow(10, decade+float64(i/3))
		if t.Whole {
			step = max(step, 1)
		}
		first, last = math.Ceil(lo/step-1e-9), math.Floor(hi/step+1e-9)
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var ticks []plot.Tick
	for i := range int(last - first + 1) {
		v := (first + float64(i)) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: label(v, decimals)})
	}
	return ticks
}

// label writes a number with so many decimals, or with a power of ten where that
// is shorter.
func label(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if decimals > 4 || math.Abs(v) >= 1e6 {
		rounded, err := strconv.ParseFloat(s, 64)
		if short := strconv.FormatFloat(rounded, 'g', -1, 64); err == nil && len(short) < len(s) {
			s = short
		}
	}
	return Signed(s)
}

var hyphen = regexp.MustCompile(`-(\d)`)

// Signed writes the hyphens before digits as minus signs.
func Signed(s string) string { return hyphen.ReplaceAllString(s, "−$1") }
