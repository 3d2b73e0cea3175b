package cpu

import (
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// halves says which products are taken in bfloat16.
type halves int

const (
	noHalves    halves = iota
	inputHalves        // the gradients of inputs, of which nothing is zero
	allHalves          // all whose input is spikes
)

// halvesFor returns what a precision means on this processor: in mixed precision
// products are taken in bfloat16 where that is faster than what float32 has
// instead, lists of events for two of the three.
func halvesFor(precision string) halves {
	switch {
	case precision != engine.Mixed:
		return noHalves
	case kernel.HalfProducts() == kernel.HalfTiles:
		return allHalves
	case kernel.HalfProducts() == kernel.HalfDots:
		return inputHalves
	}
	return noHalves
}

// fitsHalves reports whether products of c and `out` channels may be taken in
// bfloat16: whole panels of them.
func (p *plan) fitsHalves(use halves, c, out int) bool {
	return p.halves >= use && c%kernel.PanelColumns == 0 && out%kernel.PanelColumns == 0
}
