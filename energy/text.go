package energy

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"
)

// WriteText prints the comparison: totals, energies under all presets, and the
// layers under the study's.
func (s *Study) WriteText(out io.Writer) error {
	for i, x := range s.Subjects {
		fmt.Fprintf(out, "%d: %s, %s: %d parameters, %s MAC per step as if dense, T = %d; %s\n",
			i+1, x.Name, x.Neuron, x.Params, amount(float64(x.MACs)), x.Steps, x.Source)
	}
	fmt.Fprintln(out, "\nper image")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	s.totals(w)
	w.Flush()
	fmt.Fprintf(out, "\nby layer, preset %s: inputs that are not zero (mean over steps), operations of synapses, energy\n", s.Preset)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	s.layers(w)
	w.Flush()
	fmt.Fprintln(out)
	for _, p := range Presets {
		fmt.Fprintf(out, "%-11s %s\n%11s %s\n", p.Name, p.Doc, "", p.Source)
	}
	return nil
}

// totals writes a row per quantity and a column per network.
func (s *Study) totals(w io.Writer) {
	row := func(name string, cell func(x Subject) string) {
		fmt.Fprint(w, name+"\t")
		for _, x := range s.Subjects {
			fmt.Fprint(w, cell(x)+"\t")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\t")
	for i := range s.Subjects {
		fmt.Fprintf(w, "%d\t", i+1)
	}
	fmt.Fprintln(w)
	row("inputs behind spikes not zero", func(x Subject) string { return share(x.meanShare()) })
	for _, q := range []struct {
		name string
		of   func(c Counts) float64
	}{
		{"MAC, analog inputs", func(c Counts) float64 { return c.MAC }},
		{"AC, spikes", func(c Counts) float64 { return c.AC }},
		{"MAC, sums and averages of spikes", func(c Counts) float64 { return c.Graded }},
		{"synaptic operations", Counts.SynapticOps},
		{"neurons: multiplications", func(c Counts) float64 { return c.Mul }},
		{"neurons: additions", func(c Counts) float64 { return c.Add }},
		{"words read: weights", func(c Counts) float64 { return c.Weights }},
		{"words read or written: partial sums", func(c Counts) float64 { return c.Sums }},
		{"words read or written: potentials", func(c Counts) float64 { return c.State }},
	} {
		row(q.name, func(x Subject) string { return amount(q.of(x.Total)) })
	}
	for _, p := range Presets {
		row("energy, "+p.Name, func(x Subject) string { return joules(x.Energy[p.Name].Total()) })
	}
	row("of memory: neurons", func(x Subject) string { return joules(x.Energy["memory"].Neurons) })
	row("of memory: accesses", func(x Subject) string { return joules(x.Energy["memory"].Memory) })
}

// layers writes a row per layer and columns for each network that has it.
func (s *Study) layers(w io.Writer) {
	fmt.Fprint(w, "layer\tinput\t")
	for i := range s.Subjects {
		fmt.Fprintf(w, "%d: share\tops\tenergy\t", i+1)
	}
	fmt.Fprintln(w)
	for _, l := range s.nodes() {
		kind := string(l.Input)
		if l.Once {
			kind += ", once"
		}
		fmt.Fprintf(w, "%s\t%s\t", l.Node, kind)
		for _, x := range s.Subjects {
			m, ok := x.layer(l.Node)
			if !ok {
				fmt.Fprint(w, "\t\t\t")
				continue
			}
			ops := ""
			if n := m.Total.MAC + m.Total.SynapticOps(); m.Input != "" {
				ops = amount(n)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t", share(stat.Mean(m.Share, nil)), ops, joules(s.preset.Of(m).Total()))
		}
		fmt.Fprintln(w)
	}
}

// nodes lists the layers of all networks that cost something under the preset,
// each name once.
func (s *Study) nodes() []Layer {
	var all []Layer
	seen := map[string]bool{}
	for _, x := range s.Subjects {
		for _, l := range x.Layers {
			if !seen[l.Node] && s.preset.Of(l).Total() > 0 {
				all = append(all, l)
				seen[l.Node] = true
			}
		}
	}
	return all
}

func (s Subject) layer(node string) (Layer, bool) {
	for _, l := range s.Layers {
		if l.Node == node {
			return l, true
		}
	}
	return Layer{}, false
}

// share prints a share in per cent, nothing for what is not a number.
func share(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

// amount prints a number with its power of a thousand.
func amount(v float64) string {
	return strings.TrimSpace(scaled(v, []string{"", "k", "M", "G", "T", "P"}))
}

// joules prints picojoules in a fitting unit.
func joules(pj float64) string { return scaled(pj, []string{"p", "n", "µ", "m", "", "k"}) + "J" }

// scaled prints a number to four digits with the largest prefix below it; each is
// a thousand times the one before.
func scaled(v float64, prefixes []string) string {
	i := 0
	for v >= 999.95 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	digits := 1
	switch {
	case v != 0 && v < 9.9995:
		digits = 3
	case v != 0 && v < 99.995:
		digits = 2
	}
	return fmt.Sprintf("%.*f %s", digits, v, prefixes[i])
}
