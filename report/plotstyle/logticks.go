package plotstyle

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// LogTicks places ticks on an axis that shows decimal logarithms: labelled with
// the numbers themselves at 1, 2 and 5 times powers of ten, or at powers of ten
// alone where the range is long.
type LogTicks struct{}

// Ticks implements plot.Ticker.
func (LogTicks) Ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return nil
	}
	digits, every := []float64{1, 2, 5}, 1
	if hi-lo > 3 {
		digits, every = digits[:1], int(math.Ceil((hi-lo)/8))
	}
	var ticks []plot.Tick
	for d := int(math.Floor(lo)); d <= int(math.Ceil(hi)); d++ {
		if d%every != 0 {
			continue
		}
		for _, m := range digits {
			v := float64(d) + math.Log10(m)
			if v < lo-1e-9 || v > hi+1e-9 {
				continue
			}
			ticks = append(ticks, plot.Tick{Value: v, Label: powerLabel(m, d)})
		}
	}
	return ticks
}

// powerLabel writes m·10^d.
func powerLabel(m float64, d int) string {
	if d < -3 || d > 5 {
		return Signed(strconv.FormatFloat(m, 'g', -1, 64) + "e" + strconv.Itoa(d))
	}
	return strconv.FormatFloat(m*math.Pow(10, float64(d)), 'f', max(0, -d), 64)
}
