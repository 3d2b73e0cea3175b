package data

import (
	"math"
	"math/rand/v2"
)

// AutoCIFAR names the policy that AutoAugment found on CIFAR-10: Cubuk, Zoph,
// Mané, Vasudevan and Le, "AutoAugment: learning augmentation strategies from
// data", CVPR 2019, arXiv 1805.09501, appendix.
const AutoCIFAR = "cifar"

// operation is a kind of change to an image.
type operation int

const (
	shearX operation = iota
	shearY
	translateX
	translateY
	rotation
	brightening
	saturation
	contrast
	sharpness
	posterize
	solarize
	autoContrast
	equalize
	invert
)

// change is an operation with the probability of its use and its magnitude, 0 to
// 9.
type change struct {
	op    operation
	p     float64
	level int
}

// cifarPolicy is the policy as published: 25 sub-policies, of which one is drawn
// for each image.
var cifarPolicy = [25][2]change{
	{{invert, .1, 7}, {contrast, .2, 6}},
	{{rotation, .7, 2}, {translateX, .3, 9}},
	{{sharpness, .8, 1}, {sharpness, .9, 3}},
	{{shearY, .5, 8}, {translateY, .7, 9}},
	{{autoContrast, .5, 8}, {equalize, .9, 2}},
	{{shearY, .2, 7}, {posterize, .3, 7}},
	{{saturation, .4, 3}, {brightening, .6, 7}},
	{{sharpness, .3, 9}, {brightening, .7, 9}},
	{{equalize, .6, 5}, {equalize, .5, 1}},
	{{contrast, .6, 7}, {sharpness, .6, 5}},
	{{saturation, .7, 7}, {translateX, .5, 8}},
	{{equalize, .3, 7}, {autoContrast, .4, 8}},
	{{translateY, .4, 3}, {sharpness, .2, 6}},
	{{brightening, .9, 6}, {saturation, .2, 8}},
	{{solarize, .5, 2}, {invert, 0, 3}},
	{{equalize, .2, 0}, {autoContrast, .6, 0}},
	{{equalize, .2, 8}, {equalize, .6, 4}},
	{{saturation, .9, 9}, {equalize, .6, 6}},
	{{autoContrast, .8, 4}, {solarize, .2, 8}},
	{{brightening, .1, 3}, {saturation, .7, 0}},
	{{solarize, .4, 5}, {autoContrast, .9, 3}},
	{{translateY, .9, 9}, {translateY, .7, 9}},
	{{autoContrast, .9, 2}, {solarize, .8, 3}},
	{{equalize, .8, 8}, {invert, .1, 3}},
	{{translateY, .7, 9}, {autoContrast, .9, 1}},
}

// magnitude is what a level of an operation means: that share of the range of the
// paper's table. Those that go both ways get a sign at random, and so do the four
// that blend an image with a degraded one, about the factor 1 that changes
// nothing: as the ports of the policy to PyTorch have it that results on CIFAR
// were made with. (The paper's table has factors from .1 to 1.9 there.)
func (o operation) magnitude(level int, negative bool, h, w int) float64 {
	share, sign := float64(level)/9, 1.
	if negative {
		sign = -1
	}
	switch o {
	case shearX, shearY:
		return sign * .3 * share
	case translateX: // of an image 331 pixels wide, up to 150
		return sign * math.Trunc(150./331*float64(w)*share)
	case translateY:
		return sign * math.Trunc(150./331*float64(h)*share)
	case rotation:
		return sign * 30 * share
	case brightening, saturation, contrast, sharpness:
		return 1 + sign*.9*share
	case posterize:
		return 8 - math.RoundToEven(4*share)
	case solarize:
		return 256 * (1 - share)
	}
	return 0
}

// drawAuto draws a sub-policy and which of its two changes are made, in what
// sense, and makes them.
func (v *variation) drawAuto(r *rand.Rand) {
	for _, c := range cifarPolicy[r.IntN(len(cifarPolicy))] {
		use, negative := r.Float64() < c.p, r.Uint64()>>63 == 1
		if use {
			v.apply(c.op, c.op.magnitude(c.level, negative, v.h, v.w))
		}
	}
}
