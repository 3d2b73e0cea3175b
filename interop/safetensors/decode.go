package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/qif-snn/qif/graph"
)

// ReadFile reads and decodes the file at path, which must be a regular one: a
// device or a pipe might never end.
func ReadFile(path string) (File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("safetensors %s: not a regular file", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	return Decode(b, path)
}

// Decode reads a file from its bytes, of which it keeps none. Tensors are
// returned in the order of their bytes; empty ones that share an offset, in the
// header's order. Data need not start at a multiple of 8 bytes, as older
// writers do not pad. Errors name the file as name, the byte and the tensor.
func Decode(b []byte, name string) (File, error) {
	f, err := decode(b)
	if err != nil {
		return File{}, fmt.Errorf("safetensors %s: %w", name, err)
	}
	return f, nil
}

func decode(b []byte) (File, error) {
	header, data, err := split(b)
	if err != nil {
		return File{}, err
	}
	metadata, entries, err := parseHeader(header)
	if err != nil {
		return File{}, err
	}
	slices.SortStableFunc(entries, func(x, y entry) int {
		if x.begin != y.begin {
			return x.begin - y.begin
		}
		return x.end - y.end
	})
	base := prefix + len(header)
	if err := checkLayout(entries, base, len(data)); err != nil {
		return File{}, err
	}
	f := File{Metadata: metadata}
	if len(entries) > 0 {
		f.Tensors = make([]graph.Tensor, len(entries))
	}
	for i, e := range entries {
		f.Tensors[i] = graph.Tensor{Name: e.name, Shape: e.shape, Data: floats(data[e.begin:e.end])}
	}
	return f, nil
}

// split cuts the file into header and data.
func split(b []byte) (header, data []byte, err error) {
	if len(b) < prefix {
		return nil, nil, fmt.Errorf("byte 0: the file has %d bytes, the header's length alone takes %d", len(b), prefix)
	}
	n := binary.LittleEndian.Uint64(b)
	rest := b[prefix:]
	switch {
	case n > maxHeader:
		return nil, nil, fmt.Errorf("byte 0: header of %d bytes, the format allows %d", n, maxHeader)
	case n > uint64(len(rest)):
		return nil, nil, fmt.Errorf("byte 0: header of %d bytes, only %d follow in the file", n, len(rest))
	}
	header, data = rest[:n], rest[n:]
	if !bytes.HasPrefix(header, []byte{'{'}) {
		return nil, nil, fmt.Errorf("byte %d: header starts with %q, expected '{'", prefix, header[:min(n, 1)])
	}
	if !utf8.Valid(header) {
		return nil, nil, fmt.Errorf("byte %d: header is not UTF-8", prefix+invalidUTF8(header))
	}
	return header, data, nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(b)
}

// checkLayout verifies that the sorted entries cover the data, which start at
// byte base of the file, from end to end.
func checkLayout(entries []entry, base, size int) error {
	next := 0
	for _, e := range entries {
		switch {
		case e.begin > next:
			return fmt.Errorf("byte %d: hole of %d bytes before tensor %q, whose data_offsets are [%d, %d]; expected them to begin at %d",
				base+next, e.begin-next, e.name, e.begin, e.end, next)
		case e.begin < next:
			return fmt.Errorf("byte %d: data_offsets [%d, %d] of tensor %q overlap the tensor before it, which ends at %d",
				e.at, e.begin, e.end, e.name, next)
		case e.end > size:
			return fmt.Errorf("byte %d: data_offsets [%d, %d] of tensor %q reach beyond the data, of which the file holds %d bytes",
				e.at, e.begin, e.end, e.name, size)
		}
		next = e.end
	}
	if next != size {
		return fmt.Errorf("byte %d: %d bytes follow the last tensor, expected the file to end", base+next, size-next)
	}
	return nil
}

func floats(b []byte) []float32 {
	data := make([]float32, len(b)/elementSize)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[elementSize*i:]))
	}
	return data
}
