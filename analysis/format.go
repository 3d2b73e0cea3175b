package analysis

import (
	"math"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/neuron"
)

// describe writes a neuron's form with its parameters.
func describe(form string, ps []Param) string {
	for i, p := range ps {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		form += sep + p.Name + " = " + exact(p.Value)
	}
	return form
}

func resetText(reset string, value float64) string {
	if reset == neuron.SoftReset {
		return "soft reset by θ from v[0] = " + exact(value)
	}
	return "hard reset to " + exact(value)
}

func floorText(floor *float64) string {
	if floor == nil {
		return "no floor"
	}
	return "floor " + exact(*floor)
}

// polynomial writes c2·v² + c1·v + c0 without the terms that vanish.
func polynomial(c2, c1, c0 float64) string {
	var b strings.Builder
	for _, term := range []struct {
		c float64
		v string
	}{{c2, "v[t−1]²"}, {c1, "v[t−1]"}, {c0, ""}} {
		if term.c == 0 {
			continue
		}
		size := short(math.Abs(term.c))
		if term.v != "" {
			size += "·"
		}
		if size == "1·" {
			size = ""
		}
		sign := ""
		switch {
		case b.Len() > 0 && term.c < 0:
			sign = " - "
		case b.Len() > 0:
			sign = " + "
		case term.c < 0:
			sign = "-"
		}
		b.WriteString(sign + size + term.v)
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// exact writes a number that somebody set.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// short writes a number with at most four significant digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// number returns a pointer to a number that exists and is finite.
func number(v float64, ok bool) *float64 {
	if !ok || !finite(v) {
		return nil
	}
	v += 0 // −0 becomes 0
	return &v
}
