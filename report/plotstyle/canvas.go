package plotstyle

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// dpi is the resolution of PNG files.
const dpi = 160

// WritePNG writes what draw draws on white paper, in points, as a PNG file.
func WritePNG(w io.Writer, width, height vg.Length, draw func(draw.Canvas)) error {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	onPaper(c, width, height, draw)
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

// WriteSVG writes what draw draws on white paper, in points, as an SVG file.
func WriteSVG(w io.Writer, width, height vg.Length, draw func(draw.Canvas)) error {
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	onPaper(c, width, height, draw)
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return err
	}
	// Arial has the same metrics, where Liberation is not installed.
	_, err := io.WriteString(w, strings.ReplaceAll(buf.String(), svgFont, svgFont+",Arial,Helvetica,sans-serif"))
	return err
}

func onPaper(c vg.CanvasSizer, width, height vg.Length, d func(draw.Canvas)) {
	all := draw.NewCanvas(c, width, height)
	c.SetColor(Paper)
	c.Fill(all.Rectangle.Path())
	d(all)
}

// An Inline is the inside of an svg element whose viewBox is "0 0 Width Height".
// It takes its colors from CSS variables and its font from the page.
type Inline struct {
	Width, Height float64
	Content       template.HTML
}

const svgFont = "font-family:Liberation Sans"

var svgColor = regexp.MustCompile(`:#[0-9A-F]{6}`)

// NewInline returns what draw draws, in points, on a transparent ground.
func NewInline(width, height vg.Length, d func(draw.Canvas)) (Inline, error) {
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	d(draw.NewCanvas(c, width, height))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return Inline{}, err
	}
	s := buf.String()
	_, s, opened := strings.Cut(s, "<svg")
	_, s, headed := strings.Cut(s, ">")
	end := strings.LastIndex(s, "</svg>")
	if !opened || !headed || end < 0 {
		return Inline{}, fmt.Errorf("the plotting library's SVG has no svg element")
	}
	s = svgColor.ReplaceAllStringFunc(s[:end], func(value string) string {
		if v, ok := variables[value[1:]]; ok {
			return ":" + v
		}
		return value
	})
	s = plain.Replace(s)
	return Inline{width.Points(), height.Points(), template.HTML(strings.TrimSpace(s))}, nil
}

// plain drops what the page's style sheet says once.
var plain = strings.NewReplacer(
	"\n\tstyle", " style", svgFont+";", "", "font-variant:normal;", "", "font-weight:normal;", "", "font-style:normal;", "",
)

// variables maps the colors as the plotting library writes them to their CSS
// variables.
var variables = func() map[string]string {
	v := map[string]string{}
	for _, c := range Colors() {
		v[svgHex(c)] = "var(--" + c.Name + ")"
		v[svgHex(c.Faded())] = "var(--" + c.Name + ")" // opacity stands beside it
	}
	return v
}()

// svgHex writes a color as the plotting library does, which loses a unit here
// and there when it divides by the opacity.
func svgHex(c color.Color) string {
	r, g, b, a := c.RGBA()
	scale := 255 / float64(a)
	return fmt.Sprintf("#%02X%02X%02X", int(float64(r)*scale), int(float64(g)*scale), int(float64(b)*scale))
}
