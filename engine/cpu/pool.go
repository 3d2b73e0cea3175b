package cpu

import (
	"sync"
	"sync/atomic"
)

// pool runs the tiles of one operation at a time on a fixed set of workers.
// Which worker takes which tile is left to chance; tiles and the order in which
// their results are combined are fixed, so chance never shows in a number.
type pool struct {
	workers int
	wake    []chan struct{}
	done    sync.WaitGroup
	next    atomic.Int64
	tiles   int
	fn      func(worker, tile int)
}

func newPool(threads int) *pool {
	p := &pool{workers: threads}
	for w := 1; w < threads; w++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		go func() {
			for range wake {
				p.take(w)
				p.done.Done()
			}
		}()
	}
	return p
}

// run calls fn for every tile and returns when all are done.
func (p *pool) run(tiles int, fn func(worker, tile int)) {
	if p.workers == 1 || tiles < 2 {
		for i := range tiles {
			fn(0, i)
		}
		return
	}
	p.fn, p.tiles = fn, tiles
	p.next.Store(0)
	helpers := min(len(p.wake), tiles-1)
	p.done.Add(helpers)
	for _, wake := range p.wake[:helpers] {
		wake <- struct{}{}
	}
	p.take(0)
	p.done.Wait()
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
