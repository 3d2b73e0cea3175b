// Package report writes one training run as a single HTML file that needs
// nothing else: no network, no scripts, no fonts. It reads in light and dark
// mode and on paper.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/qif-snn/qif/report/plotstyle"
	"github.com/qif-snn/qif/window"
)

// Run is what a report says of one training run. Numbers that are not finite are
// shown as "–" and drawn as gaps. Lists may be empty.
type Run struct {
	Title     string
	Summary   []Field
	Warnings  []string
	Epochs    []Epoch
	BestEpoch int // the Epoch that was chosen; 0 if none
	Layers    []Layer
	Config    string // the merged recipe, TOML
	Graph     []GraphRow
}

// Field is a named value as it is shown.
type Field struct{ Name, Value string }

// Epoch is the record of one epoch. Accuracies are fractions.
type Epoch struct {
	Epoch                    int // from 1
	TrainLoss, TrainAccuracy float64
	ValLoss, ValAccuracy     float64
	LearningRate             float64
}

// Layer is what was predicted and measured of one neuron layer over the time
// steps t = 1..T.
type Layer struct {
	Node   string
	Theta  float64 // threshold
	Shape  window.Shape
	Widths []float64 // [T], rectangle-equivalent, at initialisation
	// FinalWidths are those of the chosen epoch, [T]; nil if windows do not move.
	FinalWidths []float64
	Predicted   []window.Moments // [T], at initialisation
	Rates       [][]float64      // [epoch][T], measured, in the order of Run.Epochs
	// Initial and Final are the membrane potentials before firing, [T], at
	// initialisation and with the chosen parameters. Their bins are all equal.
	Initial, Final []Histogram
}

// GraphRow describes one node of the network. MACs are per sample and step.
type GraphRow struct {
	Node, Op, Output string
	Params, MACs     int64
}

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"count": count, "fixed": fixed, "percent": percent, "general": general,
}).Parse(pageText))

// HTML writes the report. It fails, naming the layer and the field, if lists
// that belong together differ in length or histograms in bins, and it passes on
// the errors of w.
func HTML(w io.Writer, r Run) error {
	for i := range r.Layers {
		if err := r.Layers[i].check(len(r.Epochs)); err != nil {
			return fmt.Errorf("report: layer %d %q: %w", i, r.Layers[i].Node, err)
		}
	}
	v, err := newView(r)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var buf bytes.Buffer
	if err := page.Execute(&buf, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

// steps returns T: the length of the first list that has one.
func (l *Layer) steps() int {
	for _, n := range []int{len(l.Widths), len(l.Predicted), len(l.Initial), len(l.Final)} {
		if n > 0 {
			return n
		}
	}
	if len(l.Rates) > 0 {
		return len(l.Rates[0])
	}
	return 0
}

func (l *Layer) check(epochs int) error {
	steps := l.steps()
	for _, f := range []struct {
		name string
		n    int
	}{{"Widths", len(l.Widths)}, {"FinalWidths", len(l.FinalWidths)}, {"Predicted", len(l.Predicted)}, {"Initial", len(l.Initial)}, {"Final", len(l.Final)}} {
		if f.n != 0 && f.n != steps {
			return fmt.Errorf("%s has %d time steps, expected %d", f.name, f.n, steps)
		}
	}
	if n := len(l.Rates); n != 0 && n != epochs {
		return fmt.Errorf("firing rates have %d epochs, expected %d", n, epochs)
	}
	for e, r := range l.Rates {
		if len(r) != steps {
			return fmt.Errorf("firing rates have %d time steps at epoch %d of %d, expected %d", len(r), e+1, epochs, steps)
		}
	}
	if len(l.Widths)+len(l.FinalWidths) > 0 {
		if _, err := window.ParseShape(string(l.Shape)); err != nil {
			return err
		}
	}
	return checkBins(slices.Concat(l.Initial, l.Final))
}

func checkBins(hs []Histogram) error {
	for i, h := range hs {
		if len(h.Counts) == 0 || !finite(h.Lo) || !(h.Hi > h.Lo) || !finite(h.Hi-h.Lo) {
			return fmt.Errorf("histogram %d has %d bins over [%v, %v)", i, len(h.Counts), h.Lo, h.Hi)
		}
		if first := hs[0]; h.Lo != first.Lo || h.Hi != first.Hi || len(h.Counts) != len(first.Counts) {
			return fmt.Errorf("histogram %d has %d bins over [%v, %v), the first %d over [%v, %v)",
				i, len(h.Counts), h.Lo, h.Hi, len(first.Counts), first.Lo, first.Hi)
		}
	}
	return nil
}

// styles is the page's style sheet: the colors of all plots, then its own rules.
func styles() template.CSS {
	return template.CSS(":root{color-scheme:light dark;" + plotstyle.Variables(false) + "}\n" +
		"@media screen and (prefers-color-scheme:dark){:root{" + plotstyle.Variables(true) + "}}\n" + styleText)
}
