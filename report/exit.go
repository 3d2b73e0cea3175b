package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/report/plotstyle"
)

// ExitCurve is how a network's accuracy depends on the time steps that it takes.
type ExitCurve struct {
	PerStep []float64   // accuracy if every sample takes 1, 2, … T steps
	Points  []ExitPoint // with early exit, by rising margin
}

// ExitPoint is what early exit reaches at a margin.
type ExitPoint struct{ Margin, Steps, Accuracy float64 } // Steps is the mean over samples

const (
	exitWidth, exitHeight, exitBorder = 480, 320, 12

	labelApart = .055 // of an axis, at least, between labelled points
)

// ExitFigure draws accuracy over the mean number of steps: of early exit, with
// the margins beside the points, and of fixed numbers of steps.
func ExitFigure(title string, c ExitCurve) plotstyle.Figure {
	p := plotstyle.NewPanel(title, "mean time steps per sample", "accuracy / %")
	var fixed, early plotstyle.Curve
	for t, a := range c.PerStep {
		fixed.X, fixed.Y = append(fixed.X, float64(t+1)), append(fixed.Y, 100*a)
	}
	for _, e := range c.Points {
		early.X, early.Y = append(early.X, e.Steps), append(early.Y, 100*e.Accuracy)
	}
	fixed.Color, fixed.Width, fixed.Dashes, fixed.Dots = plotstyle.Muted, 1.4, plotstyle.Dashed, len(fixed.X) <= dotted
	early.Color, early.Width, early.Dots = plotstyle.Blue, 1.6, true
	p.Mark("all samples take t steps", fixed)
	p.Mark("early exit, with its margin", early)
	last := float64(len(c.PerStep))
	lo, hi := plotstyle.Around(slices.Concat(fixed.Y, early.Y), .08)
	p.SetRange(min(1, last-.5), max(last, 1.5), lo, hi)
	for _, n := range notes(c.Points, labelApart*last, labelApart*(hi-lo)) {
		p.Mark("", n)
	}
	return plotstyle.Figure{Width: exitWidth, Height: exitHeight, Draw: func(c draw.Canvas) {
		p.Draw(draw.Crop(c, exitBorder, -exitBorder, exitBorder, -exitBorder))
	}}
}

// notes labels the points with their margins, but for those that lie nearer than
// dx and dy to the last that has a label.
func notes(points []ExitPoint, dx, dy float64) []plotstyle.Note {
	var all []plotstyle.Note
	for _, e := range points {
		n := plotstyle.Note{X: e.Steps, Y: 100 * e.Accuracy, Text: fmt.Sprint(e.Margin), Color: plotstyle.Blue}
		if len(all) > 0 {
			if shown := all[len(all)-1]; math.Abs(n.X-shown.X) < dx && math.Abs(n.Y-shown.Y) < dy {
				continue
			}
		}
		all = append(all, n)
	}
	return all
}
