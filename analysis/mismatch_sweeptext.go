package analysis

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText prints the sweep for people.
func (s *BatchSweep) WriteText(w io.Writer) error {
	var b strings.Builder
	truth := fmt.Sprintf("of %d samples", s.Samples)
	if s.Own {
		truth = "of each batch"
	}
	fmt.Fprintf(&b, "%s on %s, %s: T = %d, %s windows; true gradient %s, %d pairs, noise %s\n",
		s.Network, s.Task, s.State, s.Steps, s.Shape, truth, s.Pairs, short(s.Noise))
	fmt.Fprint(&b, "\nWidth of the largest cosine between the surrogate gradient of one batch and that true gradient\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "batch\tbatches\t")
	for _, p := range s.Parts {
		fmt.Fprintf(t, "%s\tcosine\t", p.Matrix)
	}
	fmt.Fprintln(t)
	for i, size := range s.Parts[0].Sizes {
		fmt.Fprintf(t, "%d\t%d\t", size.N, size.Batches)
		for _, p := range s.Parts {
			best := "beyond the sweep"
			if e := p.Sizes[i].Best; e != nil {
				best = plusMinus(e)
			}
			fmt.Fprintf(t, "%s\t%.3f\t", best, largest(p.Sizes[i].Cosine))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprint(&b, "\nExponent of the batch size that the best width follows; −1/5 is predicted\n")
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, p := range s.Parts {
		fmt.Fprintf(t, "%s\t%s\t\n", p.Matrix, plusMinus(p.Exponent))
	}
	t.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

func largest(x []float64) float64 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

// WriteText prints the sweep for people.
func (s *LayerSweep) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "MLPs on %s, at initialisation: T = %d, %d samples, %d pairs, noise %s, surrogate gradients at %d points\n",
		s.Task, s.Steps, s.Samples, s.Pairs, short(s.Noise), 2*s.Average)
	fmt.Fprint(&b, "\nFirst and last matrix before neurons; per layer: the factor for each window more on the gradient's way\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layers\twindow\tshape\tcosine, first\tlast\tper layer\taveraged, first\tlast\tper layer\tnorm, first\tper layer\t")
	for _, k := range s.Stacks {
		for _, c := range k.Windows {
			first, last := c.Matches[0], c.Matches[len(c.Matches)-1]
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", k.Layers, c.Policy, c.Shape,
				plusMinus(first.Cosine), plusMinus(last.Cosine), numberText(c.PerLayer),
				plusMinus(first.Averaged), plusMinus(last.Averaged), numberText(c.PerLayerAveraged),
				plusMinus(first.NormRatio), numberText(c.NormPerLayer))
		}
	}
	t.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}
