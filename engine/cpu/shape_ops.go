package cpu

import (
	"math/rand/v2"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// imageOp is an operation whose tiles are images, each independent of the
// others in both directions.
type imageOp struct {
	p        *plan
	x        []input
	y        *value
	fwd, bwd func(worker, image int)
}

func (o *imageOp) inputs() []*input {
	ins := make([]*input, len(o.x))
	for i := range o.x {
		ins[i] = &o.x[i]
	}
	return ins
}

func (o *imageOp) forward() { o.p.pool.run(o.p.frames(o.y), o.fwd) }

func (o *imageOp) backward() {
	if o.y.grad != nil {
		o.p.pool.run(o.p.frames(o.y), o.bwd)
	}
}

// gradient returns image i of operand k's gradient, cleared if the operation is
// the first to write it; nil if nothing upstream wants it.
func (o *imageOp) gradient(k, i int) []float32 {
	x := o.x[k]
	if x.grad == nil {
		return nil
	}
	dx := image(x.grad, x.shape, i)
	if x.first {
		clear(dx)
	}
	return dx
}

func newPoolOp(p *plan, l graph.Layer, size, stride int, largest bool, x input, y *value) op {
	g := kernel.Geometry{
		H: l.In[0].H, W: l.In[0].W, C: l.In[0].C, OutH: l.Out.H, OutW: l.Out.W,
		Kernel: size, Stride: stride,
	}
	o := &imageOp{p: p, x: []input{x}, y: y}
	o.fwd = func(_, i int) {
		if largest {
			kernel.MaxPool(image(y.data, y.shape, i), image(x.data, x.shape, i), g)
		} else {
			kernel.AvgPool(image(y.data, y.shape, i), image(x.data, x.shape, i), g)
		}
	}
	o.bwd = func(_, i int) {
		dx, dy := o.gradient(0, i), image(y.grad, y.shape, i)
		if largest {
			kernel.MaxPoolBack(dx, dy, image(y.data, y.shape, i), image(x.data, x.shape, i), g)
		} else {
			kernel.AvgPoolBack(dx, dy, g)
		}
	}
	return o
}

func newGlobalPool(p *plan, x input, y *value) op {
	o := &imageOp{p: p, x: []input{x}, y: y}
	inv := 1 / float32(x.shape.H*x.shape.W)
	o.fwd = func(_, i int) { kernel.GlobalAvgPool(image(y.data, y.shape, i), image(x.data, x.shape, i)) }
	o.bwd = func(_, i int) {
		dy := image(y.grad, y.shape, i)
		for dx := o.gradient(0, i); len(dx) > 0; dx = dx[len(dy):] {
			kernel.Axpy(dx[:len(dy)], dy, inv)
		}
	}
	return o
}

func newAdd(p *plan, x []input, y *value) op {
	o := &imageOp{p: p, x: x, y: y}
	o.fwd = func(_, i int) {
		dst := image(y.data, y.shape, i)
		copy(dst, image(x[0].data, y.shape, i))
		for _, in := range x[1:] {
			kernel.Add(dst, image(in.data, y.shape, i))
		}
	}
	o.bwd = func(_, i int) {
		for k := range o.x {
			if dx := o.gradient(k, i); dx != nil {
				kernel.Add(dx, image(y.grad, y.shape, i))
			}
		}
	}
	return o
}

func newConcat(p *plan, x []input, y *value) op {
	o := &imageOp{p: p, x: x, y: y}
	// each calls fn with the channels of every pixel that an operand owns.
	each := func(c0, c int, whole, part []float32, fn func(whole, part []float32)) {
		for ; len(part) > 0; whole, part = whole[y.shape.C:], part[c:] {
			fn(whole[c0:c0+c], part[:c])
		}
	}
	o.fwd = func(_, i int) {
		c0 := 0
		for _, in := range x {
			each(c0, in.shape.C, image(y.data, y.shape, i), image(in.data, in.shape, i),
				func(whole, part []float32) { copy(whole, part) })
			c0 += in.shape.C
		}
	}
	o.bwd = func(_, i int) {
		c0 := 0
		for k := range o.x {
			if dx := o.gradient(k, i); dx != nil {
				each(c0, o.x[k].shape.C, image(y.grad, y.shape, i), dx,
					func(whole, part []float32) { kernel.Add(part, whole) })
			}
			c0 += o.x[k].shape.C
		}
	}
	return o
}

// repeatOp repeats a value that is constant over time at every step.
type repeatOp struct {
	p *plan
	x input
	y *value
}

func (o *repeatOp) inputs() []*input { return []*input{&o.x} }

func (o *repeatOp) forward() {
	n := o.p.n * o.y.shape.Size()
	for t := range o.p.steps {
		copy(o.y.data[t*n:(t+1)*n], o.x.data[:n])
	}
}

func (o *repeatOp) backward() {
	if o.y.grad == nil {
		return
	}
	n := o.p.n * o.y.shape.Size()
	dx := o.x.grad[:n]
	if o.x.first {
		clear(dx)
	}
	for t := range o.p.steps {
		kernel.Add(dx, o.y.grad[t*n:(t+1)*n])
	}
}

// dropoutOp zeroes a share of its input in training. A sample's mask serves all
// its steps; it depends on the seed, the update's number, the node and the
// sample's place in the batch alone.
type dropoutOp struct {
	imageOp
	mask   []float32 // [N, H, W, C], 0 or 1/(1−P)
	active bool      // false: observing or inferring
	seed   uint64
	update uint64 // the current one's number
	node   int
	share  float64
}

func newDropout(p *plan, o *graph.Dropout, node int, x input, y *value) *dropoutOp {
	d := &dropoutOp{node: node, share: o.P}
	d.imageOp = imageOp{p: p, x: []input{x}, y: y}
	if p.train {
		d.mask = make([]float32, p.batch*y.shape.Size())
	}
	d.fwd = func(_, i int) { d.apply(image(y.data, y.shape, i), image(x.data, x.shape, i), i) }
	d.bwd = func(_, i int) {
		dx, dy := d.gradient(0, i), image(y.grad, y.shape, i)
		if !d.active {
			kernel.Add(dx, dy)
			return
		}
		m := image(d.mask, y.shape, i%p.n)
		for j, v := range dy {
			dx[j] += v * m[j]
		}
	}
	return d
}

func (d *dropoutOp) forward() {
	if d.active {
		d.draw()
	}
	d.imageOp.forward()
}

func (d *dropoutOp) draw() {
	keep := float32(1 / (1 - d.share))
	for i := range d.p.n {
		var rng rand.PCG
		rng.Seed(mix(d.seed^mix(d.update)), uint64(d.node)<<32|uint64(i))
		m := image(d.mask, d.y.shape, i)
		for j := range m {
			m[j] = 0
			if float64(rng.Uint64()>>11)/(1<<53) >= d.share {
				m[j] = keep
			}
		}
	}
}

func (d *dropoutOp) apply(y, x []float32, i int) {
	if !d.active {
		copy(y, x)
		return
	}
	m := image(d.mask, d.y.shape, i%d.p.n)
	for j, v := range x {
		y[j] = v * m[j]
	}
}

// mix scatters a number over all 64 bits (the finaliser of SplitMix64, Steele et
// al. 2014), so that neighbouring seeds and updates share no masks.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
