package cpu

import "fmt"

// checkMemory refuses a plan that the machine cannot hold, before the attempt
// takes the program down: the arena and each worker's scratch, in words of 32
// bits, lists of events, parameters with gradients, two optimiser slots and the
// copies that snapshots make.
func (p *plan) checkMemory(arena, scratch int) error {
	const gib = 1 << 30
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
	if need, have := 4*words, .9*float64(physicalMemory()); have > 0 && need > have {
		return fmt.Errorf("graph %q with batch %d and T = %d needs %.1f GiB of memory, %.1f GiB of this machine are usable: choose a smaller batch or fewer steps",
			p.net.Graph.Name, p.batch, p.steps, need/gib, have/gib)
	}
	return nil
}
