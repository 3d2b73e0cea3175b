package analysis

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Exhibits returns the sweep's figure with its data.
func (s *BatchSweep) Exhibits() []exhibit.Exhibit {
	title := fmt.Sprintf("Best %s window against batch size: %s on %s", s.Shape, s.Network, s.Task)
	return []exhibit.Exhibit{{Name: "mismatch-batch", Figure: panelRow(title, 780, 340, s.cosinePanel(), s.powerPanel()), Table: s.table()}}
}

// cosinePanel shows cosine against width for each size, over all matrices.
func (s *BatchSweep) cosinePanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Cosine of one batch's gradient, all matrices", "fixed width α", "cosine")
	p.X.Tick.Marker = plotstyle.LogTicks{}
	x, y := noBounds(), noBounds()
	sizes := s.Parts[0].Sizes
	for i, size := range sizes {
		line := plotstyle.Curve{Color: plotstyle.Step(i+1, len(sizes)), Width: 1.4}
		for j, w := range s.Widths {
			line.X, line.Y = append(line.X, math.Log10(w)), append(line.Y, size.Cosine[j])
			x.show(math.Log10(w))
			y.show(size.Cosine[j])
		}
		p.Mark(fmt.Sprint(size.N), line)
	}
	setRange(p, x, y)
	return p
}

func setRange(p *plotstyle.Panel, x, y bounds) {
	xlo, xhi := x.padded()
	ylo, yhi := y.padded()
	p.SetRange(xlo, xhi, ylo, yhi)
}

// powerPanel shows best widths against sizes, the fits and the slope predicted.
func (s *BatchSweep) powerPanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Width of the largest cosine", "batch size n", "width α")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.LogTicks{}, plotstyle.LogTicks{}
	x, y := noBounds(), noBounds()
	parts := s.Parts[:min(len(s.Parts), 4)]
	for i, part := range parts {
		color := seriesColor(i)
		first, last := part.Sizes[0].N, part.Sizes[len(part.Sizes)-1].N
		for _, size := range part.Sizes {
			x.show(math.Log10(float64(size.N)))
			if size.Best == nil {
				continue
			}
			v, se := size.Best.Value, size.Best.Error
			lo, hi := math.Log10(max(v-se, v/10)), math.Log10(v+se)
			p.Mark("", plotstyle.Whisker{X: math.Log10(float64(size.N)), Lo: lo, Mid: math.Log10(v), Hi: hi, Color: color})
			y.show(lo, hi)
		}
		name := part.Matrix
		if e := part.Exponent; e != nil {
			name += fmt.Sprintf(": n^(%s)", plotstyle.Signed(plusMinus(e)))
			p.Mark(name, powerLine(part.Level, e.Value, first, last, plotstyle.Curve{Color: color, Width: 1.2}))
			if i == 0 {
				p.Mark("slope −1/5", powerLine(1.6*part.Level, -.2, first, last, plotstyle.Curve{Color: plotstyle.Ink, Width: 1, Dashes: plotstyle.Dotted}))
				y.show(math.Log10(1.6 * part.Level))
			}
		} else {
			p.Key(name, plotstyle.Whisker{Color: color})
		}
	}
	setRange(p, x, y)
	return p
}

// powerLine is a power law, given by its value at 1000.
func powerLine(level, exponent float64, first, last int, c plotstyle.Curve) plotstyle.Curve {
	for _, n := range []int{first, last} {
		c.X = append(c.X, math.Log10(float64(n)))
		c.Y = append(c.Y, math.Log10(level)+exponent*math.Log10(float64(n)/1000))
	}
	return c
}

func (s *BatchSweep) table() exhibit.Table {
	t := exhibit.Table{Header: []string{"matrix", "batch", "batches", "width", "cosine", "best_width", "best_width_error"}}
	for _, p := range s.Parts {
		for _, size := range p.Sizes {
			v, se := orNaN(size.Best)
			for j, w := range s.Widths {
				t.Add(p.Matrix, size.N, size.Batches, w, size.Cosine[j], v, se)
			}
		}
	}
	return t
}

// Exhibits returns the sweep's figure with its data.
func (s *LayerSweep) Exhibits() []exhibit.Exhibit {
	title := fmt.Sprintf("Mismatch against depth: MLPs on %s, at initialisation", s.Task)
	t := exhibit.Table{Header: []string{
		"layers", "policy", "shape", "matrix", "windows_passed", "cosine", "cosine_error",
		"cosine_averaged", "cosine_averaged_error", "norm_ratio", "norm_ratio_error",
	}}
	for _, k := range s.Stacks {
		for _, c := range k.Windows {
			for i, m := range c.Matches {
				row := []any{k.Layers, c.Policy, c.Shape, m.Matrix, len(c.Matches) - i}
				for _, e := range []*Estimate{m.Cosine, m.Averaged, m.NormRatio} {
					v, se := orNaN(e)
					row = append(row, v, se)
				}
				t.Add(row...)
			}
		}
	}
	panels := []*plotstyle.Panel{
		s.passedPanel("One gradient, "+s.Stacks[0].Windows[0].Policy, func(m GradientMatch) *Estimate { return m.Cosine }),
		s.passedPanel("Averaged over noise, "+s.Stacks[0].Windows[0].Policy, func(m GradientMatch) *Estimate { return m.Averaged }),
		s.firstPanel(),
	}
	return []exhibit.Exhibit{{Name: "mismatch-layers", Figure: panelRow(title, 860, 330, panels...), Table: t}}
}

// resolved leaves out cosines of which next to nothing is known.
func resolved(e *Estimate) (value, se float64) {
	if value, se = orNaN(e); se > .25 {
		return math.NaN(), math.NaN()
	}
	return value, se
}

// passedPanel shows the first policy's cosines against the windows that gradients
// have passed, for each depth.
func (s *LayerSweep) passedPanel(title string, of func(GradientMatch) *Estimate) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, "windows passed on the way back", "cosine")
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	x, y := noBounds(), noBounds()
	y.show(0, 1)
	for i, k := range s.Stacks {
		matches := k.Windows[0].Matches
		line := plotstyle.Curve{Color: plotstyle.Step(i+1, len(s.Stacks)), Width: 1.2}
		for j, m := range matches {
			v, se := resolved(of(m))
			at := float64(len(matches) - j)
			line.X, line.Y = append(line.X, at), append(line.Y, v)
			p.Mark("", whisker(at, v, se, line.Color))
			x.show(at)
			y.show(v)
		}
		p.Mark(fmt.Sprintf("%d layers", k.Layers), line)
	}
	setRange(p, x, y)
	return p
}

// firstPanel shows the first matrix's cosine against depth for each policy.
func (s *LayerSweep) firstPanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("First matrix, one gradient", "hidden layers", "cosine")
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	x, y := noBounds(), noBounds()
	y.show(0, 1)
	for i, c := range s.Stacks[0].Windows {
		line := plotstyle.Curve{Color: seriesColor(i), Width: 1.2}
		for _, k := range s.Stacks {
			v, se := resolved(k.Windows[i].Matches[0].Cosine)
			line.X, line.Y = append(line.X, float64(k.Layers)), append(line.Y, v)
			p.Mark("", whisker(float64(k.Layers), v, se, line.Color))
			x.show(float64(k.Layers))
			y.show(v)
		}
		p.Mark(c.Policy, line)
	}
	setRange(p, x, y)
	return p
}
