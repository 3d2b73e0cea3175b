package data

import (
	"fmt"
	"math"
)

// Norm is the normalisation of pixels, per channel: x = (p/255 − Mean)/Std.
type Norm struct {
	Mean []float32 `json:"mean"` // [C]
	Std  []float32 `json:"std"`  // [C]
}

// Validate says what is wrong with the normalisation for images of that many
// channels.
func (n Norm) Validate(channels int) error {
	if len(n.Mean) != channels || len(n.Std) != channels {
		return fmt.Errorf("normalisation has %d means and %d deviations, expected %d of each, one per channel",
			len(n.Mean), len(n.Std), channels)
	}
	for c := range n.Mean {
		m, s := float64(n.Mean[c]), float64(n.Std[c])
		switch {
		case math.IsNaN(m) || math.IsInf(m, 0):
			return fmt.Errorf("normalisation's mean of channel %d is %v, expected a finite number", c, m)
		case !(s > 0) || math.IsInf(s, 1):
			return fmt.Errorf("normalisation's deviation of channel %d is %v, expected a finite number above 0", c, s)
		}
	}
	return nil
}

// MeasureNorm returns mean and standard deviation (over all pixels, the biased
// one) of each channel of the images idx, or of all images if idx is nil. Its
// sums are of integers, so the order of idx is of no consequence. A channel
// that never varies gets the deviation 1.
func MeasureNorm(s *Set, idx []int) Norm {
	counts := make([][256]int64, s.C)
	count := func(img []byte) {
		for c := range s.C {
			for i := c; i < len(img); i += s.C {
				counts[c][img[i]]++
			}
		}
	}
	if idx == nil {
		count(s.Pixels)
	}
	for _, i := range idx {
		count(s.Image(i))
	}
	n := Norm{Mean: make([]float32, s.C), Std: make([]float32, s.C)}
	for c := range s.C {
		mean, std := moments(&counts[c])
		n.Mean[c], n.Std[c] = float32(mean), float32(std)
	}
	return n
}

// moments returns mean and deviation of p/255 over a histogram of p.
func moments(counts *[256]int64) (mean, std float64) {
	var n, sum int64
	for p, k := range counts {
		n += k
		sum += k * int64(p)
	}
	if n == 0 {
		return 0, 1
	}
	mean = float64(sum) / float64(n) / 255
	var square float64
	for p, k := range counts {
		d := float64(p)/255 - mean
		square += float64(k) * d * d
	}
	if std = math.Sqrt(square / float64(n)); counts[int(math.Round(mean*255))] == n {
		std = 1
	}
	return mean, std
}

// ToFloat writes the normalised image [H, W, C] to dst, which is at least as
// long; C is the number of n's channels.
func ToFloat(dst []float32, img []byte, n Norm) {
	dst = dst[:len(img)]
	channels := len(n.Mean)
	for c, mean := range n.Mean {
		std := n.Std[c]
		for i := c; i < len(img); i += channels {
			dst[i] = (float32(img[i])/255 - mean) / std
		}
	}
}
