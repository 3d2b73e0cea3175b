package train

import (
	"fmt"
	"strings"

	"github.com/qif-snn/qif/engine"
)

// Limits of the monitor.
const (
	deadRate      = .005 // a layer firing less at every step is dead
	saturatedRate = .95  // a layer firing more at every step carries no information
)

// Phases in which layers are watched. Inference normalises by running
// statistics, which lag behind after few updates: a layer can fire in training
// and be dead in inference.
const (
	Training  = "training"
	Inference = "inference"
)

// Warning reports a layer that has ceased to work as a spiking layer should.
type Warning struct {
	Kind  string `json:"kind"`  // "dead", "saturated", "temporal collapse", "window"
	Phase string `json:"phase"` // Training or Inference
	Node  string `json:"node"`
	Steps []int  `json:"steps"` // time steps concerned, from 1
	Epoch int    `json:"epoch"` // from 1
	Text  string `json:"text"`
}

// Diagnose looks for layers that are dead (silent at every step), saturated
// (firing nearly always) or temporally collapsed (silent at half of the steps
// or more, but not at all): the failures that deep spiking networks fall into.
func Diagnose(layers []engine.Activity, phase string, epoch int) []Warning {
	var ws []Warning
	for _, l := range layers {
		var silent, full []int
		for t, r := range l.Rate {
			if r < deadRate {
				silent = append(silent, t+1)
			}
			if r > saturatedRate {
				full = append(full, t+1)
			}
		}
		w := Warning{Phase: phase, Node: l.Node, Epoch: epoch}
		switch steps := len(l.Rate); {
		case len(silent) == steps:
			w.Kind, w.Steps = "dead", silent
			w.Text = fmt.Sprintf("layer %s is dead in %s: it fires below %.1f %% at every step (%s)", l.Node, phase, 100*deadRate, percent(l.Rate))
		case len(full) == steps:
			w.Kind, w.Steps = "saturated", full
			w.Text = fmt.Sprintf("layer %s is saturated in %s: it fires above %.0f %% at every step (%s)", l.Node, phase, 100*saturatedRate, percent(l.Rate))
		case 2*len(silent) >= steps && steps > 1:
			w.Kind, w.Steps = "temporal collapse", silent
			w.Text = fmt.Sprintf("layer %s shows temporal collapse in %s: silent at steps %s of %d (%s)", l.Node, phase, join(silent), steps, percent(l.Rate))
		default:
			continue
		}
		ws = append(ws, w)
	}
	return ws
}

func percent(rates []float64) string {
	var s []string
	for _, r := range rates {
		s = append(s, fmt.Sprintf("%.1f", 100*r))
	}
	return strings.Join(s, " ") + " %"
}

func join(steps []int) string {
	var s []string
	for _, t := range steps {
		s = append(s, fmt.Sprint(t))
	}
	return strings.Join(s, ", ")
}
