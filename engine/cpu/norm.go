package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// normOp is tdBN. In training it normalises by the batch's statistics over
// (T, N, H, W); in inference by the running ones.
type normOp struct {
	p              *plan
	op             *graph.TDBN
	name           string
	x              input
	y              *value
	lambda, beta   *param
	runMean, runV  *param
	c, rows        int          // channels; rows of channels per tile
	mean, invStd   []float64    // of the batch, per channel
	biasedVar      []float64    // of the batch
	scale, shift   []float32    // y = x·scale + shift
	sums           [2][]float64 // per tile and channel
	gain, off, mid []float32    // dx = dy·gain + x·off + mid
	fwdSum, fwd    func(worker, tile int)
	bwdSum, bwd    func(worker, tile int)
}

// normChunk is about how many numbers a tile holds: many, since each tile keeps
// two sums per channel.
const normChunk = 1 << 15

func newNorm(p *plan, o *graph.TDBN, l graph.Layer, x input, y *value) *normOp {
	ps := p.paramsOf(l)
	c := l.Out.C
	n := &normOp{
		p: p, op: o, name: l.Name, x: x, y: y, c: c, rows: max(1, normChunk/c),
		lambda: ps["scale"], beta: ps["shift"], runMean: ps["running_mean"], runV: ps["running_var"],
		mean: make([]float64, c), invStd: make([]float64, c), biasedVar: make([]float64, c),
		scale: make([]float32, c), shift: make([]float32, c),
		gain: make([]float32, c), off: make([]float32, c), mid: make([]float32, c),
	}
	for i := range n.sums {
		n.sums[i] = make([]float64, c*tiles(len(y.data)/c, n.rows))
	}
	n.fwdSum, n.fwd, n.bwdSum, n.bwd = n.sumTile, n.applyTile, n.gradSumTile, n.gradTile
	return n
}

func (n *normOp) inputs() []*input { return []*input{&n.x} }

// tile returns a tile's range of numbers.
func (n *normOp) tile(i int) (from, to int) {
	return i * n.rows * n.c, min((i+1)*n.rows*n.c, n.p.frames(n.y)*n.y.shape.Size())
}

func (n *normOp) tiles() int { return tiles(n.p.frames(n.y)*n.y.shape.Size()/n.c, n.rows) }

// count is the number of values per channel, Σ over frames and pixels. A value
// that is constant over time has the statistics of its repetition.
func (n *normOp) count() float64 { return float64(n.p.frames(n.y) * n.y.shape.H * n.y.shape.W) }

// total adds all tiles' sums to the first's, in order, and returns it.
func (n *normOp) total(which int) []float64 {
	sum := n.sums[which][:n.c]
	for t := 1; t < n.tiles(); t++ {
		for c, v := range n.sums[which][t*n.c : (t+1)*n.c] {
			sum[c] += v
		}
	}
	return sum
}

func (n *normOp) forward() {
	if n.p.train {
		n.p.pool.run(n.tiles(), n.fwdSum)
		sum, sum2 := n.total(0), n.total(1)
		for c := range sum {
			m := sum[c] / n.count()
			v := max(0, sum2[c]/n.count()-m*m)
			n.mean[c], n.biasedVar[c], n.invStd[c] = m, v, 1/math.Sqrt(v+n.op.Eps)
			s := float64(n.lambda.data[c]) * n.op.Alpha * n.op.Threshold * n.invStd[c]
			n.scale[c], n.shift[c] = float32(s), float32(float64(n.beta.data[c])-s*m)
		}
	} else {
		for c := range n.scale {
			n.scale[c], n.shift[c] = n.op.FoldScale(n.lambda.data[c], n.beta.data[c], n.runMean.data[c], n.runV.data[c])
		}
	}
	n.p.pool.run(n.tiles(), n.fwd)
}

func (n *normOp) sumTile(_, tile int) {
	a, b := n.tile(tile)
	x := n.x.data[a:b]
	kernel.Moments(n.sums[0][tile*n.c:][:n.c], n.sums[1][tile*n.c:][:n.c], x, x)
}

func (n *normOp) applyTile(_, tile int) {
	a, b := n.tile(tile)
	kernel.Affine(n.y.data[a:b], n.x.data[a:b], n.scale, n.shift)
}

// backward, with x̂ = (x−mean)/std, M = count, k = λαθ/std:
//
//	dβ = Σ dy,  dλ = αθ Σ dy·x̂
//	dx = k·(dy − Σdy/M − x̂·Σ(dy·x̂)/M)
//
// For a value constant over time dy is already the sum over steps and M counts
// one step: the steps' common factor T cancels.
func (n *normOp) backward() {
	n.p.pool.run(n.tiles(), n.bwdSum)
	dy, dyx := n.total(0), n.total(1)
	for c := range dy {
		// Σ dy·x̂ from Σ dy·x.
		sumX := (dyx[c] - n.mean[c]*dy[c]) * n.invStd[c]
		n.beta.grad[c] += float32(dy[c])
		n.lambda.grad[c] += float32(n.op.Alpha * n.op.Threshold * sumX)
		k := float64(n.lambda.data[c]) * n.op.Alpha * n.op.Threshold * n.invStd[c]
		off := -k * sumX / n.count() * n.invStd[c]
		n.gain[c], n.off[c] = float32(k), float32(off)
		n.mid[c] = float32(-k*dy[c]/n.count() - off*n.mean[c])
	}
	if n.x.grad != nil {
		n.p.pool.run(n.tiles(), n.bwd)
	}
}

func (n *normOp) gradSumTile(_, tile int) {
	a, b := n.tile(tile)
	kernel.Moments(n.sums[0][tile*n.c:][:n.c], n.sums[1][tile*n.c:][:n.c], n.y.grad[a:b], n.x.data[a:b])
}

func (n *normOp) gradTile(_, tile int) {
	a, b := n.tile(tile)
	kernel.AffinePair(n.x.grad[a:b], n.y.grad[a:b], n.x.data[a:b], n.gain, n.off, n.mid, !n.x.first)
}

// updateRunning moves the running statistics towards the last batch's. The
// variance is unbiased, over the repetitions in time as well.
func (n *normOp) updateRunning() {
	count := n.count()
	if n.y.static {
		count *= float64(n.p.steps)
	}
	unbias := count / max(1, count-1)
	m := n.op.Momentum
	for c := range n.mean {
		n.runMean.data[c] = float32((1-m)*float64(n.runMean.data[c]) + m*n.mean[c])
		n.runV.data[c] = float32((1-m)*float64(n.runV.data[c]) + m*n.biasedVar[c]*unbias)
	}
}
