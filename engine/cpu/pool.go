package cpu

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
)

// pool runs the tiles of one operation at a time on a fixed set of workers.
// Which worker takes which tile is left to chance; tiles and the order in which
// their results are combined are fixed, so chance never shows in a number.
//
// Waking an idle thread costs as much as a small operation, so workers are woken
// once per pass and then watch for the next operation until the pass ends
// (during). Between passes they sleep.
type pool struct {
	workers int
	wake    []chan struct{}
	asleep  sync.WaitGroup // workers that still watch
	awake   bool

	job     atomic.Int64 // number of the current operation
	over    atomic.Bool  // the pass has ended
	pending atomic.Int32 // workers that have not finished the operation
	next    atomic.Int64 // tile
	tiles   int
	fn      func(worker, tile int)
	labels  atomic.Pointer[context.Context] // of the operation, while profiling
}

// label gives workers the labels of a CPU profile.
func (p *pool) label(ctx context.Context) { p.labels.Store(&ctx) }

// A worker that looks for something lets another goroutine run every `watches`
// looks, and another program every `patience`: on a machine that others use as
// well, what it waits for may be waiting for its processor.
const (
	watches  = 256
	patience = 64 * watches
)

// pause passes the time between looks.
func pause(looks int) {
	switch {
	case looks%patience == 0:
		yield()
	case looks%watches == 0:
		runtime.Gosched()
	}
}

func newPool(threads int) *pool {
	p := &pool{workers: threads}
	for w := 1; w < threads; w++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		go func() {
			seen := int64(0)
			for range wake {
				seen = p.watch(w, seen)
				p.asleep.Done()
			}
		}()
	}
	return p
}

// watch runs operations until the pass is over and returns the number of the
// last.
func (p *pool) watch(worker int, seen int64) int64 {
	for looks := 1; ; looks++ {
		switch job := p.job.Load(); {
		case job != seen:
			seen, looks = job, 0
			if l := p.labels.Load(); l != nil {
				pprof.SetGoroutineLabels(*l)
			}
			p.take(worker)
			p.pending.Add(-1)
		case p.over.Load():
			return seen
		default:
			pause(looks)
		}
	}
}

// during calls fn, which may call run, with the workers awake.
func (p *pool) during(fn func()) {
	if len(p.wake) == 0 || p.awake {
		fn()
		return
	}
	p.awake = true
	p.over.Store(false)
	p.asleep.Add(len(p.wake))
	for _, wake := range p.wake {
		wake <- struct{}{}
	}
	fn()
	p.over.Store(true)
	p.asleep.Wait()
	p.awake = false
}

// run calls fn for every tile and returns when all are done. Outside a pass it
// runs them all itself.
func (p *pool) run(tiles int, fn func(worker, tile int)) {
	if tiles < 2 || !p.awake {
		for i := range tiles {
			fn(0, i)
		}
		return
	}
	p.fn, p.tiles = fn, tiles
	p.next.Store(0)
	p.pending.Store(int32(len(p.wake)))
	p.job.Add(1)
	p.take(0)
	for looks := 1; p.pending.Load() > 0; looks++ {
		pause(looks)
	}
}

func (p *pool) take(worker int) {
	for {
		i := int(p.next.Add(1)) - 1
		if i >= p.tiles {
			return
		}
		p.fn(worker, i)
	}
}

// close ends the workers. The pool must be idle.
func (p *pool) close() {
	for _, wake := range p.wake {
		close(wake)
	}
	p.wake = nil
}
