package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// In inference a convolution's output need not be kept: as soon as a pixel has
// all its frames, the neurons that it feeds scan them and leave their spikes.

// fuse makes a layer of neurons take the output of a convolution from it, if
// there is one that nothing else uses, normalised or not.
func (p *plan) fuse(n *neuronOp) {
	if p.train || len(n.terms) > 2 {
		return
	}
	for _, t := range n.terms {
		c, ok := t.maker.(*convOp)
		if !ok || t.static || !t.sole || c.units.pieces > 1 {
			continue
		}
		n.from, c.fused = c, n
		i := slices.Index(p.ops, op(c))
		p.ops, p.labels = slices.Delete(p.ops, i, i+1), slices.Delete(p.labels, i, i+1)
		return
	}
}

// fuseLen is the scratch of a fusion: pieces as long as a step's rows.
func (c *convOp) fuseLen(columns int) int {
	if c.fused == nil {
		return 0
	}
	return fusionPieces * c.p.batch * columns
}

// tasks is the number of tasks of a pass.
func (c *convOp) tasks() int {
	if c.half != nil {
		return c.half.tasks()
	}
	return c.panels * c.units.count()
}

// fusion is a task of a convolution whose output its neurons take at once, for
// some of the channels. Without neurons it does nothing.
type fusion struct {
	neurons       *neuronOp
	worker        int
	kern          kernel.Neuron // of the channels
	first, beyond int           // the channels
	sums          []kernel.Sums // per step
	scratch       []float32
}

// Pieces of scratch, as long as a step's rows.
const (
	fusionV     = iota // the potential
	fusionU            // partial sums of terms
	fusionOther        // rows of another term
	fusionBits         // spikes
	fusionPieces
)

// fusion returns what a task needs to fire.
func (c *convOp) fusion(worker, task int, scratch []float32, channel, columns int) fusion {
	n := c.fused
	if n == nil || n.state != nil {
		return fusion{}
	}
	f := fusion{
		neurons: n, worker: worker, kern: n.kern, first: channel, beyond: min(channel+columns, c.g.Out),
		sums: n.sums[task*c.p.steps:][:c.p.t], scratch: scratch,
	}
	clear(f.sums)
	f.kern.C2, f.kern.C1, f.kern.C0 = n.kern.C2[f.first:f.beyond], n.kern.C1[f.first:f.beyond], n.kern.C0[f.first:f.beyond]
	return f
}

func (f *fusion) columns() int { return f.beyond - f.first }

func (f *fusion) piece(k int) []float32 {
	n := f.neurons.p.n * f.columns()
	return f.scratch[k*n:][:n]
}

// fire scans a pixel's frames: rows of ld sums, the task's columns first.
func (f *fusion) fire(sums []float32, ld, px int) {
	p, y := f.neurons.p, f.neurons.y
	columns := f.columns()
	if ld != columns {
		for r := range p.n * p.t {
			copy(sums[r*columns:], sums[r*ld:][:columns])
		}
	}
	setAll(f.piece(fusionV), f.kern.Reset)
	words, all := kernel.Words(columns), y.row()
	for t := range p.t {
		at := p.rowOf(y, px, t, 0)
		fired := asWords(f.piece(fusionBits))[:p.n*words]
		if words == all {
			fired = y.bits[at*all:][:p.n*all]
		}
		z := sums[t*p.n*columns:][:p.n*columns]
		f.sums[t].Add(f.kern.Forward(fired, kernel.Near{}, f.piece(fusionU), f.piece(fusionV), f.inputs(z, px, t)...))
		if words == all {
			continue
		}
		for i := range p.n {
			copy(y.bits[(at+i)*all+f.first/32:][:words], fired[i*words:])
		}
	}
}

// inputs are the terms of the neurons' input at a step: the convolution's, which
// is at hand, and maybe another.
func (f *fusion) inputs(z []float32, px, t int) []kernel.Term {
	n := f.neurons
	terms := n.held[f.worker][:0]
	for _, m := range n.terms {
		scale, shift := n.affine(m)
		r := kernel.Term{Scale: scale[f.first:f.beyond], Shift: shift[f.first:f.beyond]}
		if m.maker == op(n.from) {
			r.Z.Float = z
		} else {
			r.Z = f.columnsOf(m.value, n.p.rowOf(m.value, px, t, 0))
		}
		terms = append(terms, r)
	}
	return terms
}

// columnsOf returns the task's columns of a step's rows.
func (f *fusion) columnsOf(v *value, at int) kernel.Rows {
	n, c := f.neurons.p.n, v.shape.C
	if f.columns() == c {
		return v.rows(at, n)
	}
	switch to := f.piece(fusionOther); v.form {
	case asSpikes:
		return kernel.Rows{Bits: gather(asWords(to), v.bits[at*v.row():], n, v.row(), f.first/32, kernel.Words(f.columns()))}
	case asHalves:
		return kernel.Rows{Half: gather(asHalf(to), v.half[at*c:], n, c, f.first, f.columns())}
	default:
		return kernel.Rows{Float: gather(to, v.data[at*c:], n, c, f.first, f.columns())}
	}
}

// gather copies columns of n rows.
func gather[T any](dst, src []T, n, ld, first, columns int) []T {
	for r := range n {
		copy(dst[r*columns:][:columns], src[r*ld+first:])
	}
	return dst[:n*columns]
}
