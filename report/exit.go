package report

import (
	"fmt"

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

	labelApart = .055 // of the axis, between the steps of labelled points
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
	shown := 0. // steps of the last labelled point
	for i, e := range c.Points {
		if i > 0 && e.Steps-shown < labelApart*last {
			continue
		}
		shown = e.Steps
		p.Mark("", plotstyle.Note{X: e.Steps, Y: 100 * e.Accuracy, Text: fmt.Sprint(e.Margin), Color: plotstyle.Blue})
	}
	lo, hi := around(append(append([]float64{}, fixed.Y...), early.Y...), .08)
	p.SetRange(min(1, last-.5), max(last, 1.5), lo, hi)
	return plotstyle.Figure{Width: exitWidth, Height: exitHeight, Draw: func(c draw.Canvas) {
		p.Draw(draw.Crop(c, exitBorder, -exitBorder, exitBorder, -exitBorder))
	}}
}
