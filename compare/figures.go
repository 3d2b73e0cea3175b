package compare

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Sizes of figures, in points.
const (
	figureWidth, figureHeight = 480, 300
	rowHeight, rowsFrame      = 46, 96 // of figures with a row for each side
	border                    = 12
)

// A look tells a side apart from the others in all figures.
type look struct {
	color  plotstyle.Color
	dashes []vg.Length
}

var (
	lookColors = []plotstyle.Color{plotstyle.Blue, plotstyle.Orange, plotstyle.Green, plotstyle.Pink}
	lookDashes = [][]vg.Length{nil, plotstyle.Dashed, plotstyle.Dotted, {7, 2, 1.5, 2}}
)

// lookOf returns the look of side i. Dashes differ between the first sides too, so
// that lines that lie on each other stay visible, and in print without colors.
func lookOf(i int) look {
	n := len(lookColors)
	return look{lookColors[i%n], lookDashes[(i+i/n)%n]}
}

// Exhibits returns the figures of the comparison with the data behind them.
func (o *Outcome) Exhibits() []exhibit.Exhibit {
	all := []exhibit.Exhibit{o.accuracies()}
	if len(o.Differences) > 0 {
		all = append(all, o.forest())
	}
	all = append(all,
		o.course("validation", "Validation accuracy", "epoch", "validation accuracy / %", func(s *SideOutcome) []Summary { return s.PerPass }),
		o.course("steps", "Test accuracy after t time steps", "time steps t", "test accuracy / %", func(s *SideOutcome) []Summary { return s.PerStep }))
	if rates, ok := o.rates(); ok {
		all = append(all, rates)
	}
	for i := range o.Tuning {
		all = append(all, o.search(i))
	}
	return all
}

// framed is a figure of one panel.
func framed(width, height vg.Length, p *plotstyle.Panel) plotstyle.Figure {
	return plotstyle.Figure{Width: width, Height: height, Draw: func(c draw.Canvas) {
		p.Draw(draw.Crop(c, border, -border, border, -border))
	}}
}

// names labels the rows or columns of a plot, at 0, 1, 2, …
type names []string

// Ticks implements plot.Ticker.
func (n names) Ticks(float64, float64) []plot.Tick {
	var ticks []plot.Tick
	for i, name := range n {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
	}
	return ticks
}

// rowPanel is a panel with a row for each name, the first on top.
func rowPanel(title, x string, rows []string) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, x, "")
	upward := slices.Clone(rows)
	slices.Reverse(upward)
	p.Y.Tick.Marker = names(upward)
	return p
}

// accuracies draws the test accuracy of every run, with lines between those of a
// seed, and mean and deviation of each side.
func (o *Outcome) accuracies() exhibit.Exhibit {
	var rows []string
	for _, s := range o.Sides {
		rows = append(rows, s.Name)
	}
	p := rowPanel("Test accuracy, a line for each seed", "test accuracy / %", rows)
	table := exhibit.Table{Header: []string{"seed", "side", "test accuracy / %", "validation accuracy / %"}}
	height := func(i int) float64 { return float64(len(o.Sides) - 1 - i) }
	var all []float64
	for _, seed := range o.Seeds {
		line := plotstyle.Curve{Color: plotstyle.Muted, Width: .7}
		for i := range o.Sides {
			if r := o.Sides[i].bySeed()[seed]; r != nil {
				line.X, line.Y = append(line.X, 100**r.Test), append(line.Y, height(i))
				table.Add(int(seed), o.Sides[i].Name, 100**r.Test, 100*r.Val)
			}
		}
		p.Mark("", line)
		all = append(all, line.X...)
	}
	for i, s := range o.Sides {
		for _, r := range s.Runs {
			p.Mark("", plotstyle.Dot{X: 100 * *r.Test, Y: height(i), Color: lookOf(i).color, Radius: 2.8})
		}
		if s.Test.SD != nil {
			m, sd := 100*s.Test.Mean, 100**s.Test.SD
			span := plotstyle.Span{Lo: m - sd, Mid: m, Hi: m + sd, Y: height(i) - .22, Color: lookOf(i).color}
			p.Mark("", span)
			span.Color = plotstyle.Ink
			p.KeyOnce("mean ± standard deviation", span)
			all = append(all, m-sd, m+sd)
		}
	}
	lo, hi := plotstyle.Around(all, .06)
	p.SetRange(lo, hi, -.6, float64(len(rows))-.5)
	return exhibit.Exhibit{Name: "accuracy", Figure: framed(figureWidth, vg.Length(rowsFrame+rowHeight*len(rows)), p), Table: table}
}

// forest draws each difference with its interval.
func (o *Outcome) forest() exhibit.Exhibit {
	var rows []string
	for _, d := range o.Differences {
		rows = append(rows, d.Side+" − "+d.Minus)
	}
	p := rowPanel("Paired differences in test accuracy", "difference / percentage points", rows)
	table := exhibit.Table{Header: []string{"side", "minus", "seed", "difference / percentage points"}}
	all := []float64{0}
	p.Mark("", plotstyle.Rule{At: 0, Color: plotstyle.Ink, Width: 1})
	for i, d := range o.Differences {
		y := float64(len(rows) - 1 - i)
		for k, v := range d.Values {
			dot := plotstyle.Dot{X: 100 * v, Y: y + .2, Color: plotstyle.Muted, Radius: 2.4}
			p.Mark("", dot)
			p.KeyOnce("one seed", dot)
			all = append(all, 100*v)
			table.Add(d.Side, d.Minus, int(d.Seeds[k]), 100*v)
		}
		if d.Low == nil {
			continue
		}
		span := plotstyle.Span{Lo: 100 * *d.Low, Mid: 100 * d.Mean, Hi: 100 * *d.High, Y: y, Color: plotstyle.Blue}
		p.Mark("", span)
		p.KeyOnce("mean and 95 % interval", span)
		all = append(all, span.Lo, span.Hi)
	}
	lo, hi := plotstyle.Around(all, .06)
	p.SetRange(lo, hi, -.5, float64(len(rows))-.4)
	return exhibit.Exhibit{Name: "difference", Figure: framed(figureWidth, vg.Length(rowsFrame+rowHeight*len(rows)), p), Table: table}
}

// course draws a list of summaries of each side, with a band of one deviation.
func (o *Outcome) course(name, title, x, y string, of func(*SideOutcome) []Summary) exhibit.Exhibit {
	p := plotstyle.NewPanel(title+", mean ± standard deviation over seeds", x, y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	table := exhibit.Table{Header: []string{"side", x, y, "standard deviation / %", "runs"}}
	var all []float64
	var lines []plotstyle.Curve // over all bands
	longest := 1
	for i := range o.Sides {
		side, l := &o.Sides[i], lookOf(i)
		var line plotstyle.Curve
		band := plotstyle.Band{Fill: l.color.Faded()}
		for t, s := range of(side) {
			m, sd := 100*s.Mean, math.NaN()
			if s.SD != nil {
				sd = 100 * *s.SD
			}
			line.X, line.Y = append(line.X, float64(t+1)), append(line.Y, m)
			band.Lo, band.Hi = append(band.Lo, m-sd), append(band.Hi, m+sd)
			table.Add(side.Name, t+1, m, sd, s.N)
		}
		band.X = line.X
		longest = max(longest, len(line.X))
		line.Color, line.Width, line.Dashes, line.Dots = l.color, 1.6, l.dashes, len(line.X) <= 12
		p.Mark("", band)
		lines = append(lines, line)
		all = append(append(append(all, line.Y...), band.Lo...), band.Hi...)
	}
	for i, line := range lines {
		p.Mark(o.Sides[i].Name, line)
	}
	lo, hi := plotstyle.Around(all, .06)
	p.SetRange(1, math.Max(1.5, float64(longest)), lo, hi)
	return exhibit.Exhibit{Name: name, Figure: framed(figureWidth, figureHeight, p), Table: table}
}
