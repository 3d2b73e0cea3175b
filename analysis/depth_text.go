package analysis

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteText prints the study for people.
func (d *Depth) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s stacks of %d channels on %s at initialisation: T = %d, %d samples, %d seeds\n", d.Stack, d.Width, d.Task, d.Steps, d.Samples, d.Seeds)
	fmt.Fprint(&b, "\nNorm of ∂L/∂u in the first layer over that in the last, and by how much it grows per layer\ntowards the input (± standard error over seeds)\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "blocks\tlayers\twindow\tshape\tmean width\tfirst/last\tper layer\t\t")
	for _, s := range d.Stacks {
		for _, p := range s.Policies {
			fmt.Fprintf(t, "%d\t%d\t%s\t%s\t%.3f\t%s\t%s\t%s\t\n", s.Blocks, len(s.Layers), p.Policy, p.Shape, p.Width, numberText(p.Ratio), plusMinus(p.Factor), p.Verdict)
		}
	}
	t.Flush()
	last := d.Stacks[len(d.Stacks)-1]
	fmt.Fprintf(&b, "\n%d blocks, per layer: firing rate at each step, norm of ∂L/∂u over all steps in units of the last\nlayer's, and the width that hands the norm on unchanged\n", last.Blocks)
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "layer\trate\t")
	for _, p := range last.Policies {
		fmt.Fprintf(t, "%s\t", p.Policy)
	}
	fmt.Fprintln(t, "isometric width\tpredicted\t")
	for i, l := range last.Layers {
		if !shown(i, len(last.Layers)) {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t", l.Node, rates(l.Rate))
		for _, p := range last.Policies {
			fmt.Fprintf(t, "%s\t", numberText(relative(p, i)))
		}
		fmt.Fprintf(t, "%s\t%s\t\n", numberText(l.Isometry), numberText(l.IsometryPredicted))
	}
	t.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

// shown picks about a dozen of n layers, the ends among them.
func shown(i, n int) bool {
	every := max(1, n/10)
	return i%every == 0 || i == n-1
}

func rates(r []float64) string {
	var s []string
	for _, v := range r {
		s = append(s, fmt.Sprintf("%.3f", v))
	}
	return strings.Join(s, " ")
}

// total is the norm of a layer's gradient over all steps, nil if nothing is left.
func (p StackPolicy) total(layer int) *float64 {
	squares := 0.
	for _, v := range p.Norms[layer] {
		if v != nil {
			squares += *v * *v
		}
	}
	return number(math.Sqrt(squares), squares > 0)
}

// relative is that norm in units of the last layer's.
func relative(p StackPolicy, layer int) *float64 {
	norm, last := p.total(layer), p.total(len(p.Norms)-1)
	if norm == nil || last == nil {
		return nil
	}
	return number(*norm / *last, true)
}

func numberText(v *float64) string {
	if v == nil {
		return "—"
	}
	return fmt.Sprintf("%.3g", *v)
}
