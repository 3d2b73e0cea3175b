package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// ImageOptions says how images are shown.
type ImageOptions struct {
	Set     *Set
	Norm    Norm
	Augment Augment
	Task    Task   // the zero Task shows images as they are
	Seed    uint64 // of augmentation and paths, together with epoch and image
}

// Images shows the images of a set to a network: varied by augmentation, then
// normalised, then as the task has it.
type Images struct {
	o     ImageOptions
	shape Shape
}

// NewImages checks the options. The set must not change as long as the images are
// in use.
func NewImages(o ImageOptions) (*Images, error) {
	if o.Set == nil {
		return nil, fmt.Errorf("no data set to show images of")
	}
	s := o.Set
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := o.Norm.Validate(s.C); err != nil {
		return nil, fmt.Errorf("images of %q: %w", s.Name, err)
	}
	if err := o.Augment.Validate(s.H, s.W, s.C); err != nil {
		return nil, fmt.Errorf("images of %q: %w", s.Name, err)
	}
	shape, err := o.Task.Shape(s.H, s.W, s.C)
	if err != nil {
		return nil, fmt.Errorf("images of %q: %w", s.Name, err)
	}
	return &Images{o, shape}, nil
}

// Name implements Samples: the set's name.
func (m *Images) Name() string { return m.o.Set.Name }

// Shape implements Samples.
func (m *Images) Shape() Shape { return m.shape }

// Labels implements Samples.
func (m *Images) Labels() []int32 { return m.o.Set.Labels }

// Reader implements Samples. The function cannot fail.
func (m *Images) Reader() func(dst []float32, epoch, i int) error {
	pcg := new(rand.PCG)
	r := &imageReader{
		Images: m, pcg: pcg, rand: rand.New(pcg), img: make([]byte, m.o.Set.Size()),
	}
	if m.o.Augment.Auto != "" {
		r.spare = make([]byte, m.o.Set.Size())
	}
	for _, mean := range m.o.Norm.Mean {
		r.mean = append(r.mean, byte(min(max(math.Round(float64(mean)*255), 0), 255)))
	}
	if m.o.Task.Kind == Moving {
		r.mover = newMover(m.o.Task, m.o.Set.H, m.o.Set.W)
		r.still = make([]float32, m.o.Set.Size())
	}
	return func(dst []float32, epoch, i int) error {
		r.read(dst, epoch, i)
		return nil
	}
}

// imageReader is the working memory of one goroutine.
type imageReader struct {
	*Images
	pcg   *rand.PCG
	rand  *rand.Rand // draws from pcg
	img   []byte     // an augmented image, [H, W, C]
	spare []byte     // another, where the augmentation moves pixels
	mean  []byte     // colour of the mean pixel
	mover *mover     // only where images move
	still []float32  // the normalised image that moves, [H, W, C]
}

func (r *imageReader) read(dst []float32, epoch, i int) {
	img := r.varied(epoch, i)
	if r.mover == nil { // rows one after the other are the image
		ToFloat(dst, img, r.o.Norm)
		return
	}
	ToFloat(r.still, img, r.o.Norm)
	r.mover.ground(r.still, r.o.Norm)
	Seed(r.pcg, r.o.Seed, drawPath, uint64(epoch), uint64(i))
	r.mover.frames(dst, r.o.Task.path(r.rand))
}

// varied returns image i as the epoch shows it.
func (r *imageReader) varied(epoch, i int) []byte {
	s, a := r.o.Set, r.o.Augment
	if a.none() {
		return s.Image(i)
	}
	Seed(r.pcg, r.o.Seed, drawAugment, uint64(epoch), uint64(i))
	dy, dx, flip := a.draw(r.rand)
	crop(r.img, s.Image(i), s.H, s.W, s.C, dy, dx)
	if flip {
		mirror(r.img, s.W, s.C)
	}
	if a.Auto != "" {
		v := variation{r.img, r.spare, s.H, s.W, s.C}
		v.drawAuto(r.rand)
	}
	if a.Cutout > 0 {
		y0, x0, y1, x1 := drawCutout(r.rand, a.Cutout, s.H, s.W)
		cover(r.img, s.W, r.mean, y0, x0, y1, x1)
	}
	return r.img
}
