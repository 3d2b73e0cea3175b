// Package plotstyle is the look that all of the project's plots share: colours,
// type, axes, legends, and the marks that are drawn. Plots go to PNG and SVG
// files or into an HTML page, where they follow its light or dark colours.
package plotstyle

import (
	"fmt"
	"image/color"
	"math"
	"strings"
)

// A Color is a role in a plot and how it looks on white paper and on a dark
// screen. As a color.Color it is its look on paper.
type Color struct {
	Name        string // its CSS variable is --Name
	Light, Dark color.NRGBA
}

// RGBA implements color.Color.
func (c Color) RGBA() (r, g, b, a uint32) { return c.Light.RGBA() }

// fade is the opacity of faded areas.
const fade = 0x48

// Faded returns the color as areas are filled with it: translucent, so that what
// lies below stays visible.
func (c Color) Faded() color.Color {
	l := c.Light
	l.A = fade
	return l
}

// The colors. Blue, Orange, Green and Pink tell series apart, also for readers
// with deficient colour vision: on paper they are those of Okabe and Ito ("Color
// universal design", 2008), on dark screens lighter ones of the same hues.
var (
	Ink    = role("ink", 0x1f2328, 0xe6e9ed)   // text, thresholds
	Muted  = role("muted", 0x656d76, 0x9aa3ad) // axes, what stands in the background
	Grid   = role("grid", 0xe1e4e8, 0x30363d)
	Paper  = role("paper", 0xffffff, 0x14181d)
	Blue   = role("blue", 0x0072b2, 0x56b4e9)
	Orange = role("orange", 0xd55e00, 0xff9142)
	Green  = role("green", 0x009e73, 0x2fcb9d)
	Pink   = role("pink", 0xcc79a7, 0xe59bc3)
)

// rampLevels is how many colors the ramp for ordered series has.
const rampLevels = 16

var ramp = makeRamp()

// Step returns the color of time step t of T, t from 1: from dark to bright on
// paper, along Viridis. Beyond 16 steps neighbours share a color.
func Step(t, steps int) Color {
	if steps <= 1 {
		return ramp[rampLevels/3]
	}
	i := (t - 1) * (rampLevels - 1) / (steps - 1)
	return ramp[min(max(i, 0), rampLevels-1)]
}

// Colors lists all colors.
func Colors() []Color {
	return append([]Color{Ink, Muted, Grid, Paper, Blue, Orange, Green, Pink}, ramp[:]...)
}

// Variables returns CSS declarations that set the colors' variables to their
// looks on paper or on a dark screen.
func Variables(dark bool) string {
	var b strings.Builder
	for _, c := range Colors() {
		look := c.Light
		if dark {
			look = c.Dark
		}
		fmt.Fprintf(&b, "--%s:#%02x%02x%02x;", c.Name, look.R, look.G, look.B)
	}
	return b.String()
}

func role(name string, light, dark uint32) Color { return Color{name, rgb(light), rgb(dark)} }

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

// viridis holds the colour map Viridis (van der Walt and Smith, 2015) at ten
// evenly spaced places. Its lightness grows evenly, also in print and for
// readers with deficient colour vision.
var viridis = [...]uint32{
	0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725,
}

// makeRamp leaves out the end of Viridis that does not stand out from the
// background.
func makeRamp() (r [rampLevels]Color) {
	for i := range r {
		p := float64(i) / (rampLevels - 1)
		r[i] = Color{fmt.Sprintf("step%d", i), viridisAt(.76 * p), viridisAt(.38 + .62*p)}
	}
	return r
}

func viridisAt(p float64) color.NRGBA {
	p *= float64(len(viridis) - 1)
	i := min(int(p), len(viridis)-2)
	from, to, share := rgb(viridis[i]), rgb(viridis[i+1]), p-float64(i)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return color.NRGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 0xff}
}
