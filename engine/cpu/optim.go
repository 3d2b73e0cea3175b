package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// optimizer updates all trainable parameters. Its slots are the momentum (SGD)
// or both moments (AdamW), one tensor per parameter.
type optimizer struct {
	opt    engine.Optimizer
	params []*param
	slots  [][2][]float32 // per parameter; SGD uses the first
}

// slotNames names the optimiser's tensors in snapshots.
func slotNames(kind string) []string {
	if kind == engine.SGD {
		return []string{"momentum"}
	}
	return []string{"exp_avg", "exp_avg_sq"}
}

func newOptimizer(o engine.Optimizer, all []*param) *optimizer {
	opt := &optimizer{opt: o}
	for _, p := range all {
		if p.grad == nil {
			continue
		}
		var s [2][]float32
		for i := range slotNames(o.Kind) {
			s[i] = make([]float32, len(p.data))
		}
		opt.params = append(opt.params, p)
		opt.slots = append(opt.slots, s)
	}
	return opt
}

// norm returns the global gradient norm, and the parameter whose gradient is
// not finite, if there is one.
func (o *optimizer) norm() (float64, *param) {
	sum := 0.0
	for _, p := range o.params {
		s := kernel.SumSquares(p.grad)
		if !isFinite(s) {
			return s, p
		}
		sum += s
	}
	return math.Sqrt(sum), nil
}

// step updates the parameters: gradients are scaled down to the clipping norm
// first; learned neuron parameters are kept within their bounds.
func (o *optimizer) step(lr, norm float64, updates int64) {
	scale := 1.0
	if o.opt.Clip > 0 && norm > o.opt.Clip {
		scale = o.opt.Clip / norm
	}
	for i, p := range o.params {
		decay := 0.0
		if p.spec.Decays() {
			decay = o.opt.Decay
		}
		s := o.slots[i]
		if o.opt.Kind == engine.SGD {
			kernel.SGD(p.data, p.grad, s[0], kernel.SGDStep{
				LR: float32(lr), Scale: float32(scale), Momentum: float32(o.opt.Momentum), Decay: float32(decay),
			})
		} else {
			kernel.AdamW(p.data, p.grad, s[0], s[1], kernel.AdamStep{
				LR: float32(lr), Scale: float32(scale), Beta1: float32(o.opt.Beta1), Beta2: float32(o.opt.Beta2),
				Eps: float32(o.opt.Eps), Decay: float32(lr * decay),
				Correct1: float32(1 / (1 - math.Pow(o.opt.Beta1, float64(updates)))),
				Correct2: float32(1 / (1 - math.Pow(o.opt.Beta2, float64(updates)))),
			})
		}
		if p.spec.Role == graph.NeuronParam {
			lo, hi := float32(p.spec.Min), float32(p.spec.Max)
			for j, v := range p.data {
				p.data[j] = min(hi, max(lo, v))
			}
		}
	}
}
