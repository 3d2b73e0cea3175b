package analysis

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/plotstyle"
)

// FigureOptions says what a neuron's figure shows.
type FigureOptions struct {
	Inputs   []float64     // constant inputs x whose maps are drawn beside that of null input
	Starts   []float64     // potentials v[0] of the null-input trajectories
	Step     float64       // size of the step input
	Impulses []float64     // sizes of the impulses, evenly spread over time
	Steps    int           // length of the responses, T
	Beside   *neuron.Model // a neuron to compare the responses with; nil: none
}

// DefaultFigureOptions returns options that show a valid neuron's behaviour at a
// glance: trajectories from below the threshold and, where there is rebound,
// from strong inhibition; responses over 30 steps to inputs in proportion to θ −
// reset value; and a LIF beside it, if it is not one itself.
func DefaultFigureOptions(m neuron.Model) (FigureOptions, error) {
	d, err := m.Dynamics()
	if err != nil {
		return FigureOptions{}, err
	}
	scale := d.Threshold - d.ResetValue
	o := FigureOptions{Starts: defaultStarts(d), Step: .9 * scale, Impulses: []float64{.9 * scale, -2 * scale}, Steps: 30}
	if m.Form != "lif" {
		lif, err := LIFBeside(m)
		if err != nil {
			return FigureOptions{}, err
		}
		o.Beside = &lif
	}
	return o, nil
}

// LIFBeside returns the default LIF with the threshold, reset and floor of m.
func LIFBeside(m neuron.Model) (neuron.Model, error) {
	lif, err := neuron.Default("lif")
	lif.Threshold, lif.Reset, lif.ResetValue, lif.Floor = m.Threshold, m.Reset, m.ResetValue, m.Floor
	return lif, err
}

// constants returns the inputs whose maps are drawn, null input first.
func (o FigureOptions) constants() []float64 {
	xs := []float64{0}
	for _, x := range o.Inputs {
		if !slices.Contains(xs, x) {
			xs = append(xs, x)
		}
	}
	return xs
}

func (o FigureOptions) check() error {
	if err := checkInputs(o.Inputs); err != nil {
		return err
	}
	if err := checkSteps(o.Steps); err != nil {
		return err
	}
	if len(o.Impulses) > o.Steps {
		return fmt.Errorf("%d impulses do not fit into %d time steps", len(o.Impulses), o.Steps)
	}
	for name, vs := range map[string][]float64{"start": o.Starts, "step": {o.Step}, "impulse": o.Impulses} {
		for _, v := range vs {
			if !finite(v) {
				return fmt.Errorf("%s %v is not a finite number", name, v)
			}
		}
	}
	return nil
}

// NeuronFigure draws a neuron: its map under constant input with fixed points
// and null-input trajectories, and its responses to a step and to impulses. It
// refuses invalid models and options.
func NeuronFigure(m neuron.Model, o FigureOptions) (plotstyle.Figure, error) {
	d, err := m.Dynamics()
	if err != nil {
		return plotstyle.Figure{}, err
	}
	if err := o.check(); err != nil {
		return plotstyle.Figure{}, err
	}
	if scale := d.Threshold - d.ResetValue; !(scale > 1e-100 && scale < 1e100) {
		return plotstyle.Figure{}, fmt.Errorf("threshold %v and reset value %v span a range that cannot be drawn", d.Threshold, d.ResetValue)
	}
	subjects := []subject{{m.Form, d, plotstyle.Blue, nil}}
	if o.Beside != nil {
		other, err := o.Beside.Dynamics()
		if err != nil {
			return plotstyle.Figure{}, fmt.Errorf("neuron to compare with: %w", err)
		}
		subjects = append(subjects, subject{plotstyle.Signed(describe(o.Beside.Form, params(*o.Beside))), other, plotstyle.Orange, plotstyle.Dashed})
	}
	title := describe(m.Form, params(m))
	if len(m.Params) > 0 {
		title += "; "
	} else {
		title += ": "
	}
	title += fmt.Sprintf("θ = %s, %s, %s", exact(d.Threshold), resetText(m.Reset, m.ResetValue), floorText(m.Floor))
	panels := []*plotstyle.Panel{
		mapPanel(d, o),
		responsePanel("Response to a step of "+label(o.Step), stepInput(o.Steps, o.Step), subjects),
		responsePanel(impulseTitle(o.Impulses), impulses(o.Steps, o.Impulses), subjects),
	}
	return plotstyle.Figure{Width: figureWidth, Height: figureHeight, Draw: func(c draw.Canvas) { layOut(c, plotstyle.Signed(title), panels) }}, nil
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

const (
	figureWidth, figureHeight = 780, 430
	border                    = 14
	titleHeight               = 24
	gutter                    = 20
)

// layOut places the map on the left and the responses on the right.
func layOut(c draw.Canvas, title string, panels []*plotstyle.Panel) {
	c = draw.Crop(c, border, -border, border, -border)
	plotstyle.Heading(c, title)
	c.Max.Y -= titleHeight
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
