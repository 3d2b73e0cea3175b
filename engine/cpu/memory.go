package cpu

import (
	"fmt"

	"github.com/qif-snn/qif/graph"
)

// memoryNeeded estimates the bytes that a plan takes: values over batch and time
// with their gradients, potentials, parameters with gradients, two optimiser
// slots and the copies that snapshots make, partial weight gradients, and each
// worker's lists and image with a margin. It counts in floating point, which does
// not overflow.
func memoryNeeded(net *graph.Network, train bool, batch, steps, workers int) float64 {
	copies, tensors := 1., 2.
	if train {
		copies, tensors = 2, 8
	}
	n, lists, framed := 0., 0., 0.
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
			k, in := float64(op.Kernel), l.In[0]
			patch := k * k * float64(in.C)
			lists += 2 * (patch + float64(min(in.C, channelBlock))*float64(in.H)*float64(in.W))
			framed = max(framed, (float64(l.Out.H)+2*k)*(float64(l.Out.W)+2*k)*float64(l.Out.C))
			if groups := weightTiles / tiles(in.C, channelBlock); train && groups > 1 {
				n += float64(groups) * patch * float64(l.Out.C)
			}
			n += copies * frames * float64(l.Out.Size())
		default:
			n += copies * frames * float64(l.Out.Size())
		}
	}
	for _, p := range net.Params {
		n += tensors * float64(p.Size())
	}
	return 4 * (n + float64(workers)*(lists+framed))
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
