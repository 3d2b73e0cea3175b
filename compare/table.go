package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/report/exhibit"
	"github.com/qif-snn/qif/report/plotstyle"
)

// Table is a table as people read it. The first column is text, and so are
// those that Text names; the others are numbers.
type Table struct {
	Title  string
	Header []string
	Text   int // columns of text, from the first
	Rows   [][]string
}

// Tables returns the sides, their differences and, for more than one step, the
// accuracy after each.
func (o *Outcome) Tables() []Table {
	all := []Table{o.sideTable()}
	if len(o.Differences) > 0 {
		all = append(all, o.differenceTable())
	}
	if t := o.stepTable(); len(t.Header) > 2 {
		all = append(all, t)
	}
	if t := o.learnedTable(); len(t.Rows) > 0 {
		all = append(all, t)
	}
	return all
}

// learnedTable has the parameters of neurons that were trained. What is trained
// per channel is averaged over the channels of each run first.
func (o *Outcome) learnedTable() Table {
	t := Table{Title: "Learned parameters, mean ± standard deviation over runs", Text: 2, Header: []string{"side", "parameter", "channels", "value"}}
	for _, s := range o.Sides {
		if len(s.Runs) == 0 {
			continue
		}
		for i, l := range s.Runs[0].Learned {
			var means []float64
			for _, r := range s.Runs {
				if i < len(r.Learned) && len(r.Learned[i].Values) > 0 {
					means = append(means, stat.Mean(r.Learned[i].Values, nil))
				}
			}
			t.Rows = append(t.Rows, []string{s.Name, l.Name, fmt.Sprint(len(l.Values)), summarise(means).format(1, 3)})
		}
	}
	return t
}

func (o *Outcome) sideTable() Table {
	t := Table{Title: "Accuracy, mean ± standard deviation", Text: 2,
		Header: []string{"side", "settings", "runs", "test / %", "validation / %", "firing / %", "parameters"}}
	for _, s := range o.Sides {
		t.Rows = append(t.Rows, []string{
			s.Name, s.settings(), fmt.Sprint(s.Test.N), s.Test.percent(2), s.Val.percent(2), s.Rate.percent(1), fmt.Sprint(s.Params),
		})
	}
	return t
}

// settings are what the side sets, in the order of recipes.
func (s *SideOutcome) settings() string {
	var parts []string
	for _, key := range recipe.Keys() {
		if v, ok := s.Set[key]; ok && !(key == "neuron" && v == s.Name) {
			parts = append(parts, key+" = "+v)
		}
	}
	if parts == nil {
		return "as the recipe"
	}
	return strings.Join(parts, ", ")
}

const missing = "–"

// percent writes mean and deviation of fractions in percent.
func (s Summary) percent(decimals int) string { return s.format(100, decimals) }

// format writes mean and deviation in units of 1/scale.
func (s Summary) format(scale float64, decimals int) string {
	switch {
	case s.N == 0:
		return missing
	case s.SD == nil:
		return decimal(scale*s.Mean, decimals)
	}
	return decimal(scale*s.Mean, decimals) + " ± " + decimal(scale**s.SD, decimals)
}

func (o *Outcome) differenceTable() Table {
	p := "p"
	title := "Paired differences in test accuracy"
	if n := len(o.Differences); n > 1 {
		p = "Holm p"
		title += fmt.Sprintf("; p-values corrected for %d comparisons by Holm's rule", n)
	}
	t := Table{Title: title, Text: 1, Header: []string{
		"difference", "pairs", "mean / points", "95 % interval", "t", p + ", t", p + ", sign flips", p + ", Wilcoxon", "effect d", "won/tied/lost",
	}}
	for _, d := range o.Differences {
		interval := missing
		if d.Low != nil {
			interval = fmt.Sprintf("[%s, %s]", decimal(100**d.Low, 2), decimal(100**d.High, 2))
		}
		t.Rows = append(t.Rows, []string{
			d.Side + " − " + d.Minus, fmt.Sprint(d.N), signed(100 * d.Mean), interval, maybe(d.T, 2), probability(d.HolmT),
			probability(d.HolmSignFlip), probability(d.HolmWilcoxon), maybe(d.CohenD, 2), fmt.Sprintf("%d/%d/%d", d.Above, d.Equal, d.Below),
		})
	}
	return t
}

// mostSteps is how many time steps the table has at most; the figure's data have
// all.
const mostSteps = 8

func (o *Outcome) stepTable() Table {
	t := Table{Title: "Test accuracy / % after t time steps", Text: 1, Header: []string{"side"}}
	var steps []int
	for _, s := range o.Sides {
		for len(steps) < len(s.PerStep) {
			steps = append(steps, len(steps))
		}
	}
	if len(steps) > mostSteps {
		steps = spread(steps, mostSteps)
	}
	for _, k := range steps {
		t.Header = append(t.Header, fmt.Sprintf("t = %d", k+1))
	}
	for _, s := range o.Sides {
		row := []string{s.Name}
		for _, k := range steps {
			if k < len(s.PerStep) {
				row = append(row, s.PerStep[k].percent(2))
			} else {
				row = append(row, missing)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func decimal(v float64, decimals int) string {
	return plotstyle.Signed(strconv.FormatFloat(v, 'f', decimals, 64))
}

// signed writes a sign before positive numbers too.
func signed(v float64) string {
	s := decimal(v, 2)
	if v > 0 {
		s = "+" + s
	}
	return s
}

func maybe(v *float64, decimals int) string {
	if v == nil {
		return missing
	}
	return decimal(*v, decimals)
}

// probability writes a p-value with three digits that count.
func probability(p *float64) string {
	switch {
	case p == nil:
		return missing
	case *p < .0001:
		return "< .0001"
	}
	decimals := 2
	if *p > 0 {
		decimals = max(2, 2-int(math.Floor(math.Log10(*p))))
	}
	return strings.TrimPrefix(strconv.FormatFloat(*p, 'f', decimals, 64), "0")
}

// heading says what was compared.
func (o *Outcome) heading() string {
	n := fmt.Sprintf("%d paired seeds (%s)", len(o.Seeds), formatSeeds(o.Seeds))
	if len(o.Seeds) == 1 {
		n = fmt.Sprintf("one seed (%d)", o.Seeds[0])
	}
	s := "Recipe " + o.Recipe
	if o.Data != "" {
		s += fmt.Sprintf(" on %s, %d test images", o.Data, o.Origin.TestImages)
	}
	return s + ", " + n + ". Accuracies are those of the epoch chosen on validation, measured once on the test images."
}

// origins are the lines that say where the numbers come from.
func (o *Outcome) origins() []string {
	short := func(hash string) string { return hash[:min(12, len(hash))] }
	var splits []string
	for _, seed := range o.Seeds {
		if h := o.Origin.Splits[fmt.Sprint(seed)]; h != "" {
			splits = append(splits, fmt.Sprintf("%d: %s", seed, short(h)))
		}
	}
	var data []string
	for _, h := range o.Origin.DataSHA256 {
		data = append(data, short(h))
	}
	lines := []string{
		"Training data: SHA-256 " + orElse(strings.Join(data, ", "), missing) + "; splits by seed " + orElse(strings.Join(splits, ", "), missing) + ".",
		"Engine " + orElse(strings.Join(o.Origin.Engines, ", "), missing) + "; qif " + orElse(strings.Join(o.Origin.Versions, ", "), missing) + ".",
	}
	for _, l := range o.Tuning {
		lines = append(lines, l.summary())
	}
	return lines
}

// summary says how a side was tuned.
func (l *TuningLog) summary() string {
	n := len(l.Trials)
	s := fmt.Sprintf("Tuning of %s: %d trials over %s, seeds %s; ", l.Side, n, strings.Join(l.fields(), ", "), formatSeeds(l.Trials[0].Seeds))
	if l.Chosen < 0 {
		return s + "all failed."
	}
	given := missing
	if l.Trials[0].Failed == "" {
		given = decimal(100*l.Trials[0].Val, 2)
	}
	return s + fmt.Sprintf("chosen: trial %d with %s %% on validation; as given %s %%.", l.Chosen+1, decimal(100*l.Trials[l.Chosen].Val, 2), given)
}

// time says how long a run of each side took.
func (o *Outcome) time() string {
	var parts []string
	for _, s := range o.Sides {
		if s.Seconds != nil {
			parts = append(parts, fmt.Sprintf("%s %.3g s", s.Name, *s.Seconds))
		}
	}
	if parts == nil {
		return ""
	}
	var ways []string
	for _, s := range o.Sides {
		for _, r := range s.Runs {
			if way := fmt.Sprintf("%d at a time, threads of each: %d", r.Jobs, r.Threads); !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
	}
	return "Time of a run, mean: " + strings.Join(parts, ", ") + " (" + strings.Join(ways, "; ") + ")."
}

// WriteText writes the outcome for a terminal.
func (o *Outcome) WriteText(w io.Writer) error {
	fmt.Fprintln(w, o.heading())
	for _, t := range o.Tables() {
		fmt.Fprintf(w, "\n%s\n", t.Title)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.Header}, t.Rows...) {
			fmt.Fprintln(tw, strings.Join(row, "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	lines := slices.Concat(o.origins(), o.Notes, o.failed())
	if t := o.time(); t != "" {
		lines = append(lines, t)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func (o *Outcome) failed() []string {
	var lines []string
	for _, f := range o.Failures {
		lines = append(lines, fmt.Sprintf("Failed: %s: %s", f.Run, f.Text))
	}
	return lines
}

// CSV returns a row for each side, and a row for each test, with all digits.
func (o *Outcome) CSV() (sides, tests exhibit.Table) {
	sides.Header = []string{
		"side", "settings", "runs", "test mean / %", "test sd / %", "validation mean / %", "validation sd / %", "firing mean / %", "firing sd / %",
		"parameters", "MACs per step",
	}
	percent := func(v *float64) any {
		if v == nil {
			return nil
		}
		return 100 * *v
	}
	for _, s := range o.Sides {
		row := []any{s.Name, s.settings(), s.Test.N}
		for _, m := range []Summary{s.Test, s.Val, s.Rate} {
			if m.N == 0 {
				row = append(row, nil, nil)
			} else {
				row = append(row, 100*m.Mean, percent(m.SD))
			}
		}
		sides.Add(append(row, int(s.Params), int(s.MACs))...)
	}
	tests.Header = []string{
		"side", "minus", "pairs", "mean / points", "sd / points", "low / points", "high / points", "t", "p t", "p sign flips", "p Wilcoxon",
		"Holm p t", "Holm p sign flips", "Holm p Wilcoxon", "Cohen d", "Hedges g", "above", "equal", "below",
	}
	for _, d := range o.Differences {
		tests.Add(d.Side, d.Minus, d.N, 100*d.Mean, percent(d.SD), percent(d.Low), percent(d.High), d.T, d.PT, d.PSignFlip, d.PWilcoxon,
			d.HolmT, d.HolmSignFlip, d.HolmWilcoxon, d.CohenD, d.HedgesG, d.Above, d.Equal, d.Below)
	}
	return sides, tests
}
