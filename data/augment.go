package data

import (
	"fmt"
	"math/rand/v2"
)

// Augment is the random variation of training images: a crop of the original
// size from the image with Pad black pixels around it, at a position uniform
// over all, then a mirroring of left and right with probability 1/2. Black is
// pixel 0, before normalisation.
type Augment struct {
	Pad  int  `json:"pad"`
	Flip bool `json:"flip"`
}

// Validate says what is wrong with the augmentation for images h×w.
func (a Augment) Validate(h, w int) error {
	if a.Pad < 0 || a.Pad >= min(h, w) {
		return fmt.Errorf("augmentation pads by %d pixels, expected 0 to %d for images of %d×%d", a.Pad, min(h, w)-1, h, w)
	}
	return nil
}

// none reports whether images stay as they are.
func (a Augment) none() bool { return a.Pad == 0 && !a.Flip }

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
