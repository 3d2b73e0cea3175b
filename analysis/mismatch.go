package analysis

import (
	"context"
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// MismatchOptions says how much is spent on estimates. Results depend on nothing
// else but the subject: not on threads, not on time.
type MismatchOptions struct {
	Pairs   int     // of antithetic noise for the true gradient
	Average int     // pairs of points over which surrogate gradients are averaged
	Blocks  int     // independent estimates of the true gradient
	Noise   float64 // deviation of the weight noise, as share of each matrix's
	Seed    uint64
}

// DefaultMismatchOptions takes about a minute on two cores for the default
// network and 500 images.
var DefaultMismatchOptions = MismatchOptions{Pairs: 400, Average: 4, Blocks: 20, Noise: .1, Seed: 1}

// Validate says what is wrong with the options.
func (o MismatchOptions) Validate() error {
	switch {
	case o.Blocks < 2:
		return fmt.Errorf("blocks is %d, expected at least 2", o.Blocks)
	case o.Pairs < 2*o.Blocks:
		return fmt.Errorf("pairs is %d, expected at least %d", o.Pairs, 2*o.Blocks)
	case o.Average < 2:
		return fmt.Errorf("average is %d, expected at least 2 pairs of points", o.Average)
	case !(o.Noise > 0) || math.IsInf(o.Noise, 0):
		return fmt.Errorf("noise is %v, expected a share above 0", o.Noise)
	}
	return nil
}

// Mismatch is how surrogate gradients meet the smoothed true gradient of one
// network, and windows its potentials.
type Mismatch struct {
	Network string  `json:"network"`
	Task    string  `json:"task"`
	State   string  `json:"state"` // of the parameters: initialised or trained
	Steps   int     `json:"steps"`
	Samples int     `json:"samples"`
	Weights int     `json:"weights"` // whose gradient was estimated
	Pairs   int     `json:"pairs"`
	Average int     `json:"average"`
	Noise   float64 `json:"noise"`
	Seed    uint64  `json:"seed"`

	Loss     float64 `json:"loss"`     // in training mode
	Accuracy float64 `json:"accuracy"` // likewise

	Layers     []PotentialLayer `json:"layers"`
	Candidates []CandidateMatch `json:"windows"`
	// BestFixed is the index of the fixed width whose cosine over all matrices is
	// largest; −1 without one.
	BestFixed int `json:"best_fixed"`
}

// CandidateMatch is how one way to make windows does.
type CandidateMatch struct {
	Policy string `json:"policy"`
	Shape  string `json:"shape"`
	Fixed  bool   `json:"sweep"` // a member of the sweep of fixed widths
	// Width is the mean over layers and steps.
	Width   float64         `json:"mean_width"`
	Matches []GradientMatch `json:"gradients"` // all matrices as one, then each
}

// MeasureMismatch compares candidates' windows and gradients on a subject. The
// first candidate serves as control variate.
func MeasureMismatch(ctx context.Context, s Subject, cands []Candidate, o MismatchOptions, report Report) (*Mismatch, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(cands) == 0 {
		return nil, fmt.Errorf("no windows to compare")
	}
	w, err := newWeights(s, o.Noise)
	if err != nil {
		return nil, err
	}
	crew, err := newCrew(ctx, s, report, 2*o.Pairs+2*gradientCost*o.Average*(len(cands)+1))
	if err != nil {
		return nil, err
	}
	defer crew.close()
	windows, err := windowsOf(crew.probers[0], s, cands)
	if err != nil {
		return nil, err
	}
	g := &gradients{crew, w, s.Batch, o}

	m := &Mismatch{
		Network: s.Net.Graph.Name, Steps: s.Steps, Samples: s.Batch.N, Pairs: o.Pairs, Average: o.Average,
		Noise: o.Noise, Seed: o.Seed, BestFixed: -1,
	}
	for _, i := range w.at {
		m.Weights += len(s.Params[i].Data)
	}
	r, err := crew.probers[0].Loss(s.Batch)
	if err != nil {
		return nil, err
	}
	m.Loss, m.Accuracy = r.Loss, float64(r.Correct)/float64(s.Batch.N)
	if m.Layers, err = potentials(ctx, crew.probers[0], s, cands, windows); err != nil {
		return nil, err
	}
	matches, err := g.candidates(windows)
	if err != nil {
		return nil, err
	}
	for i, c := range cands {
		m.Candidates = append(m.Candidates, CandidateMatch{c.Policy.String(), string(c.Shape), c.Fixed, meanWidth(windows[i]), matches[i]})
	}
	m.rank()
	return m, nil
}

// candidates estimates the true gradient once and compares each candidate's with
// it.
func (g *gradients) candidates(windows [][]graph.LayerWindows) ([][]GradientMatch, error) {
	control, err := g.mean(windows[0])
	if err != nil {
		return nil, err
	}
	truth, err := g.smoothed(control)
	if err != nil {
		return nil, err
	}
	products := gram(truth)
	matches := make([][]GradientMatch, len(windows))
	err = g.each(len(windows), func(p engine.Prober, i int) (err error) {
		matches[i], err = g.compare(p, windows[i], truth, products)
		return err
	})
	return matches, err
}

// meanWidth is a network's mean window width.
func meanWidth(windows []graph.LayerWindows) float64 {
	total, n := 0., 0.
	for _, l := range windows {
		total += sum(l.Widths)
		n += float64(len(l.Widths))
	}
	return total / n
}

// rank finds the best fixed width and holds all others against it.
func (m *Mismatch) rank() {
	for i, c := range m.Candidates {
		e := c.Matches[0].Cosine
		if !c.Fixed || e == nil {
			continue
		}
		if m.BestFixed < 0 || e.Value > m.Candidates[m.BestFixed].Matches[0].Cosine.Value {
			m.BestFixed = i
		}
	}
	if m.BestFixed < 0 {
		return
	}
	best := m.Candidates[m.BestFixed].Matches
	for i, c := range m.Candidates {
		for k := range c.Matches {
			if c.Matches[k].Cosine != nil && i != m.BestFixed {
				c.Matches[k].ToBest = c.Matches[k].cosine.minus(best[k].cosine).estimate()
			}
		}
	}
}
