package analysis

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Exhibits returns the study's figures with their data: accuracy and firing over
// the steps of all runs, and of each run its potentials and windows.
func (s *Timesteps) Exhibits() []exhibit.Exhibit {
	title := fmt.Sprintf("Evaluation with more and fewer steps than in training: %s, %d samples", s.Data, s.Samples)
	all := []exhibit.Exhibit{{
		Name: "timesteps-accuracy", Table: s.accuracyTable(),
		Figure: panelRow(title, 780, 340, s.accuracyPanel(), s.ratePanel()),
	}}
	for i, r := range s.Runs {
		name := "timesteps-layers"
		if len(s.Runs) > 1 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		panels := []*plotstyle.Panel{
			r.panel("Firing rate", "share of neurons", func(s TimestepStep) float64 { return s.Rate }),
			r.panel("Mean potential before firing", "potential", func(s TimestepStep) float64 { return s.Mean }),
			r.panel("σ of the potential", "potential", func(s TimestepStep) float64 { return s.SD }),
			r.windowPanel(),
		}
		all = append(all, exhibit.Exhibit{Name: name, Figure: panelRow(r.title(), 1080, 340, panels...), Table: r.table()})
	}
	return all
}

// title names a run in figures and texts.
func (r TimestepRun) title() string {
	return fmt.Sprintf("%s: %s of %s neurons, trained with %s at T = %d", r.Name, r.Net, r.Neuron, r.Loss, r.Trained)
}

func (s *Timesteps) accuracyPanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Accuracy ± standard error", "steps in evaluation", "%")
	x, y := noBounds(), noBounds()
	var lines []plotstyle.Mark // over all bands
	for i, r := range s.Runs {
		line := plotstyle.Curve{Color: seriesColor(i), Width: 1.4, Dots: true}
		band := plotstyle.Band{Fill: seriesColor(i).Faded()}
		for _, a := range r.Accuracy {
			line.X, line.Y = append(line.X, float64(a.Steps)), append(line.Y, 100*a.Accuracy)
			band.Lo, band.Hi = append(band.Lo, 100*(a.Accuracy-a.Error)), append(band.Hi, 100*(a.Accuracy+a.Error))
			x.show(float64(a.Steps))
			y.show(100*(a.Accuracy-a.Error), 100*(a.Accuracy+a.Error))
		}
		band.X = line.X
		p.Mark("", band)
		p.Key(s.legend(i), band, line)
		lines = append(lines, line)
	}
	p.Mark("", lines...)
	s.markTraining(p)
	setRange(p, x, y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	return p
}

func (s *Timesteps) ratePanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Firing rate of all neurons", "time step t", "share of neurons")
	x, y := noBounds(), noBounds()
	y.show(0)
	for i, r := range s.Runs {
		line := plotstyle.Curve{Color: seriesColor(i), Width: 1.4, Dots: true}
		for _, a := range r.Accuracy {
			line.X, line.Y = append(line.X, float64(a.Steps)), append(line.Y, a.Rate)
			x.show(float64(a.Steps))
			y.show(a.Rate)
		}
		p.Mark(s.legend(i), line)
	}
	s.markTraining(p)
	setRange(p, x, y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	return p
}

// legend names a run briefly.
func (s *Timesteps) legend(i int) string {
	return fmt.Sprintf("%s, %s", s.Runs[i].Name, s.Runs[i].Loss)
}

// markTraining draws a rule at each T of training.
func (s *Timesteps) markTraining(p *plotstyle.Panel) {
	seen := map[int]bool{}
	for _, r := range s.Runs {
		if !seen[r.Trained] {
			p.Mark("", trainedRule(r.Trained))
		}
		seen[r.Trained] = true
	}
}

func trainedRule(steps int) plotstyle.Rule {
	return plotstyle.Rule{At: float64(steps), Label: fmt.Sprintf("T = %d", steps), Color: plotstyle.Muted, Width: .8, Dashes: plotstyle.Dashed}
}

// panel draws one number of each layer over the steps, layers from dark to
// bright. Of many layers the legend names the ends and some between.
func (r TimestepRun) panel(title, unit string, of func(TimestepStep) float64) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, "time step t", unit)
	x, y := noBounds(), noBounds()
	for i, l := range r.Layers {
		line := plotstyle.Curve{Color: plotstyle.Step(i+1, len(r.Layers)), Width: 1.4, Dots: true}
		for _, s := range l.Steps {
			line.X, line.Y = append(line.X, float64(s.T)), append(line.Y, of(s))
			x.show(float64(s.T))
			y.show(of(s))
		}
		p.Mark(r.named(i), line)
	}
	p.Mark("", trainedRule(r.Trained))
	setRange(p, x, y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	return p
}

// mostNamed is how many layers a legend names.
const mostNamed = 6

// named is a layer's name in the legend, empty for most of many.
func (r TimestepRun) named(i int) string {
	every := max(1, (len(r.Layers)-1+mostNamed-2)/(mostNamed-1))
	if i%every != 0 && i != len(r.Layers)-1 {
		return ""
	}
	return r.Layers[i].Node
}

// windowPanel shows each layer's width in units of the measured σ: for each step,
// and pooled.
func (r TimestepRun) windowPanel() *plotstyle.Panel {
	p := plotstyle.NewPanel("Width of the window over measured σ", "time step t", "ratio")
	x, y := noBounds(), noBounds()
	for i, l := range r.Layers {
		color := plotstyle.Step(i+1, len(r.Layers))
		own := plotstyle.Curve{Color: color, Width: 1.4}
		pooled := plotstyle.Curve{Color: color, Width: 1.1, Dashes: plotstyle.Dashed}
		for _, s := range l.Steps {
			a, b := orGap(relativeWidth(s, s.PerStep)), orGap(relativeWidth(s, s.PooledWidth))
			own.X, own.Y = append(own.X, float64(s.T)), append(own.Y, a)
			pooled.X, pooled.Y = append(pooled.X, float64(s.T)), append(pooled.Y, b)
			x.show(float64(s.T))
			y.show(a, b)
		}
		p.Mark("", own, pooled)
	}
	p.Key("made per step", plotstyle.Curve{Color: plotstyle.Ink, Width: vg.Points(1.4)})
	p.Key("pooled over T", plotstyle.Curve{Color: plotstyle.Ink, Width: vg.Points(1.1), Dashes: plotstyle.Dashed})
	p.Mark("", trainedRule(r.Trained))
	setRange(p, x, y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true}
	return p
}

// orGap is a number, or NaN, which marks leave out.
func orGap(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func (s *Timesteps) accuracyTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"run", "net", "neuron", "loss", "trained_steps", "steps", "accuracy", "standard_error", "firing_rate"}}
	for _, r := range s.Runs {
		for _, a := range r.Accuracy {
			t.Add(r.Name, r.Net, r.Neuron, r.Loss, r.Trained, a.Steps, a.Accuracy, a.Error, a.Rate)
		}
	}
	return t
}

func (r TimestepRun) table() exhibit.Table {
	t := exhibit.Table{Header: []string{"layer", "window", "t", "firing_rate", "mean", "sd", "predicted_sd", "width_per_step", "width_pooled"}}
	for _, l := range r.Layers {
		for _, s := range l.Steps {
			t.Add(l.Node, l.Policy, s.T, s.Rate, s.Mean, s.SD, s.PredictedSD, s.PerStep, s.PooledWidth)
		}
	}
	return t
}
