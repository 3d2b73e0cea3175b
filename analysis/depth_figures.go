package analysis

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Exhibits returns the study's figures with their data: of the deepest stack, and
// of all depths.
func (d *Depth) Exhibits() []exhibit.Exhibit {
	deepest := d.Stacks[0]
	for _, s := range d.Stacks {
		if s.Blocks > deepest.Blocks {
			deepest = s
		}
	}
	title := fmt.Sprintf("%d %s blocks of %d channels on %s, at initialisation", deepest.Blocks, d.Stack, d.Width, d.Task)
	panels := []*plotstyle.Panel{d.normPanel(deepest), ratePanel(deepest)}
	all := []exhibit.Exhibit{{Name: "depth-layers", Figure: panelRow(title, 780, 340, panels...), Table: d.table()}}
	if len(d.Stacks) > 1 {
		title := fmt.Sprintf("Gradient through %s stacks of %d channels on %s", d.Stack, d.Width, d.Task)
		all = append(all, exhibit.Exhibit{Name: "depth-stacks", Figure: panelRow(title, 480, 340, d.ratioPanel()), Table: d.ratioTable()})
	}
	return all
}

// normPanel shows the norm of ∂L/∂u per layer for each policy.
func (d *Depth) normPanel(s Stack) *plotstyle.Panel {
	p := plotstyle.NewPanel("Norm of ∂L/∂u over all steps", "layer of neurons", "in units of the last layer's")
	p.Y.Tick.Marker = plotstyle.LogTicks{}
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	x, y := noBounds(), noBounds()
	y.show(-1, 1)
	for i, policy := range s.Policies {
		line := plotstyle.Curve{Color: seriesColor(i), Width: 1.4}
		for l := range s.Layers {
			v := math.NaN()
			if r := relative(policy, l); r != nil {
				v = math.Log10(*r)
			}
			line.X, line.Y = append(line.X, float64(l+1)), append(line.Y, v)
			x.show(float64(l + 1))
			y.show(v)
		}
		p.Mark(policy.Policy, line)
	}
	setRange(p, x, y)
	return p
}

// ratePanel shows firing rates per layer for each step.
func ratePanel(s Stack) *plotstyle.Panel {
	p := plotstyle.NewPanel("Firing rate", "layer of neurons", "share of neurons")
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	x, y := noBounds(), noBounds()
	y.show(0)
	steps := len(s.Layers[0].Rate)
	for t := range steps {
		line := plotstyle.Curve{Color: plotstyle.Step(t+1, steps), Width: 1.4}
		for l, layer := range s.Layers {
			line.X, line.Y = append(line.X, float64(l+1)), append(line.Y, layer.Rate[t])
			x.show(float64(l + 1))
			y.show(layer.Rate[t])
		}
		p.Mark(fmt.Sprintf("t = %d", t+1), line)
	}
	setRange(p, x, y)
	return p
}

// ratioPanel shows the first layer's norm over the last's against depth.
func (d *Depth) ratioPanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Norm of ∂L/∂u, first over last layer", "blocks", "ratio")
	p.Y.Tick.Marker = plotstyle.LogTicks{}
	x, y := noBounds(), noBounds()
	y.show(-1, 1)
	for i, first := range d.Stacks[0].Policies {
		line := plotstyle.Curve{Color: seriesColor(i), Width: 1.4, Dots: true}
		for _, s := range d.Stacks {
			v := math.NaN()
			if r := s.Policies[i].Ratio; r != nil {
				v = math.Log10(*r)
			}
			line.X, line.Y = append(line.X, float64(s.Blocks)), append(line.Y, v)
			x.show(float64(s.Blocks))
			y.show(v)
		}
		p.Mark(first.Policy, line)
	}
	p.Mark("", plotstyle.Rule{At: 0, Level: true, Color: plotstyle.Ink, Width: .8})
	setRange(p, x, y)
	return p
}

func (d *Depth) table() exhibit.Table {
	t := exhibit.Table{Header: []string{"blocks", "policy", "layer", "t", "gradient_norm", "rate", "isometric_width", "isometric_width_predicted"}}
	for _, s := range d.Stacks {
		for _, p := range s.Policies {
			for l, layer := range s.Layers {
				for step, r := range layer.Rate {
					t.Add(s.Blocks, p.Policy, layer.Node, step+1, p.Norms[l][step], r, layer.Isometry, layer.IsometryPredicted)
				}
			}
		}
	}
	return t
}

func (d *Depth) ratioTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"blocks", "policy", "shape", "mean_width", "first_over_last", "factor_per_layer", "factor_per_layer_error", "verdict"}}
	for _, s := range d.Stacks {
		for _, p := range s.Policies {
			v, se := orNaN(p.Factor)
			t.Add(s.Blocks, p.Policy, p.Shape, p.Width, p.Ratio, v, se, p.Verdict)
		}
	}
	return t
}
