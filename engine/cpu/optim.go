package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// optimizer updates all trainable parameters. Its slots are the momentum (SGD)
// or both moments (AdamW), one tensor per parameter.
type optimizer struct {
	p      *plan
	opt    engine.Optimizer
	params []*param
	slots  [][2][]float32 // per parameter; SGD uses the first
	pieces []piece
	sums   []float64 // of squares, per piece

	lr, scale      float64 // of the current step
	updates        int64
	square, update func(worker, i int)
}

// piece is a part of a parameter: what one task updates.
type piece struct{ param, from, to int }

// pieceNumbers is the most numbers in a piece.
const pieceNumbers = 1 << 15

// slotNames names the optimiser's tensors in snapshots.
func slotNames(kind string) []string {
	if kind == engine.SGD {
		return []string{"momentum"}
	}
	return []string{"exp_avg", "exp_avg_sq"}
}

func newOptimizer(p *plan, o engine.Optimizer) *optimizer {
	opt := &optimizer{p: p, opt: o}
	for _, q := range p.params {
		if q.grad == nil {
			continue
		}
		var s [2][]float32
		for i := range slotNames(o.Kind) {
			s[i] = newMemory(len(q.data))
		}
		for from := 0; from < len(q.data); from += pieceNumbers {
			opt.pieces = append(opt.pieces, piece{len(opt.params), from, min(len(q.data), from+pieceNumbers)})
		}
		opt.params = append(opt.params, q)
		opt.slots = append(opt.slots, s)
	}
	opt.sums = make([]float64, len(opt.pieces))
	opt.square, opt.update = opt.squarePiece, opt.updatePiece
	return opt
}

func (o *optimizer) kind() string { return o.opt.Kind }

func (o *optimizer) squarePiece(_, i int) {
	at := o.pieces[i]
	o.sums[i] = kernel.SumSquares(o.params[at.param].grad[at.from:at.to])
}

// gradNorm returns the global gradient norm, and the parameter whose gradient is
// not finite, if there is one.
func (o *optimizer) gradNorm() (float64, *param) {
	o.p.pool.run(len(o.pieces), o.square)
	sum := 0.0
	for i, s := range o.sums {
		if !isFinite(s) {
			return s, o.params[o.pieces[i].param]
		}
		sum += s
	}
	return math.Sqrt(sum), nil
}

// step updates the parameters: gradients are scaled down to the clipping norm
// first; what has bounds is kept within them.
func (o *optimizer) step(lr, norm float64, updates int64) {
	o.lr, o.scale, o.updates = lr, 1, updates
	if o.opt.Clip > 0 && norm > o.opt.Clip {
		o.scale = o.opt.Clip / norm
	}
	o.p.pool.run(len(o.pieces), o.update)
}

func (o *optimizer) updatePiece(_, i int) {
	at := o.pieces[i]
	p, s := o.params[at.param], o.slots[at.param]
	part := func(x []float32) []float32 { return x[at.from:at.to] }
	decay := 0.0
	if p.spec.Decays() {
		decay = o.opt.Decay
	}
	if o.opt.Kind == engine.SGD {
		kernel.SGD(part(p.data), part(p.grad), part(s[0]), kernel.SGDStep{
			LR: float32(o.lr), Scale: float32(o.scale), Momentum: float32(o.opt.Momentum), Decay: float32(decay),
		})
	} else {
		kernel.AdamW(part(p.data), part(p.grad), part(s[0]), part(s[1]), kernel.AdamStep{
			LR: float32(o.lr), Scale: float32(o.scale), Beta1: float32(o.opt.Beta1), Beta2: float32(o.opt.Beta2),
			Eps: float32(o.opt.Eps), Decay: float32(o.lr * decay),
			Correct1: float32(1 / (1 - math.Pow(o.opt.Beta1, float64(o.updates)))),
			Correct2: float32(1 / (1 - math.Pow(o.opt.Beta2, float64(o.updates)))),
		})
	}
	if p.spec.Bounded() {
		lo, hi := float32(p.spec.Min), float32(p.spec.Max)
		for j, v := range part(p.data) {
			p.data[at.from+j] = min(hi, max(lo, v))
		}
	}
}
