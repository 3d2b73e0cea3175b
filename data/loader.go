package data

import (
	"fmt"
	"math/rand/v2"
)

// LoaderOptions says how a Loader makes batches.
type LoaderOptions struct {
	Samples  Samples
	Indices  []int // the samples to use; nil: all of them
	Batch    int   // samples per batch
	Shuffle  bool  // a new order each epoch; otherwise that of Indices
	DropLast bool  // leave out the last batch of an epoch if it is not full
	Seed     uint64
	Ahead    int // finished batches that may wait while one more is prepared
}

// Loader makes the batches of epochs. What an epoch's batches hold depends on
// the options and the epoch's number alone. It keeps no state, so several
// passes may run at once; the samples must not change meanwhile.
type Loader struct {
	o       LoaderOptions
	shape   Shape
	indices []int
	steps   int
}

// Batch is a batch of samples.
type Batch struct {
	N       int
	X       []float32 // [N, H, W, C], or [T, N, H, W, C] of samples with frames
	Y       []int32   // [N], class indices
	Indices []int     // [N], which of the samples they are
}

// NewLoader checks the options.
func NewLoader(o LoaderOptions) (*Loader, error) {
	if o.Samples == nil {
		return nil, fmt.Errorf("loader has no samples")
	}
	name, all := o.Samples.Name(), len(o.Samples.Labels())
	l := &Loader{o: o, shape: o.Samples.Shape(), indices: make([]int, 0, all)}
	if err := l.shape.validate(); err != nil {
		return nil, fmt.Errorf("loader of %q: %w", name, err)
	}
	if l.indices = append(l.indices, o.Indices...); o.Indices == nil {
		for i := range all {
			l.indices = append(l.indices, i)
		}
	}
	for k, i := range l.indices {
		if i < 0 || i >= all {
			return nil, fmt.Errorf("loader of %q: indices[%d] is %d, expected 0 to %d", name, k, i, all-1)
		}
	}
	n := len(l.indices)
	switch {
	case n == 0:
		return nil, fmt.Errorf("loader of %q: no samples to load", name)
	case o.Batch < 1 || o.Batch > n:
		return nil, fmt.Errorf("loader of %q: batch is %d, expected 1 to %d, the number of samples", name, o.Batch, n)
	case o.Ahead < 0:
		return nil, fmt.Errorf("loader of %q: ahead is %d, expected 0 or more batches", name, o.Ahead)
	}
	l.steps = n / o.Batch
	if n%o.Batch > 0 && !o.DropLast {
		l.steps++
	}
	return l, nil
}

// Steps returns the number of batches of an epoch.
func (l *Loader) Steps() int { return l.steps }

// order returns the epoch's samples in the order in which batches take them.
func (l *Loader) order(epoch int) []int {
	order := append([]int(nil), l.indices...)
	if l.o.Shuffle {
		pcg := new(rand.PCG)
		Seed(pcg, l.o.Seed, drawOrder, uint64(epoch), 0)
		rand.New(pcg).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

// filler makes batches of one epoch; its working memory is its own.
type filler struct {
	*Loader
	epoch  int
	read   func(dst []float32, epoch, i int) error
	sample []float32 // with frames: one sample, [T, H, W, C]
}

func newFiller(l *Loader, epoch int) *filler {
	f := &filler{Loader: l, epoch: epoch, read: l.o.Samples.Reader()}
	if l.shape.T > 0 {
		f.sample = make([]float32, l.shape.Size())
	}
	return f
}

// fill makes the batch of the given samples in b's memory.
func (f *filler) fill(b *Batch, samples []int) error {
	size, n := f.shape.Size(), len(samples)
	if b.X == nil {
		b.X = make([]float32, f.o.Batch*size)
		b.Y = make([]int32, f.o.Batch)
	}
	b.N, b.X, b.Y, b.Indices = n, b.X[:n*size], b.Y[:n], samples
	for k, i := range samples {
		b.Y[k] = f.o.Samples.Labels()[i]
		x := f.sample
		if x == nil {
			x = b.X[k*size:][:size]
		}
		if err := f.read(x, f.epoch, i); err != nil {
			return fmt.Errorf("sample %d of %q: %w", i, f.o.Samples.Name(), err)
		}
		for t := range f.shape.T {
			frame := f.shape.Frame()
			copy(b.X[(t*n+k)*frame:][:frame], x[t*frame:])
		}
	}
	return nil
}
