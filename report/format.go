package report

import (
	"math"
	"strconv"

	"github.com/qif-snn/qif/report/plotstyle"
)

// missing stands for a number that does not exist.
const missing = "–"

// fixed writes a number with so many decimals.
func fixed(decimals int, v float64) string {
	if !finite(v) {
		return missing
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if r, _ := strconv.ParseFloat(s, 64); r == 0 {
		s = strconv.FormatFloat(0, 'f', decimals, 64) // not −0.00
	}
	return plotstyle.Signed(s)
}

// percent writes a fraction in percent, without the sign.
func percent(decimals int, v float64) string { return fixed(decimals, 100*v) }

// general writes a number with three significant digits.
func general(v float64) string {
	if !finite(v) {
		return missing
	}
	return plotstyle.Signed(strconv.FormatFloat(v, 'g', 3, 64))
}

// count writes a whole number in groups of three digits.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:] // narrow no-break space
	}
	return sign + s
}

// largest returns the largest finite number, 0 if there is none.
func largest(vs ...float64) float64 {
	most := math.Inf(-1)
	for _, v := range vs {
		if finite(v) {
			most = max(most, v)
		}
	}
	if math.IsInf(most, -1) {
		return 0
	}
	return most
}
