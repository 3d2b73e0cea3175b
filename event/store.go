package event

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// A Budget is memory that stores share.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget allows so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{limit: bytes} }

// take takes n bytes if they are left.
func (b *Budget) take(n int64) bool {
	if b.used.Add(n) <= b.limit {
		return true
	}
	b.used.Add(-n)
	return false
}

// A Store makes the frames of samples when they are wanted and keeps them, packed,
// as long as its budget has room; those that find none are made anew each time.
// None gives way to another: epochs visit every sample once, in an order of their
// own, so the last one seen is as likely to be next as any.
//
// Several goroutines may use a store. What it returns does not depend on what it
// has kept.
type Store struct {
	budget *Budget
	fresh  func(i int) (*Frames, Skipped, error)

	mu      sync.Mutex
	kept    []packed
	seen    []bool
	skipped Skipped // of the samples seen
}

// packed are frames in little memory; those not kept have no bytes.
type packed struct {
	h, w, c, frames int
	bytes           []byte
}

// NewStore returns a store of n samples, whose frames fresh makes: always the
// same of a sample, from several goroutines at a time.
func NewStore(n int, budget *Budget, fresh func(i int) (*Frames, Skipped, error)) *Store {
	return &Store{budget: budget, fresh: fresh, kept: make([]packed, n), seen: make([]bool, n)}
}

// Len returns the number of samples.
func (s *Store) Len() int { return len(s.kept) }

// Get returns the frames of a sample, in memory of their own.
func (s *Store) Get(i int) (*Frames, error) {
	s.mu.Lock()
	p := s.kept[i]
	s.mu.Unlock()
	if p.bytes != nil {
		return p.frame()
	}
	f, skipped, err := s.fresh(i)
	if err != nil {
		return nil, err
	}
	s.keep(i, f, skipped)
	return f, nil
}

func (s *Store) keep(i int, f *Frames, skipped Skipped) {
	p := packed{f.H, f.W, f.C, f.Len(), bytes.Clone(f.pack(nil))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen[i] {
		s.seen[i] = true
		s.skipped.Add(skipped)
	}
	if s.kept[i].bytes == nil && s.budget.take(int64(cap(p.bytes))) {
		s.kept[i] = p
	}
}

// frame unpacks.
func (p packed) frame() (*Frames, error) {
	f := &Frames{H: p.h, W: p.w, C: p.c}
	r := bytes.NewReader(p.bytes)
	d := uvarints{r: r}
	if f.unpack(&d, r, p.frames); d.bad {
		return nil, errors.New("frames kept in memory are damaged")
	}
	return f, nil
}

// Each hands the frames of the samples with the given indices to use, as they
// become ready, from as many goroutines as there are processors, and calls
// progress with the number of those done. It ends with ctx.
func (s *Store) Each(ctx context.Context, indices []int, progress func(done int), use func(i int, f *Frames) error) error {
	group, joint := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	done := 0
	for _, i := range indices {
		if joint.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := joint.Err(); err != nil {
				return err
			}
			f, err := s.Get(i)
			if err == nil {
				err = use(i, f)
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// Skipped returns what was left out as bad in all samples, after making those that
// have not been yet.
func (s *Store) Skipped(ctx context.Context) (Skipped, error) {
	var left []int
	s.mu.Lock()
	for i, seen := range s.seen {
		if !seen {
			left = append(left, i)
		}
	}
	s.mu.Unlock()
	err := s.Each(ctx, left, func(int) {}, func(int, *Frames) error { return nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.skipped, err
}
