package event

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/qif-snn/qif/data"
)

// source reads a file's bytes through a buffer of fixed size and knows how far
// it has come.
type source struct {
	name string
	r    *bufio.Reader
	off  int64
}

// sourceBuffer is the size of the buffer, which bounds a reader's memory.
const sourceBuffer = 1 << 15

func newSource(r io.Reader, name string) *source {
	return &source{name: name, r: bufio.NewReaderSize(r, sourceBuffer)}
}

// fail returns the error for a record, or −1 for the header, at an offset.
func (s *source) fail(record, offset int64, format string, args ...any) error {
	return &data.FormatError{File: s.name, Record: int(record), Offset: offset, Problem: fmt.Sprintf(format, args...)}
}

// broken returns the error for bytes that could not be read at all.
func (s *source) broken(err error) error {
	return fmt.Errorf("%s: reading at byte %d: %w", s.name, s.off, err)
}

// errCut says that the file ends within a record.
type errCut struct {
	want, got int64
}

func (e errCut) Error() string {
	return fmt.Sprintf("the file ends early: expected %d more bytes, got %d", e.want, e.got)
}

// peek returns the next n bytes, at most sourceBuffer, without consuming them,
// and fewer where the file ends.
func (s *source) peek(n int) ([]byte, error) {
	b, err := s.r.Peek(n)
	if err != nil && err != io.EOF {
		return nil, s.broken(err)
	}
	return b, nil
}

// advance consumes n bytes that were peeked.
func (s *source) advance(n int) {
	s.r.Discard(n)
	s.off += int64(n)
}

// records returns whole records of the given size: those in the buffer, at least
// one and at most so many. They are valid until the next call, and not consumed.
// The error is io.EOF where the file ends before a record, and errCut where it
// ends within one.
func (s *source) records(size, most int) ([]byte, error) {
	b, err := s.peek(size)
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0:
		return nil, io.EOF
	case len(b) < size:
		return nil, errCut{int64(size), int64(len(b))}
	}
	return s.peek(min(s.r.Buffered()/size, most) * size)
}

// skip consumes n bytes, however many; the error is errCut where the file has
// fewer.
func (s *source) skip(n int64) error {
	got, err := io.CopyN(io.Discard, s.r, n)
	s.off += got
	switch {
	case err == io.EOF:
		return errCut{n, got}
	case err != nil:
		return s.broken(err)
	}
	return nil
}

// line consumes a line and returns it without its end. What exceeds maxLine
// bytes is consumed but not returned.
func (s *source) line() (string, error) {
	const maxLine = 4096
	var text []byte
	for {
		part, err := s.r.ReadSlice('\n')
		s.off += int64(len(part))
		text = append(text, part[:min(len(part), maxLine-len(text))]...)
		switch {
		case err == nil:
			return string(bytes.TrimRight(text, "\r\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF:
			return "", s.fail(-1, s.off, "the file ends early: expected the end of a header line")
		default:
			return "", s.broken(err)
		}
	}
}

// section reads the next left bytes of a source.
type section struct {
	s    *source
	left int64
}

func (c *section) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.s.r.Read(b[:min(int64(len(b)), c.left)])
	c.s.off += int64(n)
	c.left -= int64(n)
	if err == io.EOF && c.left > 0 {
		err = errCut{c.left, 0}
	}
	return n, err
}
