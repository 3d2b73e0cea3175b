package event

import (
	"fmt"
	"math/bits"
	"slices"
)

// Channels of frames that keep polarities apart.
const (
	Off = 0
	On  = 1
)

// A Cell is an element of a frame that is not zero.
type Cell struct {
	At uint32 // its index in [H, W, C]
	N  uint32 // events
}

// Frames are T images of event counts, [T, H, W, C], as sparse data: each frame
// lists what is not zero, by ascending index.
type Frames struct {
	H, W, C int
	Starts  []int // frame t has Cells[Starts[t]:Starts[t+1]]
	Cells   []Cell
}

// Len returns T, the number of frames.
func (f *Frames) Len() int { return len(f.Starts) - 1 }

// Size returns the number of elements of one frame, H·W·C.
func (f *Frames) Size() int { return f.H * f.W * f.C }

// Frame returns what is not zero in frame t. It shares the frames' memory.
func (f *Frames) Frame(t int) []Cell {
	lo, hi := f.Starts[t], f.Starts[t+1]
	return f.Cells[lo:hi:hi]
}

// Events returns how many events the frames count, all together.
func (f *Frames) Events() int64 {
	var n int64
	for _, c := range f.Cells {
		n += int64(c.N)
	}
	return n
}

// Dense returns the counts as [T, H, W, C].
func (f *Frames) Dense() []float32 {
	dst := make([]float32, f.Len()*f.Size())
	f.Write(dst)
	return dst
}

// Write writes the counts, [T, H, W, C], to dst.
func (f *Frames) Write(dst []float32) {
	clear(dst[:f.Len()*f.Size()])
	for t := range f.Len() {
		frame := dst[t*f.Size():]
		for _, c := range f.Frame(t) {
			frame[c.At] = float32(c.N)
		}
	}
}

// Validate says what is wrong with the frames: sizes that are none, or cells
// that are empty, out of bounds or out of order.
func (f *Frames) Validate() error {
	if err := (Sensor{f.W, f.H}).Validate(); err != nil {
		return err
	}
	switch n := len(f.Starts); {
	case f.C != 1 && f.C != 2:
		return fmt.Errorf("frames have %d channels, expected 1 or 2", f.C)
	case n == 0 || f.Starts[0] != 0 || f.Starts[n-1] != len(f.Cells) || !slices.IsSorted(f.Starts):
		return fmt.Errorf("the starts of frames do not divide %d cells", len(f.Cells))
	}
	for t := range f.Len() {
		last := -1
		for _, c := range f.Frame(t) {
			if int(c.At) <= last || int(c.At) >= f.Size() || c.N == 0 {
				return fmt.Errorf("frame %d of %d elements has a cell at %d after %d with %d events", t, f.Size(), c.At, last, c.N)
			}
			last = int(c.At)
		}
	}
	return nil
}

// Frames cuts the stream and counts each part's events per pixel, and per
// polarity unless they are merged.
func (b Binning) Frames(s Stream) (*Frames, error) {
	cuts, err := b.Cuts(s)
	if err != nil {
		return nil, err
	}
	if err := s.Sensor.Validate(); err != nil {
		return nil, err
	}
	f := &Frames{H: s.Sensor.H, W: s.Sensor.W, C: b.Channels(), Starts: make([]int, 1, len(cuts))}
	t := newTally(f.Size())
	for k := range len(cuts) - 1 {
		if err := t.count(s, cuts[k], cuts[k+1], b.Merge); err != nil {
			return nil, err
		}
		f.Cells = t.take(f.Cells)
		f.Starts = append(f.Starts, len(f.Cells))
	}
	return f, nil
}

// tally counts events per element of one frame. A set of bits remembers which
// elements are not zero, so that taking them out, in order, does not visit the
// others.
type tally struct {
	n    []uint32
	used []uint64
}

func newTally(size int) *tally {
	return &tally{make([]uint32, size), make([]uint64, (size+63)/64)}
}

// add counts n events at an element.
func (t *tally) add(at int, n uint32) {
	t.n[at] += n
	t.used[at>>6] |= 1 << (at & 63)
}

// count counts the events lo ≤ i < hi.
func (t *tally) count(s Stream, lo, hi int, merge bool) error {
	for i, e := range s.Events[lo:hi] {
		if !s.Sensor.Has(e.X, e.Y) {
			return s.off(lo + i)
		}
		at := s.Sensor.at(e.X, e.Y)
		if !merge {
			at *= 2
			if e.On {
				at++
			}
		}
		t.add(at, 1)
	}
	return nil
}

// take appends what is not zero to dst and starts from zero.
func (t *tally) take(dst []Cell) []Cell {
	for w, word := range t.used {
		for ; word != 0; word &= word - 1 {
			at := w<<6 + bits.TrailingZeros64(word)
			dst = append(dst, Cell{uint32(at), t.n[at]})
			t.n[at] = 0
		}
		t.used[w] = 0
	}
	return dst
}
