package event

import (
	"encoding/binary"
	"fmt"
)

// table is a FlatBuffers table within a buffer. AEDAT 4.0 needs four kinds of
// field, so they are read here, each with its bounds checked: Google's runtime
// for Go panics on a corrupt buffer, and has no verifier.
//
// A buffer begins with the offset of its root table. A table begins with the
// distance back to its vtable: two 16-bit sizes, then for each field its 16-bit
// offset in the table, or 0 where the field is left out. Strings and vectors lie
// elsewhere, at an offset from the field, and begin with their length.
type table struct {
	buf    []byte
	at     int // of the table
	vtable []byte
}

// rootTable returns the root of a buffer that carries an identifier of four
// letters.
func rootTable(buf []byte, id string) (table, error) {
	if len(buf) < 8 {
		return table{}, fmt.Errorf("a FlatBuffer of %d bytes, expected 8 or more", len(buf))
	}
	if got := string(buf[4:8]); got != id {
		return table{}, fmt.Errorf("a FlatBuffer of kind %q, expected %q", got, id)
	}
	at := int64(binary.LittleEndian.Uint32(buf))
	if at+4 > int64(len(buf)) {
		return table{}, fmt.Errorf("the root table lies at byte %d of %d", at, len(buf))
	}
	v := at - int64(int32(binary.LittleEndian.Uint32(buf[at:])))
	if v < 0 || v+4 > int64(len(buf)) {
		return table{}, fmt.Errorf("the vtable lies at byte %d of %d", v, len(buf))
	}
	size := int64(binary.LittleEndian.Uint16(buf[v:]))
	if size < 4 || v+size > int64(len(buf)) {
		return table{}, fmt.Errorf("the vtable at byte %d of %d has %d bytes", v, len(buf), size)
	}
	return table{buf, int(at), buf[v : v+size]}, nil
}

// field returns the size bytes of the table's i-th field, or nil where it is
// left out.
func (t table) field(i, size int) ([]byte, error) {
	entry := 4 + 2*i
	if entry+2 > len(t.vtable) {
		return nil, nil
	}
	offset := int(binary.LittleEndian.Uint16(t.vtable[entry:]))
	if offset == 0 {
		return nil, nil
	}
	if offset < 4 || t.at+offset+size > len(t.buf) {
		return nil, fmt.Errorf("field %d lies at byte %d of %d", i, t.at+offset, len(t.buf))
	}
	return t.buf[t.at+offset:][:size], nil
}

// int32 returns the i-th field, or what it is where it is left out.
func (t table) int32(i int, absent int32) (int32, error) {
	b, err := t.field(i, 4)
	if b == nil {
		return absent, err
	}
	return int32(binary.LittleEndian.Uint32(b)), nil
}

// int64 is int32 for 64 bits.
func (t table) int64(i int, absent int64) (int64, error) {
	b, err := t.field(i, 8)
	if b == nil {
		return absent, err
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// vector returns the bytes of the i-th field's vector of elements of the given
// size; a string is one of bytes.
func (t table) vector(i, size int) ([]byte, error) {
	b, err := t.field(i, 4)
	if b == nil {
		return nil, err
	}
	at := int64(t.at) + int64(binary.LittleEndian.Uint16(t.vtable[4+2*i:])) + int64(binary.LittleEndian.Uint32(b))
	if at+4 > int64(len(t.buf)) {
		return nil, fmt.Errorf("the vector of field %d lies at byte %d of %d", i, at, len(t.buf))
	}
	n := int64(binary.LittleEndian.Uint32(t.buf[at:]))
	if n*int64(size) > int64(len(t.buf))-at-4 {
		return nil, fmt.Errorf("the vector of field %d has %d elements of %d bytes, of which %d bytes are there",
			i, n, size, int64(len(t.buf))-at-4)
	}
	return t.buf[at+4:][:n*int64(size)], nil
}
