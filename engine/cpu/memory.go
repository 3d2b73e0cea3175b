package cpu

import (
	"fmt"

	"github.com/qif-snn/qif/graph"
)

// memoryNeeded estimates the bytes that a plan takes: values over batch and time
// with their gradients, potentials, parameters with gradients, two optimiser
// slots and the copies that snapshots make, and each worker's patches. It counts
// in floating point, which does not overflow.
func memoryNeeded(net *graph.Network, train bool, batch, steps, workers int) float64 {
	copies, tensors := 1., 2.
	if train {
		copies, tensors = 2, 8
	}
	n, patches := 0., 0.
	for _, l := range net.Layers {
		frames := float64(batch)
		if !l.Static {
			frames *= float64(steps)
		}
		switch op := l.Op.(type) {
		case *graph.Flatten, *graph.Readout: // other views of their input
		case *graph.Neuron:
			n += (copies + 1) * frames * float64(l.Out.Size())
		case *graph.Conv:
			patch := float64(op.Kernel) * float64(op.Kernel) * float64(l.In[0].C)
			patches = max(patches, patch*float64(l.Out.H)*float64(l.Out.W))
			n += copies * frames * float64(l.Out.Size())
		default:
			n += copies * frames * float64(l.Out.Size())
		}
	}
	for _, p := range net.Params {
		n += tensors * float64(p.Size())
	}
	return 4 * (n + float64(workers)*patches)
}

// checkMemory refuses a plan that the machine cannot hold, before the attempt
// takes the program down.
func checkMemory(net *graph.Network, train bool, batch, steps, workers int) error {
	const gib = 1 << 30
	need, have := memoryNeeded(net, train, batch, steps, workers), .9*float64(physicalMemory())
	if have > 0 && need > have {
		return fmt.Errorf("graph %q with batch %d and T = %d needs %.1f GiB of memory, %.1f GiB of this machine are usable: choose a smaller batch or fewer steps",
			net.Graph.Name, batch, steps, need/gib, have/gib)
	}
	return nil
}
