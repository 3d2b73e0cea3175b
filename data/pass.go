package data

import "sync"

// Pass is an epoch's batches in order, prepared by a goroutine that runs ahead
// of the consumer. The batches circulate: the consumer's previous one is
// filled again.
type Pass struct {
	ready chan *Batch // finished; closed when the goroutine ends
	free  chan *Batch
	stop  chan struct{}
	once  sync.Once
	held  *Batch // the consumer's
	err   error  // why the goroutine ended early; written before ready is closed
	why   error  // err, as far as the consumer knows
}

// Epoch starts a pass over the epoch's batches from number from on, so that a
// run that stopped after so many continues with the very batches it would have
// seen. From the number of Steps on there are none; a negative from counts as
// 0. The pass must be read to its end or closed.
func (l *Loader) Epoch(epoch, from int) *Pass {
	from = max(from, 0)
	ahead := min(l.o.Ahead, max(l.steps-from, 0))
	p := &Pass{
		ready: make(chan *Batch, ahead),
		free:  make(chan *Batch, ahead+2), // one more is being filled, one is the consumer's
		stop:  make(chan struct{}),
	}
	for range cap(p.free) {
		p.free <- new(Batch)
	}
	go p.run(l, epoch, from)
	return p
}

// run prepares batches until the epoch ends or the pass is closed.
func (p *Pass) run(l *Loader, epoch, from int) {
	defer close(p.ready)
	f := newFiller(l, epoch)
	order := l.order(epoch)
	for step := from; step < l.steps; step++ {
		var b *Batch
		select {
		case <-p.stop:
			return
		case b = <-p.free:
		}
		lo := step * l.o.Batch
		hi := min(lo+l.o.Batch, len(order))
		if p.err = f.fill(b, order[lo:hi:hi]); p.err != nil {
			return
		}
		select {
		case <-p.stop:
			return
		case p.ready <- b:
		}
	}
}

// Next returns the next batch, or false after the last one, after Close, or where
// a sample could not be read, which Err tells. The batch is valid until the
// following Next.
func (p *Pass) Next() (*Batch, bool) {
	if p.held != nil {
		p.free <- p.held
		p.held = nil
	}
	select {
	case <-p.stop:
		return nil, false
	default:
	}
	b, ok := <-p.ready
	if !ok {
		p.why = p.err
	}
	p.held = b
	return b, ok
}

// Err returns why there are fewer batches than there should be, or nil. It is
// known once Next has returned false.
func (p *Pass) Err() error { return p.why }

// Close ends the pass and waits until its goroutine is gone. It may be called
// at any time, from any goroutine, and repeatedly.
func (p *Pass) Close() {
	p.once.Do(func() { close(p.stop) })
	for range p.ready {
	}
}
