// Package view draws recordings of event cameras: as frames, and in space and
// time.
package view

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Exhibits draws a recording: its frames as b cuts them, and in space and time.
// The title is for both.
func Exhibits(s event.Stream, b event.Binning, title string) ([]exhibit.Exhibit, error) {
	if len(s.Events) == 0 {
		return nil, fmt.Errorf("%s: there are no events to draw", title)
	}
	frames, err := framesExhibit(s, b, title)
	if err != nil {
		return nil, err
	}
	spaceTime, err := spaceTimeExhibit(s, title)
	if err != nil {
		return nil, err
	}
	return []exhibit.Exhibit{frames, spaceTime}, nil
}

// Measures of figures, in points.
const (
	width       = 620
	border      = 14
	titleHeight = 24
	gutter      = 10
	caption     = 15
)

// inks are the colors of ON and OFF events.
var inks = struct{ on, off plotstyle.Color }{plotstyle.Blue, plotstyle.Orange}

// canvas is a picture of counts of ON and OFF events, as if printed in two
// translucent inks.
type canvas struct {
	w, h    int
	on, off []float64
}

func newCanvas(w, h int) *canvas { return &canvas{w, h, make([]float64, w*h), make([]float64, w*h)} }

// image prints the counts. One of full or above has all of an ink's strength;
// strength grows with the root of the count, so that single events show.
func (c *canvas) image(full float64) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, c.w, c.h))
	for i := range c.on {
		a, b := math.Sqrt(min(1, c.on[i]/full)), math.Sqrt(min(1, c.off[i]/full))
		mix := func(paper, on, off uint8) uint8 {
			p := float64(paper) / 255
			return uint8(math.Round(255 * p * (1 - a + a*float64(on)/255) * (1 - b + b*float64(off)/255)))
		}
		paper, on, off := plotstyle.Paper.Light, inks.on.Light, inks.off.Light
		img.SetNRGBA(i%c.w, i/c.w, color.NRGBA{mix(paper.R, on.R, off.R), mix(paper.G, on.G, off.G), mix(paper.B, on.B, off.B), 255})
	}
	return img
}

// full returns the count that has an ink's full strength: that of the 98th of a
// hundred places that have events, over all pictures.
func full(all ...*canvas) float64 {
	var counts []float64
	for _, c := range all {
		for i := range c.on {
			for _, n := range []float64{c.on[i], c.off[i]} {
				if n > 0 {
					counts = append(counts, n)
				}
			}
		}
	}
	if len(counts) == 0 {
		return 1
	}
	slices.Sort(counts)
	return counts[len(counts)*98/100]
}

// maxShown is the most frames that are drawn; the table has all.
const maxShown = 20

// framesExhibit draws frames side by side in rows of five.
func framesExhibit(s event.Stream, b event.Binning, title string) (exhibit.Exhibit, error) {
	cuts, err := b.Cuts(s)
	if err != nil {
		return exhibit.Exhibit{}, err
	}
	table := exhibit.Table{Header: []string{"frame", "first event (µs)", "last event (µs)", "ON events", "OFF events"}}
	var pictures []*canvas
	var captions []string
	from, _ := s.Span()
	for k := range len(cuts) - 1 {
		part := s.Slice(cuts[k], cuts[k+1])
		p := paint(part)
		var on, off float64
		for i := range p.on {
			on, off = on+p.on[i], off+p.off[i]
		}
		first, last := any(nil), any(nil)
		text := fmt.Sprintf("%d: no events", k+1)
		if n := len(part.Events); n > 0 {
			a, z := part.Events[0].T, part.Events[n-1].T
			first, last = int(a), int(z)
			text = fmt.Sprintf("%d: %.1f–%.1f ms", k+1, float64(a-from)/1e3, float64(z-from)/1e3)
		}
		table.Add(k+1, first, last, int(on), int(off))
		if len(pictures) < maxShown {
			pictures, captions = append(pictures, p), append(captions, text)
		}
	}
	if shown := len(pictures); shown < len(cuts)-1 {
		title += fmt.Sprintf(", %d of %d frames", shown, len(cuts)-1)
	}
	return exhibit.Exhibit{Name: "frames", Figure: grid(title, s.Sensor, pictures, captions), Table: table}, nil
}

// paint counts events per pixel.
func paint(s event.Stream) *canvas {
	c := newCanvas(s.Sensor.W, s.Sensor.H)
	for _, e := range s.Events {
		ink := c.off
		if e.On {
			ink = c.on
		}
		ink[int(e.Y)*c.w+int(e.X)]++
	}
	return c
}

// grid draws pictures of one size with captions below them.
func grid(title string, s event.Sensor, pictures []*canvas, captions []string) plotstyle.Figure {
	const columns = 5
	w := (width - 2*border - (columns-1)*gutter) / vg.Length(columns)
	h := w * vg.Length(s.H) / vg.Length(s.W)
	rows := vg.Length((len(pictures) + columns - 1) / columns)
	// Title and key above, then rows of pictures with captions.
	height := 2*border + 2*titleHeight + rows*(h+caption+gutter) - gutter
	strength := full(pictures...)
	return plotstyle.Figure{Width: width, Height: height, Draw: func(c draw.Canvas) {
		c = draw.Crop(c, border, -border, border, -border)
		plotstyle.Heading(c, title)
		c.Max.Y -= titleHeight
		plotstyle.Legend(c, []string{"ON", "OFF"}, []plotstyle.Mark{plotstyle.Area{Fill: inks.on}, plotstyle.Area{Fill: inks.off}})
		c.Max.Y -= titleHeight
		for i, p := range pictures {
			x := c.Min.X + vg.Length(i%columns)*(w+gutter)
			top := c.Max.Y - vg.Length(i/columns)*(h+caption+gutter)
			r := vg.Rectangle{Min: vg.Point{X: x, Y: top - h}, Max: vg.Point{X: x + w, Y: top}}
			plotstyle.DrawPixels(c, r, p.image(strength))
			c.StrokeLines(draw.LineStyle{Color: plotstyle.Grid, Width: .6}, frame(r))
			plotstyle.Caption(c, captions[i], x, top-h-caption+4)
		}
	}}
}

func frame(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min}
}

// moments is how many intervals of time the space-time plot tells apart.
const moments = 400

// spaceTimeExhibit draws where events are along either axis, and how many, over
// time.
func spaceTimeExhibit(s event.Stream, title string) (exhibit.Exhibit, error) {
	b := event.Binning{By: event.ByTime, N: moments}
	cuts, err := b.Cuts(s)
	if err != nil {
		return exhibit.Exhibit{}, err
	}
	from, to := s.Span()
	span := float64(to-from) / 1e3 // ms
	xs, ys := newCanvas(moments, s.Sensor.W), newCanvas(moments, s.Sensor.H)
	table := exhibit.Table{Header: []string{"time (ms)", "ON events", "OFF events"}}
	var at []float64
	rates := [2][]float64{}
	for k := range moments {
		var n [2]float64
		for _, e := range s.Slice(cuts[k], cuts[k+1]).Events {
			x, y, i := xs.off, ys.off, 0
			if e.On {
				x, y, i = xs.on, ys.on, 1
			}
			x[int(e.X)*moments+k]++
			y[int(e.Y)*moments+k]++
			n[i]++
		}
		middle := (float64(k) + .5) * span / moments
		table.Add(middle, int(n[1]), int(n[0]))
		at = append(at, middle)
		for i := range rates { // in thousands a second
			rates[i] = append(rates[i], n[i]/(span/moments))
		}
	}
	panels := []*plotstyle.Panel{
		spacePanel("Columns", "x (pixel)", xs, span, true),
		spacePanel("Rows", "y (pixel)", ys, span, false),
		ratePanel(at, rates, span),
	}
	fig := plotstyle.Figure{Width: width, Height: 560, Draw: func(c draw.Canvas) {
		c = draw.Crop(c, border, -border, border, -border)
		plotstyle.Heading(c, title)
		c.Max.Y -= titleHeight
		h := (c.Max.Y - c.Min.Y) / vg.Length(len(panels))
		for i, p := range panels {
			part := c
			part.Max.Y -= vg.Length(i) * h
			part.Min.Y = part.Max.Y - h + gutter
			p.Draw(part)
		}
	}}
	return exhibit.Exhibit{Name: "space-time", Figure: fig, Table: table}, nil
}

// spacePanel draws one axis of the sensor against time. Pixels are counted from
// the upper edge, as in an image.
func spacePanel(title, axis string, c *canvas, span float64, key bool) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, "time (ms)", axis)
	p.SetRange(0, span, 0, float64(c.h))
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
	p.Mark("", plotstyle.Pixels{Image: c.image(full(c)), X0: 0, X1: span, Y0: float64(c.h), Y1: 0})
	if key {
		p.Key("ON", plotstyle.Area{Fill: inks.on})
		p.Key("OFF", plotstyle.Area{Fill: inks.off})
	}
	return p
}

func ratePanel(at []float64, rates [2][]float64, span float64) *plotstyle.Panel {
	p := plotstyle.NewPanel("Rate", "time (ms)", "events (1000/s)")
	p.SetRange(0, span, 0, 1.05*max(slices.Max(rates[0]), slices.Max(rates[1])))
	p.Mark("ON", plotstyle.Curve{X: at, Y: rates[event.On], Color: inks.on, Width: 1.2})
	p.Mark("OFF", plotstyle.Curve{X: at, Y: rates[event.Off], Color: inks.off, Width: 1.2})
	return p
}
