package bench

import (
	"slices"
	"time"
)

// Quantile returns the q-quantile of values, between neighbours by proportion;
// 0 of no values.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	at := q * float64(len(v)-1)
	i := min(int(at), len(v)-1)
	j := min(i+1, len(v)-1)
	return v[i] + (at-float64(i))*(v[j]-v[i])
}

// Median returns the median of values.
func Median(values []float64) float64 { return Quantile(values, .5) }

// seconds converts to a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
