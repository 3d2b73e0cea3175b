package bench

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// calibrationSamples are the images from which statistics and forced rates
// come, whatever the batch that is measured.
const calibrationSamples = 32

// maxSweeps bounds the passes in which rates are forced. Each settles one more
// layer for good, the later ones nearly so from the start.
const maxSweeps = 10

// calibrate returns parameters that differ from the initial ones in two
// regards: running statistics are those of a batch of images, without which a
// network that was never trained is silent in inference, and if rate is above
// 0, the shift of the tdBN before each layer of neurons makes that layer fire at
// about that rate.
func calibrate(ctx context.Context, o Options) ([]graph.Tensor, error) {
	net, err := forgetful(o.Net)
	if err != nil {
		return nil, err
	}
	shifts, err := shiftsOf(net)
	if err != nil && o.Rate > 0 {
		return nil, err
	}
	f, err := newFeed(net, calibrationSamples, o.Steps, 1, o.Seed)
	if err != nil {
		return nil, err
	}
	tr, err := o.Engine.CompileTrain(net, engine.TrainOptions{
		Batch: calibrationSamples, Steps: o.Steps, Threads: o.Threads, Seed: o.Seed,
		Loss: o.Loss, Optimizer: engine.Optimizer{Kind: engine.SGD}, Precision: o.Precision, Memory: o.Memory,
	})
	if err != nil {
		return nil, err
	}
	defer tr.Close()
	if o.Rate > 0 {
		if err := forceRates(ctx, tr, f.next(0), shifts, o); err != nil {
			return nil, err
		}
	}
	// A step at learning rate 0 moves nothing but the running statistics.
	if _, err := tr.Step(f.next(0), 0); err != nil {
		return nil, err
	}
	return tr.Tensors(), nil
}

// forgetful returns the network with a tdBN whose running statistics are those
// of the newest batch alone.
func forgetful(net *graph.Network) (*graph.Network, error) {
	g := net.Graph
	g.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		if op, ok := n.Op.(*graph.TDBN); ok {
			bn := *op
			bn.Momentum = 1
			g.Nodes[i].Op = &bn
		}
	}
	return graph.Check(g)
}

// shift is what moves a layer's firing rate: the shift of the tdBN that feeds
// it, directly or as one branch of a sum.
type shift struct {
	node   string // the layer of neurons
	tensor string
	dyn    neuron.Dynamics
}

func shiftsOf(net *graph.Network) ([]shift, error) {
	taken := map[int]bool{}
	var shifts []shift
	for _, l := range net.Neurons() {
		from := l.From[:1]
		if _, ok := net.Layers[from[0]].Op.(*graph.Add); ok {
			from = net.Layers[from[0]].From
		}
		at := slices.IndexFunc(from, func(i int) bool {
			_, ok := net.Layers[i].Op.(*graph.TDBN)
			return ok && !taken[i]
		})
		if at < 0 {
			return nil, fmt.Errorf("layer %s has no tdBN of its own before it whose shift could force its firing rate; measure without a forced rate", l.Name)
		}
		taken[from[at]] = true
		dyn, err := l.Neuron.Model.Dynamics()
		if err != nil {
			return nil, err
		}
		shifts = append(shifts, shift{l.Name, net.Layers[from[at]].Name + ".shift", dyn})
	}
	return shifts, nil
}

// forceRates moves the shifts of all layers until each fires at the rate
// wanted. The inputs of a layer are worked out from its potentials, so that a
// pass of the network serves all of its layers; the layers before it change
// them, hence more than one pass.
func forceRates(ctx context.Context, tr engine.Trainer, b engine.Batch, shifts []shift, o Options) error {
	for sweep := range maxSweeps {
		if ctx.Err() != nil {
			return ErrNothingMeasured
		}
		o.report("forcing firing rates", float64(sweep)/maxSweeps, 0)
		u, err := observe(tr, b, o.Steps)
		if err != nil {
			return err
		}
		snap, done := tr.Snapshot(), true
		for _, s := range shifts {
			x := inputs(s.dyn, u[s.node])
			if now := rateAt(s.dyn, x, 0); math.Abs(now-o.Rate) <= .01*o.Rate+.001 {
				continue
			}
			move := offset(s.dyn, x, o.Rate)
			i := slices.IndexFunc(snap.Params, func(p graph.Tensor) bool { return p.Name == s.tensor })
			for c := range snap.Params[i].Data {
				snap.Params[i].Data[c] += float32(move)
			}
			done = done && move == 0
		}
		if done {
			return nil
		}
		if err := tr.Restore(snap); err != nil {
			return err
		}
	}
	return nil
}

// sampled is how many of a layer's neurons stand for all of them.
const sampled = 8192

// observe returns potentials before firing, [T][neurons], by layer.
func observe(tr engine.Trainer, b engine.Batch, steps int) (map[string][][]float64, error) {
	all := map[string][][]float64{}
	err := tr.Observe(b, func(node string, t int, u []float32) {
		if all[node] == nil {
			all[node] = make([][]float64, steps)
		}
		// An odd stride meets all channels, whose numbers are mostly even.
		stride := max(1, len(u)/sampled) | 1
		for i := 0; i < len(u); i += stride {
			all[node][t] = append(all[node][t], float64(u[i]))
		}
	})
	return all, err
}

// inputs returns what neurons received, given their potentials: x[t] = u[t] −
// f(v[t−1]).
func inputs(d neuron.Dynamics, u [][]float64) [][]float64 {
	x := make([][]float64, len(u))
	for t := range u {
		x[t] = make([]float64, len(u[t]))
	}
	for i := range u[0] {
		v := d.ResetValue
		for t := range u {
			x[t][i] = u[t][i] - d.At(v)
			_, _, v = d.Step(v, x[t][i])
		}
	}
	return x
}

// rateAt returns the firing rate over all steps with the inputs moved.
func rateAt(d neuron.Dynamics, x [][]float64, move float64) float64 {
	fired := 0
	for i := range x[0] {
		v := d.ResetValue
		for t := range x {
			var spike bool
			if _, spike, v = d.Step(v, x[t][i]+move); spike {
				fired++
			}
		}
	}
	return float64(fired) / float64(len(x)*len(x[0]))
}

// offset returns by how much to move inputs for the rate wanted. The rate of a
// quadratic neuron does not grow with its input everywhere, since very low
// potentials rebound: of several answers it takes the smallest move, and where
// there is none, what comes nearest.
func offset(d neuron.Dynamics, x [][]float64, want float64) float64 {
	unit := (d.Threshold - d.ResetValue) / 8
	const reach = 32 // units to either side
	best, nearest := 0., math.Inf(1)
	rates := make([]float64, 2*reach+1)
	for i := range rates {
		move := float64(i-reach) * unit
		rates[i] = rateAt(d, x, move)
		if off := math.Abs(rates[i] - want); off < nearest {
			best, nearest = move, off
		}
	}
	for dist := range reach {
		for _, i := range []int{reach + dist, reach - dist - 1} { // intervals [i, i+1] from the middle outwards
			if (rates[i]-want)*(rates[i+1]-want) <= 0 {
				return bisect(d, x, want, float64(i-reach)*unit, float64(i+1-reach)*unit, rates[i] < want)
			}
		}
	}
	return best
}

func bisect(d neuron.Dynamics, x [][]float64, want, lo, hi float64, rising bool) float64 {
	for range 20 {
		mid := (lo + hi) / 2
		if rateAt(d, x, mid) < want == rising {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}
