package plotstyle

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Heatmap fills the cells of an even grid: Columns by Rows of them, the first
// centred at (X0, Y0), their centres DX and DY apart.
type Heatmap struct {
	X0, DX, Y0, DY float64
	Columns, Rows  int
	// Color is that of a cell; nil leaves it empty. It must be opaque.
	Color func(column, row int) color.Color
}

// NewHeatmap returns the grid whose cells are centred at evenly spaced x and y,
// of which there are at least two each.
func NewHeatmap(x, y []float64, color func(column, row int) color.Color) Heatmap {
	return Heatmap{
		X0: x[0], DX: (x[len(x)-1] - x[0]) / float64(len(x)-1), Columns: len(x),
		Y0: y[0], DY: (y[len(y)-1] - y[0]) / float64(len(y)-1), Rows: len(y),
		Color: color,
	}
}

// Range returns the ranges of x and y that the cells fill.
func (h Heatmap) Range() (xmin, xmax, ymin, ymax float64) {
	return h.left(0), h.left(h.Columns), h.lower(0), h.lower(h.Rows)
}

func (h Heatmap) left(column int) float64 { return h.X0 + (float64(column)-.5)*h.DX }
func (h Heatmap) lower(row int) float64   { return h.Y0 + (float64(row)-.5)*h.DY }

// overlap is how far a cell reaches under its right and upper neighbours, in
// points, so that no seam shows between them.
const overlap = .4

// Plot implements plot.Plotter. Neighbours of one colour in a row are one
// rectangle, which keeps files small.
func (h Heatmap) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for row := range h.Rows {
		low, high := y(h.lower(row)), y(h.lower(row+1))
		for column := 0; column < h.Columns; {
			fill, first := h.Color(column, row), column
			for column < h.Columns && h.Color(column, row) == fill {
				column++
			}
			if fill != nil {
				fillBox(c, fill, x(h.left(first)), low, x(h.left(column)), high)
			}
		}
	}
}

// fillBox fills a box, and what neighbours will cover, within the canvas.
func fillBox(c draw.Canvas, fill color.Color, left, low, right, high vg.Length) {
	box := vg.Rectangle{
		Min: vg.Point{X: max(left, c.Min.X), Y: max(low, c.Min.Y)},
		Max: vg.Point{X: min(right+overlap, c.Max.X), Y: min(high+overlap, c.Max.Y)},
	}
	if box.Min.X < box.Max.X && box.Min.Y < box.Max.Y {
		c.SetColor(fill)
		c.Fill(box.Path())
	}
}

// Thumbnail implements plot.Thumbnailer: the colours are keyed by other marks,
// an Area's or a Scale's.
func (Heatmap) Thumbnail(*draw.Canvas) {}

// A Scale turns numbers from Lo to Hi into the colours of the ordered ramp.
// Numbers outside have the colours of the ends.
type Scale struct {
	Label  string // what is shown, with its unit
	Lo, Hi float64
}

// Color returns the colour of v, nil if v is not a number.
func (s Scale) Color(v float64) color.Color {
	if math.IsNaN(v) {
		return nil
	}
	share := min(max((v-s.Lo)/(s.Hi-s.Lo), 0), 1)
	return ramp[min(int(share*rampLevels), rampLevels-1)]
}

// Sizes of a scale's bar, in points.
const (
	barWidth = 9
	barSpace = 62 // what it takes beside the plot, with its labels
)

// draw draws the scale as a bar of the data's height from c.Min.X on.
func (s Scale) draw(c draw.Canvas) {
	left := c.Min.X + 12
	height := (c.Max.Y - c.Min.Y) / rampLevels
	for i, level := range ramp {
		low := c.Min.Y + vg.Length(i)*height
		fillBox(c, level, left, low, left+barWidth-overlap, low+height)
	}
	style := textStyle(textSize - 1)
	style.Color = Muted
	for _, t := range (Ticks{}).Ticks(s.Lo, s.Hi) {
		at := c.Min.Y + vg.Length((t.Value-s.Lo)/(s.Hi-s.Lo))*(c.Max.Y-c.Min.Y)
		c.StrokeLine2(draw.LineStyle{Color: Muted, Width: hairline}, left+barWidth, at, left+barWidth+3, at)
		place(c, style, t.Label, left+barWidth+5, at-style.Font.Size*.36)
	}
	label := textStyle(textSize)
	label.Rotation, label.XAlign, label.YAlign = math.Pi/2, draw.XCenter, draw.YBottom
	c.FillText(label, vg.Point{X: c.Min.X + barSpace, Y: (c.Min.Y + c.Max.Y) / 2}, s.Label)
}
