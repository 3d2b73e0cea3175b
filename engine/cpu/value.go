package cpu

import (
	"slices"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

// form is how a value is kept.
type form int

const (
	asNumbers form = iota // float32
	asHalves              // bfloat16
	asSpikes              // a bit each
	asSum                 // not at all: its only user adds up its terms
)

// value is a node's output over batch and time, [P][F][C]: pixels, the frames of
// a pixel, channels. Frames are f = t·N + n, and f = n where a value is constant
// over time. Its gradient has the same layout.
type value struct {
	shape  graph.Shape
	static bool
	sole   bool // one operation uses it
	flat   bool // stands for a vector: its pixels and channels in this order
	form   form

	store, gradStore *buffer
	again            *buffer // where the backward pass has the value computed anew; nil: it is kept
	data             []float32
	half             []kernel.BF16
	bits             []uint32  // [P][F][Words(C)]
	grad             []float32 // nil if nothing upstream wants it, or kept as:
	narrowGrad       []kernel.BF16
	halfGrad         *halfGrad
	narrow           bool    // the gradient is kept as narrowGrad
	terms            []*term // of a sum

	// density bounds the share of the numbers that are not zero in this pass;
	// nil: none need be.
	density func() float64
	maker   op
}

// wantsGrad reports whether something upstream of the value learns.
func (v *value) wantsGrad() bool {
	return v.gradStore != nil || slices.ContainsFunc(v.terms, (*term).wantsGrad)
}

// pixels is the number of pixels.
func (v *value) pixels() int { return v.shape.H * v.shape.W }

// words is the words of 32 bits that n rows take.
func (v *value) words(n int) int {
	if v.form == asHalves {
		return tiles(n*v.shape.C, 2)
	}
	return n * v.row()
}

// row is the numbers, or words of bits, of a row.
func (v *value) row() int {
	if v.form == asSpikes {
		return kernel.Words(v.shape.C)
	}
	return v.shape.C
}

// rows returns n rows.
func (v *value) rows(at, n int) kernel.Rows {
	r := v.row()
	switch v.form {
	case asSpikes:
		return kernel.Rows{Bits: v.bits[at*r:][:n*r]}
	case asHalves:
		return kernel.Rows{Half: v.half[at*r:][:n*r]}
	}
	return kernel.Rows{Float: v.data[at*r:][:n*r]}
}

// gradRows returns n rows of the gradient.
func (v *value) gradRows(at, n int) kernel.Rows {
	if v.narrow {
		return kernel.Rows{Half: v.narrowGrad[at*v.shape.C:][:n*v.shape.C]}
	}
	return kernel.Rows{Float: v.grad[at*v.shape.C:][:n*v.shape.C]}
}

// kept is the buffer in which the backward pass finds the value.
func (v *value) kept() *buffer {
	if v.again != nil {
		return v.again
	}
	return v.store
}

// lie makes the value's numbers those of a buffer.
func (v *value) lie(b *buffer) {
	switch v.form {
	case asSpikes:
		v.bits = asWords(b.mem)
	case asHalves:
		v.half = asHalf(b.mem)
	default:
		v.data = b.mem
	}
}

// attach takes the value's slices from its buffers.
func (v *value) attach() {
	if v.store != nil {
		v.lie(v.store)
	}
	switch {
	case v.gradStore == nil:
	case v.narrow:
		v.narrowGrad = asHalf(v.gradStore.mem)
	default:
		v.grad = v.gradStore.mem
	}
}

// input is an operand together with how its gradient is passed on: the first
// operation that hands one to a value overwrites what the last pass left, the
// others add.
type input struct {
	*value
	first bool
}

// pass hands a gradient on to rows of the operand's.
func (in *input) pass(dst, g kernel.Rows) {
	if in.first {
		dst.Set(g)
	} else {
		dst.Add(g)
	}
}

// param is one tensor of the network and its gradient.
type param struct {
	spec graph.Param
	data []float32
	grad []float32 // nil for running statistics and in inference
}
