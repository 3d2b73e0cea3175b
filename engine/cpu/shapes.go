package cpu

import (
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// pixelOp is an operation whose tasks are pixels of one side, each independent
// of the others in both directions.
type pixelOp struct {
	p        *plan
	name     string
	x        []input
	y        *value
	fwd, bwd func(worker, px int)
	across   int // pixels of the backward pass
}

// newPixelOp prepares an operation on numbers.
func (p *plan) newPixelOp(l node, x ...*value) *pixelOp { return p.newPixelOpAs(asNumbers, l, x...) }

// newPixelOpAs prepares an operation whose output is kept in a form.
func (p *plan) newPixelOpAs(f form, l node, x ...*value) *pixelOp {
	o := &pixelOp{p: p, name: l.Op.Kind(), y: p.newValue(l.Out, l.Static, f, l.grad)}
	for _, v := range x {
		if v.static && !l.Static {
			v = p.changing(l, v)
		}
		o.x = append(o.x, input{value: v})
	}
	o.across = x[0].pixels()
	p.append(l.Name, o.y, o)
	return o
}

func (o *pixelOp) kind() string { return o.name }

func (o *pixelOp) inputs() []*input {
	ins := make([]*input, len(o.x))
	for i := range o.x {
		ins[i] = &o.x[i]
	}
	return ins
}

func (o *pixelOp) buffers() buffers {
	b := buffers{forward: []*buffer{o.y.store}, backward: []*buffer{o.y.store, o.y.gradStore}}
	for _, x := range o.x {
		b.forward = append(b.forward, x.store)
		b.backward = append(b.backward, x.store, x.gradStore)
	}
	return b
}

func (o *pixelOp) forward() { o.p.pool.run(o.y.pixels(), o.fwd) }

func (o *pixelOp) backward() {
	if o.y.wantsGrad() {
		o.p.pool.run(o.across, o.bwd)
	}
}

// at returns a pixel's rows.
func (o *pixelOp) at(data []float32, v *value, px int) []float32 {
	n := o.p.frames(v) * v.shape.C
	return data[px*n:][:n]
}

// gradient returns a pixel's rows of operand k's gradient, cleared if the
// operation is the first to write it; nil if nothing upstream wants it.
func (o *pixelOp) gradient(k, px int) []float32 {
	x := o.x[k]
	if !x.wantsGrad() {
		return nil
	}
	dx := o.at(x.grad, x.value, px)
	if x.first {
		clear(dx)
	}
	return dx
}

// pooling is the geometry of a pooling layer.
func pooling(l node, kernelSize, stride, pad int) kernel.Conv {
	return kernel.Conv{
		H: l.In[0].H, W: l.In[0].W, C: l.In[0].C, OutH: l.Out.H, OutW: l.Out.W, Out: l.Out.C,
		KernelH: kernelSize, KernelW: kernelSize, Stride: stride, Pad: pad,
	}
}

// newAvgPool compiles average pooling. What it makes of spikes is zero where all
// of them are.
func (p *plan) newAvgPool(l node, op *graph.AvgPool, x *value) *value {
	if x.form != asSpikes {
		x = p.numbers(l, x)
	}
	g := pooling(l, op.Kernel, op.Stride, 0)
	in, out := g.Pixels()
	from, into := sources(out, g.Positions(), g.Taps), sources(in, g.Positions(), g.TapsInto)
	f := asNumbers
	if n := g.Positions(); p.halves == allHalves && x.form == asSpikes && n&(n-1) == 0 && n <= 256 { // averages are exact in bfloat16
		f = asHalves
	}
	o := p.newPixelOpAs(f, l, x)
	share := 1 / float32(g.Positions())
	o.fwd = func(_, px int) {
		frames := p.frames(x)
		switch {
		case f == asHalves:
			n := frames * g.C
			kernel.AvgPoolBitsBF16(o.y.half[px*n:][:n], x.bits, g, frames, px)
			return
		case x.form == asSpikes:
			kernel.AvgPoolBits(o.at(o.y.data, o.y, px), x.bits, g, frames, px)
			return
		}
		y := o.at(o.y.data, o.y, px)
		for i, at := range from[px*g.Positions():][:g.Positions()] {
			o.addPixel(y, int(at), share, i == 0)
		}
	}
	o.bwd = func(_, px int) {
		dx := o.gradient(0, px)
		for _, at := range into[px*g.Positions():][:g.Positions()] {
			if at >= 0 {
				kernel.Axpy(dx, o.at(o.y.grad, o.y, int(at)), share)
			}
		}
	}
	o.y.density = pooledDensity(x, g.Positions())
	return o.y
}

// pooledDensity bounds the share of windows that hold a number that is not zero.
func pooledDensity(x *value, positions int) func() float64 {
	if x.density == nil {
		return nil
	}
	return func() float64 { return min(1, float64(positions)*x.density()) }
}

// addPixel adds share times the numbers of the operand's pixel, or writes that.
func (o *pixelOp) addPixel(y []float32, px int, share float32, first bool) {
	x := o.x[0]
	if first {
		clear(y)
	}
	kernel.Axpy(y, o.at(x.data, x.value, px), share)
}

func (p *plan) newMaxPool(l node, op *graph.MaxPool, x *value) *value {
	g := pooling(l, op.Kernel, op.Stride, op.Pad)
	in, out := g.Pixels()
	d := g.Positions()
	from, into := sources(out, d, g.Taps), sources(in, d, g.TapsInto)
	o := p.newPixelOp(l, x)
	o.fwd = func(_, px int) {
		y := o.at(o.y.data, o.y, px)
		first := true
		for _, at := range from[px*d:][:d] {
			if at < 0 {
				continue
			}
			src := o.at(x.data, x, int(at))
			if first {
				copy(y, src)
				first = false
				continue
			}
			for j, v := range src {
				y[j] = max(y[j], v)
			}
		}
	}
	// The gradient goes to the first of a window's largest values.
	o.bwd = func(_, px int) {
		dx, src := o.gradient(0, px), o.at(x.data, x, px)
		for position, out := range into[px*d:][:d] {
			if out < 0 {
				continue
			}
			y, dy := o.at(o.y.data, o.y, int(out)), o.at(o.y.grad, o.y, int(out))
			earlier := from[int(out)*d:][:position]
			for j, v := range src {
				if v == y[j] && !o.equalsEarlier(earlier, x, j, v) {
					dx[j] += dy[j]
				}
			}
		}
	}
	o.y.density = pooledDensity(x, d)
	return o.y
}

// equalsEarlier reports whether one of some pixels has value v at place j.
func (o *pixelOp) equalsEarlier(pixels []int32, x *value, j int, v float32) bool {
	for _, px := range pixels {
		if px >= 0 && o.at(x.data, x, int(px))[j] == v {
			return true
		}
	}
	return false
}

func (p *plan) newGlobalPool(l node, x *value) *value {
	if x.form != asSpikes {
		x = p.numbers(l, x)
	}
	o := p.newPixelOp(l, x)
	share := 1 / float32(x.pixels())
	o.fwd = func(_, px int) {
		y := o.at(o.y.data, o.y, px)
		if x.form == asSpikes {
			kernel.GlobalAvgPoolBits(y, x.bits, p.frames(x), x.shape.C, x.pixels())
			return
		}
		for i := range x.pixels() {
			o.addPixel(y, i, share, i == 0)
		}
	}
	o.bwd = func(_, px int) {
		kernel.Axpy(o.gradient(0, px), o.at(o.y.grad, o.y, 0), share)
	}
	return o.y
}

func (p *plan) newConcat(l node, x []*value) *value {
	for i, v := range x {
		x[i] = p.numbers(l, p.vector(l, v))
	}
	o := p.newPixelOp(l, x...)
	// each calls fn with the channels of every row that an operand owns.
	each := func(c0, c int, whole, part []float32, fn func(whole, part []float32)) {
		for ; len(part) > 0; whole, part = whole[o.y.shape.C:], part[c:] {
			fn(whole[c0:c0+c], part[:c])
		}
	}
	o.fwd = func(_, px int) {
		c0 := 0
		for _, in := range o.x {
			each(c0, in.shape.C, o.at(o.y.data, o.y, px), o.at(in.data, in.value, px),
				func(whole, part []float32) { copy(whole, part) })
			c0 += in.shape.C
		}
	}
	o.bwd = func(_, px int) {
		c0 := 0
		for k, in := range o.x {
			if dx := o.gradient(k, px); dx != nil {
				each(c0, in.shape.C, o.at(o.y.grad, o.y, px), dx,
					func(whole, part []float32) { kernel.Add(part, whole) })
			}
			c0 += in.shape.C
		}
	}
	return o.y
}

// newVote compiles the count of votes.
func (p *plan) newVote(l node, op *graph.Vote, x *value) *value {
	o := p.newPixelOp(l, x)
	o.fwd = func(_, px int) {
		y, src := o.at(o.y.data, o.y, px), o.at(x.data, x, px)
		for k := range y {
			y[k] = 0
			for _, v := range src[k*op.Votes:][:op.Votes] {
				y[k] += v
			}
		}
	}
	o.bwd = func(_, px int) {
		dx := o.gradient(0, px)
		for k, g := range o.at(o.y.grad, o.y, px) {
			for c := range op.Votes {
				dx[k*op.Votes+c] += g
			}
		}
	}
	return o.y
}

// gathered returns the vectors that the pixels of a value make up, in one pixel.
func (p *plan) gathered(l node, x *value) *value {
	s := graph.Shape{H: 1, W: 1, C: x.shape.Size()}
	o := &pixelOp{p: p, name: "flatten", x: []input{{value: x}}, y: p.newValue(s, x.static, asNumbers, x.wantsGrad()), across: x.pixels()}
	c := x.shape.C
	// The frames of one input pixel: the output's only pixel has them all.
	each := func(px int, pixel, vectors []float32, fn func(pixel, vector []float32)) {
		for f := range p.frames(x) {
			fn(pixel[f*c:][:c], vectors[f*s.C+px*c:][:c])
		}
	}
	o.fwd = func(_, _ int) {
		for px := range x.pixels() {
			each(px, o.at(x.data, x, px), o.y.data, func(pixel, vector []float32) { copy(vector, pixel) })
		}
	}
	o.bwd = func(_, px int) {
		each(px, o.gradient(0, px), o.y.grad, func(pixel, vector []float32) { kernel.Add(pixel, vector) })
	}
	o.y.density = x.density
	p.append(l.Name, o.y, o)
	return o.y
}
