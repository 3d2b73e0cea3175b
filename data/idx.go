package data

import (
	"encoding/binary"
	"io"
)

// Magic numbers of IDX files of bytes: two zeros, the type 0x08, the number of
// dimensions.
const (
	idxImages = 0x00000803
	idxLabels = 0x00000801
)

var idxKinds = map[uint32]string{idxImages: "images", idxLabels: "labels"}

// ReadIDXImages reads an IDX file of n images of h×w bytes, [n, h, w], plain or
// gzipped: which of the two, its first bytes tell. The name is for errors, which
// are *FormatError unless r itself fails. Memory follows the bytes that
// arrive; a header may declare at most 2 GiB.
func ReadIDXImages(r io.Reader, name string) (n, h, w int, pix []byte, err error) {
	s, err := newSource(r, name)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	var dims [3]int
	if err := s.idxHeader(idxImages, dims[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	n, h, w = dims[0], dims[1], dims[2]
	if pix, err = s.records(n, h*w); err != nil {
		return 0, 0, 0, nil, err
	}
	if err := s.end(n); err != nil {
		return 0, 0, 0, nil, err
	}
	return n, h, w, pix, nil
}

// ReadIDXLabels reads an IDX file of labels as ReadIDXImages reads images. A
// label must be below classes; 0 allows every byte.
func ReadIDXLabels(r io.Reader, name string, classes int) ([]int32, error) {
	s, err := newSource(r, name)
	if err != nil {
		return nil, err
	}
	var n [1]int
	if err := s.idxHeader(idxLabels, n[:]); err != nil {
		return nil, err
	}
	start := s.off
	raw, err := s.records(n[0], 1)
	if err != nil {
		return nil, err
	}
	if err := s.end(n[0]); err != nil {
		return nil, err
	}
	labels := make([]int32, len(raw))
	for i, b := range raw {
		if classes > 0 && int(b) >= classes {
			return nil, s.fail(i, start+int64(i), "label is %d, expected 0 to %d", b, classes-1)
		}
		labels[i] = int32(b)
	}
	return labels, nil
}

// idxHeader reads the magic number and the dimensions, and checks that each is
// positive and that their product is a size to be read.
func (s *source) idxHeader(want uint32, dims []int) error {
	var word [4]byte
	if err := s.full(-1, word[:]); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(word[:]); got != want {
		is := ""
		if kind, ok := idxKinds[got]; ok {
			is = ", that of " + kind
		}
		return s.fail(-1, 0, "expected the magic number of IDX %s, 0x%08x, got 0x%08x%s", idxKinds[want], want, got, is)
	}
	size := 1
	for i := range dims {
		at := s.off
		if err := s.full(-1, word[:]); err != nil {
			return err
		}
		d := binary.BigEndian.Uint32(word[:])
		switch {
		case d == 0:
			return s.fail(-1, at, "dimension %d is 0, expected 1 or more", i+1)
		case d > maxBytes/uint32(size):
			return s.fail(-1, at, "dimension %d is %d, which makes the content larger than %d bytes", i+1, d, maxBytes)
		}
		dims[i] = int(d)
		size *= dims[i]
	}
	return nil
}
