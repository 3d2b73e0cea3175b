package analysis

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"

	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
	"github.com/qif-snn/qif/window"
)

// Exhibits draws the study: the densities with the windows, the moments by source,
// and the errors of the closed forms. What needs the exact density is left out
// where there is none.
func (s WindowStudy) Exhibits() []exhibit.Exhibit {
	all := []exhibit.Exhibit{s.momentsExhibit()}
	if len(s.densities) > 0 {
		all = append(all, s.densityExhibit(), s.errorExhibit())
	}
	return all
}

func (s WindowStudy) title() string {
	title := fmt.Sprintf("%s; θ = %s, %s, %s; input deviation %s", describe(s.Neuron, s.Params), exact(s.Threshold), resetText(s.Reset, s.ResetValue), floorText(s.Floor), short(s.Input.SD))
	if s.Input.Rho > 0 {
		title += ", ρ = " + exact(s.Input.Rho)
	}
	return plotstyle.Signed(title)
}

// looks tells policies and closed forms apart.
var looks = []struct {
	color plotstyle.Color
	dash  []vg.Length
}{
	{plotstyle.Orange, nil}, {plotstyle.Blue, plotstyle.Dashed}, {plotstyle.Pink, nil}, {plotstyle.Green, plotstyle.Dashed},
	{plotstyle.Ink, plotstyle.Dotted}, {plotstyle.Muted, nil},
}

// densityPoints is how many points draw a density.
const densityPoints = 400

// densityExhibit draws the exact densities of all steps, and around the
// threshold that of the last with the windows of all policies.
func (s WindowStudy) densityExhibit() exhibit.Exhibit {
	lo, hi := s.densityRange()
	table := exhibit.Table{Header: []string{"u"}}
	us := make([]float64, densityPoints)
	for i := range us {
		us[i] = lo + (hi-lo)*float64(i)/(densityPoints-1)
		table.Rows = append(table.Rows, []any{us[i]})
	}
	left := plotstyle.NewPanel("Exact density before firing", "membrane potential u", "probability density")
	top := 0.0
	var last []float64
	for t, m := range s.densities {
		curve := plotstyle.Curve{X: us, Y: make([]float64, densityPoints), Color: plotstyle.Step(t+1, len(s.densities)), Width: 1.3}
		table.Header = append(table.Header, fmt.Sprintf("density at t = %d", t+1))
		for i, u := range us {
			curve.Y[i] = m.Density(u)
			top = max(top, curve.Y[i])
			table.Rows[i] = append(table.Rows[i], curve.Y[i])
		}
		name := ""
		if n := len(s.densities); n <= 6 || t == 0 || t == n-1 || t == n/2 {
			name = "t = " + strconv.Itoa(t+1)
		}
		left.Mark(name, curve)
		last = curve.Y
	}
	s.markThreshold(left)
	left.SetRange(lo, hi, 0, 1.08*top)
	right := s.windowPanel(us, last)
	return exhibit.Exhibit{Name: "window-density", Figure: panelRow(s.title(), 780, 340, left, right), Table: table}
}

// densityRange covers four deviations at every step.
func (s WindowStudy) densityRange() (lo, hi float64) {
	lo, hi = s.Threshold, s.Threshold
	for t := range s.densities {
		m := s.Steps[t].Exact
		lo, hi = min(lo, m.Mean-4*m.SD), max(hi, m.Mean+4*m.SD)
	}
	return lo, hi
}

func (s WindowStudy) markThreshold(p *plotstyle.Panel) {
	p.Mark("", plotstyle.Rule{At: s.Threshold, Label: "θ", Color: plotstyle.Ink, Width: .8, Dashes: plotstyle.Dashed})
}

// windowPanel draws the windows of the last step whose density is known.
func (s WindowStudy) windowPanel(us, density []float64) *plotstyle.Panel {
	t := len(s.densities)
	p := plotstyle.NewPanel(fmt.Sprintf("Windows at t = %d, %s", t, s.Shape), "membrane potential u", "h(u−θ)")
	p.Mark("density", plotstyle.Area{X: us, Y: density, Fill: plotstyle.Muted.Faded()})
	sd := s.Steps[t-1].Exact.SD
	reach, top := 2*sd, 0.0
	for _, policy := range s.Policies {
		if w := s.Steps[t-1].Windows[policy]; w != nil {
			reach = max(reach, min(.75*(*w), 4*sd))
		}
	}
	for i, policy := range s.Policies {
		w := s.Steps[t-1].Windows[policy]
		if w == nil {
			continue
		}
		look := looks[i%len(looks)]
		curve := plotstyle.Curve{Color: look.color, Dashes: look.dash, Width: 1.4}
		for j := range 2*densityPoints + 1 {
			d := reach * (float64(j)/densityPoints - 1)
			h := s.Shape.At(d, *w)
			curve.X, curve.Y = append(curve.X, s.Threshold+d), append(curve.Y, h)
			top = max(top, h)
		}
		p.Mark(policy, curve)
	}
	for i, v := range density {
		if math.Abs(us[i]-s.Threshold) < reach {
			top = max(top, v)
		}
	}
	s.markThreshold(p)
	p.SetRange(s.Threshold-reach, s.Threshold+reach, 0, 1.08*top)
	return p
}

// momentsExhibit draws deviation and firing rate per step by source.
func (s WindowStudy) momentsExhibit() exhibit.Exhibit {
	table := exhibit.Table{Header: []string{"t", "source", "mean", "sd", "rate", "density at threshold", "standard error of sd", "standard error of rate"}}
	sd := s.stepPanel("Deviation of the potential", "σ of u[t]")
	rate := s.stepPanel("Firing rate", "share of neurons that fire")
	names := []string{"exact", "closed", "simulated"}
	var sds, rates [3]plotstyle.Curve
	for _, step := range s.Steps {
		var simulated *StudyMoments
		var errSD, errRate any
		if m := step.Simulated; m != nil {
			simulated, errSD, errRate = &m.StudyMoments, m.Errors.SD, m.Errors.Rate
		}
		for i, m := range []*StudyMoments{step.Exact, step.Closed, simulated} {
			if m == nil {
				continue
			}
			for _, to := range []struct {
				c *plotstyle.Curve
				v float64
			}{{&sds[i], m.SD}, {&rates[i], m.Rate}} {
				to.c.X, to.c.Y = append(to.c.X, float64(step.T)), append(to.c.Y, to.v)
			}
			row := []any{step.T, names[i], m.Mean, m.SD, m.Rate, m.Density, nil, nil}
			if i == 2 {
				row[6], row[7] = errSD, errRate
			}
			table.Add(row...)
		}
	}
	for _, p := range []struct {
		panel  *plotstyle.Panel
		curves [3]plotstyle.Curve
	}{{sd, sds}, {rate, rates}} {
		simulated := plotstyle.Dot{Color: plotstyle.Orange, Radius: 5, Open: true}
		closed := plotstyle.Dot{Color: plotstyle.Blue, Radius: 2.4}
		line := p.curves[0]
		line.Color, line.Width = plotstyle.Muted, 1.2
		markDots(p.panel, "simulated", p.curves[2], simulated)
		p.panel.Mark("exact", line)
		markDots(p.panel, "closed", p.curves[1], closed)
		p.panel.Y.Min, p.panel.Y.Max = rangeOf(.15, p.curves[0].Y, p.curves[1].Y, p.curves[2].Y)
	}
	return exhibit.Exhibit{Name: "window-moments", Figure: panelRow(s.title(), 780, 340, sd, rate), Table: table}
}

// markDots marks points by dots, which are listed once if there are any.
func markDots(p *plotstyle.Panel, name string, at plotstyle.Curve, d plotstyle.Dot) {
	for i := range at.X {
		d.X, d.Y = at.X[i], at.Y[i]
		p.Mark("", d)
		p.KeyOnce(name, d)
	}
}

// stepPanel returns an empty panel over the time steps.
func (s WindowStudy) stepPanel(title, y string) *plotstyle.Panel {
	p := plotstyle.NewPanel(title, "time step t", y)
	p.X.Tick.Marker = plotstyle.Ticks{Whole: true, Most: 10}
	p.SetRange(.5, float64(len(s.Steps))+.5, 0, 1)
	return p
}

// rangeOf returns the range of values with a margin.
func rangeOf(margin float64, all ...[]float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, vs := range all {
		for _, v := range vs {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi {
		return 0, 1
	}
	if hi-lo < 1e-3*math.Abs(hi) || hi == lo {
		lo, hi = lo-.005*math.Abs(lo)-1e-6, hi+.005*math.Abs(hi)+1e-6
	}
	return lo - margin*(hi-lo), hi + margin*(hi-lo)
}

// against returns the relative error of the deviation and the absolute ones of
// the others.
func (m StudyMoments) against(want StudyMoments) StudyMoments {
	sd := math.Abs(m.SD - want.SD)
	if want.SD > 0 {
		sd /= want.SD
	}
	return StudyMoments{math.Abs(m.Mean - want.Mean), sd, math.Abs(m.Rate - want.Rate), math.Abs(m.Density - want.Density)}
}

// leastError and mostError are where errors end on a logarithmic axis.
const leastError, mostError = 1e-10, 10.

// errorExhibit draws the errors of the closed forms against the exact density.
func (s WindowStudy) errorExhibit() exhibit.Exhibit {
	table := exhibit.Table{Header: []string{"t", "closure", "error of mean", "relative error of sd", "error of rate", "error of density at threshold"}}
	sd := s.stepPanel("Error of the deviation", "relative error of σ")
	rate := s.stepPanel("Error of the firing rate", "error of the rate")
	var shown [2][]float64
	for i, p := range window.Predictors {
		look := looks[i%len(looks)]
		curve := plotstyle.Curve{Color: look.color, Dashes: look.dash, Width: 1.4, Dots: true}
		sds, rates := curve, curve
		for t := range s.densities {
			m := s.Steps[t].Closures[p.Name]
			if i == 0 {
				m = s.Steps[t].Closed
			}
			if m == nil {
				continue
			}
			e := m.against(*s.Steps[t].Exact)
			table.Add(t+1, p.Name, e.Mean, e.SD, e.Rate, e.Density)
			sds.X, sds.Y = append(sds.X, float64(t+1)), append(sds.Y, math.Log10(max(e.SD, leastError)))
			rates.X, rates.Y = append(rates.X, float64(t+1)), append(rates.Y, math.Log10(max(e.Rate, leastError)))
		}
		sd.Mark(p.Name, sds)
		rate.Mark(p.Name, rates)
		shown[0], shown[1] = append(shown[0], sds.Y...), append(shown[1], rates.Y...)
	}
	for i, p := range []*plotstyle.Panel{sd, rate} {
		p.Y.Tick.Marker = plotstyle.LogTicks{}
		lo, hi := rangeOf(.06, shown[i])
		p.Y.Min, p.Y.Max = lo, min(hi, math.Log10(mostError))
	}
	return exhibit.Exhibit{Name: "window-closures", Figure: panelRow(s.title(), 780, 340, sd, rate), Table: table}
}
