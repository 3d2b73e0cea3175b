package window

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/qif-snn/qif/neuron"
)

// A Simulation says how many neurons to step, and how.
type Simulation struct {
	Steps, Samples int
	Seed           uint64
	Threads        int       // 0: as many as Go may use; the numbers do not depend on it
	Progress       func(int) // if not nil, told how many neurons are done; called from all threads
}

// Simulated is what a simulation measures of the potential before firing at one
// step, with the standard errors of its estimates. As in the predictions, mean,
// deviation and density are those of the potentials that have not run away, and
// the rate is that of all.
type Simulated struct {
	Moments
	Errors  Moments `json:"errors"`
	Samples int     `json:"samples"`
	Escaped int     `json:"escaped"` // neurons that have run away
}

// simulationTask is how many neurons draw from one stream of random numbers.
const simulationTask = 1 << 13

// Simulate steps independent neurons from the reset value under normal input. The
// density at θ is the mean of the density given the potential of the step before,
// which spreads far less than a count near θ. It fails on what Closure refuses,
// on fewer than two neurons, and when the context ends.
func Simulate(ctx context.Context, d neuron.Dynamics, in Input, o Simulation) ([]Simulated, error) {
	if err := check(d, in, o.Steps); err != nil {
		return nil, err
	}
	switch {
	case o.Samples < 2:
		return nil, fmt.Errorf("%d simulated neurons, expected at least 2", o.Samples)
	case o.Threads < 0:
		return nil, fmt.Errorf("%d threads, expected 0 or more", o.Threads)
	}
	threads := o.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	tallies := make([][]tally, (o.Samples+simulationTask-1)/simulationTask)
	var next, done atomic.Int64
	var group sync.WaitGroup
	for range min(threads, len(tallies)) {
		group.Go(func() {
			for ctx.Err() == nil {
				task := int(next.Add(1)) - 1
				if task >= len(tallies) {
					return
				}
				n := min(simulationTask, o.Samples-task*simulationTask)
				tallies[task] = simulateTask(d, in, o.Steps, n, rand.New(stream(o.Seed, task)))
				if now := done.Add(int64(n)); o.Progress != nil {
					o.Progress(int(now))
				}
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := make([]Simulated, o.Steps)
	for t := range all {
		var sum tally
		for _, task := range tallies { // in one order, whoever did them
			sum.add(task[t])
		}
		all[t] = sum.estimate(o.Samples)
	}
	return all, nil
}

// stream returns a task's source of random numbers. ChaCha8 is keyed, so that
// streams have nothing to do with each other, however close their keys.
func stream(seed uint64, task int) rand.Source {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(task))
	return rand.NewChaCha8(key)
}

// A tally sums over neurons at one step.
type tally struct {
	staying, spikes, escaped int
	u                        [5]float64 // Σu^k of those that stay
	p, pp                    float64    // Σ and Σ² of the density at θ given the step before
}

func (t *tally) add(s tally) {
	t.staying += s.staying
	t.spikes += s.spikes
	t.escaped += s.escaped
	for k := range t.u {
		t.u[k] += s.u[k]
	}
	t.p += s.p
	t.pp += s.pp
}

// simulateTask steps n neurons.
func simulateTask(d neuron.Dynamics, in Input, steps, n int, rng *rand.Rand) []tally {
	all := make([]tally, steps)
	constant, noise := in.Std*math.Sqrt(in.Rho), in.Std*math.Sqrt(1-in.Rho)
	blur := noise
	if in.static() {
		blur = staticBlur * in.Std
	}
	scale := 1 / (blur * math.Sqrt(2*math.Pi))
	mean := in.Mean
	bounds := coreOf(d, mean)
	for range n {
		if constant > 0 {
			mean = in.Mean + constant*rng.NormFloat64()
			bounds = coreOf(d, mean)
		}
		v := d.ResetValue
		for t := range all {
			if bounds.lost(v) {
				for ; t < steps; t++ {
					all[t].escaped++
					if bounds.fires {
						all[t].spikes++
					}
				}
				break
			}
			x := mean + noise*rng.NormFloat64()
			s := &all[t]
			if z := (d.Threshold - d.At(v) - mean) / blur; z > -9 && z < 9 && blur > 0 {
				p := scale * math.Exp(-z*z/2)
				s.p += p
				s.pp += p * p
			}
			u, spike, after := d.Step(v, x)
			if spike {
				s.spikes++
			}
			s.staying++
			square := u * u
			s.u[1] += u
			s.u[2] += square
			s.u[3] += square * u
			s.u[4] += square * square
			v = after
		}
	}
	return all
}

// estimate turns sums into estimates, of n neurons in all.
func (t *tally) estimate(n int) Simulated {
	s := Simulated{Samples: n, Escaped: t.escaped}
	m := float64(t.staying)
	mean := t.u[1] / m
	second, third, fourth := t.u[2]/m, t.u[3]/m, t.u[4]/m
	variance := max(0, second-mean*mean)
	kurtosis := fourth - 4*mean*third + 6*mean*mean*second - 3*mean*mean*mean*mean
	s.Mean, s.Std = mean, math.Sqrt(variance)
	s.Rate, s.Density = float64(t.spikes)/float64(n), t.p/m
	s.Errors = Moments{
		Mean:    s.Std / math.Sqrt(m),
		Rate:    math.Sqrt(s.Rate * (1 - s.Rate) / float64(n)),
		Density: math.Sqrt(max(0, t.pp/m-s.Density*s.Density) / m),
	}
	if variance > 0 { // the deviation's own by the delta method
		s.Errors.Std = math.Sqrt(max(0, kurtosis-variance*variance) / (4 * variance * m))
	}
	return s
}
