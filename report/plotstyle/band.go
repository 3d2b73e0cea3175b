package plotstyle

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Band is the area between the points (X[i], Lo[i]) and (X[i], Hi[i]): a
// curve's uncertainty. Points that are not finite break it.
type Band struct {
	X, Lo, Hi []float64
	Fill      color.Color
}

// Plot implements plot.Plotter.
func (b Band) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	width := make([]float64, len(b.X)) // finite where both ends are
	for i := range width {
		width[i] = b.Hi[i] - b.Lo[i]
	}
	for _, r := range (Curve{X: b.X, Y: width}).runs() {
		var pts []vg.Point
		for i := r[0]; i < r[1]; i++ {
			pts = append(pts, vg.Point{X: x(b.X[i]), Y: y(b.Lo[i])})
		}
		for i := r[1] - 1; i >= r[0]; i-- {
			pts = append(pts, vg.Point{X: x(b.X[i]), Y: y(b.Hi[i])})
		}
		c.FillPolygon(b.Fill, c.ClipPolygonXY(pts))
	}
}

// Thumbnail implements plot.Thumbnailer.
func (b Band) Thumbnail(c *draw.Canvas) { Area{Fill: b.Fill}.Thumbnail(c) }
