package analysis

import (
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// The loss of a spiking network is a staircase in its weights: its derivative is
// zero almost everywhere. What the surrogate gradient stands for is the gradient
// of the loss smoothed by weight noise, L̄(w) = E L(w+ε) with ε ~ N(0, τ²) for each
// matrix, which integration by parts gives from losses alone (Stein's identity):
//
//	∇L̄ = E[ε·L(w+ε)]/τ² = E[ε·y]/τ²,  y = (L(w+ε) − L(w−ε))/2,
//
// over antithetic pairs ±ε, in which even terms of the loss cancel. Its variance
// comes mostly from the linear part of y, to which all D weights contribute. We
// take a part of known mean out (a control variate): with any fixed vector s,
// E[ε·(ε·s)]/τ² = s, so that
//
//	∇L̄ = c·s + E[ε·(y − c·ε·s)]/τ²
//
// for every c. The averaged surrogate gradient is such an s, and a good one: as
// far as it points along ∇L̄, that many fewer pairs do. The coefficients, one for
// each matrix, are fitted by least squares to the pairs of all other blocks, so
// that every block's estimate is unbiased.

// What random numbers are drawn for.
const (
	drawPair  = iota + 1 // a pair for the true gradient
	drawPoint            // a pair of points for surrogate gradients
	drawData             // samples of a task
	drawTeacher
)

// stream returns random numbers that depend on these three alone.
func stream(seed uint64, purpose, i int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(purpose)<<48|uint64(i)))
}

// noise draws the i-th noise of a purpose over the matrices.
func (w *weights) draw(dst [][]float32, seed uint64, purpose, i int) {
	rng := stream(seed, purpose, i)
	for k, e := range dst {
		for j := range e {
			e[j] = float32(w.noise[k] * rng.NormFloat64())
		}
	}
}

// gradients estimates gradients of one subject.
type gradients struct {
	*crew
	w     *weights
	batch engine.Batch
	o     MismatchOptions
}

// surrogate returns the surrogate gradients at w+ε and w−ε of the i-th noise.
func (g *gradients) surrogate(p engine.Prober, windows []graph.LayerWindows, i int) (pair [2][][]float32, err error) {
	noise, at := g.w.zeros(), g.w.fresh()
	g.w.draw(noise, g.o.Seed, drawPoint, i)
	if err := p.SetWindows(windows); err != nil {
		return pair, err
	}
	for k, sign := range []float32{1, -1} {
		g.w.move(at, noise, sign)
		if err := p.SetParams(at); err != nil {
			return pair, err
		}
		_, grads, err := p.Gradient(g.batch, nil)
		if err != nil {
			return pair, fmt.Errorf("with noise on the weights: %w", err)
		}
		pair[k] = g.w.pick(grads)
	}
	return pair, nil
}

// plain returns the surrogate gradient at the weights themselves.
func (g *gradients) plain(p engine.Prober, windows []graph.LayerWindows, batch engine.Batch) ([][]float32, error) {
	if err := p.SetWindows(windows); err != nil {
		return nil, err
	}
	if err := p.SetParams(g.w.base); err != nil {
		return nil, err
	}
	_, grads, err := p.Gradient(batch, nil)
	if err != nil {
		return nil, err
	}
	return g.w.pick(grads), nil
}

// mean returns the surrogate gradient averaged over the noise.
func (g *gradients) mean(windows []graph.LayerWindows) ([][]float32, error) {
	pairs := make([][2][][]float32, g.o.Average)
	err := g.each(len(pairs), func(p engine.Prober, i int) (err error) {
		pairs[i], err = g.surrogate(p, windows, i)
		g.done(2*gradientCost, "control variate")
		return err
	})
	if err != nil {
		return nil, err
	}
	mean := g.w.zeros()
	for _, pair := range pairs { // in order, whoever was first
		for k := range mean {
			for j := range mean[k] {
				mean[k][j] += (pair[0][k][j] + pair[1][k][j]) / float32(2*len(pairs))
			}
		}
	}
	return mean, nil
}

// gradientCost is about how many losses a gradient takes as long as.
const gradientCost = 3

// smoothed returns independent estimates of the smoothed true gradient, one for
// each block of pairs, with a control variate.
func (g *gradients) smoothed(control [][]float32) ([][][]float32, error) {
	y := make([]float64, g.o.Pairs)
	features := make([][]float64, g.o.Pairs)
	err := g.each(g.o.Pairs, func(p engine.Prober, i int) error {
		noise, at := g.w.zeros(), g.w.fresh()
		g.w.draw(noise, g.o.Seed, drawPair, i)
		for _, sign := range []float32{1, -1} {
			g.w.move(at, noise, sign)
			if err := p.SetParams(at); err != nil {
				return err
			}
			r, err := p.Loss(g.batch)
			if err != nil {
				return fmt.Errorf("with noise on the weights: %w", err)
			}
			y[i] += float64(sign) * r.Loss / 2
		}
		for k, s := range control {
			features[i] = append(features[i], dot(noise[k], s))
		}
		g.done(2, "true gradient")
		return nil
	})
	if err != nil {
		return nil, err
	}
	blocks := make([][][]float32, g.o.Blocks)
	err = g.each(g.o.Blocks, func(_ engine.Prober, b int) error {
		blocks[b] = g.block(b, y, features, control)
		return nil
	})
	return blocks, err
}

// block returns a block's estimate. Its pairs are b, b+B, b+2B, ... Their noise is
// drawn again: that costs less than to keep it.
func (g *gradients) block(b int, y []float64, features [][]float64, control [][]float32) [][]float32 {
	c := controlCoefficients(y, features, func(i int) bool { return i%g.o.Blocks != b })
	noise := g.w.zeros()
	sum := make([][]float64, len(noise))
	for k := range sum {
		sum[k] = make([]float64, len(noise[k]))
	}
	n := 0
	for i := b; i < len(y); i += g.o.Blocks {
		n++
		g.w.draw(noise, g.o.Seed, drawPair, i)
		rest := y[i]
		for k, f := range features[i] {
			rest -= c[k] * f
		}
		for k, e := range noise {
			for j, v := range e {
				sum[k][j] += rest * float64(v)
			}
		}
	}
	out := g.w.zeros()
	for k := range out {
		variance := float64(n) * g.w.noise[k] * g.w.noise[k]
		for j, s := range sum[k] {
			out[k][j] = float32(c[k]*float64(control[k][j]) + s/variance)
		}
	}
	return out
}

// controlCoefficients fits y by the features of those pairs that are taken. With
// too few pairs for that it fits all features with one coefficient.
func controlCoefficients(y []float64, features [][]float64, taken func(i int) bool) []float64 {
	const pairsPerCoefficient = 8
	k := len(features[0])
	one := len(y) < pairsPerCoefficient*k
	n := k
	if one {
		n = 1
	}
	normal, right := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	row := mat.NewVecDense(n, nil)
	for i, f := range features {
		if !taken(i) {
			continue
		}
		if one {
			row.SetVec(0, sum(f))
		} else {
			copy(row.RawVector().Data, f)
		}
		normal.SymRankOne(normal, 1, row)
		right.AddScaledVec(right, y[i], row)
	}
	c := make([]float64, k)
	var chol mat.Cholesky
	var fit mat.VecDense
	if !chol.Factorize(normal) || chol.SolveVecTo(&fit, right) != nil {
		return c // features that say nothing: no control variate
	}
	for i := range c {
		c[i] = fit.AtVec(min(i, n-1))
	}
	return c
}

func sum(x []float64) float64 {
	s := 0.
	for _, v := range x {
		s += v
	}
	return s
}
