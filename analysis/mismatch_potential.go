package analysis

import (
	"context"
	"errors"
	"math"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/window"
)

// PotentialLayer is a layer of neurons as windows see it.
type PotentialLayer struct {
	Node string `json:"node"`
	// Assumed marks a layer whose input no tdBN normalises: the prediction takes
	// its deviation to be θ.
	Assumed bool            `json:"input_assumed"`
	Steps   []PotentialStep `json:"steps"`
}

// PotentialStep is the potential before firing at one step, as predicted and as
// measured over all neurons and samples.
type PotentialStep struct {
	Step      int            `json:"t"` // from 1
	Predicted window.Moments `json:"predicted"`
	Measured  Measured       `json:"measured"`
	Windows   []WindowMatch  `json:"windows"` // per candidate
}

// Measured are the moments of a potential over a batch.
type Measured struct {
	Mean    float64   `json:"mean"`
	Std     float64   `json:"std"`
	Rate    float64   `json:"rate"`
	Density *Estimate `json:"density"` // at θ
}

// WindowMatch is how one window meets the potentials at one step.
type WindowMatch struct {
	Window   string    `json:"window"`
	Width    float64   `json:"width"`       // rectangle-equivalent
	Coverage float64   `json:"coverage"`    // P(|u−θ| < α/2)
	Mean     float64   `json:"mean_window"` // E h(u−θ)
	Bias     *Estimate `json:"bias"`        // E h − p(θ)
}

// potentialBlocks is into how many groups samples are divided for errors:
// potentials of one sample depend on each other.
const potentialBlocks = 16

// cells is a histogram of u − θ, fine enough that windows and kernels are
// constant within a cell, per block of samples.
type cells struct {
	size   float64 // of a cell
	counts [potentialBlocks][]float64
	n      [potentialBlocks]float64
	all    float64
}

const (
	cellsPerStd = 512
	cellsReach  = 16 // deviations to either side; what lies beyond is at the end
)

func newCells(std float64) *cells {
	c := &cells{size: std / cellsPerStd}
	for b := range c.counts {
		c.counts[b] = make([]float64, 2*cellsReach*cellsPerStd)
	}
	return c
}

// fill counts potentials [N, H, W, C].
func (c *cells) fill(u []float32, samples int, theta float64) {
	size := len(u) / samples
	half := len(c.counts[0]) / 2
	for b := range c.counts {
		clear(c.counts[b])
		from, to := b*samples/potentialBlocks, (b+1)*samples/potentialBlocks
		for _, v := range u[from*size : to*size] {
			i := math.Floor((float64(v) - theta) / c.size)
			i = min(max(i, float64(-half)), float64(half-1))
			c.counts[b][half+int(i)]++
		}
		c.n[b] = float64((to - from) * size)
	}
	c.all = float64(len(u))
}

// means returns the mean, over each block, of a function given by its integral
// from −∞. It is averaged over cells, within which potentials are taken to be
// evenly spread.
func (c *cells) means(integral func(d float64) float64) (blocks [potentialBlocks]float64) {
	half := len(c.counts[0]) / 2
	before := integral(float64(-half) * c.size)
	for i := range c.counts[0] {
		after := integral(float64(i+1-half) * c.size)
		h := (after - before) / c.size
		before = after
		if h == 0 {
			continue
		}
		for b := range blocks {
			blocks[b] += h * c.counts[b][i]
		}
	}
	for b := range blocks {
		blocks[b] /= max(1, c.n[b])
	}
	return blocks
}

// over is the mean over all blocks, and its standard error from their spread.
func (c *cells) over(blocks [potentialBlocks]float64) (mean, se float64) {
	for b, v := range blocks {
		mean += v * c.n[b] / c.all
	}
	used := 0.
	for b, v := range blocks {
		if c.n[b] > 0 {
			used++
			share := c.n[b] / c.all
			se += share * share * (v - mean) * (v - mean)
		}
	}
	if used < 2 {
		return mean, math.NaN()
	}
	return mean, math.Sqrt(se * used / (used - 1))
}

// density estimates p(θ) per block by a kernel of fourth order, ½(3 − z²)φ(z), at
// the bandwidth 1.08·σ·n^(−1/9) that is best for a normal density (Wand and
// Schucany 1990). What changes at 1/√2 of the bandwidth, where the bias is a
// quarter, is returned as doubt.
func (c *cells) density(std float64) (blocks [potentialBlocks]float64, doubt float64) {
	at := func(h float64) [potentialBlocks]float64 {
		return c.means(func(d float64) float64 { z := d / h; return normalCDF(z) + z*normalPDF(z)/2 })
	}
	h := 1.08 * std * math.Pow(c.all, -1./9)
	blocks = at(h)
	wide, _ := c.over(blocks)
	narrow, _ := c.over(at(h / math.Sqrt2))
	return blocks, math.Abs(wide - narrow)
}

func normalCDF(z float64) float64 { return .5 * math.Erfc(-z/math.Sqrt2) }
func normalPDF(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// potentials observes a pass and meets its potentials with windows, given per
// candidate and layer.
func potentials(ctx context.Context, p engine.Prober, s Subject, cands []Candidate, windows [][]graph.LayerWindows) ([]PotentialLayer, error) {
	neurons := s.Net.Neurons()
	layers := make([]PotentialLayer, len(neurons))
	index := map[string]int{}
	for i, l := range neurons {
		layers[i] = PotentialLayer{Node: l.Name, Assumed: windows[0][i].Assumed}
		index[l.Name] = i
	}
	if err := p.SetParams(s.Params); err != nil {
		return nil, err
	}
	err := p.Observe(s.Batch, func(node string, t int, u []float32) {
		if ctx.Err() != nil {
			return
		}
		l := index[node]
		predicted := windows[0][l].Moments[t]
		step := PotentialStep{Step: t + 1, Predicted: predicted}
		theta := neurons[l].Neuron.Model.Threshold
		step.Measured = moments(u, theta)
		c := newCells(predicted.Std)
		c.fill(u, s.Batch.N, theta)
		density, doubt := c.density(step.Measured.Std)
		step.Measured.Density = c.estimate(density, doubt)
		for k, cand := range cands {
			w := windows[k][l]
			step.Windows = append(step.Windows, c.meet(cand, w.Shape, w.Widths[t], density, doubt))
		}
		layers[l].Steps = append(layers[l].Steps, step)
	})
	return layers, errors.Join(err, ctx.Err())
}

// estimate adds the spread over blocks and a doubt that they share.
func (c *cells) estimate(blocks [potentialBlocks]float64, doubt float64) *Estimate {
	mean, se := c.over(blocks)
	e := Estimate{mean, math.Hypot(se, doubt)}
	if !finite(e.Value) || !finite(e.Error) {
		return nil
	}
	return &e
}

func (c *cells) meet(cand Candidate, shape window.Shape, width float64, density [potentialBlocks]float64, doubt float64) WindowMatch {
	m := WindowMatch{Window: cand.Name(), Width: width}
	inside, _ := c.over(c.means(func(d float64) float64 { return window.Rectangular.Integral(d, width) }))
	m.Coverage = inside * width
	h := c.means(func(d float64) float64 { return shape.Integral(d, width) })
	m.Mean, _ = c.over(h)
	for b := range h {
		h[b] -= density[b]
	}
	m.Bias = c.estimate(h, doubt)
	return m
}

// moments measures potentials.
func moments(u []float32, theta float64) Measured {
	var m Measured
	n := float64(len(u))
	for _, v := range u {
		m.Mean += float64(v) / n
		if float64(v) >= theta {
			m.Rate += 1 / n
		}
	}
	for _, v := range u {
		d := float64(v) - m.Mean
		m.Std += d * d / n
	}
	m.Std = math.Sqrt(m.Std)
	return m
}
