package cpu

import (
	"fmt"
	"testing"

	"github.com/qif-snn/qif/engine"
)

var _ engine.KernelBench = Engine{}

// TestKernelCases runs each case once, on an eighth of its samples and of its
// map's height.
func TestKernelCases(t *testing.T) {
	for _, c := range kernelCases(8) {
		if c.New()(); !(c.Rate > 0 && c.Rate <= 1) {
			t.Errorf("%s: rate %v", c.Name, c.Rate)
		}
	}
}

// TestKernelNumbers: a case is named once, and its work is what its layer takes
// less what lies beyond the image's edge.
func TestKernelNumbers(t *testing.T) {
	seen := map[string]bool{}
	rates := map[string]int{}
	for _, c := range (Engine{}).Kernels() {
		key := fmt.Sprintf("%s, %s at a rate of %v", c.Name, c.Shape, c.Rate)
		if seen[key] {
			t.Errorf("%s is listed twice", key)
		}
		seen[key] = true
		if !(c.Flops > 0 || c.Bytes > 0) {
			t.Errorf("%s takes no work: %+v", c.Name, c)
		}
		rates[c.Name]++
	}
	for name, want := range map[string]int{"conv forward, events": 8, "conv weights, events": 9, "conv forward, bfloat16": 5, "conv input, dense": 1} {
		if rates[name] != want {
			t.Errorf("%d cases of %s, want %d", rates[name], name, want)
		}
	}
	whole := 2. * 9 * 128 * 128 * 32 * 32 * 64
	first := Engine{}.Kernels()[0]
	// Of 32·3 rows that windows look at, two lie outside, and as many columns.
	if want := whole * 94 * 94 / (96 * 96); first.Flops != want {
		t.Errorf("%s, %s: %v operations, want %v", first.Name, first.Shape, first.Flops, want)
	}
	if peak := (Engine{}).FMAPeak(); peak.Flops <= 0 || peak.Bytes != 0 {
		t.Errorf("peak %+v", peak)
	}
	if copying := (Engine{}).CopyBandwidth(); copying.Bytes != 2*4*copyNumbers || copying.Flops != 0 {
		t.Errorf("copy %+v", copying)
	}
}

// TestSpecimensFireAsDrawn: what a kernel is measured on has the rate that it is
// reported with, and takes the way that it is named after.
func TestSpecimensFireAsDrawn(t *testing.T) {
	for _, rate := range []float64{.01, .3, 1} {
		s := convSpecimen(4, 4, 8, 128, 128, 3, 1, false)
		s.rate = rate
		m := s.mount()
		fired := 0.
		for _, v := range spikesOf(m.scan[0]) {
			fired += float64(v)
		}
		if got := fired / float64(4*8*128*16); got < .9*rate || got > 1.1*rate {
			t.Errorf("neurons fire at %v, want %v", got, rate)
		}
		for _, lists := range []bool{true, false} {
			m.listed(lists)
			m.layer.forward()
			if m.layer.(*convOp).eventful != lists {
				t.Errorf("lists %v at a rate of %v: the layer took the other way", lists, rate)
			}
		}
	}
}
