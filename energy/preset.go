package energy

import (
	"fmt"
	"strings"
)

// Preset is what operations and memory accesses cost, in picojoules.
type Preset struct {
	Name, Doc, Source string
	MAC, AC, Graded   float64
	Mul, Add          float64                   // of a neuron's update
	Word              func(bytes int64) float64 // of an access to a memory of that size; nil: not counted
}

// horowitz is where all numbers come from: floating-point additions and
// multiplications of 32 bits take .9 and 3.7 pJ, accesses of 64 bits to caches of 8
// KB, 32 KB and 1 MB take 10, 20 and 100 pJ.
const horowitz = "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, 45 nm, .9 V"

// Presets lists what is known. The first is the convention of the field.
var Presets = []Preset{
	{
		Name: "field", Doc: "the field's convention: synapses alone, anything from spikes as additions",
		Source: horowitz + "; convention as in Spikformer (Zhou et al. 2023)",
		MAC:    4.6, AC: .9, Graded: .9,
	},
	{
		Name: "arithmetic", Doc: "all arithmetic: sums and averages of spikes multiply, neurons are updated",
		Source: horowitz,
		MAC:    4.6, AC: .9, Graded: 4.6, Mul: 3.7, Add: .9,
	},
	{
		Name: "memory", Doc: "all arithmetic and every access to weights, partial sums and potentials in SRAM",
		Source: horowitz + "; a memory per layer, energy interpolated over its size (ours)",
		MAC:    4.6, AC: .9, Graded: 4.6, Mul: 3.7, Add: .9, Word: sram,
	},
}

// PresetNamed returns the preset of that name.
func PresetNamed(name string) (Preset, error) {
	var names []string
	for _, p := range Presets {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("unknown preset %q; known: %s", name, strings.Join(names, ", "))
}

// sram is the energy of a word of 32 bits from a memory of that size: half of
// Horowitz's numbers for 64 bits, linear in the size between them, constant
// outside. A memory of more than 1 MB counts as banks of that size.
func sram(bytes int64) float64 {
	const kb = 1 << 10
	sizes := []struct {
		bytes int64
		pj    float64
	}{{8 * kb, 5}, {32 * kb, 10}, {1024 * kb, 50}}
	if bytes <= sizes[0].bytes {
		return sizes[0].pj
	}
	for i, s := range sizes[1:] {
		if bytes <= s.bytes {
			below := sizes[i]
			return below.pj + (s.pj-below.pj)*float64(bytes-below.bytes)/float64(s.bytes-below.bytes)
		}
	}
	return sizes[len(sizes)-1].pj
}

// Energy is an estimate by its parts, in picojoules.
type Energy struct {
	Synapses float64 `json:"synapses"`
	Neurons  float64 `json:"neurons"`
	Memory   float64 `json:"memory"`
}

// Total is the sum of the parts.
func (e Energy) Total() float64 { return e.Synapses + e.Neurons + e.Memory }

// Of returns the energy that a layer takes for one image.
func (p Preset) Of(l Layer) Energy {
	return p.of(l, l.Total)
}

// OfStep returns the energy that a layer takes at a step, from 0.
func (p Preset) OfStep(l Layer, t int) Energy { return p.of(l, l.Steps[t]) }

func (p Preset) of(l Layer, c Counts) Energy {
	e := Energy{
		Synapses: p.MAC*c.MAC + p.AC*c.AC + p.Graded*c.Graded,
		Neurons:  p.Mul*c.Mul + p.Add*c.Add,
	}
	if p.Word != nil {
		e.Memory = p.Word(l.weightBytes)*c.Weights + p.Word(l.stateBytes)*(c.Sums+c.State)
	}
	return e
}

// OfNet returns the energy that a network takes for one image.
func (p Preset) OfNet(r *Report) Energy {
	var sum Energy
	for _, l := range r.Layers {
		e := p.Of(l)
		sum.Synapses += e.Synapses
		sum.Neurons += e.Neurons
		sum.Memory += e.Memory
	}
	return sum
}
