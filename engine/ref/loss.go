package ref

import (
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// NetworkLoss returns the loss of a network's logits [T, N, K], of those steps
// that its readout counts.
func NetworkLoss(net *graph.Network, logits []float64, labels []int32, steps, n int, l engine.Loss) float64 {
	first := net.Readout().First(steps)
	return Loss(logits[first*n*net.Classes():], labels, steps-first, n, net.Classes(), l)
}

// Loss returns the loss of logits [T, N, K] for labels [N] in 0..K−1, averaged
// over samples.
func Loss(logits []float64, labels []int32, steps, n, k int, l engine.Loss) float64 {
	at := func(t, i, c int) float64 { return logits[(t*n+i)*k+c] }
	if l.Kind == engine.CrossEntropy {
		loss := 0.0
		for i := range n {
			mean := make([]float64, k)
			for c := range k {
				for t := range steps {
					mean[c] += at(t, i, c) / float64(steps)
				}
			}
			loss += crossEntropy(mean, labels[i]) / float64(n)
		}
		return loss
	}
	entropy, distance := 0.0, 0.0
	for t := range steps {
		for i := range n {
			o := make([]float64, k)
			for c := range k {
				o[c] = at(t, i, c)
				distance += (o[c] - l.Target) * (o[c] - l.Target) / float64(steps*n*k)
			}
			entropy += crossEntropy(o, labels[i]) / float64(steps*n)
		}
	}
	return (1-l.Lambda)*entropy + l.Lambda*distance
}

// crossEntropy returns −log softmax(o)[label]. Only differences to the largest
// logit enter, so that nothing overflows.
func crossEntropy(o []float64, label int32) float64 {
	top := math.Inf(-1)
	for _, v := range o {
		top = math.Max(top, v)
	}
	sum := 0.0
	for _, v := range o {
		sum += math.Exp(v - top)
	}
	return math.Log(sum) - (o[label] - top)
}
