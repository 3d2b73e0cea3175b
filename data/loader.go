package data

import (
	"fmt"
	"math/rand/v2"
)

// LoaderOptions says how a Loader makes batches.
type LoaderOptions struct {
	Set      *Set
	Indices  []int // the images to use, of the set; nil: all of them
	Batch    int   // images per batch
	Norm     Norm
	Augment  Augment
	Shuffle  bool // a new order each epoch; otherwise that of Indices
	DropLast bool // leave out the last batch of an epoch if it is not full
	Seed     uint64
	Ahead    int // finished batches that may wait while one more is prepared
}

// Loader makes the batches of epochs. What an epoch's batches hold depends on
// the options and the epoch's number alone. It keeps no state, so several
// passes may run at once; the set must not change meanwhile.
type Loader struct {
	o       LoaderOptions
	indices []int
	steps   int
}

// Batch is a batch of normalised images.
type Batch struct {
	N       int
	X       []float32 // [N, H, W, C]
	Y       []int32   // [N], class indices
	Indices []int     // [N], where in the set the images come from
}

// NewLoader checks the options.
func NewLoader(o LoaderOptions) (*Loader, error) {
	if o.Set == nil {
		return nil, fmt.Errorf("loader has no data set")
	}
	if err := o.Set.Validate(); err != nil {
		return nil, err
	}
	if err := o.Norm.Validate(o.Set.C); err != nil {
		return nil, fmt.Errorf("loader of %q: %w", o.Set.Name, err)
	}
	if err := o.Augment.Validate(o.Set.H, o.Set.W); err != nil {
		return nil, fmt.Errorf("loader of %q: %w", o.Set.Name, err)
	}
	l := &Loader{o: o, indices: make([]int, 0, o.Set.Len())}
	if l.indices = append(l.indices, o.Indices...); o.Indices == nil {
		for i := range o.Set.Len() {
			l.indices = append(l.indices, i)
		}
	}
	for k, i := range l.indices {
		if i < 0 || i >= o.Set.Len() {
			return nil, fmt.Errorf("loader of %q: indices[%d] is %d, expected 0 to %d", o.Set.Name, k, i, o.Set.Len()-1)
		}
	}
	n := len(l.indices)
	switch {
	case n == 0:
		return nil, fmt.Errorf("loader of %q: no images to load", o.Set.Name)
	case o.Batch < 1 || o.Batch > n:
		return nil, fmt.Errorf("loader of %q: batch is %d, expected 1 to %d, the number of images", o.Set.Name, o.Batch, n)
	case o.Ahead < 0:
		return nil, fmt.Errorf("loader of %q: ahead is %d, expected 0 or more batches", o.Set.Name, o.Ahead)
	}
	l.steps = n / o.Batch
	if n%o.Batch > 0 && !o.DropLast {
		l.steps++
	}
	return l, nil
}

// Steps returns the number of batches of an epoch.
func (l *Loader) Steps() int { return l.steps }

// order returns the epoch's images in the order in which batches take them.
func (l *Loader) order(epoch int) []int {
	order := append([]int(nil), l.indices...)
	if l.o.Shuffle {
		pcg := new(rand.PCG)
		Seed(pcg, l.o.Seed, drawOrder, uint64(epoch), 0)
		rand.New(pcg).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

// filler makes batches of one epoch; its scratch memory is its own.
type filler struct {
	*Loader
	epoch int
	pcg   *rand.PCG
	rand  *rand.Rand // draws from pcg
	img   []byte     // an augmented image, [H, W, C]
}

func newFiller(l *Loader, epoch int) *filler {
	pcg := new(rand.PCG)
	return &filler{l, epoch, pcg, rand.New(pcg), make([]byte, l.o.Set.Size())}
}

// fill makes the batch of the given images in b's memory.
func (f *filler) fill(b *Batch, images []int) {
	size := f.o.Set.Size()
	if b.X == nil {
		b.X = make([]float32, f.o.Batch*size)
		b.Y = make([]int32, f.o.Batch)
	}
	b.N, b.X, b.Y, b.Indices = len(images), b.X[:len(images)*size], b.Y[:len(images)], images
	for k, i := range images {
		ToFloat(b.X[k*size:(k+1)*size], f.varied(i), f.o.Norm)
		b.Y[k] = f.o.Set.Labels[i]
	}
}

// varied returns image i as this epoch shows it.
func (f *filler) varied(i int) []byte {
	s, a := f.o.Set, f.o.Augment
	if a.none() {
		return s.Image(i)
	}
	Seed(f.pcg, f.o.Seed, drawAugment, uint64(f.epoch), uint64(i))
	dy, dx, flip := a.draw(f.rand)
	crop(f.img, s.Image(i), s.H, s.W, s.C, dy, dx)
	if flip {
		mirror(f.img, s.W, s.C)
	}
	return f.img
}
