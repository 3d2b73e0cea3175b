package analysis

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// TimestepSubject is a trained network and what was measured of it over as many
// steps as it is studied for.
type TimestepSubject struct {
	Name    string // for people, such as the run's folder
	Net     *graph.Network
	Params  []graph.Tensor
	Trained int    // T of its training
	Loss    string // of its training, as recipes name it
	Task    string // what is shown over time
	Samples int
	// Accuracy is that of evaluating with 1, 2, … steps, each as the readout
	// classifies after so many.
	Accuracy []float64
	Neurons  []engine.Activity // per layer, over the most steps, at inference
}

// Timesteps is the study of trained networks over time steps, those of training
// and further ones. That the paper's "timestep-parameterised analysis" is this,
// windows per step against pooled ones, is inferred.
type Timesteps struct {
	Data    string        `json:"data"`
	Samples int           `json:"samples"`
	Runs    []TimestepRun `json:"runs"`
}

// TimestepRun is one network over time steps.
type TimestepRun struct {
	Name     string          `json:"name"`
	Net      string          `json:"net"`
	Neuron   string          `json:"neuron"`
	Loss     string          `json:"loss"`
	Task     string          `json:"task"`
	Trained  int             `json:"trained_steps"`
	Accuracy []TimestepScore `json:"accuracy"`
	Layers   []TimestepLayer `json:"layers"`
	// Note says what could not be predicted; empty: nothing.
	Note string `json:"note,omitempty"`
}

// TimestepScore is the accuracy of evaluating with so many steps.
type TimestepScore struct {
	Steps    int     `json:"steps"`
	Accuracy float64 `json:"accuracy"`
	Error    float64 `json:"standard_error"` // of a share of independent samples
	Rate     float64 `json:"firing_rate"`    // at the last of the steps, mean over layers' neurons
}

// TimestepLayer is a layer of neurons over time steps.
type TimestepLayer struct {
	Node   string         `json:"node"`
	Policy string         `json:"window"` // policy of its windows
	Pooled bool           `json:"pooled"` // as trained
	Steps  []TimestepStep `json:"steps"`
	// SpreadPerStep and SpreadPooled are by what factor the width in units of the
	// measured σ differs between the steps of training, largest over smallest: 1
	// where windows follow the potential.
	SpreadPerStep *float64 `json:"relative_width_spread_per_step"`
	SpreadPooled  *float64 `json:"relative_width_spread_pooled"`
}

// TimestepStep is a layer at a step. Measured is the potential before firing at
// inference. Predictions and widths are those at the trained parameters, nil
// where there are none.
type TimestepStep struct {
	T           int      `json:"t"`
	Rate        float64  `json:"firing_rate"`
	Mean        float64  `json:"mean"`
	SD          float64  `json:"sd"`
	PredictedSD *float64 `json:"predicted_sd"`
	// PerStep and PooledWidth are the widths by the layer's policy, made for each
	// step and from the moments pooled over the steps of training.
	PerStep     *float64 `json:"width_per_step"`
	PooledWidth *float64 `json:"width_pooled"`
}

// StudyTimesteps gathers what was measured and what windows make of it.
func StudyTimesteps(dataName string, subjects ...TimestepSubject) (*Timesteps, error) {
	out := &Timesteps{Data: dataName}
	for _, s := range subjects {
		if out.Samples > 0 && s.Samples != out.Samples {
			return nil, fmt.Errorf("%s was measured on %d samples, %s on %d; expected the same", subjects[0].Name, out.Samples, s.Name, s.Samples)
		}
		run, err := timestepRun(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out.Samples = s.Samples
		out.Runs = append(out.Runs, run)
	}
	return out, nil
}

func timestepRun(s TimestepSubject) (TimestepRun, error) {
	layers := s.Net.Neurons()
	if len(layers) == 0 || len(layers) != len(s.Neurons) {
		return TimestepRun{}, fmt.Errorf("%d layers of neurons, activities of %d", len(layers), len(s.Neurons))
	}
	run := TimestepRun{Name: s.Name, Net: s.Net.Graph.Name, Neuron: layers[0].Neuron.Model.Form, Loss: s.Loss, Task: s.Task, Trained: s.Trained}
	perStep, note := windowsOver(s, false)
	pooled, err := windowsWith(s, true, s.Trained)
	if err != nil {
		return run, err
	}
	run.Note = note
	for i, l := range layers {
		run.Layers = append(run.Layers, timestepLayer(s, i, l.Neuron.Window, perStep[i], pooled[i]))
	}
	for t, a := range s.Accuracy {
		run.Accuracy = append(run.Accuracy, TimestepScore{
			Steps: t + 1, Accuracy: a, Error: math.Sqrt(a * (1 - a) / float64(max(1, s.Samples))), Rate: meanRate(s, t),
		})
	}
	return run, nil
}

// meanRate is the share of all neurons that fire at a step.
func meanRate(s TimestepSubject, t int) float64 {
	fired, all := 0., 0.
	for i, l := range s.Net.Neurons() {
		n := float64(l.Out.Size())
		fired, all = fired+n*s.Neurons[i].Rate[t], all+n
	}
	return fired / all
}

// windowsOver are the windows over all steps that are studied, or over those of
// training with a note why there are no more: beyond those, the closed form of a
// potential that runs away has no end.
func windowsOver(s TimestepSubject, pooled bool) ([]graph.LayerWindows, string) {
	steps := len(s.Accuracy)
	all, err := windowsWith(s, pooled, steps)
	if err == nil {
		return all, ""
	}
	note := fmt.Sprintf("no windows for %d steps: %v", steps, err)
	if all, err = windowsWith(s, pooled, s.Trained); err != nil {
		return make([]graph.LayerWindows, len(s.Neurons)), note
	}
	return all, note
}

// windowsWith are the windows at the trained parameters, as they would be with
// all layers' windows pooled over time or with none.
func windowsWith(s TimestepSubject, pooled bool, steps int) ([]graph.LayerWindows, error) {
	g := s.Net.Graph
	g.Nodes = append([]graph.Node(nil), g.Nodes...)
	for i, n := range g.Nodes {
		if op, ok := n.Op.(*graph.Neuron); ok {
			o := *op
			o.Window.Pooled = pooled
			g.Nodes[i].Op = &o
		}
	}
	net, err := graph.Check(g)
	if err != nil {
		return nil, err
	}
	return net.WindowsOf(s.Params, steps)
}

func timestepLayer(s TimestepSubject, i int, spec window.Spec, perStep, pooled graph.LayerWindows) TimestepLayer {
	a := s.Neurons[i]
	l := TimestepLayer{Node: a.Node, Policy: spec.Policy.String(), Pooled: spec.Pooled}
	for t := range s.Accuracy {
		step := TimestepStep{T: t + 1, Rate: a.Rate[t], Mean: a.Mean[t], SD: a.Std[t], PooledWidth: number(pooled.Widths[0], true)}
		if t < len(perStep.Widths) {
			step.PredictedSD, step.PerStep = number(perStep.Moments[t].Std, true), number(perStep.Widths[t], true)
		}
		l.Steps = append(l.Steps, step)
	}
	trained := l.Steps[:min(s.Trained, len(l.Steps))]
	l.SpreadPerStep = relativeSpread(trained, func(s TimestepStep) *float64 { return s.PerStep })
	l.SpreadPooled = relativeSpread(trained, func(s TimestepStep) *float64 { return s.PooledWidth })
	return l
}

// relativeSpread is the largest over the smallest width in units of the measured σ.
func relativeSpread(steps []TimestepStep, width func(TimestepStep) *float64) *float64 {
	b := noBounds()
	for _, s := range steps {
		r := relativeWidth(s, width(s))
		if r == nil {
			return nil
		}
		b.show(*r)
	}
	return number(b.hi/b.lo, len(steps) > 0 && b.lo > 0)
}

// relativeWidth is a width in units of the measured σ, nil without either.
func relativeWidth(s TimestepStep, width *float64) *float64 {
	if width == nil || s.SD <= 0 {
		return nil
	}
	return number(*width/s.SD, true)
}
