package event

import (
	"bytes"
	"encoding/binary"
	"io"
)

// pack appends the cells to b: for each frame their number, and each cell's
// distance from the one before and its count, as uvarints. That takes about two
// bytes a cell where memory has eight.
func (f *Frames) pack(b []byte) []byte {
	for t := range f.Len() {
		cells := f.Frame(t)
		b = binary.AppendUvarint(b, uint64(len(cells)))
		next := uint32(0)
		for _, c := range cells {
			b = binary.AppendUvarint(b, uint64(c.At-next))
			b = binary.AppendUvarint(b, uint64(c.N))
			next = c.At + 1
		}
	}
	return b
}

// unpack reads the cells of so many frames, whose sizes f has, from d, which
// reads r, and remembers what is wrong with them. Memory follows what is left in
// r: a cell takes two bytes at least.
func (f *Frames) unpack(d *uvarints, r *bytes.Reader, frames int) {
	f.Starts = append(f.Starts[:0], 0)
	for range frames {
		next := 0
		for range d.int(r.Len() / 2) {
			at := next + d.int(f.Size())
			f.Cells = append(f.Cells, Cell{uint32(at), uint32(d.int(1<<32 - 1))})
			next = at + 1
		}
		f.Starts = append(f.Starts, len(f.Cells))
		if d.bad {
			break
		}
	}
}

// uvarints reads integers, and remembers whether one was missing or too large.
type uvarints struct {
	r   io.ByteReader
	bad bool
}

func (d *uvarints) int(most int) int {
	v, err := binary.ReadUvarint(d.r)
	if err != nil || v > uint64(most) {
		d.bad = true
		return 0
	}
	return int(v)
}
