package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// neuron steps every neuron of a layer through time.
func (p *pass) neuron(l graph.Layer, op *graph.Neuron, x, y value) error {
	channels, err := p.dynamics(l, op.Model)
	if err != nil {
		return err
	}
	w, frozen, err := p.substitutes(l.Name, len(y.data))
	if err != nil {
		return err
	}
	u := newValue(y.frames, y.Shape)
	p.trace.Potentials[l.Name] = u.data
	before := newValue(p.n, y.Shape) // v[t−1]
	before.each(func(i, h, w, c int) { *before.at(i, h, w, c) = channels[c].ResetValue })
	y.each(func(f, h, wd, c int) { // frames in order: all samples of step 1, then of step 2, ...
		d, v := channels[c], before.at(f%p.n, h, wd, c)
		*u.at(f, h, wd, c) = d.At(*v) + *x.at(f, h, wd, c)
		s := spike(d, *u.at(f, h, wd, c))
		if p.o.Smooth {
			s = w.Shape.Integral(*u.at(f, h, wd, c)-d.Threshold, w.Widths[f/p.n])
		}
		*y.at(f, h, wd, c) = s
		if frozen != nil {
			s = *value{y.Shape, y.frames, frozen}.at(f, h, wd, c)
		}
		*v = d.After(*u.at(f, h, wd, c), s)
	})
	return nil
}

func spike(d neuron.Dynamics, u float64) float64 {
	if u >= d.Threshold {
		return 1
	}
	return 0
}

// dynamics returns each channel's dynamics: the model's, with learned parameters
// from their tensors, which have one number in all or one per channel.
func (p *pass) dynamics(l graph.Layer, m neuron.Model) ([]neuron.Dynamics, error) {
	constant, err := m.Dynamics()
	if err != nil {
		return nil, err
	}
	form, err := neuron.FormNamed(m.Form)
	if err != nil {
		return nil, err
	}
	all := make([]neuron.Dynamics, l.Out.C)
	for c := range all {
		vals := make([]float64, len(form.Params))
		for i, q := range form.Params {
			vals[i] = m.Params[q.Name]
			if !slices.Contains(m.Learn, q.Name) {
				continue
			}
			vals[i] = p.tensor(l, q.Name)[0]
			if m.PerChannel {
				vals[i] = p.tensor(l, q.Name)[c]
			}
		}
		all[c] = constant
		all[c].Map = form.Map(vals)
	}
	return all, nil
}

// substitutes returns what a neuron layer uses in place of its spikes: the
// window of a smooth pass, and frozen spikes for the reset if there are any.
func (p *pass) substitutes(node string, size int) (w window.Windows, frozen []float64, err error) {
	w = p.windows[node]
	frozen = p.o.FrozenReset[node]
	if p.o.Smooth && len(w.Widths) != p.steps {
		return w, nil, fmt.Errorf("%d window widths, expected one for each of %d steps", len(w.Widths), p.steps)
	}
	if frozen != nil && len(frozen) != size {
		return w, nil, fmt.Errorf("%d frozen spikes, expected %d", len(frozen), size)
	}
	return w, frozen, nil
}

// Spreads returns what a training step makes of the running spreads of measured
// windows in params, by tensor name: the variance over T·N·H·W·C potentials, over
// the predicted one, moves graph.WindowRule.Spread.
func (t *Trace) Spreads(net *graph.Network, params map[string][]float64) (map[string][]float64, error) {
	rules, err := net.WindowRules(t.steps)
	if err != nil {
		return nil, err
	}
	spreads := map[string][]float64{}
	for _, r := range rules {
		name := r.Start.Node + "." + graph.WindowSpread
		running, ok := params[name]
		if !ok {
			continue
		}
		u := t.Potentials[r.Start.Node]
		mean, variance := statistics(value{graph.Shape{H: 1, W: 1, C: 1}, len(u), u})
		measured := []window.Moments{{Mean: mean[0], Std: math.Sqrt(variance[0])}}
		spreads[name] = []float64{r.Spread(running[0], measured)}
	}
	return spreads, nil
}
