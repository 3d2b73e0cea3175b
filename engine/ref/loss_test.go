package ref_test

import (
	"math"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/ref"
)

var (
	ce  = engine.Loss{Kind: engine.CrossEntropy}
	tet = engine.Loss{Kind: engine.TET, Lambda: .25, Target: 1}
)

func TestLossByHand(t *testing.T) {
	ln2 := math.Ln2
	for name, c := range map[string]struct {
		logits []float64
		labels []int32
		n, k   int
		loss   engine.Loss
		want   float64
	}{
		// softmax(ln 2, 0) = (2/3, 1/3).
		"first":  {[]float64{ln2, 0}, []int32{0}, 1, 2, ce, math.Log(1.5)},
		"second": {[]float64{ln2, 0}, []int32{1}, 1, 2, ce, math.Log(3)},
		"mean over samples": {
			[]float64{ln2, 0, ln2, 0}, []int32{0, 1}, 2, 2, ce, (math.Log(1.5) + math.Log(3)) / 2,
		},
		// Two steps of one sample: the mean of the logits counts.
		"mean over steps": {[]float64{2 * ln2, 5, 0, -5}, []int32{1}, 1, 2, ce, math.Log(3)},
		"huge":            {[]float64{1e6, 0}, []int32{1}, 1, 2, ce, 1e6},
		"no weight":       {[]float64{ln2, 0, 0, 0}, []int32{1}, 1, 2, engine.Loss{Kind: engine.TET}, (math.Log(3) + ln2) / 2},
		// Uniform logits 0 and 3: entropy ln 2 twice, distances 1 and 4.
		"TET": {[]float64{0, 0, 3, 3}, []int32{1}, 1, 2, tet, .75*ln2 + .25*(1+1+4+4)/4},
	} {
		steps := len(c.logits) / c.n / c.k
		got := ref.Loss(c.logits, c.labels, steps, c.n, c.k, c.loss)
		near(t, name, []float64{got}, []float64{c.want})
	}
}
