package data

import (
	"fmt"
	"math/rand/v2"
)

// Augment is the random variation of training images, in this order: a crop of
// the original size from the image with Pad black pixels around it, at a position
// uniform over all; a mirroring of left and right with probability 1/2; one of
// the sub-policies of AutoAugment; Cutout. Black is pixel 0, before normalisation.
type Augment struct {
	Pad  int  `json:"pad"`
	Flip bool `json:"flip"`
	// Auto is the policy of AutoAugment, AutoCIFAR or "" for none.
	Auto string `json:"auto,omitempty"`
	// Cutout is the side of the square that is covered with the images' mean
	// colour, 0 for none. Its centre is uniform over the image, so that it may
	// stick out (DeVries and Taylor, "Improved regularization of convolutional
	// neural networks with Cutout", 2017, arXiv 1708.04552).
	Cutout int `json:"cutout,omitempty"`
}

// Validate says what is wrong with the augmentation for images h×w of c channels.
func (a Augment) Validate(h, w, c int) error {
	switch {
	case a.Pad < 0 || a.Pad >= min(h, w):
		return fmt.Errorf("augmentation pads by %d pixels, expected 0 to %d for images of %d×%d", a.Pad, min(h, w)-1, h, w)
	case a.Auto != "" && a.Auto != AutoCIFAR:
		return fmt.Errorf("policy of AutoAugment is %q, expected %s or nothing", a.Auto, AutoCIFAR)
	case a.Auto != "" && c != 1 && c != 3:
		return fmt.Errorf("AutoAugment varies images of 1 or 3 channels, these have %d", c)
	case a.Cutout < 0 || a.Cutout > 2*max(h, w):
		return fmt.Errorf("cutout covers a square of side %d, expected 0 to %d for images of %d×%d", a.Cutout, 2*max(h, w), h, w)
	}
	return nil
}

// none reports whether images stay as they are.
func (a Augment) none() bool { return a == Augment{} }

// draw returns how far the crop lies below and right of the image's own place,
// each within ±Pad, and whether it is mirrored.
func (a Augment) draw(r *rand.Rand) (dy, dx int, flip bool) {
	if a.Pad > 0 {
		dy = r.IntN(2*a.Pad+1) - a.Pad
		dx = r.IntN(2*a.Pad+1) - a.Pad
	}
	return dy, dx, a.Flip && r.Uint64()>>63 == 1
}

// crop writes to dst the crop of img, both [h, w, c], that lies dy below and dx
// right of the image's own place, by at most its sides; beyond the image it is
// 0.
func crop(dst, img []byte, h, w, c, dy, dx int) {
	clear(dst)
	left, right := max(0, -dx), min(w, w-dx) // columns of dst that img covers
	for y := max(0, -dy); y < min(h, h-dy); y++ {
		row := (y+dy)*w + dx
		copy(dst[(y*w+left)*c:(y*w+right)*c], img[(row+left)*c:(row+right)*c])
	}
}

// mirror exchanges left and right of an image [h, w, c] in place.
func mirror(img []byte, w, c int) {
	for ; len(img) > 0; img = img[w*c:] {
		for l, r := 0, w-1; l < r; l, r = l+1, r-1 {
			for k := range c {
				img[l*c+k], img[r*c+k] = img[r*c+k], img[l*c+k]
			}
		}
	}
}

// drawCutout returns the corners of the part of an image h×w that a square of the
// given side covers, its centre uniform over the pixels.
func drawCutout(r *rand.Rand, side, h, w int) (y0, x0, y1, x1 int) {
	y, x := r.IntN(h)-side/2, r.IntN(w)-side/2
	return max(0, y), max(0, x), min(h, y+side), min(w, x+side)
}

// cover fills the rectangle of an image [h, w, c] with one colour, of c channels.
func cover(img []byte, w int, colour []byte, y0, x0, y1, x1 int) {
	c := len(colour)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			copy(img[(y*w+x)*c:], colour)
		}
	}
}
