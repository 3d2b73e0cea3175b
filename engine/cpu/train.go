package cpu

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// trainer is a training plan with its loss and optimiser.
type trainer struct {
	*plan
	seed    uint64
	loss    *lossOp
	opt     *optimizer
	updates int64
	result  engine.Result
}

func (t *trainer) Close() { t.pool.close() }

// Step implements engine.Trainer.
func (t *trainer) Step(b engine.Batch, lr float64) (*engine.Result, error) {
	if err := t.check(b); err != nil {
		return nil, err
	}
	var err error
	t.pool.during(func() { err = t.step(b, lr) })
	if err != nil {
		return nil, err
	}
	return &t.result, nil
}

func (t *trainer) step(b engine.Batch, lr float64) error {
	t.pass(b, true)
	// A potential that is not a number fires no spike: the loss would not show it.
	if err := t.checkPotentials(); err != nil {
		return err
	}
	loss, correct := t.judge(b.Y)
	t.result.Loss, t.result.Correct = loss, correct
	if !isFinite(loss) {
		return &engine.NonFiniteError{What: "loss", Step: -1}
	}
	t.backward()
	norm, bad := t.opt.gradNorm()
	if bad != nil {
		return &engine.NonFiniteError{What: "gradient", Node: bad.spec.Name, Step: -1}
	}
	t.result.GradNorm = norm
	t.updates++
	t.timed("", engine.Update, t.opt.kind, func() { t.opt.step(lr, norm, t.updates) })
	for _, n := range t.norm {
		n.updateRunning()
	}
	for _, n := range t.scan {
		n.measure()
	}
	return nil
}

// judge returns the loss and the number of samples classified right, by the
// logits that count, and writes the gradient of all.
func (t *trainer) judge(labels []int32) (loss float64, correct int) {
	first := t.net.Readout().First(t.steps)
	skip := first * t.n * t.net.Classes()
	clear(t.out.grad[:skip])
	return t.loss.run(t.out.grad[skip:], t.out.data[skip:], labels, t.steps-first)
}

func (t *trainer) check(b engine.Batch) error {
	if err := t.checkBatch(b.N, t.batch, b.X); err != nil {
		return err
	}
	if len(b.Y) != b.N {
		return fmt.Errorf("%d labels for %d samples", len(b.Y), b.N)
	}
	for i, y := range b.Y {
		if y < 0 || int(y) >= t.net.Classes() {
			return fmt.Errorf("label %d of sample %d in the batch; the network has classes 0 to %d", y, i, t.net.Classes()-1)
		}
	}
	return nil
}

// pass runs the forward pass with batch statistics.
func (t *trainer) pass(b engine.Batch, dropout bool) {
	t.n = b.N
	t.setInput(b.X, 0, b.N)
	for _, d := range t.drop {
		d.active, d.seed, d.update = dropout, t.seed, uint64(t.updates)
	}
	for _, n := range t.scan {
		n.refresh()
	}
	t.forward()
	for i, n := range t.scan {
		t.fill(&t.result.Neurons[i], n)
	}
}

// checkPotentials finds the first layer and step whose potentials are not
// finite.
func (t *trainer) checkPotentials() error {
	for _, a := range t.result.Neurons {
		for step, m := range a.Mean {
			if !isFinite(m) || !isFinite(a.Std[step]) {
				return &engine.NonFiniteError{What: "membrane potential", Node: a.Node, Step: step}
			}
		}
	}
	return nil
}

// Observe implements engine.Trainer.
func (t *trainer) Observe(b engine.Batch, fn func(node string, step int, u []float32)) error {
	if err := t.checkBatch(b.N, t.batch, b.X); err != nil {
		return err
	}
	var u []float32
	t.fired = func(n *neuronOp) {
		u = slices.Grow(u[:0], t.n*n.y.shape.Size())[:t.n*n.y.shape.Size()]
		for step := range t.steps {
			n.observe(u, step)
			fn(n.name, step, u)
		}
	}
	t.pass(b, false)
	t.fired = nil
	return nil
}

// Tensors implements engine.Trainer.
func (t *trainer) Tensors() []graph.Tensor {
	ts := make([]graph.Tensor, len(t.params))
	for i, p := range t.params {
		ts[i] = graph.Tensor{Name: p.spec.Name, Shape: slices.Clone(p.spec.Shape), Data: slices.Clone(p.data)}
	}
	return ts
}

// Snapshot implements engine.Trainer.
func (t *trainer) Snapshot() *engine.Snapshot {
	s := &engine.Snapshot{Updates: t.updates, Params: t.Tensors()}
	for k, slot := range slotNames(t.opt.opt.Kind) {
		for i, p := range t.opt.params {
			s.Optimizer = append(s.Optimizer, graph.Tensor{
				Name: slot + "/" + p.spec.Name, Shape: slices.Clone(p.spec.Shape), Data: slices.Clone(t.opt.slots[i][k]),
			})
		}
	}
	return s
}

// Restore implements engine.Trainer. Nothing changes if the snapshot does not
// fit.
func (t *trainer) Restore(s *engine.Snapshot) error {
	byName := map[string]graph.Tensor{}
	for _, x := range s.Optimizer {
		byName[x.Name] = x
	}
	slots := slotNames(t.opt.opt.Kind)
	for _, slot := range slots {
		for _, p := range t.opt.params {
			name := slot + "/" + p.spec.Name
			if x, ok := byName[name]; !ok || len(x.Data) != len(p.data) {
				return fmt.Errorf("optimizer state %q: %d numbers in the snapshot, expected %d", name, len(x.Data), len(p.data))
			}
		}
	}
	if want := len(slots) * len(t.opt.params); len(s.Optimizer) != want {
		return fmt.Errorf("the snapshot has %d optimizer tensors, %s keeps %d", len(s.Optimizer), t.opt.opt.Kind, want)
	}
	if err := t.setTensors(s.Params); err != nil {
		return err
	}
	for k, slot := range slots {
		for i, p := range t.opt.params {
			copy(t.opt.slots[i][k], byName[slot+"/"+p.spec.Name].Data)
		}
	}
	t.updates = s.Updates
	return nil
}
