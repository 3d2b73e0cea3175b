package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// normOp is tdBN. In training it normalises by the batch's statistics over
// (T, N, H, W); in inference by the running ones. It computes the scale and the
// shift alone; whoever uses the normalised value applies them.
type normOp struct {
	p             *plan
	op            *graph.TDBN
	x             input
	lambda, beta  *param // lambda is nil where the scale is fixed
	runMean, runV *param
	c, group      int       // channels; pixels per task
	mean, invStd  []float64 // of the batch, per channel
	biasedVar     []float64 // of the batch
	scale, shift  []float32 // y = x·scale + shift

	moments  *moments  // of x, taken by whoever made it, or here
	gradient *sum      // whose gradient is this one's
	gradSums *moments  // of the gradient, taken there
	gain     []float32 // dx = dy·gain + x·off + mid
	off, mid []float32
	sum, bwd func(worker, task int)
}

// moments are sums per task and channel, added up in the tasks' order.
type moments struct {
	c     int
	tasks int
	store *buffer // of float64, [2][tasks][c]
}

func (p *plan) newMoments(tasks, c int) *moments {
	return &moments{c: c, tasks: tasks, store: p.newBuffer(2 * 2 * tasks * c)}
}

// of returns both sums of a task.
func (m *moments) of(task int) (sum, other []float64) {
	all := asFloat64(m.store.mem)
	return all[task*m.c:][:m.c], all[(m.tasks+task)*m.c:][:m.c]
}

// begin returns both sums of some of a task's channels, set to zero.
func (m *moments) begin(task, from, to int) (sum, other []float64) {
	sum, other = m.of(task)
	sum, other = sum[from:to], other[from:to]
	clear(sum)
	clear(other)
	return sum, other
}

// total adds all tasks' sums to the first's and returns it.
func (m *moments) total() (sum, other []float64) {
	sum, other = m.of(0)
	for t := 1; t < m.tasks; t++ {
		s, o := m.of(t)
		for c, v := range s {
			sum[c] += v
			other[c] += o[c]
		}
	}
	return sum, other
}

func (p *plan) newNorm(l node, o *graph.TDBN, x *value) *value {
	if _, conv := x.maker.(*convOp); x.form != asHalves || !conv { // others take no gradient in bfloat16
		x = p.numbers(l, x)
	}
	ps := p.paramsOf(l.Layer)
	c := l.Out.C
	n := &normOp{
		p: p, op: o, x: input{value: x}, c: c, group: p.group(x),
		lambda: ps["scale"], beta: ps["shift"], runMean: ps["running_mean"], runV: ps["running_var"],
		mean: make([]float64, c), invStd: make([]float64, c), biasedVar: make([]float64, c),
		scale: make([]float32, c), shift: make([]float32, c),
		gain: make([]float32, c), off: make([]float32, c), mid: make([]float32, c),
	}
	if p.train {
		tasks := tiles(x.pixels(), n.group)
		if m, ok := x.maker.(*convOp); ok && m.y == x {
			n.moments = m.takeMoments()
		} else {
			n.moments = p.newMoments(tasks, c)
			n.sum = n.sumTask
		}
	}
	n.bwd = n.backwardTask
	p.norm = append(p.norm, n)
	p.append(l.Name, &value{static: x.static}, n)
	return p.newSum(l, []*term{{input: input{value: x}, norm: n}})
}

// rounds reports whether the gradient of the input is kept in bfloat16.
func (n *normOp) rounds() bool { return n.x.form == asHalves }

func (n *normOp) kind() string { return "tdbn" }

func (n *normOp) inputs() []*input { return []*input{&n.x} }

func (n *normOp) buffers() buffers {
	b := buffers{forward: []*buffer{n.x.store}}
	if n.p.train {
		b.forward = append(b.forward, n.moments.store)
		b.backward = []*buffer{n.x.kept(), n.gradient.gradientOf(n.x.static), n.gradSums.store}
		if n.rounds() {
			b.backward = append(b.backward, n.x.halfGrad.buffers()...)
		} else {
			b.backward = append(b.backward, n.x.gradStore)
		}
	}
	return b
}

func (n *normOp) scratchLen() int { return n.p.most(n.x.value) * n.c }

// task returns a task's range of rows.
func (n *normOp) task(i int) (from, to int) {
	frames := n.p.frames(n.x.value)
	return i * n.group * frames, min((i+1)*n.group, n.x.pixels()) * frames
}

// count is the number of values per channel, Σ over frames and pixels. A value
// that is constant over time has the statistics of its repetition.
func (n *normOp) count() float64 { return float64(n.p.frames(n.x.value) * n.x.pixels()) }

// lambdaOf is a channel's λ.
func (n *normOp) lambdaOf(c int) float32 {
	if n.lambda == nil {
		return 1
	}
	return n.lambda.data[c]
}

func (n *normOp) forward() {
	if !n.p.train {
		for c := range n.scale {
			n.scale[c], n.shift[c] = n.op.FoldScale(n.lambdaOf(c), n.beta.data[c], n.runMean.data[c], n.runV.data[c])
		}
		return
	}
	if n.sum != nil {
		n.p.pool.run(n.moments.tasks, n.sum)
	}
	sum, sum2 := n.moments.total()
	for c := range n.c {
		m := sum[c] / n.count()
		v := max(0, sum2[c]/n.count()-m*m)
		n.mean[c], n.biasedVar[c], n.invStd[c] = m, v, 1/math.Sqrt(v+n.op.Eps)
		s := float64(n.lambdaOf(c)) * n.op.Alpha * n.op.Threshold * n.invStd[c]
		n.scale[c], n.shift[c] = float32(s), float32(float64(n.beta.data[c])-s*m)
	}
}

func (n *normOp) sumTask(_, task int) {
	first, last := n.task(task)
	sum, sum2 := n.moments.begin(task, 0, n.c)
	x := n.x.rows(first, last-first)
	kernel.AddMoments(sum, sum2, x, x)
}

// backward, with x̂ = (x−mean)/std, M = count, k = λαθ/std:
//
//	dβ = Σ dy,  dλ = αθ Σ dy·x̂
//	dx = k·(dy − Σdy/M − x̂·Σ(dy·x̂)/M)
//
// For a value constant over time dy is already the sum over steps and M counts
// one step: the steps' common factor T cancels.
func (n *normOp) backward() {
	dy, dyx := n.gradSums.total()
	for c := range dy {
		// Σ dy·x̂ from Σ dy·x.
		sumX := (dyx[c] - n.mean[c]*dy[c]) * n.invStd[c]
		n.beta.grad[c] = float32(dy[c])
		if n.lambda != nil {
			n.lambda.grad[c] = float32(n.op.Alpha * n.op.Threshold * sumX)
		}
		k := float64(n.lambdaOf(c)) * n.op.Alpha * n.op.Threshold * n.invStd[c]
		off := -k * sumX / n.count() * n.invStd[c]
		n.gain[c], n.off[c] = float32(k), float32(off)
		n.mid[c] = float32(-k*dy[c]/n.count() - off*n.mean[c])
	}
	if n.x.wantsGrad() {
		n.p.pool.run(tiles(n.x.pixels(), n.group), n.bwd)
	}
}

func (n *normOp) backwardTask(worker, task int) {
	frames := n.p.frames(n.x.value)
	pixel := frames * n.c
	for px := task * n.group; px < min(n.x.pixels(), (task+1)*n.group); px++ {
		q, z := n.gradient.gradRows(n.x.static, px*frames, frames), n.x.rows(px*frames, frames)
		switch {
		case n.rounds():
			dz, pairs := n.x.halfGrad.of(px, frames)
			kernel.NormGradientPairs(dz, pairs, q, z.Half, n.gain, n.off, n.mid)
		case n.x.first:
			kernel.NormGradient(n.x.grad[px*pixel:][:pixel], q, z.Float, n.gain, n.off, n.mid)
		default:
			dz := n.p.scratch[worker][:pixel]
			kernel.NormGradient(dz, q, z.Float, n.gain, n.off, n.mid)
			kernel.Add(n.x.grad[px*pixel:][:pixel], dz)
		}
	}
}

// updateRunning moves the running statistics towards the last batch's. The
// variance is unbiased, over the repetitions in time as well.
func (n *normOp) updateRunning() {
	count := n.count()
	if n.x.static {
		count *= float64(n.p.t)
	}
	unbias := count / max(1, count-1)
	m := n.op.Momentum
	for c := range n.mean {
		n.runMean.data[c] = float32((1-m)*float64(n.runMean.data[c]) + m*n.mean[c])
		n.runV.data[c] = float32((1-m)*float64(n.runV.data[c]) + m*n.biasedVar[c]*unbias)
	}
}
