package cpu

import (
	"math/rand/v2"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// dropoutOp zeroes a share of its input in training. A sample's mask serves all
// its steps; it depends on the seed, the update's number, the node and the
// sample's place in the batch alone.
type dropoutOp struct {
	*pixelOp
	mask   []float32 // [N][H·W·C], 0 or 1/(1−P)
	active bool      // false: observing or inferring
	seed   uint64
	update uint64 // the current one's number
	node   int
	share  float64
}

func (p *plan) newDropout(l node, op *graph.Dropout, x *value) *value {
	if !p.train {
		return x
	}
	d := &dropoutOp{node: l.index, share: op.P}
	l.Out = x.shape // a vector's pixels may still lie apart
	d.pixelOp = p.newPixelOp(l, x)
	d.y.flat, d.y.density = x.flat, x.density
	p.ops[len(p.ops)-1], d.y.maker = d, d
	d.fwd = func(_, px int) {
		y, x := d.at(d.y.data, d.y, px), d.at(x.data, x, px)
		copy(y, x)
		if d.active {
			d.apply(y, px)
		}
	}
	d.bwd = func(_, px int) {
		dy := d.at(d.y.grad, d.y, px)
		if d.active {
			d.apply(dy, px) // its last use
		}
		kernel.Add(d.gradient(0, px), dy)
	}
	p.drop = append(p.drop, d)
	return d.y
}

func (d *dropoutOp) allocate() { d.mask = make([]float32, d.p.batch*d.y.shape.Size()) }

// apply multiplies a pixel's rows by the mask.
func (d *dropoutOp) apply(rows []float32, px int) {
	c, whole := d.y.shape.C, d.y.shape.Size()
	for f := 0; len(rows) > 0; f, rows = f+1, rows[c:] {
		for j, m := range d.mask[f%d.p.n*whole+px*c:][:c] {
			rows[j] *= m
		}
	}
}

func (d *dropoutOp) forward() {
	if d.active {
		d.draw()
	}
	d.pixelOp.forward()
}

func (d *dropoutOp) draw() {
	keep := float32(1 / (1 - d.share))
	whole := d.y.shape.Size()
	for i := range d.p.n {
		var rng rand.PCG
		rng.Seed(mix(d.seed^mix(d.update)), uint64(d.node)<<32|uint64(i))
		m := d.mask[i*whole:][:whole]
		for j := range m {
			m[j] = 0
			if float64(rng.Uint64()>>11)/(1<<53) >= d.share {
				m[j] = keep
			}
		}
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
