package analysis

import (
	"math"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// Estimate is a number with its standard error.
type Estimate struct {
	Value float64 `json:"value"`
	Error float64 `json:"error"`
}

// GradientMatch compares a surrogate gradient with the smoothed true one. Numbers
// that the pairs do not resolve are nil.
type GradientMatch struct {
	Matrix string `json:"matrix"` // "all" for all matrices before neurons as one
	// Exact marks a matrix behind all neurons: its gradient passes through no
	// window, and whatever parts it from the true one is error of the estimate.
	Exact bool `json:"exact,omitempty"`
	// Cosine is that of the gradient at the weights themselves, as training sees
	// it: bias and variance. Points with noise would not do for it: near a minimum
	// their gradients differ, and rightly so.
	Cosine *Estimate `json:"cosine"`
	// Averaged is the cosine of the gradient averaged over the noise: bias alone.
	Averaged *Estimate `json:"cosine_averaged"`
	// NormRatio is the norm of the averaged gradient over that of the true one.
	NormRatio *Estimate `json:"norm_ratio"`
	// ToBest is Cosine less that of the fixed width with the largest, by the same
	// noise.
	ToBest *Estimate `json:"cosine_minus_best_fixed,omitempty"`

	cosine jack
}

// jack is an estimate with the values that it takes when one part of what it is
// made from is left out: of each of several independent sources.
type jack struct {
	value float64
	loo   [][]float64 // per source and part
}

// estimate is the value with the jackknife's standard error, or nil if they are
// not finite.
func (j jack) estimate() *Estimate {
	variance := 0.
	for _, parts := range j.loo {
		n := float64(len(parts))
		if n < 2 {
			return nil
		}
		mean := sum(parts) / n
		for _, v := range parts {
			variance += (v - mean) * (v - mean) * (n - 1) / n
		}
	}
	e := Estimate{j.value, math.Sqrt(variance)}
	if !finite(e.Value) || !finite(e.Error) {
		return nil
	}
	return &e
}

// minus is the difference of two estimates from the same parts.
func (j jack) minus(k jack) jack {
	d := jack{value: j.value - k.value}
	for i, parts := range j.loo {
		d.loo = append(d.loo, make([]float64, len(parts)))
		for n, v := range parts {
			d.loo[i][n] = v - k.loo[i][n]
		}
	}
	return d
}

// products are the inner products that a comparison is made of: of B estimates
// of the true gradient, the surrogate gradient, and its means over J pairs of
// points. They add up over matrices.
type products struct {
	truth   [][]float64 // [B][B]
	single  []float64   // [B], with the surrogate gradient
	square  []float64   // [1], its squared norm
	cross   [][]float64 // [J][B], with the means
	average [][]float64 // [J][J], of the means
}

func grid(n, m int) [][]float64 {
	g := make([][]float64, n)
	for i := range g {
		g[i] = make([]float64, m)
	}
	return g
}

func newProducts(blocks, points int) products {
	return products{grid(blocks, blocks), make([]float64, blocks), make([]float64, 1), grid(points, blocks), grid(points, points)}
}

func (p products) add(q products) {
	for _, m := range [][2][][]float64{{p.truth, q.truth}, {p.cross, q.cross}, {p.average, q.average}, {{p.single, p.square}, {q.single, q.square}}} {
		for i, row := range m[1] {
			for j, v := range row {
				m[0][i][j] += v
			}
		}
	}
}

// measures are what a comparison comes to.
type measures struct{ cosine, averaged, ratio float64 }

// without leaves one block of the truth or one pair of points out, or none (−1).
// Squared norms are means of products of different parts, whose errors are
// independent, so that estimates' own noise makes no norm longer; the norm of a
// surrogate gradient at a point, which training sees as it is, is its own.
func (p products) without(block, point int) measures {
	truth := math.Sqrt(crossMean(p.truth, block)) // NaN if nothing is left of it
	surrogate := math.Sqrt(crossMean(p.average, point))
	var inner []float64
	for j, row := range p.cross {
		if j != point {
			inner = append(inner, meanBut(row, block))
		}
	}
	return measures{
		cosine:   meanBut(p.single, block) / math.Sqrt(p.square[0]) / truth,
		averaged: meanBut(inner, -1) / surrogate / truth,
		ratio:    surrogate / truth,
	}
}

// meanBut is the mean of all numbers but one, or of all (−1).
func meanBut(x []float64, without int) float64 {
	total, n := 0., 0.
	for i, v := range x {
		if i != without {
			total += v
			n++
		}
	}
	return total / n
}

// crossMean is the mean of the products of different parts.
func crossMean(gram [][]float64, without int) float64 {
	total, n := 0., 0.
	for i, row := range gram {
		for j, v := range row {
			if i != j && i != without && j != without {
				total += v
				n++
			}
		}
	}
	return total / n
}

// resolution is how many standard errors the true gradient's squared norm must be
// above 0 for ratios to it to mean anything.
const resolution = 3

// resolved reports whether the estimates tell a true gradient from none.
func (p products) resolved() bool {
	square := jack{value: crossMean(p.truth, -1), loo: make([][]float64, 1)}
	for b := range p.truth {
		square.loo[0] = append(square.loo[0], crossMean(p.truth, b))
	}
	e := square.estimate()
	return e != nil && e.Value > resolution*e.Error
}

// match works the comparison out with its errors.
func (p products) match(matrix string, exact bool) GradientMatch {
	if !p.resolved() {
		return GradientMatch{Matrix: matrix, Exact: exact}
	}
	blocks, points := len(p.truth), len(p.average)
	all := p.without(-1, -1)
	var left [2][]measures
	for b := range blocks {
		left[0] = append(left[0], p.without(b, -1))
	}
	for i := range points {
		left[1] = append(left[1], p.without(-1, i))
	}
	part := func(of func(measures) float64) jack {
		j := jack{value: of(all)}
		for _, ms := range left {
			var parts []float64
			for _, m := range ms {
				parts = append(parts, of(m))
			}
			j.loo = append(j.loo, parts)
		}
		return j
	}
	g := GradientMatch{Matrix: matrix, Exact: exact, cosine: part(func(m measures) float64 { return m.cosine })}
	g.Cosine = g.cosine.estimate()
	g.Averaged = part(func(m measures) float64 { return m.averaged }).estimate()
	g.NormRatio = part(func(m measures) float64 { return m.ratio }).estimate()
	return g
}

// gram returns the inner products of the blocks' estimates, per matrix.
func gram(blocks [][][]float32) [][][]float64 {
	all := make([][][]float64, len(blocks[0]))
	for k := range all {
		all[k] = grid(len(blocks), len(blocks))
		for i := range blocks {
			for j := range i + 1 {
				v := dot(blocks[i][k], blocks[j][k])
				all[k][i][j], all[k][j][i] = v, v
			}
		}
	}
	return all
}

// compare holds one candidate's surrogate gradients against the truth: a match
// for each matrix, behind one for all that windows bear on.
func (g *gradients) compare(p engine.Prober, windows []graph.LayerWindows, truth [][][]float32, gram [][][]float64) ([]GradientMatch, error) {
	per := make([]products, len(g.w.names))
	for k := range per {
		per[k] = newProducts(len(truth), g.o.Average)
		per[k].truth = gram[k]
	}
	if err := g.single(p, windows, truth, per); err != nil {
		return nil, err
	}
	var means [][][]float32
	for i := range g.o.Average {
		if err := g.ctx.Err(); err != nil {
			return nil, err
		}
		pair, err := g.surrogate(p, windows, i)
		if err != nil {
			return nil, err
		}
		mean := pair[0]
		for k := range per {
			for j, v := range pair[1][k] {
				mean[k][j] = (mean[k][j] + v) / 2
			}
			for b := range truth {
				per[k].cross[i][b] = dot(mean[k], truth[b][k])
			}
		}
		means = append(means, mean)
		for j, m := range means {
			for k := range per {
				v := dot(mean[k], m[k])
				per[k].average[i][j], per[k].average[j][i] = v, v
			}
		}
		g.done(2*gradientCost, "surrogate gradients")
	}
	whole := newProducts(len(truth), g.o.Average)
	var matches []GradientMatch
	for k, m := range per {
		if g.w.hidden[k] {
			whole.add(m)
		}
		matches = append(matches, m.match(g.w.names[k], !g.w.hidden[k]))
	}
	return slices.Insert(matches, 0, whole.match(wholeName, false)), nil
}

// single fills in the products of the surrogate gradient at the weights themselves.
func (g *gradients) single(p engine.Prober, windows []graph.LayerWindows, truth [][][]float32, per []products) error {
	grads, err := g.plain(p, windows, g.batch)
	if err != nil {
		return err
	}
	for k, s := range grads {
		per[k].square[0] = dot(s, s)
		for b := range truth {
			per[k].single[b] = dot(s, truth[b][k])
		}
	}
	return nil
}

// wholeName stands for all matrices whose gradient passes through windows.
const wholeName = "all"
