package data

import (
	"bytes"
	"testing"
)

// naiveView is the image moved and mirrored, pixel by pixel: with Pad zeros
// around it, the crop that begins at row Pad+dy and column Pad+dx.
func naiveView(img []byte, h, w, c, dy, dx int, flip bool) []byte {
	out := make([]byte, 0, len(img))
	for y := range h {
		for x := range w {
			if flip {
				x = w - 1 - x
			}
			for k := range c {
				var p byte
				if sy, sx := y+dy, x+dx; sy >= 0 && sy < h && sx >= 0 && sx < w {
					p = img[(sy*w+sx)*c+k]
				}
				out = append(out, p)
			}
		}
	}
	return out
}

func TestCropAndMirror(t *testing.T) {
	for _, shape := range [][3]int{{4, 4, 1}, {3, 5, 3}, {5, 2, 2}, {1, 1, 1}} {
		h, w, c := shape[0], shape[1], shape[2]
		img := noise(1, h, w, c, 1).Pixels
		before := bytes.Clone(img)
		dst := bytes.Repeat([]byte{99}, len(img))
		for dy := -h; dy <= h; dy++ {
			for dx := -w; dx <= w; dx++ {
				crop(dst, img, h, w, c, dy, dx)
				if want := naiveView(img, h, w, c, dy, dx, false); !bytes.Equal(dst, want) {
					t.Fatalf("%v moved by %d, %d: %v, want %v", shape, dy, dx, dst, want)
				}
				mirror(dst, w, c)
				if want := naiveView(img, h, w, c, dy, dx, true); !bytes.Equal(dst, want) {
					t.Fatalf("%v moved by %d, %d and mirrored: %v, want %v", shape, dy, dx, dst, want)
				}
			}
		}
		if !bytes.Equal(img, before) {
			t.Error("the image itself was changed")
		}
	}
}

func TestAugmentValidate(t *testing.T) {
	for _, pad := range []int{0, 4, 27} {
		if err := (Augment{Pad: pad}).Validate(28, 30, 1); err != nil {
			t.Error(err)
		}
	}
	wantError(t, Augment{Pad: 28}.Validate(28, 30, 1), "augmentation pads by 28 pixels, expected 0 to 27 for images of 28×30")
	wantError(t, Augment{Pad: -1}.Validate(28, 30, 1), "augmentation pads by -1 pixels")
	wantError(t, Augment{Auto: "imagenet"}.Validate(28, 30, 3), `policy of AutoAugment is "imagenet", expected cifar`)
	wantError(t, Augment{Auto: AutoCIFAR}.Validate(28, 30, 2), "these have 2")
	wantError(t, Augment{Cutout: 61}.Validate(28, 30, 1), "cutout covers a square of side 61, expected 0 to 60")
}
