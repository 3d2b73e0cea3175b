package train

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/graph"
)

// widths are the windows' widths of a run, [layer][T].
type widths struct {
	start, now [][]float64
	moved      bool
	away       []string // layers whose closed form fails at their parameters
}

// widths returns those of the network's parameters.
func (r *Run) widths(params []graph.Tensor) (widths, error) {
	var w widths
	start, err := r.Net.Windows(r.Recipe.Steps)
	if err != nil {
		return w, err
	}
	now, err := r.Net.WindowsOf(params, r.Recipe.Steps)
	if err != nil {
		return w, err
	}
	for i, l := range now {
		w.start, w.now = append(w.start, start[i].Widths), append(w.now, l.Widths)
		w.moved = w.moved || !slices.Equal(start[i].Widths, l.Widths)
		if l.RunsAway {
			w.away = append(w.away, l.Node)
		}
	}
	return w, nil
}

// warnings tells of layers whose windows cannot follow their parameters.
func (w widths) warnings(epoch int) []Warning {
	var all []Warning
	for _, node := range w.away {
		all = append(all, Warning{
			Kind: "window", Phase: Training, Node: node, Steps: []int{}, Epoch: epoch,
			Text: fmt.Sprintf("layer %s: at the learned parameters the predicted potential runs away; its window is that of parameters nearer to the initial ones", node),
		})
	}
	return all
}
