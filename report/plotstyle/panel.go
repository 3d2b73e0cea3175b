package plotstyle

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	stdfont "golang.org/x/image/font"
)

// Sizes, in points.
const (
	textSize  = 10
	titleSize = 11
	hairline  = .6
	sample    = 18 // length of a line in the legend
)

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// A Panel is a plot with its title and legend above the data, where they cover
// nothing.
type Panel struct {
	*plot.Plot
	Title   string
	Scale   *Scale // drawn beside a heat map; nil: none
	entries []entry
}

type entry struct {
	name  string
	marks []Mark
}

// NewPanel returns an empty panel with grid lines behind the data.
func NewPanel(title, x, y string) *Panel {
	p := &Panel{Plot: plot.New(), Title: title}
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Width, a.Padding = Muted, hairline, 0
		a.Label.TextStyle.Color, a.Label.TextStyle.Font = Ink, font.From(sans, textSize)
		a.Label.Padding = 2
		a.Tick.Label.Color, a.Tick.Label.Font = Muted, font.From(sans, textSize-1)
		a.Tick.Color, a.Tick.Width, a.Tick.Length = Muted, hairline, 4.5
		a.Tick.Marker = Ticks{}
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Add(gridLines{})
	return p
}

// SetRange sets the ranges of both axes.
func (p *Panel) SetRange(xmin, xmax, ymin, ymax float64) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xmin, xmax, ymin, ymax
}

// Mark adds marks to the plot. If name is not empty, the legend lists them under
// it.
func (p *Panel) Mark(name string, marks ...Mark) {
	for _, m := range marks {
		p.Add(m)
	}
	if name != "" {
		p.Key(name, marks...)
	}
}

// Key adds an entry to the legend alone, composed of the marks' samples.
func (p *Panel) Key(name string, marks ...Mark) {
	p.entries = append(p.entries, entry{name, marks})
}

// KeyOnce is Key, unless the legend has an entry of that name.
func (p *Panel) KeyOnce(name string, marks ...Mark) {
	if !slices.ContainsFunc(p.entries, func(e entry) bool { return e.name == name }) {
		p.Key(name, marks...)
	}
}

// Heading draws the title of a figure of several panels along the upper edge.
func Heading(c draw.Canvas, title string) {
	style := textStyle(titleSize + 2)
	style.Font.Weight = stdfont.WeightBold
	place(c, style, title, c.Min.X, c.Max.Y-titleSize-2)
}

// Draw draws the panel.
func (p *Panel) Draw(c draw.Canvas) {
	c.Max.X -= 4 // marks on the right edge stick out
	if p.Title != "" {
		style := textStyle(titleSize)
		style.Font.Weight = stdfont.WeightBold
		place(c, style, p.Title, c.Min.X, c.Max.Y-titleSize)
		c.Max.Y -= titleSize + 7
	}
	c.Max.Y -= p.DrawLegend(c)
	if p.Scale == nil {
		p.Plot.Draw(c)
		return
	}
	bar := c
	c.Max.X -= barSpace
	p.Plot.Draw(c)
	data := p.DataCanvas(c)
	bar.Min.X, bar.Min.Y, bar.Max.Y = data.Max.X, data.Min.Y, data.Max.Y
	p.Scale.draw(bar)
}

// DrawLegend draws the legend alone, from the top, and returns the height that it
// takes: the key to several panels.
func (p *Panel) DrawLegend(c draw.Canvas) vg.Length {
	if len(p.entries) == 0 {
		return 0
	}
	return drawLegend(c, p.entries) + 4
}

// DrawKey draws the legend alone along the upper edge, as the key to several
// panels.
func (p *Panel) DrawKey(c draw.Canvas) { drawLegend(c, p.entries) }

const (
	legendLine  = textSize + 5 // height of a row
	legendSpace = 14           // between entries
	legendInset = 5            // between a sample and its text
)

func (e entry) width() vg.Length {
	return sample + legendInset + textStyle(textSize).Width(e.name) + legendSpace
}

// legendRows breaks entries into rows that fit.
func legendRows(entries []entry, width vg.Length) [][]entry {
	var rows [][]entry
	var x vg.Length
	for _, e := range entries {
		if w := e.width(); len(rows) == 0 || x+w > width+legendSpace {
			rows, x = append(rows, []entry{e}), w
		} else {
			rows[len(rows)-1] = append(rows[len(rows)-1], e)
			x += w
		}
	}
	return rows
}

// A Sample is an entry of a legend for an HTML page: what stands before the name.
type Sample struct {
	Name string
	Inline
}

// Samples returns the panel's legend, as the key to several panels on a page.
func (p *Panel) Samples() ([]Sample, error) {
	const height = 10
	var all []Sample
	for _, e := range p.entries {
		s, err := NewInline(sample, height, func(c draw.Canvas) {
			icon := draw.Crop(c, 0, 0, 1, -1)
			for _, m := range e.marks {
				m.Thumbnail(&icon)
			}
		})
		if err != nil {
			return nil, err
		}
		all = append(all, Sample{e.name, s})
	}
	return all, nil
}

// drawLegend draws the entries side by side from the top and returns the height
// that they take.
func drawLegend(c draw.Canvas, entries []entry) vg.Length {
	rows := legendRows(entries, c.Max.X-c.Min.X)
	for i, row := range rows {
		x, y := c.Min.X, c.Max.Y-vg.Length(i)*legendLine-legendLine/2
		for _, e := range row {
			icon := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: x, Y: y - 4}, Max: vg.Point{X: x + sample, Y: y + 4},
			}}
			for _, m := range e.marks {
				m.Thumbnail(&icon)
			}
			place(c, textStyle(textSize), e.name, x+sample+legendInset, y-textSize*.36)
			x += e.width()
		}
	}
	return vg.Length(len(rows)) * legendLine
}

// Legend draws samples of marks with their names side by side along the upper
// edge, for a figure without panels.
func Legend(c draw.Canvas, names []string, marks []Mark) {
	var entries []entry
	for i, name := range names {
		entries = append(entries, entry{name, []Mark{marks[i]}})
	}
	drawLegend(c, entries)
}

// Caption writes a line of small text that starts at x with its baseline at y.
func Caption(c draw.Canvas, text string, x, y vg.Length) {
	style := textStyle(textSize - 1)
	style.Color = Muted
	place(c, style, text, x, y)
}

func textStyle(size font.Length) text.Style {
	return text.Style{Color: Ink, Font: font.From(sans, size), Handler: plot.DefaultTextHandler}
}

// place draws text that starts at x with its baseline at y. (A text.Style places
// the line's box, whose lower edge lies under the baseline.)
func place(c draw.Canvas, s text.Style, txt string, x, y vg.Length) {
	c.SetColor(s.Color)
	c.FillString(s.Handler.Cache().Lookup(s.Font, s.Font.Size), vg.Point{X: x, Y: y}, txt)
}

// gridLines draws lines across the plot at the labelled ticks of the y axis.
type gridLines struct{}

func (gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() {
			c.StrokeLine2(draw.LineStyle{Color: Grid, Width: hairline}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
