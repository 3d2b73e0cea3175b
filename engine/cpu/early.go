package cpu

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/engine"
)

// RunEarly implements engine.EarlyRunner. Samples advance one step at a time;
// those that are certain leave, and the others' states move together.
func (r *runner) RunEarly(b engine.Batch, margin float64, logits []float32, steps []int32) error {
	if err := engine.CheckMargin(margin); err != nil {
		return err
	}
	k := r.net.Classes()
	switch err := r.checkBatch(b.N, r.samples, b.X); {
	case err != nil:
		return err
	case len(logits) != b.N*k:
		return fmt.Errorf("room for %d logits, expected [N, K] = %d", len(logits), b.N*k)
	case len(steps) != b.N:
		return fmt.Errorf("room for the steps of %d samples, the batch has %d", len(steps), b.N)
	}
	clear(logits)
	states := r.NewState(b.N).(*state)
	r.eachChunk(b.N, 1, func(first, n int) {
		c := earlyChunk{runner: r, b: b, margin: margin, logits: logits, steps: steps, state: states.v[first/r.batch]}
		for i := range n {
			c.left = append(c.left, first+i)
		}
		for t := 0; t < r.steps && len(c.left) > 0; t++ {
			c.step(t)
			if counted := t + 1 - r.net.Readout().First(r.steps); counted > 0 {
				c.decide(t, counted)
			}
		}
	})
	return nil
}

// earlyChunk is a chunk of samples of which some have left.
type earlyChunk struct {
	*runner
	b      engine.Batch
	margin float64
	logits []float32 // sums so far; in the end means
	steps  []int32
	state  [][]float32
	left   []int // samples that are not certain
}

// step advances the samples that are left by step t, from 0.
func (c *earlyChunk) step(t int) {
	c.n, c.t = len(c.left), 1
	for i, o := range c.scan {
		o.state = c.state[i][:c.n*o.y.shape.Size()]
	}
	size := c.in.shape.Size()
	for i, sample := range c.left {
		if !c.in.static {
			sample += t * c.b.N
		}
		c.setFrame(i, c.b.X[sample*size:][:size])
	}
	c.forward()
}

// decide ends with the samples that are certain after step t, from 0, by so many
// logits that count.
func (c *earlyChunk) decide(t, counted int) {
	k := c.net.Classes()
	var stay []int
	for i, sample := range c.left {
		sum := c.logits[sample*k:][:k]
		for j, v := range c.out.data[i*k:][:k] {
			sum[j] += v
		}
		if t == c.runner.steps-1 || certainty(sum, counted) >= c.margin {
			c.steps[sample] = int32(t + 1)
			for j := range sum {
				sum[j] /= float32(counted)
			}
		} else {
			stay = append(stay, i)
		}
	}
	c.keep(stay)
}

// keep moves the states of the samples that stay together.
func (c *earlyChunk) keep(stay []int) {
	if len(stay) == len(c.left) {
		return
	}
	for layer, o := range c.scan {
		v, ch := c.state[layer], o.y.shape.C
		for px := range o.y.pixels() {
			for to, from := range stay {
				copy(v[(px*len(stay)+to)*ch:][:ch], v[(px*len(c.left)+from)*ch:])
			}
		}
	}
	for to, from := range stay {
		c.left[to] = c.left[from]
	}
	c.left = c.left[:len(stay)]
}

// certainty returns by how much the largest probability exceeds the second, for
// the softmax of the mean of logits whose sum over steps is given.
func certainty(sum []float32, steps int) float64 {
	first, second, total := math.Inf(-1), math.Inf(-1), 0.
	for _, s := range sum {
		switch v := float64(s) / float64(steps); {
		case v > first:
			first, second = v, first
		case v > second:
			second = v
		}
	}
	for _, s := range sum {
		total += math.Exp(float64(s)/float64(steps) - first)
	}
	return (1 - math.Exp(second-first)) / total
}
