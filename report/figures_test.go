package report

import (
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/window"
)

// The window is drawn where it lies, with its own shape.
func TestWindowCurve(t *testing.T) {
	const theta, width, height = .7, .9, .4
	for _, s := range window.Shapes {
		x, y := windowCurve(s, theta, width, -3, 4, height)
		peak, where := 0., 0.
		for i := range x {
			if y[i] > peak {
				peak, where = y[i], x[i]
			}
			if i > 0 && !(x[i] > x[i-1]) {
				t.Errorf("%s: x is not ascending at %d", s, i)
			}
			// Away from the ends, where a rectangle jumps.
			if d := math.Abs(x[i] - theta); d < .999*s.Reach(width) {
				if want := height * s.At(x[i]-theta, width) / s.At(0, width); math.Abs(y[i]-want) > 1e-6 {
					t.Errorf("%s: %v at %v, want %v", s, y[i], x[i], want)
				}
			}
		}
		if math.Abs(peak-height) > 1e-9 || s != window.Rectangular && where != theta {
			t.Errorf("%s: peak %v at %v", s, peak, where)
		}
		lo, hi := max(-3, theta-s.Reach(width)), min(4, theta+s.Reach(width))
		if math.Abs(x[0]-lo) > 1e-12 || math.Abs(x[len(x)-1]-hi) > 1e-12 {
			t.Errorf("%s: drawn over [%v, %v], want [%v, %v]", s, x[0], x[len(x)-1], lo, hi)
		}
	}
	_, y := windowCurve(window.Rectangular, theta, width, -3, 4, height)
	if y[0] < .999*height || y[len(y)-1] < .999*height {
		t.Errorf("the rectangle's ends are %v and %v high", y[0], y[len(y)-1])
	}
	for _, c := range [][2]float64{{math.NaN(), 1}, {0, math.NaN()}, {0, 0}, {0, -1}, {99, 1}} {
		if x, _ := windowCurve(window.Triangular, c[0], c[1], -3, 4, height); x != nil {
			t.Errorf("θ = %v, width %v is drawn", c[0], c[1])
		}
	}
}

func TestOutline(t *testing.T) {
	h := NewHistogram(0, 2, 4)
	h.Add([]float32{.1, .1, .6, 1.9})
	x, y := h.outline()
	wantX, wantY := []float64{0, .5, .5, 1, 1, 1.5, 1.5, 2}, []float64{1, 1, .5, .5, 0, 0, .5, .5}
	for i := range wantX {
		if x[i] != wantX[i] || y[i] != wantY[i] {
			t.Errorf("point %d (%v, %v), want (%v, %v)", i, x[i], y[i], wantX[i], wantY[i])
		}
	}
}

func TestAlternativesTellTheNumbers(t *testing.T) {
	r := sampleRun(t, 1, 2, 3)
	r.Epochs[0].ValLoss, r.Epochs[2].ValLoss = .91, .4567
	r.Layers[0].Rates = [][]float64{{.11, .22}, {.1, .2}, {.091, .182}}
	figs, err := learningCurves(r)
	if err != nil {
		t.Fatal(err)
	}
	if alt := figs[0].Alt; !strings.Contains(alt, "validation from 0.91 to 0.457") || !strings.Contains(alt, "Chosen: epoch 2.") {
		t.Errorf("%s", alt)
	}
	_, rates, err := rateFigures(r)
	if err != nil {
		t.Fatal(err)
	}
	if alt := rates[0].Alt; !strings.Contains(alt, "Step 1: 11.0 to 9.1 %. Step 2: 22.0 to 18.2 %.") {
		t.Errorf("%s", alt)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1\u202f000"}, {count(1234567), "1\u202f234\u202f567"}, {count(-1234), "−1\u202f234"}, {count(math.MinInt64), "−9\u202f223\u202f372\u202f036\u202f854\u202f775\u202f808"},
		{fixed(2, -1.005), "−1.00"}, {fixed(2, -.001), "0.00"}, {fixed(3, math.NaN()), "–"}, {fixed(1, math.Inf(-1)), "–"},
		{percent(1, .1234), "12.3"}, {general(.00456789), "0.00457"}, {general(1e-7), "1e−07"}, {general(math.NaN()), "–"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
