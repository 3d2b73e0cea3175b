package data

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// FormatError reports bytes that are not what a file's format asks for.
type FormatError struct {
	File    string
	Record  int   // number of the image, label or record from 0; −1: the header
	Offset  int64 // of the offending byte in the file's decoded content
	Gzip    bool  // the file is compressed: Offset counts unpacked bytes
	Problem string
	Err     error // what the decompressor said, or nil
}

func (e *FormatError) Error() string {
	where := "header"
	if e.Record >= 0 {
		where = fmt.Sprintf("record %d", e.Record)
	}
	unit := "byte"
	if e.Gzip {
		unit = "unpacked byte"
	}
	s := fmt.Sprintf("%s: %s, %s %d: %s", e.File, where, unit, e.Offset, e.Problem)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

// source reads a file that may be compressed, and knows how far it has come.
type source struct {
	name string
	r    io.Reader
	gzip bool
	off  int64
}

// newSource looks at the first bytes: 1f 8b is gzip. No IDX file begins so, and as
// a label of either CIFAR format 0x1f would be out of range.
func newSource(r io.Reader, name string) (*source, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	s := &source{name: name, r: br}
	magic, err := br.Peek(2)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if string(magic) != "\x1f\x8b" {
		return s, nil
	}
	s.gzip = true
	zr, err := gzip.NewReader(br)
	if err != nil {
		return nil, s.broken(-1, err)
	}
	s.r = zr
	return s, nil
}

// fail returns the error for a record at an offset.
func (s *source) fail(record int, offset int64, format string, args ...any) error {
	return &FormatError{s.name, record, offset, s.gzip, fmt.Sprintf(format, args...), nil}
}

// broken returns the error for a reader that failed other than by ending: bad
// compression, or a failure to read at all.
func (s *source) broken(record int, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case s.gzip && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		return &FormatError{s.name, record, s.off, true, "the gzip stream is cut off", err}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return &FormatError{s.name, record, s.off, true, "the gzip stream is corrupt", err}
	}
	return fmt.Errorf("%s: reading at byte %d: %w", s.name, s.off, err)
}

// read fills buf as far as the file goes. Its error is io.EOF at the file's
// regular end only, unlike io.ReadFull's, which hides a gzip stream that is cut
// off.
func (s *source) read(buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = s.r.Read(buf[n:])
		n += m
	}
	s.off += int64(n)
	if n == len(buf) {
		err = nil
	}
	return n, err
}

// full fills buf, which is (a part of) the record of that number.
func (s *source) full(record int, buf []byte) error {
	start := s.off
	n, err := s.read(buf)
	switch {
	case err == io.EOF:
		return s.fail(record, s.off, "the file ends early: expected %d bytes from byte %d on, got %d", len(buf), start, n)
	case err != nil:
		return s.broken(record, err)
	}
	return nil
}

// records reads n records of the given size. The buffer doubles as bytes
// arrive, so it never exceeds twice the file's content, or 64 KiB.
func (s *source) records(n, size int) ([]byte, error) {
	want := n * size
	buf := make([]byte, 0, min(want, 1<<16))
	for len(buf) < want {
		if len(buf) == cap(buf) {
			next := make([]byte, len(buf), min(want, 2*cap(buf)))
			copy(next, buf)
			buf = next
		}
		m, err := s.read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		switch {
		case err == io.EOF:
			return nil, s.fail(len(buf)/size, s.off, "the file ends early: expected %d records of %d bytes, got %d and %d bytes",
				n, size, len(buf)/size, len(buf)%size)
		case err != nil:
			return nil, s.broken(len(buf)/size, err)
		}
	}
	return buf, nil
}

// end checks that nothing follows the given number of records. For a
// compressed file this also verifies its checksum.
func (s *source) end(records int) error {
	var b [1]byte
	n, err := s.read(b[:])
	switch {
	case n > 0:
		return s.fail(records, s.off-1, "expected the file to end after %d records, got further bytes", records)
	case err != io.EOF:
		return s.broken(records, err)
	}
	return nil
}
