package analysis

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// DepthOptions says which stacks a study of depth looks at.
type DepthOptions struct {
	Depths     []int       // numbers of blocks
	Seeds      int         // initialisations, over which logs of norms are averaged
	Candidates []Candidate // ways to make windows
	// Widths are fixed widths, ascending, at which the deepest stack is probed for
	// the width that keeps the gradient's norm; none: it is not looked for.
	Widths []float64
}

// Validate says what is wrong with the options.
func (o DepthOptions) Validate() error {
	for _, n := range o.Depths {
		if n < 2 || n > 1000 {
			return fmt.Errorf("%d blocks, expected 2 to 1000", n)
		}
	}
	switch {
	case len(o.Depths) == 0:
		return fmt.Errorf("no depth to look at")
	case len(o.Candidates) == 0:
		return fmt.Errorf("no windows to compare")
	case o.Seeds < 2:
		return fmt.Errorf("seeds is %d, expected at least 2, of which errors are made", o.Seeds)
	}
	return nil
}

// Depth is what becomes of spikes and gradients in stacks at initialisation.
type Depth struct {
	Task    string  `json:"task"`
	Stack   string  `json:"stack"` // plain or residual
	Width   int     `json:"channels"`
	Steps   int     `json:"steps"`
	Samples int     `json:"samples"`
	Seeds   int     `json:"seeds"`
	Stacks  []Stack `json:"stacks"`
}

// Stack is a stack of one depth.
type Stack struct {
	Blocks   int           `json:"blocks"`
	Layers   []StackLayer  `json:"layers"`
	Policies []StackPolicy `json:"windows"`
}

// StackLayer is a layer of neurons, on whose firing windows have no bearing.
type StackLayer struct {
	Node string    `json:"node"`
	Rate []float64 `json:"rate"` // [T], mean over seeds
	// Isometry is the width at which the norm of ∂L/∂u is what it is in the layer
	// behind, measured with that width in all layers; IsometryPredicted follows
	// from the predicted moments alone. Nil where there is none.
	Isometry          *float64 `json:"isometric_width"`
	IsometryPredicted *float64 `json:"isometric_width_predicted"`
}

// StackPolicy is one way to make windows.
type StackPolicy struct {
	Policy string  `json:"policy"`
	Shape  string  `json:"shape"`
	Width  float64 `json:"mean_width"`
	// Norms are those of ∂L/∂u[t], [layer][T], geometric means over seeds; null
	// where nothing is left.
	Norms [][]*float64 `json:"gradient_norms"`
	// Factor is by how much the norm of ∂L/∂u over all steps grows with each layer
	// towards the input: exp of the mean slope of its log, with the standard error
	// over seeds.
	Factor *Estimate `json:"factor_per_layer"`
	// Ratio is the norm in the first layer over that in the last.
	Ratio   *float64 `json:"first_over_last"`
	Verdict string   `json:"verdict"`
}

// Verdicts on a stack's gradient.
const (
	Level    = "level"    // first and last layer within a factor of levelFactor
	Vanishes = "vanishes" // towards the input
	Explodes = "explodes"
)

const levelFactor = 10

// MeasureDepth probes stacks at initialisation. build returns the stack of so many
// blocks with the parameters of one of the seeds, 0 to Seeds−1.
func MeasureDepth(ctx context.Context, build func(blocks, seed int) (Subject, error), o DepthOptions, report Report) (*Depth, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	out := &Depth{Seeds: o.Seeds}
	deepest := slices.Max(o.Depths)
	total, done := 0, 0
	for _, n := range o.Depths {
		total += n * o.Seeds * (len(o.Candidates) + len(o.sweep(n, deepest)))
	}
	for _, n := range o.Depths {
		all := append(slices.Clone(o.Candidates), o.sweep(n, deepest)...)
		var probes []stackProbe
		for seed := range o.Seeds {
			s, err := build(n, seed)
			if err != nil {
				return nil, err
			}
			out.Steps, out.Samples = s.Steps, s.Batch.N
			p, err := probeStack(ctx, s, all, func() {
				done += n
				if report != nil {
					report(float64(done)/float64(total), fmt.Sprintf("%d blocks, seed %d of %d", n, seed+1, o.Seeds))
				}
			})
			if err != nil {
				return nil, fmt.Errorf("%d blocks: %w", n, err)
			}
			probes = append(probes, p)
		}
		out.Stacks = append(out.Stacks, newStack(n, o.Candidates, all, probes))
	}
	return out, nil
}

// sweep lists the fixed widths at which a stack is probed.
func (o DepthOptions) sweep(n, deepest int) []Candidate {
	var all []Candidate
	if n == deepest {
		for _, w := range o.Widths {
			all = append(all, Swept(w, o.Candidates[0].Shape))
		}
	}
	return all
}

// stackProbe is what one initialisation shows.
type stackProbe struct {
	nodes    []string
	rates    [][]float64   // [layer][T]
	squares  [][][]float64 // [candidate][layer][T], of ∂L/∂u
	widths   []float64     // [candidate]
	isometry []*float64    // [layer], predicted
}

func probeStack(ctx context.Context, s Subject, cands []Candidate, done func()) (p stackProbe, err error) {
	crew, err := newCrew(ctx, s, func(float64, string) { done() }, 0)
	if err != nil {
		return p, err
	}
	defer crew.close()
	windows, err := windowsOf(crew.probers[0], s, cands)
	if err != nil {
		return p, err
	}
	index := map[string]int{}
	for i, l := range s.Net.Neurons() {
		p.nodes = append(p.nodes, l.Name)
		index[l.Name] = i
	}
	p.squares, p.widths = make([][][]float64, len(cands)), make([]float64, len(cands))
	err = crew.each(len(cands), func(prober engine.Prober, i int) error {
		if err := prober.SetWindows(windows[i]); err != nil {
			return err
		}
		squares := grid(len(p.nodes), s.Steps)
		r, _, err := prober.Gradient(s.Batch, func(node string, t int, q []float32) {
			squares[index[node]][t] = dot(q, q)
		})
		if err != nil {
			return err
		}
		p.squares[i], p.widths[i] = squares, meanWidth(windows[i])
		if i == 0 {
			for _, a := range r.Neurons {
				p.rates = append(p.rates, slices.Clone(a.Rate))
			}
			p.isometry = isometry(windows[i])
		}
		crew.done(1, "")
		return nil
	})
	return p, err
}

// isometry predicts the width at which a layer hands on the norm of the gradient
// that it gets (our derivation). Behind it, a linear map and tdBN make inputs of
// deviation αθ of spikes of variance r(1−r): they multiply a gradient's mean square
// by (αθ)²/(r(1−r)). The window multiplies it by E[h²] ≈ p(θ)·∫h² = p(θ)·R/width,
// with R = 1 for the rectangle. Both cancel at
//
//	width = (αθ)²·p(θ)·R/(r(1−r)).
//
// What flows through time, and dependences between spikes, are left out.
func isometry(windows []graph.LayerWindows) []*float64 {
	var all []*float64
	for _, w := range windows {
		m := window.Pool(w.Moments)
		gain := w.Input.Std * w.Input.Std
		all = append(all, number(gain*m.Density*roughness(w.Shape)/(m.Rate*(1-m.Rate)), true))
	}
	return all
}

// roughness is width·∫h² of a shape.
func roughness(s window.Shape) float64 {
	const cells, reach = 20000, 50
	total := 0.
	for i := range cells {
		d := reach * (2*(float64(i)+.5)/cells - 1)
		h := s.At(d, 1)
		total += h * h * 2 * reach / cells
	}
	return total
}

// newStack gathers what the seeds show.
func newStack(blocks int, cands, all []Candidate, probes []stackProbe) Stack {
	s := Stack{Blocks: blocks}
	for l, node := range probes[0].nodes {
		layer := StackLayer{Node: node, Rate: make([]float64, len(probes[0].rates[l])), IsometryPredicted: probes[0].isometry[l]}
		for _, p := range probes {
			for t, r := range p.rates[l] {
				layer.Rate[t] += r / float64(len(probes))
			}
		}
		layer.Isometry = isometricWidth(all, len(cands), probes, l)
		s.Layers = append(s.Layers, layer)
	}
	for i, c := range cands {
		s.Policies = append(s.Policies, stackPolicy(i, c, probes))
	}
	return s
}

func stackPolicy(i int, c Candidate, probes []stackProbe) StackPolicy {
	p := StackPolicy{Policy: c.Policy.String(), Shape: string(c.Shape), Width: probes[0].widths[i], Verdict: Level}
	layers := len(probes[0].nodes)
	for l := range layers {
		var steps []*float64
		for t := range probes[0].squares[i][l] {
			steps = append(steps, number(math.Exp(meanLog(probes, func(q stackProbe) float64 { return q.squares[i][l][t] })/2), true))
		}
		p.Norms = append(p.Norms, steps)
	}
	total := func(q stackProbe, l int) float64 { return sum(q.squares[i][l]) }
	ratio := meanLog(probes, func(q stackProbe) float64 { return total(q, 0) / total(q, layers-1) }) / 2
	p.Ratio = number(math.Exp(ratio), true)
	switch {
	case ratio > math.Log(levelFactor):
		p.Verdict = Explodes
	case !(ratio > -math.Log(levelFactor)): // nothing left is −Inf
		p.Verdict = Vanishes
	}
	var slopes []float64
	for _, q := range probes {
		var x, y []float64
		for l := range layers {
			x, y = append(x, float64(layers-1-l)), append(y, math.Log(total(q, l))/2)
		}
		_, slope := stat.LinearRegression(x, y, nil, false)
		slopes = append(slopes, slope)
	}
	mean, sd := stat.MeanStdDev(slopes, nil)
	if f := math.Exp(mean); finite(f) && finite(sd) {
		p.Factor = &Estimate{f, f * sd / math.Sqrt(float64(len(slopes)))}
	}
	return p
}

// meanLog is the mean over probes of a number's log.
func meanLog(probes []stackProbe, of func(stackProbe) float64) float64 {
	m := 0.
	for _, p := range probes {
		m += math.Log(of(p)) / float64(len(probes))
	}
	return m
}

// isometricWidth is where the ratio of a layer's gradient norm to that of the
// layer behind it passes 1 as the width of all windows grows. The sweep of widths
// begins at candidate `from`.
func isometricWidth(all []Candidate, from int, probes []stackProbe, l int) *float64 {
	if l+1 == len(probes[0].nodes) {
		return nil
	}
	before, ratio := math.NaN(), math.NaN() // logs
	for i := from; i < len(all); i++ {
		width := math.Log(all[i].Policy.Value)
		r := meanLog(probes, func(p stackProbe) float64 { return sum(p.squares[i][l]) / sum(p.squares[i][l+1]) })
		if ratio > 0 && r <= 0 {
			return number(math.Exp(before+(width-before)*ratio/(ratio-r)), true)
		}
		before, ratio = width, r
	}
	return nil
}
