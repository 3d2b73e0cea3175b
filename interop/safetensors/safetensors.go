// Package safetensors reads and writes float32 tensors in the safetensors
// format:
//
//	bytes 0..7      N, the header's length, a little-endian uint64 ≤ 100,000,000
//	bytes 8..8+N−1  the header, JSON that starts with '{' and may end in spaces
//	bytes 8+N..     the data, row-major little-endian, no holes, no overlaps
//
// The header maps each tensor's name to its dtype, its shape and the half-open
// range of its bytes, counted from byte 8+N:
//
//	{"__metadata__":{"key":"value"},
//	 "conv.weight":{"dtype":"F32","shape":[3,3,1,16],"data_offsets":[0,576]}}
//
// Names are unique, and the last range ends where the file ends. Files come
// from anywhere, so the reader takes nothing on trust: it refuses whatever the
// format does not allow, and what it allocates is bounded by a fixed multiple
// of the file's size.
package safetensors

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/graph"
)

// File is the content of a safetensors file.
type File struct {
	Metadata map[string]string // nil: the file has none
	Tensors  []graph.Tensor    // in the order of their bytes
}

const (
	prefix      = 8           // bytes of the header's length
	maxHeader   = 100_000_000 // bytes, fixed by the format
	dtype       = "F32"
	elementSize = 4
	metadataKey = "__metadata__"
)

// byteSize returns the bytes that a tensor of that shape takes. It refuses
// shapes whose size overflows, even if another dimension is 0.
func byteSize(shape []int) (int, error) {
	n, empty := elementSize, false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		case d == 0:
			empty = true
		case n > math.MaxInt/d:
			return 0, fmt.Errorf("shape %v has more elements than memory can hold", shape)
		default:
			n *= d
		}
	}
	if empty {
		n = 0
	}
	return n, nil
}
