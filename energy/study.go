package energy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// Subject is a network with what it takes.
type Subject struct {
	Name   string `json:"name"`
	Neuron string `json:"neuron"` // forms of its neurons
	Steps  int    `json:"steps"`
	// Source says where the shares of inputs that are not zero come from.
	Source string `json:"shares_from"`
	*Report
	Energy map[string]Energy `json:"picojoule"` // by preset
}

// NewSubject counts what a network takes over a number of steps.
func NewSubject(name string, net *graph.Network, steps int, source string, shares map[string][]float64) (Subject, error) {
	r, err := Count(net, steps, shares)
	if err != nil {
		return Subject{}, fmt.Errorf("%s: %w", name, err)
	}
	s := Subject{Name: name, Neuron: Forms(net), Steps: steps, Source: source, Report: r, Energy: map[string]Energy{}}
	for _, p := range Presets {
		s.Energy[p.Name] = p.OfNet(r)
	}
	return s, nil
}

// Forms returns the forms of a network's neurons, each once.
func Forms(net *graph.Network) string {
	var forms []string
	for _, l := range net.Neurons() {
		if !slices.Contains(forms, l.Neuron.Model.Form) {
			forms = append(forms, l.Neuron.Model.Form)
		}
	}
	return strings.Join(forms, ", ")
}

// WithNeuron returns the network with neurons of another form, of its default
// parameters: what differs if these fired alike.
func WithNeuron(net *graph.Network, form string) (*graph.Network, error) {
	g := graph.Graph{Name: net.Graph.Name}
	for _, n := range net.Graph.Nodes {
		if op, ok := n.Op.(*graph.Neuron); ok {
			m, err := neuron.Default(form)
			if err != nil {
				return nil, err
			}
			m.Threshold, m.Reset, m.ResetValue = op.Model.Threshold, op.Model.Reset, op.Model.ResetValue
			n.Op = &graph.Neuron{Model: m, Window: op.Window}
		}
		g.Nodes = append(g.Nodes, n)
	}
	return graph.Check(g)
}

// Study compares networks.
type Study struct {
	Preset   string    `json:"preset"` // of the table by layer and of the figure
	Subjects []Subject `json:"networks"`

	preset Preset
}

// NewStudy compares networks, layer by layer under one preset.
func NewStudy(p Preset, subjects []Subject) *Study {
	return &Study{Preset: p.Name, Subjects: subjects, preset: p}
}

// meanShare is the share of a network's inputs behind spikes that are not zero,
// over layers by their work and over steps; not a number if it has none.
func (s Subject) meanShare() float64 {
	all := 0.
	for _, l := range s.Layers {
		all += float64(l.macs) * float64(len(l.Share))
	}
	return s.Total.SynapticOps() / all
}

// title names a subject in columns and legends.
func (s Subject) title() string { return s.Name + ", " + s.Neuron }

// Shares returns the shares that the subject was counted with.
func (s Subject) Shares() map[string][]float64 {
	shares := map[string][]float64{}
	for _, l := range s.Layers {
		if l.Share != nil {
			shares[l.Node] = l.Share
		}
	}
	return shares
}
