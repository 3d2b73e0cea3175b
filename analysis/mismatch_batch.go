package analysis

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// A window is a kernel estimate of the density at θ. From n samples its squared
// bias grows with the width as α⁴ and its variance falls as 1/(n·α), so the best
// width should fall as n^(−1/5) (our derivation, see window.Policy). A batch sweep
// tests that on gradients: it estimates the smoothed true gradient once, on many
// samples, and holds against it the surrogate gradients of batches of several
// sizes, each drawn afresh, at a range of fixed widths. That is what a step of
// training wants to know. With Own, each batch has a true gradient of its own
// estimated: what is left is error of the window alone.

// BatchSweepOptions says what is swept.
type BatchSweepOptions struct {
	Shape  window.Shape
	Widths []float64 // fixed widths, ascending
	Sizes  []int     // of batches, ascending
	// Total is how many samples each size's batches have together.
	Total int
	// Draw returns n samples of the task, from number first on, none of which are
	// the subject's.
	Draw func(first, n int) engine.Batch
	// Own holds each batch's gradient against its own true gradient in place of
	// that of the subject's batch.
	Own bool
}

// Validate says what is wrong with the options.
func (o BatchSweepOptions) Validate() error {
	if len(o.Widths) < sweepWidths {
		return fmt.Errorf("%d widths, expected at least %d", len(o.Widths), sweepWidths)
	}
	if len(o.Sizes) < 3 {
		return fmt.Errorf("%d batch sizes, expected at least 3", len(o.Sizes))
	}
	for i, n := range o.Sizes {
		if n < 2 || n > o.Total/sweepGroups || i > 0 && n <= o.Sizes[i-1] {
			return fmt.Errorf("batch size %d, expected ascending ones from 2 to 1/%d of the %d samples that each takes in all", n, sweepGroups, o.Total)
		}
	}
	for i, w := range o.Widths {
		if !(w > 0) || !finite(w) || i > 0 && w <= o.Widths[i-1] {
			return fmt.Errorf("width %v, expected ascending ones above 0", w)
		}
	}
	return nil
}

const (
	sweepGroups = 8 // parts of a size's batches, at least, from which errors come
	sweepWidths = 7 // that a maximum is fitted to
)

// BatchSweep is how the best fixed width depends on the batch.
type BatchSweep struct {
	Network string       `json:"network"`
	Task    string       `json:"task"`
	State   string       `json:"state"` // of the parameters
	Shape   window.Shape `json:"shape"`
	Steps   int          `json:"steps"`
	Own     bool         `json:"own_true_gradient"`
	Samples int          `json:"samples"` // of the true gradient, unless each batch has its own
	Pairs   int          `json:"pairs"`
	Noise   float64      `json:"noise"`
	Seed    uint64       `json:"seed"`
	Widths  []float64    `json:"widths"`
	Parts   []SweepPart  `json:"gradients"` // all matrices as one, then each before neurons
}

// SweepPart is the sweep of one matrix's gradient.
type SweepPart struct {
	Matrix string      `json:"matrix"`
	Sizes  []SweepSize `json:"sizes"`
	// Exponent is that of the power of n that best widths follow, over the sizes
	// where the sweep holds a maximum; −1/5 is predicted.
	Exponent *Estimate `json:"exponent"`
	// Level is the fitted width at n = 1000.
	Level float64 `json:"width_at_1000,omitempty"`
}

// SweepSize is the sweep at one batch size.
type SweepSize struct {
	N       int       `json:"n"`
	Batches int       `json:"batches"`
	Cosine  []float64 `json:"cosine"` // per width
	// Best is the width of the largest cosine, of a parabola in log α; nil if the
	// largest lies at an end of the sweep.
	Best *Estimate `json:"best_width"`
}

// MeasureBatchSweep runs the sweep. The subject's batch serves the true gradient.
func MeasureBatchSweep(ctx context.Context, s Subject, so BatchSweepOptions, o MismatchOptions, report Report) (*BatchSweep, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := so.Validate(); err != nil {
		return nil, err
	}
	w, err := newWeights(s, o.Noise)
	if err != nil {
		return nil, err
	}
	if largest := so.Sizes[len(so.Sizes)-1]; largest > s.Batch.N {
		return nil, fmt.Errorf("batches of %d samples, but the true gradient is that of %d; expected no more", largest, s.Batch.N)
	}
	asked := (2*o.Pairs+2*gradientCost*o.Average)*s.Batch.N + gradientCost*so.Total*len(so.Sizes)*len(so.Widths)
	if so.Own {
		asked = (2*o.Pairs + gradientCost*(2*o.Average+len(so.Widths))) * so.Total * len(so.Sizes)
	}
	crew, err := newCrew(ctx, s, report, asked)
	if err != nil {
		return nil, err
	}
	defer crew.close()
	var cands []Candidate
	for _, width := range so.Widths {
		cands = append(cands, Swept(width, so.Shape))
	}
	windows, err := windowsOf(crew.probers[0], s, cands)
	if err != nil {
		return nil, err
	}
	g := &gradients{crew, w, s.Batch, o}
	sweep := &BatchSweep{
		Network: s.Net.Graph.Name, Shape: so.Shape, Steps: s.Steps, Own: so.Own, Samples: s.Batch.N, Pairs: o.Pairs,
		Noise: o.Noise, Seed: o.Seed, Widths: so.Widths,
	}
	return sweep, g.sweep(sweep, so, windows)
}

// sweep fills in the parts.
func (g *gradients) sweep(out *BatchSweep, so BatchSweepOptions, windows [][]graph.LayerWindows) error {
	parts, names := g.parts()
	sizes := make([][]SweepSize, len(parts))
	measure := g.ownSize
	if !so.Own {
		d, err := g.direction(parts, windows)
		if err != nil {
			return err
		}
		measure = func(so BatchSweepOptions, n int, windows [][]graph.LayerWindows, parts [][]int) ([][][]float64, []float64, error) {
			cosines, err := g.size(so, n, windows, parts, d)
			return cosines, d.square, err
		}
	}
	for _, n := range so.Sizes {
		cosines, squares, err := measure(so, n, windows, parts)
		if err != nil {
			return err
		}
		for i, square := range squares {
			if !(square > 0) {
				return fmt.Errorf("%d pairs of noise do not resolve the true gradient of %s; spend more", g.o.Pairs, names[i])
			}
			for _, row := range cosines[i] {
				for j := range row {
					row[j] /= math.Sqrt(square)
				}
			}
			sizes[i] = append(sizes[i], sweepSize(n, so.Widths, cosines[i]))
		}
	}
	for i, name := range names {
		out.Parts = append(out.Parts, newSweepPart(name, sizes[i]))
	}
	return nil
}

// parts lists sets of matrices: all before neurons, and each.
func (g *gradients) parts() (parts [][]int, names []string) {
	parts, names = [][]int{nil}, []string{wholeName}
	for k, hidden := range g.w.hidden {
		if hidden {
			parts[0] = append(parts[0], k)
			parts, names = append(parts, []int{k}), append(names, g.w.names[k])
		}
	}
	return parts, names
}

// direction is the mean of the estimates of the true gradient, and its squared norm
// without the noise.
type direction struct {
	mean   [][]float32 // per matrix
	square []float64   // per part
}

// direction estimates the true gradient of the present batch, with the windows in
// the middle of the sweep as control variate.
func (g *gradients) direction(parts [][]int, windows [][]graph.LayerWindows) (d direction, err error) {
	g.unit = g.batch.N
	defer func() { g.unit = 1 }()
	control, err := g.mean(windows[len(windows)/2])
	if err != nil {
		return d, err
	}
	truth, err := g.smoothed(control)
	if err != nil {
		return d, err
	}
	d.mean = g.w.zeros()
	for _, block := range truth {
		for k, m := range block {
			for j, v := range m {
				d.mean[k][j] += v / float32(len(truth))
			}
		}
	}
	squares := gram(truth)
	for _, part := range parts {
		square := 0.
		for _, k := range part {
			square += crossMean(squares[k], -1)
		}
		d.square = append(d.square, square)
	}
	return d, nil
}

// along is a surrogate gradient's component along the true one: the cosine times
// the norm of the true gradient.
func (d direction) along(s [][]float32, part []int) float64 {
	inner, square := 0., 0.
	for _, k := range part {
		inner += dot(s[k], d.mean[k])
		square += dot(s[k], s[k])
	}
	return inner / math.Sqrt(square)
}

// size returns components of batches of n samples along one true gradient,
// [part][batch][width].
func (g *gradients) size(so BatchSweepOptions, n int, windows [][]graph.LayerWindows, parts [][]int, d direction) ([][][]float64, error) {
	batches := so.Total / n
	along := make([][][]float64, len(parts))
	for i := range along {
		along[i] = grid(batches, len(windows))
	}
	err := g.each(batches, func(p engine.Prober, r int) error {
		batch := so.Draw(r*n, n)
		for j, w := range windows {
			s, err := g.plain(p, w, batch)
			if err != nil {
				return fmt.Errorf("batch %d of %d samples: %w", r+1, n, err)
			}
			for i, part := range parts {
				along[i][r][j] = d.along(s, part)
			}
		}
		g.done(gradientCost*n*len(windows), fmt.Sprintf("batches of %d", n))
		return nil
	})
	return along, err
}

// ownSize is size with a true gradient for each batch, whose mean squared norm it
// returns per part.
func (g *gradients) ownSize(so BatchSweepOptions, n int, windows [][]graph.LayerWindows, parts [][]int) (along [][][]float64, squares []float64, err error) {
	batches := so.Total / n
	along, squares = make([][][]float64, len(parts)), make([]float64, len(parts))
	for i := range along {
		along[i] = grid(batches, len(windows))
	}
	for r := range batches {
		g.batch = so.Draw(r*n, n)
		d, err := g.direction(parts, windows)
		if err != nil {
			return nil, nil, err
		}
		for i, v := range d.square {
			squares[i] += v / float64(batches)
		}
		err = g.each(len(windows), func(p engine.Prober, j int) error {
			s, err := g.plain(p, windows[j], g.batch)
			if err != nil {
				return err
			}
			for i, part := range parts {
				along[i][r][j] = d.along(s, part)
			}
			g.done(gradientCost*n, fmt.Sprintf("batches of %d", n))
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return along, squares, nil
}

// sweepSize averages over batches and finds the best width. Its error is the
// jackknife's over groups of batches.
func sweepSize(n int, widths []float64, cosines [][]float64) SweepSize {
	groups := min(len(cosines), 20)
	mean := func(without int) []float64 {
		m, used := make([]float64, len(widths)), 0.
		for r, c := range cosines {
			if r%groups == without {
				continue
			}
			used++
			for j, v := range c {
				m[j] += v
			}
		}
		for j := range m {
			m[j] /= used
		}
		return m
	}
	s := SweepSize{N: n, Batches: len(cosines), Cosine: mean(-1)}
	from, ok := around(s.Cosine)
	if !ok {
		return s
	}
	best := jack{value: peak(widths, s.Cosine, from), loo: make([][]float64, 1)}
	for b := range groups {
		best.loo[0] = append(best.loo[0], peak(widths, mean(b), from))
	}
	if e := best.estimate(); e != nil {
		s.Best = &Estimate{math.Exp(e.Value), math.Exp(e.Value) * e.Error}
	}
	return s
}

// around returns where the widths begin among which the maximum is fitted, unless
// it lies at an end.
func around(y []float64) (from int, ok bool) {
	top := 0
	for j, v := range y {
		if !finite(v) {
			return 0, false
		}
		if v > y[top] {
			top = j
		}
	}
	from = top - sweepWidths/2
	return from, from >= 0 && from+sweepWidths <= len(y)
}

// peak is the log of the width at the maximum of a cubic in log α through the
// values around it: cosines fall faster on the side of narrow windows.
func peak(widths, y []float64, from int) float64 {
	centre := math.Log(widths[from+sweepWidths/2])
	a, b := mat.NewDense(sweepWidths, 4, nil), mat.NewVecDense(sweepWidths, nil)
	for i := range sweepWidths {
		x := math.Log(widths[from+i]) - centre
		a.SetRow(i, []float64{1, x, x * x, x * x * x})
		b.SetVec(i, y[from+i])
	}
	var c mat.VecDense
	if c.SolveVec(a, b) != nil {
		return math.NaN()
	}
	c1, c2, c3 := c.AtVec(1), c.AtVec(2), c.AtVec(3)
	// The root of c1 + 2·c2·x + 3·c3·x² where the slope falls, in the form that
	// does not cancel.
	root := math.Sqrt(c2*c2 - 3*c1*c3)
	return centre + c1/(root-c2)
}

// newSweepPart fits the power law, weighted by the best widths' errors.
func newSweepPart(name string, sizes []SweepSize) SweepPart {
	p := SweepPart{Matrix: name, Sizes: sizes}
	var x, y, w []float64
	for _, s := range sizes {
		if s.Best != nil && s.Best.Error > 0 {
			relative := s.Best.Error / s.Best.Value
			x, y, w = append(x, math.Log(float64(s.N)/1000)), append(y, math.Log(s.Best.Value)), append(w, 1/(relative*relative))
		}
	}
	if len(x) < 3 {
		return p
	}
	level, slope := stat.LinearRegression(x, y, w, false)
	centre := stat.Mean(x, w)
	spread, chi := 0., 0.
	for i, v := range x {
		spread += w[i] * (v - centre) * (v - centre)
		d := y[i] - level - slope*v
		chi += w[i] * d * d
	}
	// Points that lie off the line by more than their errors widen the error.
	scale := max(1, math.Sqrt(chi/float64(len(x)-2)))
	p.Exponent, p.Level = &Estimate{slope, scale / math.Sqrt(spread)}, math.Exp(level)
	return p
}
