package data

import "fmt"

// Samples is what a Loader reads: labelled samples as a network takes them. Images
// makes them of a Set; whatever yields frames from elsewhere, such as recordings
// of an event camera, is another implementation.
type Samples interface {
	// Name names the samples in errors.
	Name() string
	// Shape is that of every sample.
	Shape() Shape
	// Labels are [N] class indices, which the caller must not change.
	Labels() []int32
	// Reader returns a function that writes all of sample i to dst, in the order
	// of Shape, as an epoch shows it: what it writes follows from the samples, the
	// epoch and i alone. It may keep working memory, so every goroutine takes a
	// function of its own.
	Reader() func(dst []float32, epoch, i int) error
}

// Shape is the shape of a sample: T frames [T, H, W, C], or for T = 0 one image
// [H, W, C], which a network sees at every step.
type Shape struct{ T, H, W, C int }

// Frame returns the number of elements of one frame, H·W·C.
func (s Shape) Frame() int { return s.H * s.W * s.C }

// Size returns the number of elements of a sample.
func (s Shape) Size() int { return max(1, s.T) * s.Frame() }

func (s Shape) String() string {
	if s.T == 0 {
		return fmt.Sprintf("%d×%d×%d", s.H, s.W, s.C)
	}
	return fmt.Sprintf("%d frames of %d×%d×%d", s.T, s.H, s.W, s.C)
}

// validate says what is wrong with the shape.
func (s Shape) validate() error {
	if _, ok := product(max(1, s.T), s.H, s.W, s.C); !ok || s.T < 0 {
		return fmt.Errorf("samples are %v, expected sides above 0 and at most %d numbers", s, maxBytes)
	}
	return nil
}
