package plotstyle

import (
	"image"
	"math"

	xdraw "golang.org/x/image/draw"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// DrawPixels draws an image so that it fills a rectangle, with sharp edges
// between its pixels.
func DrawPixels(c draw.Canvas, r vg.Rectangle, img image.Image) {
	size := r.Size()
	// As many pixels as the PNG file has there, and at least the image's own.
	dots := func(l vg.Length, least int) int { return max(least, int(math.Round(l.Dots(dpi)))) }
	b := img.Bounds()
	scaled := image.NewRGBA(image.Rect(0, 0, dots(size.X, b.Dx()), dots(size.Y, b.Dy())))
	xdraw.NearestNeighbor.Scale(scaled, scaled.Bounds(), img, b, xdraw.Src, nil)
	c.DrawImage(r, scaled)
}

// Pixels is an image in a plot that reaches from X0 to X1 and from Y0, its lower
// edge, to Y1. It is cut off nowhere, so the plot's range should hold it.
type Pixels struct {
	Image          image.Image
	X0, X1, Y0, Y1 float64
}

// Plot implements plot.Plotter.
func (m Pixels) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	DrawPixels(c, vg.Rectangle{Min: vg.Point{X: x(m.X0), Y: y(m.Y0)}, Max: vg.Point{X: x(m.X1), Y: y(m.Y1)}}, m.Image)
}

// Thumbnail implements plot.Thumbnailer: an image has no sample.
func (Pixels) Thumbnail(*draw.Canvas) {}
