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
	// Cosine is that of the gradient at one point of weights, as training sees
	// it, averaged over such points: bias and variance.
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
// of the true gradient and surrogate gradients at J pairs of points. They add up
// over matrices.
type products struct {
	truth   [][]float64 // [B][B]
	cross   [][]float64 // [2J][B]
	norms   []float64   // [2J], squared
	average [][]float64 // [J][J], of the means of pairs
}

func grid(n, m int) [][]float64 {
	g := make([][]float64, n)
	for i := range g {
		g[i] = make([]float64, m)
	}
	return g
}

func newProducts(blocks, points int) products {
	return products{grid(blocks, blocks), grid(2*points, blocks), make([]float64, 2*points), grid(points, points)}
}

func (p products) add(q products) {
	for _, m := range [][2][][]float64{{p.truth, q.truth}, {p.cross, q.cross}, {p.average, q.average}, {[][]float64{p.norms}, [][]float64{q.norms}}} {
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
	var m measures
	inner, n, cosine := 0., 0., 0.
	for i, row := range p.cross {
		if i/2 == point {
			continue
		}
		along, blocks := 0., 0.
		for b, v := range row {
			if b != block {
				along += v
				blocks++
			}
		}
		along /= blocks
		inner += along
		cosine += along / math.Sqrt(p.norms[i])
		n++
	}
	m.cosine = cosine / n / truth
	m.averaged = inner / n / surrogate / truth
	m.ratio = surrogate / truth
	return m
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

// match works the comparison out with its errors.
func (p products) match(matrix string, exact bool) GradientMatch {
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
	var means [][][]float32
	for i := range g.o.Average {
		pair, err := g.surrogate(p, windows, g.batch, i)
		if err != nil {
			return nil, err
		}
		mean := g.w.zeros()
		for k := range per {
			for side, s := range pair {
				per[k].norms[2*i+side] = dot(s[k], s[k])
				for b := range truth {
					per[k].cross[2*i+side][b] = dot(s[k], truth[b][k])
				}
			}
			for j := range mean[k] {
				mean[k][j] = (pair[0][k][j] + pair[1][k][j]) / 2
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

// wholeName stands for all matrices whose gradient passes through windows.
const wholeName = "all"
