package plotstyle

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Mark is something drawn in a plot and, as a sample, in its legend. Marks are
// cut at the plot's edges and do not change its ranges.
type Mark interface {
	plot.Plotter
	plot.Thumbnailer
}

// Dashes are the patterns of broken lines.
var (
	Dashed = []vg.Length{5, 3}
	Dotted = []vg.Length{1.5, 2.5}
)

// A Curve is a line through the points (X[i], Y[i]). Points that are not finite
// break it; a point left alone is drawn as a dot.
type Curve struct {
	X, Y   []float64
	Color  color.Color
	Width  vg.Length
	Dashes []vg.Length
	Dots   bool // mark every point
}

func (l Curve) style() draw.LineStyle {
	return draw.LineStyle{Color: l.Color, Width: l.Width, Dashes: l.Dashes}
}

// runs returns the stretches of consecutive finite points.
func (l Curve) runs() [][2]int {
	var runs [][2]int
	start := -1
	for i := range l.X {
		ok := finite(l.X[i]) && finite(l.Y[i])
		if ok && start < 0 {
			start = i
		}
		if !ok && start >= 0 {
			runs, start = append(runs, [2]int{start, i}), -1
		}
	}
	if start >= 0 {
		runs = append(runs, [2]int{start, len(l.X)})
	}
	return runs
}

// Plot implements plot.Plotter.
func (l Curve) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, r := range l.runs() {
		pts := make([]vg.Point, 0, r[1]-r[0])
		for i := r[0]; i < r[1]; i++ {
			pts = append(pts, vg.Point{X: x(l.X[i]), Y: y(l.Y[i])})
		}
		if len(pts) > 1 {
			c.StrokeLines(l.style(), c.ClipLinesXY(pts)...)
		}
		if l.Dots || len(pts) == 1 {
			for _, pt := range pts {
				if c.Contains(pt) {
					disc(c, pt, l.Width+.8, l.Color)
				}
			}
		}
	}
}

// Thumbnail implements plot.Thumbnailer.
func (l Curve) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(l.style(), c.Min.X, y, c.Max.X, y)
	if l.Dots {
		disc(*c, c.Center(), l.Width+.8, l.Color)
	}
}

// An Area is the area between the points (X[i], Y[i]) and the line y = 0.
type Area struct {
	X, Y []float64
	Fill color.Color
}

// Plot implements plot.Plotter.
func (a Area) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, r := range (Curve{X: a.X, Y: a.Y}).runs() {
		pts := []vg.Point{{X: x(a.X[r[0]]), Y: y(0)}}
		for i := r[0]; i < r[1]; i++ {
			pts = append(pts, vg.Point{X: x(a.X[i]), Y: y(a.Y[i])})
		}
		pts = append(pts, vg.Point{X: x(a.X[r[1]-1]), Y: y(0)})
		c.FillPolygon(a.Fill, c.ClipPolygonXY(pts))
	}
}

// Thumbnail implements plot.Thumbnailer.
func (a Area) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(a.Fill, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}

// A Rule is a straight line across the plot at x = At, or y = At if it is
// Level, with an optional label beside its upper or right end.
type Rule struct {
	At     float64
	Level  bool
	Label  string
	Color  color.Color
	Width  vg.Length
	Dashes []vg.Length
}

func (r Rule) style() draw.LineStyle {
	return draw.LineStyle{Color: r.Color, Width: r.Width, Dashes: r.Dashes}
}

// Plot implements plot.Plotter.
func (r Rule) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	label := textStyle(textSize)
	label.Color = r.Color
	if r.Level {
		at := y(r.At)
		if finite(r.At) && c.ContainsY(at) {
			c.StrokeLine2(r.style(), c.Min.X, at, c.Max.X, at)
			place(c, label, r.Label, c.Max.X-label.Width(r.Label)-2, at+3)
		}
		return
	}
	at := x(r.At)
	if finite(r.At) && c.ContainsX(at) {
		c.StrokeLine2(r.style(), at, c.Min.Y, at, c.Max.Y)
		left := at + 3
		if w := label.Width(r.Label); left+w > c.Max.X {
			left = at - 3 - w
		}
		place(c, label, r.Label, left, c.Max.Y-textSize)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (r Rule) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(r.style(), c.Min.X, y, c.Max.X, y)
}

// A Span is a bar from Lo to Hi with a dot at Mid, along x at height Y: a mean
// and its deviation.
type Span struct {
	Lo, Mid, Hi, Y float64
	Color          color.Color
}

// Plot implements plot.Plotter.
func (s Span) Plot(c draw.Canvas, p *plot.Plot) {
	if !finite(s.Lo) || !finite(s.Mid) || !finite(s.Hi) || !finite(s.Y) {
		return
	}
	x, y := p.Transforms(&c)
	s.draw(c, x(s.Lo), x(s.Mid), x(s.Hi), y(s.Y))
}

func (s Span) draw(c draw.Canvas, lo, mid, hi, y vg.Length) {
	style := draw.LineStyle{Color: s.Color, Width: 1.5}
	c.StrokeLines(style, c.ClipLinesX([]vg.Point{{X: lo, Y: y}, {X: hi, Y: y}})...)
	for _, x := range []vg.Length{lo, hi} {
		if c.ContainsX(x) {
			c.StrokeLine2(style, x, y-3, x, y+3)
		}
	}
	if c.ContainsX(mid) {
		disc(c, vg.Point{X: mid, Y: y}, 2.6, s.Color)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (s Span) Thumbnail(c *draw.Canvas) {
	s.draw(*c, c.Min.X+1, c.Center().X, c.Max.X-1, c.Center().Y)
}

// A Dot marks a point by a disc, or a ring if it is Open.
type Dot struct {
	X, Y   float64
	Color  color.Color
	Radius vg.Length
	Open   bool
}

// Plot implements plot.Plotter.
func (d Dot) Plot(c draw.Canvas, p *plot.Plot) {
	if !finite(d.X) || !finite(d.Y) {
		return
	}
	x, y := p.Transforms(&c)
	if pt := (vg.Point{X: x(d.X), Y: y(d.Y)}); c.Contains(pt) {
		d.draw(c, pt)
	}
}

func (d Dot) draw(c draw.Canvas, pt vg.Point) {
	disc(c, pt, d.Radius, d.Color)
	if d.Open {
		disc(c, pt, d.Radius-1.3, Paper)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (d Dot) Thumbnail(c *draw.Canvas) { d.draw(*c, c.Center()) }

// A Note is text beside a point: below it to the right, or to the left where the
// plot ends. It covers lines that it would cross.
type Note struct {
	X, Y  float64
	Text  string
	Color color.Color
}

// Plot implements plot.Plotter.
func (n Note) Plot(c draw.Canvas, p *plot.Plot) {
	if !finite(n.X) || !finite(n.Y) {
		return
	}
	x, y := p.Transforms(&c)
	at := vg.Point{X: x(n.X), Y: y(n.Y)}
	if !c.Contains(at) {
		return
	}
	style := textStyle(textSize - 1)
	style.Color = n.Color
	left, w := at.X+4, style.Width(n.Text)
	if left+w > c.Max.X {
		left = at.X - 4 - w
	}
	base := at.Y - textSize
	box := vg.Rectangle{Min: vg.Point{X: left, Y: base - 1}, Max: vg.Point{X: left + w, Y: base + textSize - 3}}
	c.SetColor(Paper)
	c.Fill(box.Path())
	place(c, style, n.Text, left, base)
}

// Thumbnail implements plot.Thumbnailer: text has no sample.
func (Note) Thumbnail(*draw.Canvas) {}

func disc(c draw.Canvas, at vg.Point, radius vg.Length, fill color.Color) {
	c.SetColor(fill)
	var p vg.Path
	p.Move(vg.Point{X: at.X + radius, Y: at.Y})
	p.Arc(at, radius, 0, 2*math.Pi)
	p.Close()
	c.Fill(p)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
