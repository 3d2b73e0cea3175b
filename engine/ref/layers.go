package ref

import (
	"math"

	"github.com/qif-snn/qif/graph"
)

// input copies the frames; direct coding repeats the image at every step.
func (p *pass) input(op *graph.Input, y value) {
	y.each(func(f, h, w, c int) {
		from := f
		if op.Coding == graph.Direct {
			from = f % p.n
		}
		*y.at(f, h, w, c) = p.x[((from*y.H+h)*y.W+w)*y.C+c]
	})
}

// conv is y[h, w, o] = b[o] + Σ x[h·stride + i − pad, w·stride + j − pad, c]·W[i, j, c, o],
// with zeros outside x.
func conv(op *graph.Conv, x, y value, weight, bias []float64) {
	y.each(func(f, h, w, o int) {
		sum := 0.0
		if op.Bias {
			sum = bias[o]
		}
		for i := range op.Kernel {
			for j := range op.Kernel {
				r, s := h*op.Stride+i-op.Pad, w*op.Stride+j-op.Pad
				if r < 0 || r >= x.H || s < 0 || s >= x.W {
					continue
				}
				for c := range x.C {
					sum += *x.at(f, r, s, c) * weight[((i*op.Kernel+j)*x.C+c)*y.C+o]
				}
			}
		}
		*y.at(f, h, w, o) = sum
	})
}

// linear is y[o] = b[o] + Σ x[c]·W[c, o]; bias may be nil.
func linear(x, y value, weight, bias []float64) {
	y.each(func(f, _, _, o int) {
		sum := 0.0
		if bias != nil {
			sum = bias[o]
		}
		for c := range x.C {
			sum += *x.at(f, 0, 0, c) * weight[c*y.C+o]
		}
		*y.at(f, 0, 0, o) = sum
	})
}

// tdbn is x = λ·α·θ·(y − mean)/√(var + ε) + β per channel.
func (p *pass) tdbn(l graph.Layer, op *graph.TDBN, x, y value) {
	mean, variance := p.tensor(l, "running_mean"), p.tensor(l, "running_var")
	if p.o.Train {
		mean, variance = statistics(x)
		p.trace.BatchMean[l.Name], p.trace.BatchVar[l.Name] = mean, variance
	}
	scale, shift := p.tensor(l, "scale"), p.tensor(l, "shift")
	y.each(func(f, h, w, c int) {
		lambda := 1.0
		if !op.FixedScale {
			lambda = scale[c]
		}
		normal := (*x.at(f, h, w, c) - mean[c]) / math.Sqrt(variance[c]+op.Eps)
		*y.at(f, h, w, c) = lambda*op.Alpha*op.Threshold*normal + shift[c]
	})
}

// statistics returns each channel's mean and biased variance.
func statistics(x value) (mean, variance []float64) {
	mean, variance = make([]float64, x.C), make([]float64, x.C)
	count := float64(x.frames * x.H * x.W)
	x.each(func(f, h, w, c int) { mean[c] += *x.at(f, h, w, c) / count })
	x.each(func(f, h, w, c int) {
		d := *x.at(f, h, w, c) - mean[c]
		variance[c] += d * d / count
	})
	return mean, variance
}

// Running returns what a training step makes of tdBN's running statistics in
// params, by tensor name: running = (1−m)·running + m·batch with momentum m and
// the unbiased variance over T·N·H·W values. A single value per channel has no
// unbiased variance; its biased one, 0, stands in.
func (t *Trace) Running(net *graph.Network, params map[string][]float64) map[string][]float64 {
	running := map[string][]float64{}
	for _, l := range net.Layers {
		op, ok := l.Op.(*graph.TDBN)
		if !ok {
			continue
		}
		count := float64(len(t.Outputs[l.Name]) / l.Out.C)
		unbiased := make([]float64, l.Out.C)
		for c, v := range t.BatchVar[l.Name] {
			unbiased[c] = v * count / max(1, count-1)
		}
		for name, batch := range map[string][]float64{
			l.Name + ".running_mean": t.BatchMean[l.Name],
			l.Name + ".running_var":  unbiased,
		} {
			next := make([]float64, l.Out.C)
			for c, b := range batch {
				next[c] = (1-op.Momentum)*params[name][c] + op.Momentum*b
			}
			running[name] = next
		}
	}
	return running
}

func avgPool(op *graph.AvgPool, x, y value) {
	y.each(func(f, h, w, c int) {
		sum := 0.0
		for i := range op.Kernel {
			for j := range op.Kernel {
				sum += *x.at(f, h*op.Stride+i, w*op.Stride+j, c)
			}
		}
		*y.at(f, h, w, c) = sum / float64(op.Kernel*op.Kernel)
	})
}

func maxPool(op *graph.MaxPool, x, y value) {
	y.each(func(f, h, w, c int) {
		top := math.Inf(-1)
		for i := range op.Kernel {
			for j := range op.Kernel {
				r, s := h*op.Stride+i-op.Pad, w*op.Stride+j-op.Pad
				if r >= 0 && r < x.H && s >= 0 && s < x.W {
					top = math.Max(top, *x.at(f, r, s, c))
				}
			}
		}
		*y.at(f, h, w, c) = top
	})
}

func add(in []value, y value) {
	y.each(func(f, h, w, c int) {
		for _, x := range in {
			*y.at(f, h, w, c) += *x.at(f, h, w, c)
		}
	})
}

func concat(in []value, y value) {
	first := 0
	for _, x := range in {
		x.each(func(f, h, w, c int) { *y.at(f, h, w, first+c) = *x.at(f, h, w, c) })
		first += x.C
	}
}

func flatten(x, y value) {
	x.each(func(f, h, w, c int) { *y.at(f, 0, 0, (h*x.W+w)*x.C+c) = *x.at(f, h, w, c) })
}

func globalAvgPool(x, y value) {
	x.each(func(f, h, w, c int) { *y.at(f, 0, 0, c) += *x.at(f, h, w, c) / float64(x.H*x.W) })
}

func vote(op *graph.Vote, x, y value) {
	x.each(func(f, _, _, c int) { *y.at(f, 0, 0, c/op.Votes) += *x.at(f, 0, 0, c) })
}

// dropout multiplies by the mask, which is the same at all steps of a sample.
func (p *pass) dropout(node string, x, y value) {
	y.each(func(f, h, w, c int) {
		m := 1.0
		if p.o.DropoutMask != nil {
			m = p.o.DropoutMask(node, f%p.n, (h*y.W+w)*y.C+c)
		}
		*y.at(f, h, w, c) = m * *x.at(f, h, w, c)
	})
}
