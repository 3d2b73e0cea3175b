package compare

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Sizes of figures of several panels, in points.
const (
	gridColumns          = 3
	cellWidth, cellSpace = 230, 14
	cellHeight           = 165
	mostLayers           = 12 // that are drawn; the table has all
	headHeight           = 24
)

// grid is a figure of panels side by side under a heading. The first panel's
// legend, if any, stands over all of them.
func grid(title string, key *plotstyle.Panel, panels []*plotstyle.Panel) plotstyle.Figure {
	columns := min(gridColumns, len(panels))
	rows := (len(panels) + columns - 1) / columns
	top := vg.Length(headHeight)
	if key != nil {
		top += headHeight
	}
	width := vg.Length(2*border + columns*cellWidth + (columns-1)*cellSpace)
	height := 2*border + top + vg.Length(rows*cellHeight)
	return plotstyle.Figure{Width: max(width, figureWidth), Height: height, Draw: func(c draw.Canvas) {
		c = draw.Crop(c, border, -border, border, -border)
		plotstyle.Heading(c, title)
		if key != nil {
			head := c
			head.Max.Y -= headHeight
			key.DrawKey(head)
		}
		c.Max.Y -= top
		for i, p := range panels {
			cell := c
			cell.Min.X += vg.Length(i%columns) * (cellWidth + cellSpace)
			cell.Max.X = cell.Min.X + cellWidth
			cell.Max.Y -= vg.Length(i/columns) * cellHeight
			cell.Min.Y = cell.Max.Y - cellHeight + cellSpace/2
			p.Draw(cell)
		}
	}}
}

// rates draws the firing rate of every layer over the time steps; ok is false
// where there is none.
func (o *Outcome) rates() (e exhibit.Exhibit, ok bool) {
	e = exhibit.Exhibit{Name: "rates", Table: exhibit.Table{Header: []string{"side", "layer", "neurons", "time step t", "firing rate / %"}}}
	key := plotstyle.NewPanel("", "", "")
	byNode := map[string]*plotstyle.Panel{}
	var panels []*plotstyle.Panel
	most, steps := 0., 1
	for i, s := range o.Sides {
		l := lookOf(i)
		key.Key(s.Name, plotstyle.Curve{Color: l.color, Width: 1.6, Dashes: l.dashes})
		for _, layer := range s.Layers {
			p := byNode[layer.Node]
			if p == nil {
				p = plotstyle.NewPanel(layer.Node, "time steps t", "rate / %")
				p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Whole: true, Most: 8}, plotstyle.Ticks{Most: 5}
				byNode[layer.Node] = p
				panels = append(panels, p)
			}
			line := plotstyle.Curve{Color: l.color, Width: 1.6, Dashes: l.dashes, Dots: len(layer.Rates) <= 12}
			for t, rate := range layer.Rates {
				line.X, line.Y = append(line.X, float64(t+1)), append(line.Y, 100*rate)
				e.Table.Add(s.Name, layer.Node, layer.Neurons, t+1, 100*rate)
				most, steps = max(most, 100*rate), max(steps, t+1)
			}
			p.Mark("", line)
		}
	}
	if len(panels) == 0 {
		return e, false
	}
	for _, p := range panels {
		p.SetRange(1, math.Max(1.5, float64(steps)), 0, max(1.05*most, .1))
	}
	title := "Firing rates on the test images, mean over seeds"
	if len(panels) > mostLayers {
		title = fmt.Sprintf("Firing rates of %d of %d layers", mostLayers, len(panels))
		panels = spread(panels, mostLayers)
	}
	e.Figure = grid(title, key, panels)
	return e, true
}

// spread picks n of a list evenly, first and last among them.
func spread[T any](list []T, n int) []T {
	var some []T
	for i := range n {
		some = append(some, list[i*(len(list)-1)/(n-1)])
	}
	return some
}

// search draws the validation accuracy of a side's trials over each field that
// was searched.
func (o *Outcome) search(side int) exhibit.Exhibit {
	l := o.Tuning[side]
	fields := slices.Clone(l.fields())
	e := exhibit.Exhibit{Name: "tuning-" + l.Side, Table: exhibit.Table{
		Header: append(append([]string{"trial"}, fields...), "validation accuracy / %", "validation loss", "chosen", "failed"),
	}}
	for k, t := range l.Trials {
		row := []any{k + 1}
		for _, f := range fields {
			row = append(row, t.Set[f])
		}
		if t.Failed != "" {
			row = append(row, nil, nil)
		} else {
			row = append(row, 100*t.Val, t.ValLoss)
		}
		e.Table.Add(append(row, k == l.Chosen, t.Failed)...)
	}
	key := plotstyle.NewPanel("", "", "")
	color := lookOf(side).color
	key.Key("trial", plotstyle.Dot{Color: color, Radius: 2.6})
	key.Key("as given", plotstyle.Dot{Color: color, Radius: 3.4, Open: true})
	key.Key("chosen", plotstyle.Dot{Color: plotstyle.Ink, Radius: 4})
	var panels []*plotstyle.Panel
	for _, f := range fields {
		panels = append(panels, l.panel(f, color))
	}
	e.Figure = grid(fmt.Sprintf("What tuning tried for %s", l.Side), key, panels)
	return e
}

// fields are those that were searched.
func (l *TuningLog) fields() []string {
	var keys []string
	for _, key := range recipe.Keys() { // in the order in which recipes have them
		if _, ok := l.Ranges[key]; ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// panel draws the trials over a field: numbers on their scale, choices side by
// side.
func (l *TuningLog) panel(field string, color plotstyle.Color) *plotstyle.Panel {
	p := plotstyle.NewPanel("", field, "validation / %")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.Ticks{Most: 5}, plotstyle.Ticks{Most: 5}
	x := make([]float64, len(l.Trials))
	if number, _ := recipe.Numeric(field); number {
		for k, t := range l.Trials {
			v, err := strconv.ParseFloat(t.Set[field], 64)
			if err != nil {
				v = math.NaN() // an absent number, such as no floor
			}
			x[k] = v
		}
	} else {
		choices := names(slices.Clone(l.Ranges[field].Choices)) // the side as given may have another
		for k, t := range l.Trials {
			at := slices.Index(choices, t.Set[field])
			if at < 0 {
				at, choices = len(choices), append(choices, t.Set[field])
			}
			x[k] = float64(at)
		}
		p.X.Tick.Marker = choices.short()
	}
	var y []float64
	mark := func(k int, d plotstyle.Dot) {
		d.X, d.Y = x[k], 100*l.Trials[k].Val
		p.Mark("", d)
	}
	for k, t := range l.Trials {
		if t.Failed != "" {
			continue
		}
		y = append(y, 100*t.Val)
		switch k {
		case l.Chosen:
			mark(k, plotstyle.Dot{Color: plotstyle.Ink, Radius: 4})
		case 0:
			mark(k, plotstyle.Dot{Color: color, Radius: 3.4, Open: true})
		default:
			mark(k, plotstyle.Dot{Color: color, Radius: 2.6})
		}
	}
	xlo, xhi := plotstyle.Around(x, .08)
	ylo, yhi := plotstyle.Around(y, .08)
	p.SetRange(xlo, xhi, ylo, yhi)
	return p
}

// short cuts what the names have in common before a colon, as in "sigma:2".
func (n names) short() names {
	out := slices.Clone(n)
	for i, name := range out {
		if len(n) > 3 && len(name) > 6 {
			out[i] = abbreviate(name)
		}
	}
	return out
}

func abbreviate(name string) string {
	for i, r := range name {
		if r == ':' {
			return string([]rune(name)[0]) + name[i:]
		}
	}
	return string([]rune(name)[:4]) + "."
}
