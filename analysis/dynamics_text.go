package analysis

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/qif-snn/qif/neuron"
)

// WriteText prints the dynamics for people.
func (s *Dynamics) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", describe(s.Neuron, s.Params))
	fmt.Fprintf(&b, "u[t] = %s + x[t], θ = %s, %s, %s\n\n", polynomial(s.C2, s.C1, s.C0), exact(s.Threshold), resetText(s.Reset, s.ResetValue), floorText(s.Floor))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	s.writeAtInput(table)
	s.Landmarks.write(table)
	table.Flush()
	s.writeStrip(&b)
	s.writeChange(&b)
	s.Rebound.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Dynamics) writeAtInput(w io.Writer) {
	at := ", x = " + short(s.Input)
	label := "fixed points" + at
	switch {
	case s.Every:
		fmt.Fprintf(w, "%s\tevery potential\n", label)
	case len(s.FixedPoints) == 0:
		fmt.Fprintf(w, "%s\tnone\n", label)
	}
	for _, p := range s.FixedPoints {
		stability := stability(p.Stable)
		if string(p.Kind) != stability {
			stability += ", " + string(p.Kind)
		}
		fmt.Fprintf(w, "%s\tv = %s, slope %s, %s\n", label, short(p.V), short(p.Slope), stability)
		label = ""
	}
	if c := s.TwoCycle; c != nil {
		fmt.Fprintf(w, "2-cycle%s\tv = %s and %s, multiplier %s, %s\n", at, short(c.Low), short(c.High), short(c.Multiplier), stability(c.Stable))
	}
	if s.Mirror != nil {
		fmt.Fprintf(w, "mirror%s\tv = %s, which maps to the same potential as the unstable fixed point\n", at, short(*s.Mirror))
	}
	if s.Input != 0 && s.ReboundAtInput != nil {
		fmt.Fprintf(w, "rebound floor%s\tv ≤ %s fires at the next step under this input\n", at, short(*s.ReboundAtInput))
	}
	fmt.Fprintf(w, "from rest%s\t%s\n", at, s.Regime.text())
}

func stability(stable bool) string {
	if stable {
		return "stable"
	}
	return "unstable"
}

// text says in words what happens.
func (a AtRest) text() string {
	switch {
	case a.State == neuron.Fires && a.Spikes == 1 && a.regime.Period == 1:
		return "fires at every step"
	case a.State == neuron.Fires && a.Spikes == 1:
		return fmt.Sprintf("fires with period %d", a.regime.Period)
	case a.State == neuron.Fires:
		return fmt.Sprintf("fires %d times in %d steps", a.Spikes, a.regime.Period)
	case a.State == neuron.FiresIrregular:
		return fmt.Sprintf("fires irregularly at a rate of %s per step", short(a.Rate))
	case a.State == neuron.Cycles:
		return fmt.Sprintf("cycles through %d potentials below θ", a.regime.Period)
	case a.State == neuron.Irregular:
		return "stays below θ without a short period"
	}
	return symbols[string(symbol(a.regime))]
}

func (l Landmarks) write(w io.Writer) {
	rheobase := "x = %s, above which it always fires from rest"
	if !l.RheobaseClosed {
		rheobase += " (by scanning)"
	}
	for _, line := range []struct {
		label, format string
		v             *float64
	}{
		{"rheobase", rheobase, l.Rheobase},
		{"saturation", "x = %s, from which on it fires at every step", l.Saturation},
		{"threshold input", "x = %s, which holds the potential at θ", l.ThresholdInput},
		{"saddle node", "x = %s, where the fixed points meet and vanish", l.SaddleNode},
		{"period doubling", "x = %s, where a fixed point sheds a 2-cycle", l.Flip},
		{"", "x = %s, where that sheds a cycle of 4", l.PeriodFour},
		{"vertex", "v = %s, where the map turns", l.Vertex},
		{"rebound floor", "v ≤ %s fires at the next step without input", l.ReboundFloor},
	} {
		if line.v != nil {
			fmt.Fprintf(w, "%s\t"+line.format+"\n", line.label, short(*line.v))
		}
	}
	if l.AlwaysFires {
		fmt.Fprintln(w, "rebound floor\tfires from every potential without input")
	}
}

// Columns of a strip of regimes, and of the labels below it.
const (
	stripWidth = 65
	stripLabel = 16
)

// writeStrip draws a line of symbols over the range of constant inputs.
func (s *Dynamics) writeStrip(b *strings.Builder) {
	name := s.Neuron
	n := len(s.ConstantInput)
	var own, beside, axis strings.Builder
	used := map[string]bool{}
	for i := range stripWidth {
		a := s.ConstantInput[i*(n-1)/(stripWidth-1)]
		own.WriteByte(symbol(a.regime))
		used[string(symbol(a.regime))] = true
		if s.Beside != nil {
			beside.WriteByte(symbol(a.beside))
			used[string(symbol(a.beside))] = true
		}
		if i%stripLabel == 0 {
			fmt.Fprintf(&axis, "%-*s", stripLabel, short(a.Input))
		}
	}
	fmt.Fprintf(b, "\nfrom rest under constant input x\n  x          %s\n  %-10s %s\n", strings.TrimRight(axis.String(), " "), name, own.String())
	if s.Beside != nil {
		fmt.Fprintf(b, "  %-10s %s\n", s.Beside.Neuron, beside.String())
	}
	var legend []string
	for _, key := range slices.Sorted(maps.Keys(symbols)) {
		digit := key == "2" && strings.ContainsAny(own.String()+beside.String(), "23456789")
		if used[key] || digit {
			legend = append(legend, key+" "+symbols[key])
		}
	}
	fmt.Fprintf(b, "  %s\n", strings.Join(legend, "; "))
}

func (s *Dynamics) writeChange(b *strings.Builder) {
	fmt.Fprintf(b, "\nat rest under x = %s, which becomes %s; contrast: peak less steady state\n", short(s.Change.From), short(s.Change.To))
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tu before\tfirst\tpeak\tsteady\tcontrast\tof a small change\tspikes\tlong-run rate\t")
	row := func(name string, c ChangeResponse) {
		if c.Before == nil {
			fmt.Fprintf(table, "%s\tdoes not rest before\t\t\t\t\t\t\t\n", name)
			return
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s Δ\t%d\t%s\t\n", name, orNone(c.Before), orNone(c.First), orNone(c.Peak), orNone(c.Steady), orNone(c.Contrast), orNone(c.Gain), *c.Spikes, orNone(c.Rate))
	}
	row(s.Neuron, s.Change.Neuron)
	if s.Change.Beside != nil {
		row(describe(s.Beside.Neuron, s.Beside.Params), *s.Change.Beside)
	}
	table.Flush()
}

func (r Rebound) write(b *strings.Builder) {
	fmt.Fprintf(b, "\nrebounds, spikes that inhibition makes: %d neurons, T = %d, normal input of mean %s\n", r.Samples, r.Steps, short(r.InputMean))
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "input deviation\trate\tshare\tstandard error\tshare, integrated\t")
	for _, p := range r.Points {
		closed := orNone(p.IntegratedShare)
		if p.Problem != nil {
			closed = "unbounded"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t\n", short(p.InputSD), short(p.Rate), orNone(p.Share), orNone(p.StandardError), closed)
	}
	table.Flush()
}

// orNone writes a number that may be missing.
func orNone(v *float64) string {
	if v == nil {
		return "none"
	}
	return short(*v)
}
