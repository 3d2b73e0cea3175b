package cpu

import (
	"fmt"

	"github.com/qif-snn/qif/graph"
)

// memoryNeeded estimates the bytes that a plan allocates: values over batch and
// time with their gradients, potentials, parameters with gradients and two
// optimiser slots. It counts in floating point, which does not overflow.
func memoryNeeded(net *graph.Network, train bool, batch, steps int) float64 {
	copies, tensors := 1., 1.
	if train {
		copies, tensors = 2, 4
	}
	n := 0.
	for _, l := range net.Layers {
		frames := float64(batch)
		if !l.Static {
			frames *= float64(steps)
		}
		switch l.Op.(type) {
		case *graph.Flatten, *graph.Readout: // other views of their input
		case *graph.Neuron:
			n += (copies + 1) * frames * float64(l.Out.Size())
		default:
			n += copies * frames * float64(l.Out.Size())
		}
	}
	for _, p := range net.Params {
		n += tensors * float64(p.Size())
	}
	return 4 * n
}

// checkMemory refuses a plan that the machine cannot hold, before the attempt
// takes the program down.
func checkMemory(net *graph.Network, train bool, batch, steps int) error {
	const gib = 1 << 30
	need, have := memoryNeeded(net, train, batch, steps), float64(physicalMemory())
	if have > 0 && need > have {
		return fmt.Errorf("graph %q with batch %d and T = %d needs %.1f GiB of memory, this machine has %.1f GiB: choose a smaller batch or fewer steps",
			net.Graph.Name, batch, steps, need/gib, have/gib)
	}
	return nil
}
