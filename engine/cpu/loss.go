package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine"
)

// lossOp computes the loss and its gradient with respect to the logits
// [T, N, K], in float64: the work is small and everything hangs on it.
type lossOp struct {
	loss engine.Loss
	mean []float64 // [K]
	prob []float64 // [K]
}

func newLoss(l engine.Loss, classes int) *lossOp {
	return &lossOp{loss: l, mean: make([]float64, classes), prob: make([]float64, classes)}
}

// run returns the batch's loss and the number of samples whose largest mean
// logit is their label's, and writes the gradient.
func (o *lossOp) run(grad, logits []float32, labels []int32, steps int) (loss float64, correct int) {
	n, k := len(labels), len(o.mean)
	at := func(t, i int) []float32 { return logits[(t*n+i)*k:][:k] }
	gradAt := func(t, i int) []float32 { return grad[(t*n+i)*k:][:k] }
	for i, label := range labels {
		clear(o.mean)
		for t := range steps {
			for c, v := range at(t, i) {
				o.mean[c] += float64(v) / float64(steps)
			}
		}
		if engine.Argmax(o.mean) == int(label) {
			correct++
		}
		if o.loss.Kind == engine.CrossEntropy {
			loss += o.crossEntropy(label) / float64(n)
			for t := range steps {
				for c := range k {
					gradAt(t, i)[c] = float32(o.prob[c] / float64(n*steps))
				}
			}
			continue
		}
		for t := range steps {
			loss += o.tet(gradAt(t, i), at(t, i), label, float64(n*steps))
		}
	}
	return loss, correct
}

// tet adds one step's share of the TET loss, of `terms` in all, and writes its
// gradient.
func (o *lossOp) tet(grad, logits []float32, label int32, terms float64) float64 {
	for c, v := range logits {
		o.mean[c] = float64(v)
	}
	l, k := o.loss.Lambda, float64(len(logits))
	loss := (1 - l) * o.crossEntropy(label) / terms
	for c, v := range o.mean {
		d := v - o.loss.Target
		loss += l * d * d / (terms * k)
		grad[c] = float32((1-l)*o.prob[c]/terms + 2*l*d/(terms*k))
	}
	return loss
}

// crossEntropy returns −log softmax(mean)[label] and leaves its gradient,
// softmax − onehot, in prob.
func (o *lossOp) crossEntropy(label int32) float64 {
	top := math.Inf(-1)
	for _, v := range o.mean {
		top = math.Max(top, v)
	}
	sum := 0.0
	for c, v := range o.mean {
		o.prob[c] = math.Exp(v - top)
		sum += o.prob[c]
	}
	for c := range o.prob {
		o.prob[c] /= sum
	}
	loss := math.Log(sum) + top - o.mean[label]
	o.prob[label]--
	return loss
}
