package event

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/qif-snn/qif/data"
)

// SampleOptions say how frames are shown to a network.
type SampleOptions struct {
	Name   string
	Labels []int32
	Store  *Store     // of the frames, a sample for each label
	Shape  data.Shape // [T, H, W, C] of a sample

	// Most is the largest count that is shown; more events of a frame at a pixel
	// count as many. 0: there is no bound. With 1, frames are binary.
	Most uint32
	// Scale [C] is what counts are divided by. Zeros stay zeros.
	Scale []float32

	Augment Augment // of the prepared frames
	Seed    uint64  // of augmentation, together with epoch and sample
}

// Samples shows frames of event counts to a network. It implements data.Samples.
// A sample has as many frames as the shape says: of longer recordings, cut by
// duration, the first ones; to shorter ones frames without events are added.
type Samples struct{ o SampleOptions }

// NewSamples checks the options.
func NewSamples(o SampleOptions) (*Samples, error) {
	problem := func(err error) error { return fmt.Errorf("recordings of %q: %w", o.Name, err) }
	switch {
	case o.Store == nil || o.Store.Len() != len(o.Labels):
		return nil, problem(fmt.Errorf("%d labels do not belong to the store", len(o.Labels)))
	case o.Shape.T < 1 || o.Shape.C < 1 || o.Shape.C > 2:
		return nil, problem(fmt.Errorf("samples are %v, expected 1 frame or more of 1 or 2 channels", o.Shape))
	case len(o.Scale) != o.Shape.C:
		return nil, problem(fmt.Errorf("counts have %d scales, expected one for each of %d channels", len(o.Scale), o.Shape.C))
	}
	for c, v := range o.Scale {
		if !(v > 0) || math.IsInf(float64(v), 1) {
			return nil, problem(fmt.Errorf("the scale of channel %d is %v, expected a finite number above 0", c, v))
		}
	}
	if err := o.Augment.Validate(Sensor{o.Shape.W, o.Shape.H}); err != nil {
		return nil, problem(err)
	}
	return &Samples{o}, nil
}

// Name implements data.Samples.
func (s *Samples) Name() string { return s.o.Name }

// Shape implements data.Samples.
func (s *Samples) Shape() data.Shape { return s.o.Shape }

// Labels implements data.Samples.
func (s *Samples) Labels() []int32 { return s.o.Labels }

// Reader implements data.Samples.
func (s *Samples) Reader() func(dst []float32, epoch, i int) error {
	return func(dst []float32, epoch, i int) error {
		f, err := s.o.Store.Get(i)
		if err == nil && s.o.Augment != (Augment{}) {
			f, err = s.varied(f, epoch, i)
		}
		if err != nil {
			return err
		}
		return f.Show(dst, s.o.Shape, s.o.Most, s.o.Scale)
	}
}

// varied returns a sample's frames as the epoch shows them.
func (s *Samples) varied(f *Frames, epoch, i int) (*Frames, error) {
	w, err := s.o.Augment.Draw(Sensor{f.W, f.H}, s.o.Seed, uint64(epoch), uint64(i))
	if err != nil {
		return nil, err
	}
	return w.Frames(f)
}

// Show writes the frames to dst as a sample of the given shape, with the bound
// and the scales that SampleOptions describe.
func (f *Frames) Show(dst []float32, shape data.Shape, most uint32, scale []float32) error {
	if f.H != shape.H || f.W != shape.W || f.C != shape.C {
		return fmt.Errorf("frames are %d×%d×%d (height, width, channels), expected %d×%d×%d", f.H, f.W, f.C, shape.H, shape.W, shape.C)
	}
	clear(dst[:shape.Size()])
	for t := range min(f.Len(), shape.T) {
		frame := dst[t*f.Size():][:f.Size()]
		for _, c := range f.Frame(t) {
			frame[c.At] = float32(bounded(c.N, most)) / scale[int(c.At)%f.C]
		}
	}
	return nil
}

func bounded(n, most uint32) uint32 {
	if most > 0 {
		return min(n, most)
	}
	return n
}

// MeasureScale returns, per channel, the root of the mean square of the counts
// over all elements of the given samples as they are shown without variation:
// divided by it, counts have a mean square of 1. A channel without events gets
// 1. The sums are of integers, so their order is of no consequence.
func MeasureScale(ctx context.Context, store *Store, indices []int, shape data.Shape, most uint32, progress func(done int)) ([]float32, error) {
	var squares [2]atomic.Uint64
	var overflow atomic.Bool
	err := store.Each(ctx, indices, progress, func(_ int, f *Frames) error {
		var sum [2]uint64
		for t := range min(f.Len(), shape.T) {
			for _, c := range f.Frame(t) {
				n := uint64(bounded(c.N, most))
				sum[int(c.At)%f.C] += n * n
			}
		}
		for c := range sum {
			if squares[c].Add(sum[c]) < sum[c] {
				overflow.Store(true)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if overflow.Load() {
		return nil, errors.New("counts of events are too large to be summed")
	}
	scale := make([]float32, shape.C)
	elements := float64(len(indices)) * float64(shape.T) * float64(shape.H*shape.W)
	for c := range scale {
		if scale[c] = float32(math.Sqrt(float64(squares[c].Load()) / elements)); scale[c] == 0 {
			scale[c] = 1
		}
	}
	return scale, nil
}
