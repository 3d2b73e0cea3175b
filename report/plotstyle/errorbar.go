package plotstyle

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// An ErrorBar is a point at (X, Y) with a bar from Lo to Hi along y: a number and
// its error. What lies outside the plot is cut.
type ErrorBar struct {
	X, Y, Lo, Hi float64
	Color        color.Color
	Open         bool // a ring in place of a disc
}

// barHalf is half of the width of a bar's ends, barDot the radius of its point.
const barHalf, barDot vg.Length = 2.2, 2.6

// Plot implements plot.Plotter.
func (b ErrorBar) Plot(c draw.Canvas, p *plot.Plot) {
	if !finite(b.X) || !finite(b.Y) {
		return
	}
	x, y := p.Transforms(&c)
	at := x(b.X)
	if !c.ContainsX(at) {
		return
	}
	lo, hi := y(b.Y), y(b.Y)
	if finite(b.Lo) && finite(b.Hi) {
		lo, hi = y(b.Lo), y(b.Hi)
	}
	b.draw(c, at, lo, y(b.Y), hi)
}

func (b ErrorBar) draw(c draw.Canvas, x, lo, mid, hi vg.Length) {
	style := draw.LineStyle{Color: b.Color, Width: 1}
	if hi-lo > 2*barDot { // a shorter bar is hidden by its point
		c.StrokeLines(style, c.ClipLinesY([]vg.Point{{X: x, Y: lo}, {X: x, Y: hi}})...)
		for _, y := range []vg.Length{lo, hi} {
			if c.ContainsY(y) {
				c.StrokeLine2(style, x-barHalf, y, x+barHalf, y)
			}
		}
	}
	if c.ContainsY(mid) {
		Dot{Color: b.Color, Radius: barDot, Open: b.Open}.draw(c, vg.Point{X: x, Y: mid})
	}
}

// Thumbnail implements plot.Thumbnailer.
func (b ErrorBar) Thumbnail(c *draw.Canvas) {
	b.draw(*c, c.Center().X, c.Min.Y, c.Center().Y, c.Max.Y)
}
