package cpu

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// SetParams implements engine.Prober.
func (t *trainer) SetParams(tensors []graph.Tensor) error { return t.setTensors(tensors) }

// SetWindows implements engine.Prober. Nothing changes if the windows do not fit.
func (t *trainer) SetWindows(windows []graph.LayerWindows) error {
	if len(windows) != len(t.scan) {
		return fmt.Errorf("windows of %d layers, the network has %d layers of neurons", len(windows), len(t.scan))
	}
	for i, n := range t.scan {
		w := windows[i]
		switch {
		case w.Node != n.name:
			return fmt.Errorf("windows of %q, expected those of layer %q", w.Node, n.name)
		case windowKernels[w.Shape] == nil:
			return fmt.Errorf("layer %q: unknown window shape %q", w.Node, w.Shape)
		case len(w.Widths) != t.steps:
			return fmt.Errorf("layer %q: %d window widths, expected one for each of %d steps", w.Node, len(w.Widths), t.steps)
		}
		for step, width := range w.Widths {
			if !isFinite(width) || width <= 0 {
				return fmt.Errorf("layer %q: window width %v at step %d, expected above 0", w.Node, width, step+1)
			}
		}
	}
	for i, n := range t.scan {
		n.win.hold(windows[i].Windows)
	}
	return nil
}

// Loss implements engine.Prober.
func (t *trainer) Loss(b engine.Batch) (*engine.Result, error) {
	if err := t.check(b); err != nil {
		return nil, err
	}
	var err error
	t.pool.during(func() { err = t.lossOf(b) })
	if err != nil {
		return nil, err
	}
	return &t.result, nil
}

// lossOf runs the forward pass and leaves the gradient of the logits.
func (t *trainer) lossOf(b engine.Batch) error {
	t.pass(b, false)
	if err := t.checkPotentials(); err != nil {
		return err
	}
	t.result.Loss, t.result.Correct = t.judge(b.Y)
	t.result.GradNorm = 0
	if !isFinite(t.result.Loss) {
		return &engine.NonFiniteError{What: "loss", Step: -1}
	}
	return nil
}

// Gradient implements engine.Prober.
func (t *trainer) Gradient(b engine.Batch, fn func(node string, step int, q []float32)) (*engine.Result, []graph.Tensor, error) {
	if err := t.check(b); err != nil {
		return nil, nil, err
	}
	var err error
	t.pool.during(func() {
		if err = t.lossOf(b); err != nil {
			return
		}
		t.backwardShown(fn)
		norm, bad := t.opt.gradNorm()
		if bad != nil {
			err = &engine.NonFiniteError{What: "gradient", Node: bad.spec.Name, Step: -1}
		}
		t.result.GradNorm = norm
	})
	if err != nil {
		return nil, nil, err
	}
	var grads []graph.Tensor
	for _, p := range t.params {
		if p.grad != nil {
			grads = append(grads, graph.Tensor{Name: p.spec.Name, Shape: slices.Clone(p.spec.Shape), Data: p.grad})
		}
	}
	return &t.result, grads, nil
}

// backwardShown runs the backward pass and hands ∂L/∂u of each layer of neurons
// to fn right behind its operation: later ones use the memory again.
func (t *trainer) backwardShown(fn func(node string, step int, q []float32)) {
	if fn == nil {
		t.backward()
		return
	}
	var q []float32
	before := t.watch
	defer func() { t.watch = before }()
	t.watch = func(moment int, done bool) {
		if before != nil {
			before(moment, done)
		}
		n, ok := t.ops[2*len(t.ops)-1-moment].(*neuronOp)
		if !ok || !done || !n.y.wantsGrad() {
			return
		}
		q = slices.Grow(q[:0], t.n*n.y.shape.Size())[:t.n*n.y.shape.Size()]
		for step := range t.t {
			n.gradient(q, step)
			fn(n.name, step, q)
		}
	}
	t.backward()
}

// gradient writes the last backward pass's ∂L/∂u at a step, [N, H, W, C]. It
// stands where that of the spikes was.
func (n *neuronOp) gradient(dst []float32, step int) {
	c, pixels := n.y.shape.C, n.y.pixels()
	for px := range pixels {
		for i := range n.p.n {
			at := n.y.gradRows(n.p.rowOf(n.y, px, step, i), 1)
			row := dst[(i*pixels+px)*c:][:c]
			if at.Half != nil {
				kernel.Widen(row, at.Half)
			} else {
				copy(row, at.Float)
			}
		}
	}
}
