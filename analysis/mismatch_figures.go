package analysis

import (
	"fmt"
	"math"
	"slices"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Exhibits returns the comparison's figures with their data.
func (m *Mismatch) Exhibits() []exhibit.Exhibit {
	return []exhibit.Exhibit{
		{Name: "mismatch-windows", Figure: m.windowFigure(), Table: m.windowTable()},
		{Name: "mismatch-gradients", Figure: m.gradientFigure(), Table: m.gradientTable()},
		{Name: "mismatch-moments", Figure: m.momentFigure(), Table: m.momentTable()},
	}
}

// drawn lists the candidates that figures show: policies in the network's shape.
func (m *Mismatch) drawn() []int {
	var all []int
	for i, c := range m.Candidates {
		if !c.Fixed && c.Shape == m.Candidates[0].Shape && len(all) < len(seriesColors) {
			all = append(all, i)
		}
	}
	return all
}

// stepAxis places the steps of all layers one after the other.
type stepAxis struct {
	layers []PotentialLayer
	places []float64
	texts  []string
}

func (m *Mismatch) stepAxis() stepAxis {
	a := stepAxis{layers: m.Layers}
	for l, layer := range m.Layers {
		a.places, a.texts = append(a.places, a.at(l, float64(len(layer.Steps)-1)/2)), append(a.texts, layer.Node)
	}
	// Names of many layers would run into each other.
	if every := (len(a.places) + 7) / 8; every > 1 {
		for i := range a.texts {
			if i%every != 0 {
				a.texts[i] = ""
			}
		}
	}
	return a
}

func (a stepAxis) at(layer int, step float64) float64 {
	return float64(layer*(len(a.layers[0].Steps)+1)) + step
}

func (a stepAxis) panel(title, y string) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, fmt.Sprintf("layer, its steps t = 1 to %d from left to right", len(a.layers[0].Steps)), y)
	p.X.Tick.Marker = labelled(a.places, a.texts)
	p.X.Tick.Length = 0
	return p
}

// finish sets the ranges.
func (a stepAxis) finish(p *plotstyle.Panel, y bounds) {
	lo, hi := y.padded()
	last := len(a.layers) - 1
	p.SetRange(-.8, a.at(last, float64(len(a.layers[last].Steps)-1))+.8, lo, hi)
}

// windowFigure shows coverage and bias per layer and step.
func (m *Mismatch) windowFigure() plotstyle.Figure {
	a := m.stepAxis()
	coverage, bias := a.panel("Coverage P(|u−θ| < α/2)", "share of potentials"), a.panel("Bias E[h] − p(θ)", "density (1/potential)")
	cover, off := noBounds(), noBounds()
	cover.show(0)
	for n, i := range m.drawn() {
		color := seriesColor(n)
		shift := .12 * (float64(n) - float64(len(m.drawn())-1)/2)
		name := m.Candidates[i].Policy
		for l, layer := range m.Layers {
			line := plotstyle.Curve{Color: color, Width: 1.2, Dots: true}
			for t, s := range layer.Steps {
				w := s.Windows[i]
				x := a.at(l, float64(t))
				line.X, line.Y = append(line.X, x), append(line.Y, w.Coverage)
				cover.show(w.Coverage)
				v, se := orNaN(w.Bias)
				bar := whisker(x+shift, v, se, color)
				bias.Mark("", bar)
				bias.KeyOnce(name, bar)
				off.show(v-se, v+se)
			}
			coverage.Mark("", line)
			coverage.KeyOnce(name, line)
		}
	}
	bias.Mark("", plotstyle.Rule{At: 0, Level: true, Color: plotstyle.Ink, Width: .8})
	off.show(0)
	a.finish(coverage, cover)
	a.finish(bias, off)
	return panelRow(m.figureTitle("Windows and potentials"), 780, 320, coverage, bias)
}

func (m *Mismatch) figureTitle(what string) string {
	return fmt.Sprintf("%s: %s on %s, %s", what, m.Network, m.Task, m.State)
}

// momentFigure shows predicted and measured deviation and rate.
func (m *Mismatch) momentFigure() plotstyle.Figure {
	a := m.stepAxis()
	std, rate := a.panel("Deviation of the potential", "σ"), a.panel("Firing rate", "share of neurons")
	for _, panel := range []struct {
		p   *plotstyle.Panel
		get func(PotentialStep) (predicted, measured float64)
	}{
		{std, func(s PotentialStep) (float64, float64) { return s.Predicted.Std, s.Measured.Std }},
		{rate, func(s PotentialStep) (float64, float64) { return s.Predicted.Rate, s.Measured.Rate }},
	} {
		y := noBounds()
		y.show(0)
		for l, layer := range m.Layers {
			predicted := plotstyle.Curve{Color: plotstyle.Muted, Width: 1.2, Dashes: plotstyle.Dashed, Dots: true}
			measured := plotstyle.Curve{Color: plotstyle.Blue, Width: 1.2, Dots: true}
			for t, s := range layer.Steps {
				x := a.at(l, float64(t))
				p, q := panel.get(s)
				predicted.X, predicted.Y = append(predicted.X, x), append(predicted.Y, p)
				measured.X, measured.Y = append(measured.X, x), append(measured.Y, q)
				y.show(p, q)
			}
			panel.p.Mark("", predicted, measured)
			panel.p.KeyOnce("predicted for independent normal input", predicted)
			panel.p.KeyOnce("measured", measured)
		}
		a.finish(panel.p, y)
	}
	return panelRow(m.figureTitle("Membrane potentials"), 780, 320, std, rate)
}

// gradientFigure shows cosines against fixed widths, and where policies are.
func (m *Mismatch) gradientFigure() plotstyle.Figure {
	var shown []int // matches: all, the first and the last matrix before neurons
	for k, g := range m.Candidates[0].Matches {
		if !g.Exact {
			shown = append(shown, k)
		}
	}
	if len(shown) > 3 {
		shown = []int{shown[0], shown[1], shown[len(shown)-1]}
	}
	var panels []*plotstyle.Panel
	for _, k := range shown {
		panels = append(panels, m.cosinePanel(k))
	}
	return panelRow(m.figureTitle("Cosine with the smoothed true gradient"), 780, 330, panels...)
}

func (m *Mismatch) cosinePanel(k int) *plotstyle.Panel {
	title := m.Candidates[0].Matches[k].Matrix
	if title == wholeName {
		title = "all matrices before neurons"
	}
	p := plotstyle.NewPanel(title, "mean window width α", "cosine")
	p.X.Tick.Marker = plotstyle.LogTicks{}
	x, y := noBounds(), noBounds()
	averaged := plotstyle.Curve{Color: plotstyle.Muted, Width: 1.2, Dashes: plotstyle.Dashed}
	single := plotstyle.Curve{Color: plotstyle.Muted, Width: 1.4}
	var bars []plotstyle.Mark
	for _, c := range m.fixedSweep() {
		g := c.Matches[k]
		at := math.Log10(c.Width)
		v, _ := orNaN(g.Cosine)
		_, se := orNaN(g.ToBest)
		bar := whisker(at, v, se, plotstyle.Muted)
		bars = append(bars, bar)
		single.X, single.Y = append(single.X, at), append(single.Y, v)
		mean, _ := orNaN(g.Averaged)
		averaged.X, averaged.Y = append(averaged.X, at), append(averaged.Y, mean)
		x.show(at)
		y.show(v, mean)
	}
	p.Mark("averaged (bias alone)", averaged)
	p.Mark("fixed width, one gradient", single)
	p.Mark("", bars...)
	for n, i := range m.drawn() {
		c := m.Candidates[i]
		g := c.Matches[k]
		v, _ := orNaN(g.Cosine)
		_, se := orNaN(g.ToBest)
		at := math.Log10(c.Width)
		p.Mark(c.Policy, whisker(at, v, se, seriesColor(n)))
		x.show(at)
		y.show(v)
	}
	xlo, xhi := x.padded()
	ylo, yhi := y.padded()
	p.SetRange(xlo, xhi, ylo, yhi)
	return p
}

// fixedSweep lists the fixed widths in ascending order.
func (m *Mismatch) fixedSweep() []CandidateMatch {
	var all []CandidateMatch
	for _, c := range m.Candidates {
		if c.Fixed {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b CandidateMatch) int {
		if a.Width < b.Width {
			return -1
		}
		return 1
	})
	return all
}

func (m *Mismatch) windowTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"layer", "t", "window", "width", "coverage", "mean_window", "bias", "bias_error"}}
	for _, l := range m.Layers {
		for _, s := range l.Steps {
			for _, w := range s.Windows {
				v, se := orNaN(w.Bias)
				t.Add(l.Node, s.Step, w.Window, w.Width, w.Coverage, w.Mean, v, se)
			}
		}
	}
	return t
}

func (m *Mismatch) momentTable() exhibit.Table {
	t := exhibit.Table{Header: []string{
		"layer", "t", "predicted_mean", "measured_mean", "predicted_std", "measured_std",
		"predicted_rate", "measured_rate", "predicted_density", "measured_density", "measured_density_error",
	}}
	for _, l := range m.Layers {
		for _, s := range l.Steps {
			p, q := s.Predicted, s.Measured
			v, se := orNaN(q.Density)
			t.Add(l.Node, s.Step, p.Mean, q.Mean, p.Std, q.Std, p.Rate, q.Rate, p.Density, v, se)
		}
	}
	return t
}

func (m *Mismatch) gradientTable() exhibit.Table {
	t := exhibit.Table{Header: []string{
		"matrix", "policy", "shape", "mean_width", "cosine", "cosine_error", "cosine_averaged", "cosine_averaged_error",
		"norm_ratio", "norm_ratio_error", "cosine_minus_best_fixed", "cosine_minus_best_fixed_error",
	}}
	for k, head := range m.Candidates[0].Matches {
		for _, c := range m.Candidates {
			row := []any{head.Matrix, c.Policy, c.Shape, c.Width}
			g := c.Matches[k]
			for _, e := range []*Estimate{g.Cosine, g.Averaged, g.NormRatio, g.ToBest} {
				v, se := orNaN(e)
				row = append(row, v, se)
			}
			t.Add(row...)
		}
	}
	return t
}
