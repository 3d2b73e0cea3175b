package data

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // decoders
	_ "image/png"
	"math"
	"math/rand/v2"
	"sync/atomic"

	"golang.org/x/image/draw"
)

// PhotoOptions says how photographs are shown.
type PhotoOptions struct {
	Photos *Photos
	Side   int // of the square that a network takes
	Norm   Norm
	// Vary has each photograph cropped at random to a share of its area, scaled,
	// mirrored with probability ½ and changed by Jitter, as it is trained on.
	// Otherwise its shorter side is scaled to Side·8/7 (256 for 224) and the
	// middle cropped.
	Vary bool
	// Jitter is by how much brightness, contrast and saturation are changed, in
	// random order, each by a factor within 1 ± Jitter.
	Jitter float64
	Seed   uint64
	// SkipBad has the next photograph of the same class stand in for one that
	// cannot be read; otherwise that is an error.
	SkipBad bool
}

// PhotoSamples shows photographs to a network, read from disk when they are
// needed. It implements Samples.
type PhotoSamples struct {
	o    PhotoOptions
	next []int // the next record of the same class, in a circle

	bad atomic.Int64
}

// Crops of training, as ImageNet's networks are trained: a share of the area and
// a ratio of the sides, uniform in its logarithm (Szegedy et al., "Going deeper
// with convolutions", CVPR 2015).
const (
	leastArea    = .08
	mostRatio    = 4. / 3
	cropAttempts = 10
	maxSide      = 4096

	// maxPhotoPixels bounds what a header may have the decoder allocate.
	maxPhotoPixels = 1 << 26
)

// NewPhotoSamples checks the options.
func NewPhotoSamples(o PhotoOptions) (*PhotoSamples, error) {
	switch {
	case o.Photos == nil || o.Photos.Len() == 0:
		return nil, fmt.Errorf("no photographs to show")
	case o.Side < 1 || o.Side > maxSide:
		return nil, fmt.Errorf("photographs are shown in squares of side %d, expected 1 to %d", o.Side, maxSide)
	case !(o.Jitter >= 0 && o.Jitter < 1):
		return nil, fmt.Errorf("jitter is %v, expected 0 to below 1", o.Jitter)
	}
	if err := o.Norm.Validate(3); err != nil {
		return nil, err
	}
	s := &PhotoSamples{o: o, next: make([]int, o.Photos.Len())}
	first, last := map[int32]int{}, map[int32]int{}
	for i, l := range o.Photos.labels {
		if before, ok := last[l]; ok {
			s.next[before] = i
		} else {
			first[l] = i
		}
		last[l] = i
	}
	for l, i := range last {
		s.next[i] = first[l]
	}
	return s, nil
}

// Name implements Samples.
func (s *PhotoSamples) Name() string { return s.o.Photos.Name }

// Shape implements Samples.
func (s *PhotoSamples) Shape() Shape { return Shape{H: s.o.Side, W: s.o.Side, C: 3} }

// Labels implements Samples.
func (s *PhotoSamples) Labels() []int32 { return s.o.Photos.labels }

// Bad returns how often a photograph could not be read and another stood in.
func (s *PhotoSamples) Bad() int64 { return s.bad.Load() }

// Reader implements Samples.
func (s *PhotoSamples) Reader() func(dst []float32, epoch, i int) error {
	pcg := new(rand.PCG)
	r := &photoReader{
		PhotoSamples: s, file: photoFile{p: s.o.Photos}, pcg: pcg, rand: rand.New(pcg),
		square: image.NewRGBA(image.Rect(0, 0, s.o.Side, s.o.Side)), img: make([]byte, s.Shape().Size()),
	}
	return r.read
}

// photoReader is the working memory of one goroutine.
type photoReader struct {
	*PhotoSamples
	file   photoFile
	pcg    *rand.PCG
	rand   *rand.Rand
	square *image.RGBA
	img    []byte // the square as bytes [H, W, 3]
}

func (r *photoReader) read(dst []float32, epoch, i int) error {
	pic, err := r.find(i)
	if err != nil {
		return err
	}
	Seed(r.pcg, r.o.Seed, drawAugment, uint64(epoch), uint64(i))
	r.crop(pic)
	for p := range r.o.Side * r.o.Side {
		copy(r.img[3*p:3*p+3], r.square.Pix[4*p:])
	}
	if r.o.Vary {
		if r.rand.Uint64()>>63 == 1 {
			mirror(r.img, r.o.Side, 3)
		}
		r.jitter()
	}
	ToFloat(dst, r.img, r.o.Norm)
	return nil
}

// find decodes photograph i, or the one that stands in for it.
func (r *photoReader) find(i int) (image.Image, error) {
	pic, first := r.decode(i)
	for j, err := i, first; err != nil; {
		if j = r.next[j]; !r.o.SkipBad || j == i {
			return nil, first
		}
		r.bad.Add(1)
		pic, err = r.decode(j)
	}
	return pic, nil
}

// decode reads a photograph, bounded in what it takes before it is decoded.
func (r *photoReader) decode(i int) (image.Image, error) {
	raw, err := r.file.read(i)
	if err != nil {
		return nil, err
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err == nil {
		if n, ok := product(c.Width, c.Height); !ok || n > maxPhotoPixels {
			err = fmt.Errorf("it is %d×%d pixels, expected 1 to %d pixels", c.Width, c.Height, maxPhotoPixels)
		}
	}
	var pic image.Image
	if err == nil {
		pic, _, err = image.Decode(bytes.NewReader(raw))
	}
	if err != nil {
		return nil, r.file.fail(i, err)
	}
	return pic, nil
}

// crop scales the part of a photograph that is shown into the square.
func (r *photoReader) crop(pic image.Image) {
	b := pic.Bounds()
	part := r.middle(b)
	if r.o.Vary {
		part = drawCrop(r.rand, b)
	}
	draw.BiLinear.Scale(r.square, r.square.Rect, pic, part, draw.Src, nil)
}

// middle is the part whose scaling is that of the shorter side to Side·8/7.
func (r *photoReader) middle(b image.Rectangle) image.Rectangle {
	side := max(1, min(b.Dx(), b.Dy())*7/8)
	at := b.Min.Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	return image.Rectangle{at, at.Add(image.Pt(side, side))}
}

// drawCrop draws a part of a photograph. Where ten draws do not fit it is the
// largest in the middle with a permitted ratio of the sides.
func drawCrop(r *rand.Rand, b image.Rectangle) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	for range cropAttempts {
		area := float64(w) * float64(h) * (leastArea + (1-leastArea)*r.Float64())
		ratio := math.Exp((2*r.Float64() - 1) * math.Log(mostRatio))
		cw, ch := int(math.Round(math.Sqrt(area*ratio))), int(math.Round(math.Sqrt(area/ratio)))
		if cw > 0 && ch > 0 && cw <= w && ch <= h {
			at := b.Min.Add(image.Pt(r.IntN(w-cw+1), r.IntN(h-ch+1)))
			return image.Rectangle{at, at.Add(image.Pt(cw, ch))}
		}
	}
	cw := max(1, min(w, int(math.Round(float64(h)*mostRatio))))
	ch := max(1, min(h, int(math.Round(float64(w)*mostRatio))))
	at := b.Min.Add(image.Pt((w-cw)/2, (h-ch)/2))
	return image.Rectangle{at, at.Add(image.Pt(cw, ch))}
}

// jitter changes brightness, contrast and saturation in random order.
func (r *photoReader) jitter() {
	if r.o.Jitter == 0 {
		return
	}
	v := variation{img: r.img, h: r.o.Side, w: r.o.Side, c: 3}
	ops := [...]operation{brightening, contrast, saturation}
	r.rand.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	for _, op := range ops {
		v.apply(op, 1+r.o.Jitter*(2*r.rand.Float64()-1))
	}
}

// CheckPhoto reads and decodes photograph i as a network would see it, and says
// what is wrong with it. It may be called from several goroutines.
func (s *PhotoSamples) CheckPhoto(i int) error {
	r := photoReader{PhotoSamples: s, file: photoFile{p: s.o.Photos}}
	defer r.file.close()
	_, err := r.decode(i)
	return err
}
