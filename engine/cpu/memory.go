package cpu

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/graph"
)

// checkSpikes refuses a plan whose spikes alone are more than the machine can
// hold, before anything as large as its steps is computed.
func checkSpikes(net *graph.Network, o planOptions) error {
	bits := 0.
	for _, n := range net.Neurons() {
		bits += float64(n.Out.Size()) * float64(o.mostFrames)
	}
	return refuse(net, o, bits/8)
}

// checkOffsets refuses values whose numbers kernels cannot address: they count
// with 32 bits.
func (p *plan) checkOffsets() error {
	for _, v := range p.held {
		if n := float64(p.most(v)) * float64(v.shape.Size()); n > math.MaxInt32 {
			return fmt.Errorf("graph %q with batch %d and T = %d has a layer of %.0f numbers, at most %d: choose a smaller batch or fewer steps",
				p.net.Graph.Name, p.batch, p.steps, n, math.MaxInt32)
		}
	}
	return nil
}

// refuse returns an error if a plan needs more bytes than the machine has.
func refuse(net *graph.Network, o planOptions, need float64) error {
	const gib = 1 << 30
	have := .9 * float64(physicalMemory())
	if have == 0 || need <= have {
		return nil
	}
	return fmt.Errorf("graph %q with batch %d and T = %d needs %.1f GiB of memory, %.1f GiB of this machine are usable: choose a smaller batch or fewer steps",
		net.Graph.Name, o.batch, o.steps, need/gib, have/gib)
}

// checkMemory refuses a plan that the machine cannot hold, before the attempt
// takes the program down: the arena and each worker's scratch, in words of 32
// bits, lists of events, parameters with gradients, two optimiser slots and the
// copies that snapshots make.
func (p *plan) checkMemory(arena, scratch int) error {
	tensors := 2.
	if p.train {
		tensors = 8
	}
	words := float64(arena) + float64(p.threads)*float64(scratch)
	for _, q := range p.net.Params {
		words += tensors * float64(q.Size())
	}
	for size := range p.events {
		words += float64(size.rows) * float64(size.columns) / 2
	}
	return refuse(p.net, p.planOptions, 4*words)
}
