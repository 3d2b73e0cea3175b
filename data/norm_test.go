package data

import (
	"math"
	"slices"
	"testing"
)

func near(a float32, b, tol float64) bool { return math.Abs(float64(a)-b) <= tol }

// naiveNorm follows the definition in float64, two passes over the pixels.
func naiveNorm(s *Set, idx []int, c int) (mean, std float64) {
	var n float64
	each := func(fn func(x float64)) {
		for _, i := range idx {
			for p := c; p < s.Size(); p += s.C {
				fn(float64(s.Image(i)[p]) / 255)
			}
		}
	}
	each(func(x float64) { mean += x; n++ })
	mean /= n
	each(func(x float64) { std += (x - mean) * (x - mean) })
	return mean, math.Sqrt(std / n)
}

func TestMeasureNorm(t *testing.T) {
	s := noise(50, 5, 4, 3, 2)
	for i := range s.Pixels { // channels of different brightness and contrast
		s.Pixels[i] = s.Pixels[i]>>(i%3) + byte(10*(i%3))
	}
	all := make([]int, 50)
	for i := range all {
		all[i] = i
	}
	for _, idx := range [][]int{nil, all, {3}, {7, 1, 49, 20}} {
		n := MeasureNorm(s, idx)
		if err := n.Validate(3); err != nil {
			t.Fatal(err)
		}
		over := idx
		if idx == nil {
			over = all
		}
		for c := range 3 {
			mean, std := naiveNorm(s, over, c)
			if !near(n.Mean[c], mean, 1e-7) || !near(n.Std[c], std, 1e-7) {
				t.Errorf("over %v, channel %d: %v ± %v, want %v ± %v", idx, c, n.Mean[c], n.Std[c], mean, std)
			}
		}
		slices.Reverse(over)
		if r := MeasureNorm(s, over); !slices.Equal(n.Mean, r.Mean) || !slices.Equal(n.Std, r.Std) {
			t.Errorf("over %v in reverse: %v, before %v", idx, r, n)
		}
	}
}

func TestMeasureNormOfConstants(t *testing.T) {
	s := &Set{H: 1, W: 2, C: 1, Pixels: []byte{51, 51, 51, 51}, Labels: []int32{0, 0}, Classes: numbers(1)}
	if n := MeasureNorm(s, nil); !near(n.Mean[0], .2, 1e-7) || n.Std[0] != 1 {
		t.Errorf("of equal pixels: %v, want .2 ± 1", n)
	}
	if n := MeasureNorm(s, []int{}); n.Mean[0] != 0 || n.Std[0] != 1 {
		t.Errorf("of no images: %v, want 0 ± 1", n)
	}
}

func TestNormValidate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		n    Norm
		want string
	}{
		{Norm{[]float32{0}, []float32{1, 1}}, "normalisation has 1 means and 2 deviations, expected 2 of each"},
		{Norm{[]float32{0, nan}, []float32{1, 1}}, "mean of channel 1 is NaN"},
		{Norm{[]float32{inf, 0}, []float32{1, 1}}, "mean of channel 0 is +Inf"},
		{Norm{[]float32{0, 0}, []float32{1, 0}}, "deviation of channel 1 is 0, expected a finite number above 0"},
		{Norm{[]float32{0, 0}, []float32{nan, 1}}, "deviation of channel 0 is NaN"},
		{Norm{[]float32{0, 0}, []float32{1, inf}}, "deviation of channel 1 is +Inf"},
	} {
		wantError(t, c.n.Validate(2), c.want)
	}
}

func TestToFloat(t *testing.T) {
	img := noise(1, 4, 5, 3, 1).Pixels
	n := Norm{[]float32{.4914, .4822, .4465}, []float32{.2023, .1994, .2010}}
	dst := make([]float32, len(img)+1)
	dst[len(img)] = 7
	ToFloat(dst, img, n)
	for i, p := range img {
		c := i % 3
		want := (float64(p)/255 - float64(n.Mean[c])) / float64(n.Std[c])
		if !near(dst[i], want, 1e-6) {
			t.Errorf("element %d, channel %d: %v, want %v", i, c, dst[i], want)
		}
	}
	if dst[len(img)] != 7 {
		t.Error("written beyond the image")
	}
}
