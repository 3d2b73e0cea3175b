package analysis

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/report/plotstyle"
)

const (
	border      = 14 // around a figure, in points
	titleHeight = 24
	gutter      = 20 // between panels
)

// panelRow is a figure of panels side by side under a title.
func panelRow(title string, width, height vg.Length, panels ...*plotstyle.Panel) plotstyle.Figure {
	return keyedRow(title, width, height, nil, panels...)
}

// keyedRow is panelRow with the legend of key, if that is not nil, above the panels.
func keyedRow(title string, width, height vg.Length, key *plotstyle.Panel, panels ...*plotstyle.Panel) plotstyle.Figure {
	return plotstyle.Figure{Width: width, Height: height, Draw: func(c draw.Canvas) {
		c = under(c, title)
		if key != nil {
			c.Max.Y -= key.DrawLegend(c) + 4
		}
		each := (c.Max.X - c.Min.X + gutter) / vg.Length(len(panels))
		for i, p := range panels {
			part := c
			part.Min.X += vg.Length(i) * each
			part.Max.X = part.Min.X + each - gutter
			p.Draw(part)
		}
	}}
}

// under draws a figure's title and returns what is left below it.
func under(c draw.Canvas, title string) draw.Canvas {
	c = draw.Crop(c, border, -border, border, -border)
	plotstyle.Heading(c, plotstyle.Signed(title))
	c.Max.Y -= titleHeight
	return c
}

// seriesColors tell up to six series apart.
var seriesColors = []plotstyle.Color{plotstyle.Blue, plotstyle.Orange, plotstyle.Green, plotstyle.Pink, plotstyle.Ink, plotstyle.Muted}

func seriesColor(i int) plotstyle.Color { return seriesColors[i%len(seriesColors)] }

// bounds grows with the numbers that it is shown; what is not finite is left out.
type bounds struct{ lo, hi float64 }

func noBounds() bounds { return bounds{math.Inf(1), math.Inf(-1)} }

func (b *bounds) show(values ...float64) {
	for _, v := range values {
		if finite(v) {
			b.lo, b.hi = min(b.lo, v), max(b.hi, v)
		}
	}
}

// padded returns the range with a margin, and some range if nothing was shown.
func (b bounds) padded() (lo, hi float64) {
	if b.lo > b.hi {
		return 0, 1
	}
	margin := .06 * (b.hi - b.lo)
	if margin == 0 {
		margin = max(.5*math.Abs(b.lo), 1e-3)
	}
	return b.lo - margin, b.hi + margin
}

// labelled are ticks at given places.
func labelled(at []float64, text []string) plot.ConstantTicks {
	var t plot.ConstantTicks
	for i, v := range at {
		t = append(t, plot.Tick{Value: v, Label: text[i]})
	}
	return t
}

// orNaN is an estimate's value, or NaN for none, which marks leave out.
func orNaN(e *Estimate) (value, se float64) {
	if e == nil {
		return math.NaN(), math.NaN()
	}
	return e.Value, e.Error
}

// whisker marks a number with its error; without one, a point alone.
func whisker(x, value, se float64, c color.Color) plotstyle.Whisker {
	if !finite(se) {
		se = 0
	}
	return plotstyle.Whisker{X: x, Lo: value - se, Mid: value, Hi: value + se, Color: c}
}
