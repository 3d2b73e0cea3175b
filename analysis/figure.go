package analysis

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// neuronFigure draws a neuron: its map under constant input with fixed points
// and trajectories, and its responses to a step and to impulses.
func neuronFigure(m neuron.Model, subjects []subject, o DynamicsOptions) plotstyle.Figure {
	d := subjects[0].d
	title := heading(m, d)
	panels := []*plotstyle.Panel{
		mapPanel(d, o),
		responsePanel("Response to a step of "+label(o.Step), stepInput(o.Steps, o.Step), subjects),
		responsePanel(impulseTitle(o.Impulses), impulses(o.Steps, o.Impulses), subjects),
	}
	return plotstyle.Figure{Width: figureWidth, Height: figureHeight, Draw: func(c draw.Canvas) { layOut(c, title, panels) }}
}

// heading writes what a neuron is, as the title of a figure.
func heading(m neuron.Model, d neuron.Dynamics) string {
	title := describe(m.Form, params(m))
	if len(m.Params) > 0 {
		title += "; "
	} else {
		title += ": "
	}
	return title + fmt.Sprintf("θ = %s, %s, %s", exact(d.Threshold), resetText(m.Reset, m.ResetValue), floorText(m.Floor))
}

func impulseTitle(sizes []float64) string {
	if len(sizes) == 0 {
		return "Response without input"
	}
	var s []string
	for _, v := range sizes {
		s = append(s, label(v))
	}
	if len(s) == 1 {
		return "Response to an impulse of " + s[0]
	}
	return "Response to impulses of " + strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}

// label writes a number for a figure.
func label(v float64) string { return plotstyle.Signed(short(v)) }

const figureWidth, figureHeight = 780, 430

// layOut places the map on the left and the responses on the right.
func layOut(c draw.Canvas, title string, panels []*plotstyle.Panel) {
	c = under(c, title)
	left, right := c, c
	left.Max.X = c.Min.X + mapWidth
	right.Min.X = left.Max.X + gutter
	panels[0].Draw(left)
	middle := (c.Min.Y + c.Max.Y) / 2
	upper, lower := right, right
	upper.Min.Y, lower.Max.Y = middle+gutter/4, middle-gutter/4
	panels[1].Draw(upper)
	panels[2].Draw(lower)
}
