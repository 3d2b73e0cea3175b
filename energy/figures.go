package energy

import (
	"fmt"
	"image/color"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// looks tells networks apart.
var looks = []color.Color{plotstyle.Blue, plotstyle.Orange, plotstyle.Green, plotstyle.Pink, plotstyle.Ink}

// Exhibits draws each layer's energy and inputs, with all counts by layer and
// step behind them.
func (s *Study) Exhibits() ([]exhibit.Exhibit, error) {
	if len(s.Subjects) > len(looks) {
		return nil, fmt.Errorf("a figure tells at most %d networks apart, got %d", len(looks), len(s.Subjects))
	}
	return []exhibit.Exhibit{{Name: "energy", Figure: s.figure(), Table: s.table()}}, nil
}

func (s *Study) figure() plotstyle.Figure {
	nodes := s.nodes()
	at := map[string]float64{}
	for i, l := range nodes {
		at[l.Node] = float64(i + 1)
	}
	cost := plotstyle.NewPanel("Energy per image, preset "+s.Preset, "layer, in the network's order", "energy (µJ)")
	shares := plotstyle.NewPanel("Inputs of layers behind spikes", "layer, in the network's order", "share that is not zero")
	top, most := 0., 0.
	for i, x := range s.Subjects {
		bars := plotstyle.Curve{Color: looks[i], Width: 1.3, Dots: true}
		rates := bars
		for _, l := range x.Layers {
			n, shown := at[l.Node]
			if !shown {
				continue
			}
			e := s.preset.Of(l).Total() / 1e6
			bars.X, bars.Y = append(bars.X, n), append(bars.Y, e)
			top = max(top, e)
			if r := stat.Mean(l.Share, nil); l.Input != "" && l.Input != Analog {
				rates.X, rates.Y = append(rates.X, n), append(rates.Y, r)
				most = max(most, r)
			}
		}
		cost.Mark(x.title(), bars)
		shares.Mark(x.title(), rates)
	}
	end := float64(len(nodes)) + 1
	cost.SetRange(0, end, 0, max(1.08*top, 1e-9))
	shares.SetRange(0, end, 0, max(1.08*most, .01))
	return plotstyle.Figure{Width: 780, Height: 340, Draw: func(c draw.Canvas) {
		const border, gutter = 14, 20
		c = draw.Crop(c, border, -border, border, -border)
		left, right := c, c
		middle := (c.Min.X + c.Max.X) / 2
		left.Max.X, right.Min.X = middle-vg.Length(gutter)/2, middle+vg.Length(gutter)/2
		cost.Draw(left)
		shares.Draw(right)
	}}
}

// table has a row per network, layer and step.
func (s *Study) table() exhibit.Table {
	t := exhibit.Table{Header: []string{
		"network", "neuron", "layer", "operation", "input", "t", "input share", "MAC", "AC", "graded MAC",
		"neuron multiplications", "neuron additions", "weight words", "sum words", "state words",
	}}
	for _, p := range Presets {
		t.Header = append(t.Header, p.Name+" (pJ)")
	}
	for _, x := range s.Subjects {
		for _, l := range x.Layers {
			for i, c := range l.Steps {
				var share any
				if l.Share != nil {
					share = l.Share[i]
				}
				row := []any{
					x.Name, x.Neuron, l.Node, l.Op, string(l.Input), i + 1, share, c.MAC, c.AC, c.Graded,
					c.Mul, c.Add, c.Weights, c.Sums, c.State,
				}
				for _, p := range Presets {
					row = append(row, p.OfStep(l, i).Total())
				}
				t.Add(row...)
			}
		}
	}
	return t
}
