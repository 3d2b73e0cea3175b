package plotstyle

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Whisker is a bar from Lo to Hi with a dot at Mid, along y at X: a
// measurement and its error.
type Whisker struct {
	X, Lo, Mid, Hi float64
	Color          color.Color
}

// Plot implements plot.Plotter.
func (w Whisker) Plot(c draw.Canvas, p *plot.Plot) {
	if !finite(w.X) || !finite(w.Lo) || !finite(w.Mid) || !finite(w.Hi) {
		return
	}
	x, y := p.Transforms(&c)
	if at := x(w.X); c.ContainsX(at) {
		w.draw(c, at, y(w.Lo), y(w.Mid), y(w.Hi))
	}
}

func (w Whisker) draw(c draw.Canvas, x, lo, mid, hi vg.Length) {
	style := draw.LineStyle{Color: w.Color, Width: 1.2}
	c.StrokeLines(style, c.ClipLinesY([]vg.Point{{X: x, Y: lo}, {X: x, Y: hi}})...)
	for _, y := range []vg.Length{lo, hi} {
		if c.ContainsY(y) {
			c.StrokeLine2(style, x-3, y, x+3, y)
		}
	}
	if c.ContainsY(mid) {
		disc(c, vg.Point{X: x, Y: mid}, 2.4, w.Color)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (w Whisker) Thumbnail(c *draw.Canvas) {
	w.draw(*c, c.Center().X, c.Min.Y, c.Center().Y, c.Max.Y)
}
