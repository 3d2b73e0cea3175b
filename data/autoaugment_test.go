package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"
)

// pillow holds what Pillow 13.0.0 makes of pillowImage, with nearest pixels and the
// grey 128 beyond the image: the first digits of the SHA-256 of its bytes.
var pillow = []struct {
	op       operation
	level    int
	negative bool
	sha256   string
}{
	{shearX, 3, false, "b137a35859118bc1"},
	{shearX, 7, true, "0565e48741751e74"},
	{shearX, 9, false, "641baf66008147dc"},
	{shearY, 3, false, "b964efe5f752a4b7"},
	{shearY, 7, true, "8d67ff383134ada5"},
	{shearY, 9, false, "30b72ccd68b9fb11"},
	{translateX, 3, false, "8ea5107a3367292e"},
	{translateX, 7, true, "49480b5a260c9f73"},
	{translateX, 9, false, "b822c644b46334ed"},
	{translateY, 3, false, "8b486d41b545b703"},
	{translateY, 7, true, "622b31176d782159"},
	{translateY, 9, false, "fb744d077a4dfa39"},
	{rotation, 3, false, "5bcdb3fbdecbb41a"},
	{rotation, 7, true, "5abbda647bfb2756"},
	{rotation, 9, false, "7916eccffcfc901e"},
	{brightening, 3, false, "c88362eb35ef64f0"},
	{brightening, 7, true, "3b22054e507c08af"},
	{brightening, 9, false, "7e8c2d7496099c11"},
	{saturation, 3, false, "fb9a849ea1ce18d7"},
	{saturation, 7, true, "982e8f5f176c6f82"},
	{saturation, 9, false, "fb4c7f1ec01c15e5"},
	{contrast, 3, false, "7c28a2c2e686603c"},
	{contrast, 7, true, "9a26acde6701b802"},
	{contrast, 9, false, "6b9b88e045bab0f0"},
	{sharpness, 3, false, "ba8857a76c37e893"},
	{sharpness, 7, true, "12a01f4573710aaf"},
	{sharpness, 9, false, "94a01414003da56c"},
	{posterize, 3, false, "a847c78487191c70"},
	{posterize, 7, true, "fb1813869207d19d"},
	{posterize, 9, false, "fd8dd66213fd95b7"},
	{solarize, 3, false, "f635807ba3091fa0"},
	{solarize, 7, true, "4d64cdda9997999e"},
	{solarize, 9, false, "4da38386c725d767"},
	{autoContrast, 3, false, "ee8ebe92c17dfc38"},
	{autoContrast, 7, true, "ee8ebe92c17dfc38"},
	{autoContrast, 9, false, "ee8ebe92c17dfc38"},
	{equalize, 3, false, "9ce32a42c855a4bd"},
	{equalize, 7, true, "9ce32a42c855a4bd"},
	{equalize, 9, false, "9ce32a42c855a4bd"},
	{invert, 3, false, "4da38386c725d767"},
	{invert, 7, true, "4da38386c725d767"},
	{invert, 9, false, "4da38386c725d767"},
}

// pillowImage is 32×32 in three colours, neither of which fills the range.
func pillowImage() []byte {
	var img []byte
	for y := range 32 {
		for x := range 32 {
			for k := range 3 {
				img = append(img, byte(20+(x*x*(k+1)+7*y*y+3*x*y+50*k)%(200-30*k)))
			}
		}
	}
	return img
}

func TestOperationsAreThoseOfPillow(t *testing.T) {
	for _, c := range pillow {
		v := variation{pillowImage(), make([]byte, 32*32*3), 32, 32, 3}
		v.apply(c.op, c.op.magnitude(c.level, c.negative, 32, 32))
		sum := sha256.Sum256(v.img)
		if got := hex.EncodeToString(sum[:8]); got != c.sha256 {
			t.Errorf("operation %d, level %d, negative %v: the image differs from Pillow's", c.op, c.level, c.negative)
		}
	}
}

// varied1 is an image of one channel, w wide, after an operation.
func varied1(w int, op operation, magnitude float64, pixels ...byte) []byte {
	v := variation{slices.Clone(pixels), make([]byte, len(pixels)), len(pixels) / w, w, 1}
	v.apply(op, magnitude)
	return v.img
}

func TestOperationsByHand(t *testing.T) {
	nine := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		name      string
		w         int
		op        operation
		magnitude float64
		in, want  []byte
	}{
		{"one to the left", 3, translateX, 1, nine, []byte{2, 3, beyond, 5, 6, beyond, 8, 9, beyond}},
		{"two down", 3, translateY, -2, nine, []byte{beyond, beyond, beyond, beyond, beyond, beyond, 1, 2, 3}},
		{"a row's shift is its middle's height", 3, shearX, 1, nine, []byte{2, 3, beyond, 6, beyond, beyond, beyond, beyond, beyond}},
		{"columns likewise", 3, shearY, 1, nine, []byte{4, 8, beyond, 7, beyond, beyond, beyond, beyond, beyond}},
		{"a quarter turn counter-clockwise", 3, rotation, 90, nine, []byte{3, 6, 9, 2, 5, 8, 1, 4, 7}},
		{"half as bright", 2, brightening, .5, []byte{200, 101, 0, 255}, []byte{100, 50, 0, 127}},
		{"brighter, cut off", 2, brightening, 1.9, []byte{200, 100, 0, 255}, []byte{255, 190, 0, 255}},
		{"half the contrast about 100", 2, contrast, .5, []byte{0, 200, 100, 100}, []byte{50, 150, 100, 100}},
		{"grey has no colour to change", 2, saturation, .1, []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}},
		{"smooth: (5·130+8·0)/13", 3, sharpness, 0, []byte{0, 0, 0, 0, 130, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 50, 0, 0, 0, 0}},
		{"two bits", 2, posterize, 2, []byte{63, 64, 200, 255}, []byte{0, 64, 192, 192}},
		{"from 128 on", 2, solarize, 128, []byte{127, 128, 0, 255}, []byte{127, 127, 0, 0}},
		{"nothing is below 0", 2, solarize, 0, []byte{127, 128, 0, 255}, []byte{128, 127, 255, 0}},
		{"stretched", 2, autoContrast, 0, []byte{50, 101, 75, 50}, []byte{0, 255, 125, 0}},
		{"one grey cannot be stretched", 2, autoContrast, 0, []byte{9, 9, 9, 9}, []byte{9, 9, 9, 9}},
		{"too few to equalise", 2, equalize, 0, []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}},
		{"inverted", 2, invert, 0, []byte{0, 1, 254, 255}, []byte{255, 254, 1, 0}},
	} {
		if got := varied1(c.w, c.op, c.magnitude, c.in...); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A colour of equal parts keeps its grey, others move towards and away from it.
func TestSaturation(t *testing.T) {
	for factor, want := range map[float64][]byte{0: {76, 76, 76}, 1: {255, 0, 0}, .5: {165, 38, 38}, 1.9: {255, 0, 0}} {
		v := variation{[]byte{255, 0, 0}, nil, 1, 1, 3}
		v.apply(saturation, factor)
		if !bytes.Equal(v.img, want) {
			t.Errorf("red at factor %v is %v, want %v", factor, v.img, want)
		}
	}
}

func TestMagnitudes(t *testing.T) {
	for _, c := range []struct {
		op       operation
		level    int
		negative bool
		want     float64
	}{
		{translateX, 9, false, 10}, {translateX, 9, true, -10}, {translateY, 3, false, 6}, {rotation, 9, true, -30},
		{shearY, 0, true, 0}, {posterize, 0, false, 8}, {posterize, 7, true, 5}, {posterize, 9, false, 4},
		{solarize, 0, false, 256}, {solarize, 9, false, 0}, {brightening, 9, true, 1 - .9}, {contrast, 0, true, 1},
	} {
		if got := c.op.magnitude(c.level, c.negative, 40, 24); c.op == translateX || c.op == translateY {
			if c.want != got {
				t.Errorf("operation %d at level %d: %v, want %v", c.op, c.level, got, c.want)
			}
		} else if !near64(got, c.want) {
			t.Errorf("operation %d at level %d: %v, want %v", c.op, c.level, got, c.want)
		}
	}
}

// Each sub-policy is drawn, and each change about as often as it should be.
func TestAutoAugmentDraws(t *testing.T) {
	pcg := new(rand.PCG)
	used := map[string]bool{}
	same, all := 0, 4000
	for i := range all {
		Seed(pcg, 1, drawAugment, 0, uint64(i))
		v := variation{pillowImage(), make([]byte, 32*32*3), 32, 32, 3}
		v.drawAuto(rand.New(pcg))
		if bytes.Equal(v.img, pillowImage()) {
			same++
		}
		used[string(v.img)] = true
	}
	unchanged := 0. // probability that no change is made, or none that shows
	for _, sub := range cifarPolicy {
		p := 1.
		for _, c := range sub {
			if c.op != saturation || c.level != 0 {
				p *= 1 - c.p
			}
		}
		unchanged += p / 25
	}
	if share := float64(same) / float64(all); share < unchanged-.03 || share > unchanged+.03 {
		t.Errorf("a share of %v stays as it is, want about %v", share, unchanged)
	}
	if len(used) < 50 {
		t.Errorf("%d different images", len(used))
	}
}

// The square is of its full size inside, and covers a corner as often as its
// centre falls there.
func TestCutout(t *testing.T) {
	img := noise(1, 8, 6, 2, 1).Pixels
	got := bytes.Clone(img)
	cover(got, 6, []byte{7, 9}, 2, 1, 5, 4)
	for y := range 8 {
		for x := range 6 {
			want := img[(y*6+x)*2:][:2]
			if y >= 2 && y < 5 && x >= 1 && x < 4 {
				want = []byte{7, 9}
			}
			if !bytes.Equal(got[(y*6+x)*2:][:2], want) {
				t.Errorf("pixel %d, %d is %v, want %v", y, x, got[(y*6+x)*2:][:2], want)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	whole, corner := 0, 0
	for range 20000 {
		y0, x0, y1, x1 := drawCutout(r, 4, 8, 8)
		if y0 < 0 || x0 < 0 || y1 > 8 || x1 > 8 || y1 <= y0 || x1 <= x0 || y1-y0 > 4 {
			t.Fatalf("square %d %d %d %d", y0, x0, y1, x1)
		}
		if y1-y0 == 4 && x1-x0 == 4 {
			whole++
		}
		if y0 == 0 && x0 == 0 {
			corner++
		}
	}
	// Of eight places of the centre five let the side fit, three touch the border.
	if whole < 20000*25/64-400 || whole > 20000*25/64+400 || corner < 20000*9/64-400 || corner > 20000*9/64+400 {
		t.Errorf("%d squares are whole, %d cover the corner", whole, corner)
	}
}

// Images are cropped, mirrored, changed by the policy and covered, in that order,
// and the same in every reader.
func TestVariedImages(t *testing.T) {
	set := noise(4, 9, 9, 3, 2)
	o := ImageOptions{Set: set, Norm: Norm{[]float32{.5, .25, .1}, []float32{1, 1, 1}}, Seed: 3,
		Augment: Augment{Pad: 2, Flip: true, Auto: AutoCIFAR, Cutout: 4}}
	m := newImages(t, o)
	colour := []byte{128, 64, 26} // of the mean, in bytes
	x, want := make([]float32, set.Size()), make([]float32, set.Size())
	for epoch := range 3 {
		for i := range 4 {
			if err := m.Reader()(x, epoch, i); err != nil {
				t.Fatal(err)
			}
			pcg := new(rand.PCG)
			Seed(pcg, 3, drawAugment, uint64(epoch), uint64(i))
			r := rand.New(pcg)
			dy, dx, flip := o.Augment.draw(r)
			v := variation{naiveView(set.Image(i), 9, 9, 3, dy, dx, flip), make([]byte, set.Size()), 9, 9, 3}
			v.drawAuto(r)
			y0, x0, y1, x1 := drawCutout(r, 4, 9, 9)
			cover(v.img, 9, colour, y0, x0, y1, x1)
			if ToFloat(want, v.img, o.Norm); !slices.Equal(x, want) {
				t.Fatalf("epoch %d, image %d is not as expected", epoch, i)
			}
		}
	}
}

func BenchmarkAutoAugment(b *testing.B) {
	pcg := new(rand.PCG)
	v := variation{pillowImage(), make([]byte, 32*32*3), 32, 32, 3}
	for i := 0; b.Loop(); i++ {
		Seed(pcg, 1, drawAugment, 0, uint64(i))
		v.drawAuto(rand.New(pcg))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
