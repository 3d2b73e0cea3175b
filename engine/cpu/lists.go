package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// eventSize is what lists of events are shared by.
type eventSize struct {
	rows, columns int
	spikes        bool
}

// eventLists are the lists of a layer's input while the layer runs; layers with
// inputs of one size share them.
type eventLists struct {
	p      *plan
	x      *value
	events *kernel.Events
	wide   *buffer // spikes as numbers, where too many fire for lists
	rows   int     // per task
	tasks  func(worker, task int)
	widens func(worker, task int)
}

func (p *plan) eventLists(x *value) *eventLists {
	size := eventSize{p.most(x) * x.pixels(), x.shape.C, x.form == asSpikes}
	l, ok := p.events[size]
	if !ok {
		l = &eventLists{p: p, rows: max(1, taskNumbers/x.shape.C)}
		if size.spikes && p.train {
			l.wide = p.newBuffer(size.rows * size.columns)
		}
		l.tasks, l.widens = l.listTask, l.widenTask
		p.events[size] = l
	}
	return l
}

func (l *eventLists) allocate(size eventSize) {
	l.events = kernel.NewEvents(size.rows, size.columns, !size.spikes)
	l.events.Each(inHugePages)
}

// list lists a value's numbers that are not zero.
func (l *eventLists) list(x *value) {
	l.x = x
	l.p.pool.run(tiles(l.count(), l.rows), l.tasks)
}

// widen writes spikes as numbers.
func (l *eventLists) widen(x *value) {
	l.x = x
	l.p.pool.run(tiles(l.count(), l.rows), l.widens)
}

// count is the number of rows.
func (l *eventLists) count() int { return l.p.frames(l.x) * l.x.pixels() }

func (l *eventLists) listTask(_, task int) {
	a, b := task*l.rows, min((task+1)*l.rows, l.count())
	if row := l.x.row(); l.x.form == asSpikes {
		l.events.ListBits(a, l.x.bits[a*row:b*row], b-a)
	} else {
		l.events.ListRows(a, l.x.data[a*row:b*row], b-a)
	}
}

func (l *eventLists) widenTask(_, task int) {
	a, b := task*l.rows, min((task+1)*l.rows, l.count())
	c, row := l.x.shape.C, l.x.row()
	kernel.UnpackBits(l.wide.mem[a*c:b*c], l.x.bits[a*row:b*row], c, 1)
}
