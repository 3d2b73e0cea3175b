package cpu

import (
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// surrogate is the window of a layer of neurons in training. Widths that follow
// from the layer's tensors are those that the tensors had before the step; within
// the step they are constants.
type surrogate struct {
	rule    *graph.WindowRule // nil in inference
	windows window.Windows
	kernel  kernel.Window
	held    bool // given from outside: they move no more

	tensors map[string]*param // the layer's, by name within the node
	width   *param            // graph.LogWidth, or nil
	spread  *param            // graph.WindowSpread, or nil
	sums    []float64         // learned width: ∂L/∂width per task
}

// windowKind names in profiles what it costs that windows move.
func windowKind() string { return "window" }

var windowKernels = map[window.Shape]kernel.Window{
	window.Rectangular:  kernel.Rectangular,
	window.Triangular:   kernel.Triangular,
	window.Epanechnikov: kernel.Epanechnikov,
	window.Gaussian:     kernel.Gaussian,
	window.ATan:         kernel.ATan,
	window.Sigmoid:      kernel.Sigmoid,
}

// compactShapes are those of windows that end.
var compactShapes = map[window.Shape]kernel.Shape{
	window.Rectangular:  kernel.RectangularShape,
	window.Triangular:   kernel.TriangularShape,
	window.Epanechnikov: kernel.EpanechnikovShape,
}

func newSurrogate(rule *graph.WindowRule, tensors map[string]*param) surrogate {
	return surrogate{
		rule: rule, windows: rule.Start.Windows, kernel: windowKernels[rule.Start.Shape],
		tensors: tensors, width: tensors[graph.LogWidth], spread: tensors[graph.WindowSpread],
	}
}

// moves reports whether widths change from step to step.
func (s *surrogate) moves() bool { return !s.held && s.rule != nil && s.rule.Moves() }

// hold puts other windows in place of the rule's.
func (s *surrogate) hold(w window.Windows) {
	s.windows, s.kernel, s.held = w, windowKernels[w.Shape], true
}

// refresh computes the widths anew.
func (s *surrogate) refresh() {
	s.windows = s.rule.At(func(tensor string) float64 {
		sum, data := 0., s.tensors[tensor].data
		for _, v := range data {
			sum += float64(v)
		}
		return sum / float64(len(data))
	}).Windows
}

// compact is the window's shape if it ends.
func (s *surrogate) compact() kernel.Shape { return compactShapes[s.windows.Shape] }

// of is step t's window, without values.
func (s *surrogate) of(t int) kernel.Surrogate {
	return kernel.Surrogate{Shape: s.compact(), B: float32(s.windows.Shape.Scale(s.windows.Widths[t]))}
}

// allocate makes room for the tasks' shares of the width's gradient.
func (s *surrogate) allocate(tasks int) {
	if s.width != nil {
		s.sums = make([]float64, tasks)
	}
}

// addWidth adds a step's share to the gradient of the logarithm of the width, from
// what the backward scan is about to take: the gradient g of the spikes and the
// carry. Windows of one shape are scaled copies of one another, H(d/α), so that
//
//	∂H/∂log α = −d·h(d),  d = u − θ.
//
// spikes are nil where they follow from the potentials.
func (u neuronUnit) addWidth(task int, g kernel.Rows, carry []float32, w kernel.Surrogate, pot, spikes []float32) {
	if u.win.width == nil {
		return
	}
	if w.H == nil {
		w.H = u.piece(pieceH)
		u.win.kernel(w.H, pot, u.kern.Theta, w.B)
	}
	u.win.sums[task] -= u.kern.WidthGradient(g, carry, w.H, pot, spikes)
}

// widthGradient adds up the tasks in order.
func (s *surrogate) widthGradient() {
	if s.width == nil {
		return
	}
	sum := 0.
	for _, v := range s.sums {
		sum += v
	}
	s.width.grad[0] = float32(sum)
}

// measure moves the running statistics of a layer's potentials towards those of
// the last pass.
func (n *neuronOp) measure() {
	if n.win.spread == nil {
		return
	}
	measured := make([]window.Moments, n.p.t)
	for t := range measured {
		measured[t].Mean, measured[t].Std = momentsOf(n.observed(t))
	}
	running := n.win.spread.data
	running[0] = float32(n.win.rule.Spread(float64(running[0]), measured))
}
