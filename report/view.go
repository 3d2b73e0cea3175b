package report

import (
	"html/template"
	"math"
	"slices"

	"github.com/qif-snn/qif/report/plotstyle"
)

// view is what the page shows, in its order.
type view struct {
	Title    string
	Style    template.CSS
	Summary  []Field
	Warnings []string // the first few
	More     []string // the others
	Curves   []figure
	Epochs   []Epoch
	Best     int

	RateKey   []plotstyle.Sample
	Rates     []figure
	Heat      heatMap
	Key       []plotstyle.Sample
	Potential []layerPotentials
	Narrow    bool // every layer has one figure: several layers fit side by side
	Windows   []windowRows
	Moved     bool // windows of the chosen epoch differ from those at initialisation
	Graph     []GraphRow
	Total     GraphRow
	Config    string
}

// firstWarnings is how many warnings are always visible.
const firstWarnings = 8

func newView(r Run) (*view, error) {
	v := &view{
		Title: r.Title, Style: styles(), Summary: r.Summary,
		Epochs: r.Epochs, Best: r.BestEpoch, Heat: newHeatMap(r), Windows: windowTable(r), Moved: r.moved(), Graph: r.Graph, Config: r.Config,
	}
	n := min(firstWarnings, len(r.Warnings))
	v.Warnings, v.More = r.Warnings[:n], r.Warnings[n:]
	for _, g := range r.Graph {
		v.Total.Params += g.Params
		v.Total.MACs += g.MACs
	}
	var err error
	if len(r.Epochs) > 0 {
		if v.Curves, err = learningCurves(r); err != nil {
			return nil, err
		}
	}
	if v.RateKey, v.Rates, err = rateFigures(r); err != nil {
		return nil, err
	}
	if v.Potential, err = potentialFigures(r.Layers); err != nil {
		return nil, err
	}
	v.Narrow = !slices.ContainsFunc(v.Potential, func(l layerPotentials) bool { return len(l.Figures) > 1 })
	v.Key, err = potentialKey(r.Layers)
	return v, err
}

// heatMap is the table of firing rates per layer and step at one epoch.
type heatMap struct {
	Epoch int // whose rates they are
	Steps []int
	Rows  []heatRow
}

type heatRow struct {
	Node  string
	Cells []heatCell
}

type heatCell struct {
	Rate  float64 // NaN if missing
	Shade float64 // opacity of the cell's color: up to shadeMost at the largest rate
}

const shadeMost = .6

// newHeatMap takes the rates of the chosen epoch, or of the last one if none was
// chosen.
func newHeatMap(r Run) heatMap {
	at := r.chosen()
	if at < 0 {
		at = len(r.Epochs) - 1
	}
	if at < 0 {
		return heatMap{}
	}
	h := heatMap{Epoch: r.Epochs[at].Epoch}
	most := 0.
	for _, l := range r.Layers {
		if len(l.Rates) > 0 {
			most = max(most, largest(l.Rates[at]...))
			for len(h.Steps) < l.steps() {
				h.Steps = append(h.Steps, len(h.Steps)+1)
			}
		}
	}
	for _, l := range r.Layers {
		if len(l.Rates) == 0 {
			continue
		}
		row := heatRow{Node: l.Node}
		for t := range h.Steps {
			c := heatCell{Rate: math.NaN()}
			if t < l.steps() {
				c.Rate = l.Rates[at][t]
			}
			if finite(c.Rate) && most > 0 {
				c.Shade = shadeMost * max(0, c.Rate) / most
			}
			row.Cells = append(row.Cells, c)
		}
		h.Rows = append(h.Rows, row)
	}
	return h
}

// windowRows are the lines of one layer in the table of windows.
type windowRows struct {
	Node  string
	Shape string
	Rows  []windowRow
}

// windowRow compares a step's prediction with what was measured; NaN where
// there is nothing.
type windowRow struct {
	Step                       int
	Width                      float64
	Mean, Std, Rate            float64 // predicted at initialisation
	MeasuredMean, MeasuredStd  float64 // at initialisation
	FinalMean, FinalStd, Final float64 // with the chosen parameters; Final is the rate
	FinalWidth                 float64
}

// moved reports whether windows moved.
func (r Run) moved() bool {
	return slices.ContainsFunc(r.Layers, func(l Layer) bool { return len(l.FinalWidths) > 0 })
}

func windowTable(r Run) []windowRows {
	at := r.chosen()
	nan := math.NaN()
	var all []windowRows
	for _, l := range r.Layers {
		rows := windowRows{Node: l.Node, Shape: string(l.Shape)}
		for t := range l.steps() {
			w := windowRow{t + 1, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}
			if len(l.Widths) > 0 {
				w.Width = l.Widths[t]
			}
			if len(l.FinalWidths) > 0 {
				w.FinalWidth = l.FinalWidths[t]
			}
			if len(l.Predicted) > 0 {
				m := l.Predicted[t]
				w.Mean, w.Std, w.Rate = m.Mean, m.Std, m.Rate
			}
			if len(l.Initial) > 0 {
				w.MeasuredMean, w.MeasuredStd = l.Initial[t].Moments()
			}
			if len(l.Final) > 0 {
				w.FinalMean, w.FinalStd = l.Final[t].Moments()
			}
			if at >= 0 && len(l.Rates) > 0 {
				w.Final = l.Rates[at][t]
			}
			rows.Rows = append(rows.Rows, w)
		}
		if len(rows.Rows) > 0 {
			all = append(all, rows)
		}
	}
	return all
}
