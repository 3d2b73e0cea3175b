package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/qif-snn/qif/graph"
)

// Encode writes the file. Equal files give equal bytes: metadata come first,
// sorted by key, then the tensors in the given order, laid out without holes;
// spaces pad the header so that the data start at a multiple of 8 bytes.
//
// It writes nothing if the file cannot be represented: a name that is taken,
// reserved or not UTF-8, or a shape that does not fit its data.
func Encode(w io.Writer, f File) error {
	header, err := encodeHeader(f)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	if _, err := w.Write(append(head, header...)); err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	for _, t := range f.Tensors {
		if err := writeData(w, t.Data); err != nil {
			return fmt.Errorf("safetensors: writing tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

func encodeHeader(f File) ([]byte, error) {
	b := []byte{'{'}
	if f.Metadata != nil {
		b = append(appendString(b, metadataKey), ":{"...)
		for i, k := range slices.Sorted(maps.Keys(f.Metadata)) {
			v := f.Metadata[k]
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("metadata %q: %q is not UTF-8", k, v)
			}
			b = appendString(appendComma(b, i), k)
			b = appendString(append(b, ':'), v)
		}
		b = append(b, '}')
	}
	seen := make(map[string]bool, len(f.Tensors))
	offset := 0
	for i, t := range f.Tensors {
		size, err := check(t, seen)
		if err != nil {
			return nil, fmt.Errorf("tensor %d %q: %w", i, t.Name, err)
		}
		if offset > math.MaxInt-size {
			return nil, fmt.Errorf("tensor %d %q: the file has more bytes than memory can hold", i, t.Name)
		}
		if f.Metadata != nil {
			i++ // follows the metadata's entry
		}
		b = appendEntry(appendComma(b, i), t, offset, offset+size)
		offset += size
	}
	b = append(b, '}')
	for (prefix+len(b))%8 != 0 {
		b = append(b, ' ')
	}
	if len(b) > maxHeader {
		return nil, fmt.Errorf("the header takes %d bytes, the format allows %d", len(b), maxHeader)
	}
	return b, nil
}

// check returns the bytes of a tensor that may be written and marks its name as
// seen.
func check(t graph.Tensor, seen map[string]bool) (int, error) {
	size, err := byteSize(t.Shape)
	switch {
	case err != nil:
		return 0, err
	case t.Name == metadataKey:
		return 0, fmt.Errorf("the name is reserved")
	case !utf8.ValidString(t.Name):
		return 0, fmt.Errorf("the name is not UTF-8")
	case seen[t.Name]:
		return 0, fmt.Errorf("the name is taken by an earlier tensor")
	case size != elementSize*len(t.Data):
		return 0, fmt.Errorf("shape %v needs %d elements, got %d", t.Shape, size/elementSize, len(t.Data))
	}
	seen[t.Name] = true
	return size, nil
}

func appendEntry(b []byte, t graph.Tensor, begin, end int) []byte {
	b = appendString(b, t.Name)
	b = append(b, `:{"dtype":"`+dtype+`","shape":`...)
	b = appendInts(b, t.Shape)
	b = append(b, `,"data_offsets":`...)
	b = appendInts(b, []int{begin, end})
	return append(b, '}')
}

// appendComma separates the entry of index i from the one before it.
func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

func appendInts(b []byte, vals []int) []byte {
	b = append(b, '[')
	for i, v := range vals {
		b = strconv.AppendInt(appendComma(b, i), int64(v), 10)
	}
	return append(b, ']')
}

// appendString appends the JSON form of s, which is UTF-8.
func appendString(b []byte, s string) []byte {
	buf := bytes.NewBuffer(b)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string in memory cannot fail
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})
}

// writeData writes the numbers, bit for bit, in pieces of bounded size.
func writeData(w io.Writer, data []float32) error {
	const piece = 1 << 14
	buf := make([]byte, 0, elementSize*min(len(data), piece))
	for part := range slices.Chunk(data, piece) {
		buf = buf[:0]
		for _, v := range part {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}
