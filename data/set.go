// Package data reads labelled image sets, splits them by recorded manifests
// and hands them to training as normalised, augmented batches.
//
// Everything random is a function of a seed and of what it is drawn for, so a
// batch never depends on the batches before it, on timing or on threads.
package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// Set is a labelled set of 8-bit images of one size.
type Set struct {
	Name    string
	H, W, C int
	Pixels  []byte   // [N, H, W, C]
	Labels  []int32  // [N], indices into Classes
	Classes []string // names of the classes
}

// Len returns N, the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Size returns the number of bytes of one image, H·W·C.
func (s *Set) Size() int { return s.H * s.W * s.C }

// Image returns image i, [H, W, C]. It shares the set's memory.
func (s *Set) Image(i int) []byte {
	size := s.Size()
	return s.Pixels[i*size : (i+1)*size : (i+1)*size]
}

// FirstOfClasses returns the set of the first n images of each class, in their
// order.
func (s *Set) FirstOfClasses(n int) *Set {
	few := *s
	few.Pixels, few.Labels = nil, nil
	seen := make([]int, len(s.Classes))
	for i, l := range s.Labels {
		if seen[l]++; seen[l] <= n {
			few.Pixels, few.Labels = append(few.Pixels, s.Image(i)...), append(few.Labels, l)
		}
	}
	return &few
}

// Hash returns the SHA-256, in hexadecimal, of N, H, W and C as 64-bit, of the
// pixels, and of the labels as 32-bit little-endian integers. Names are no part
// of it.
func (s *Set) Hash() string {
	h := sha256.New()
	var dims []byte
	for _, d := range []int{s.Len(), s.H, s.W, s.C} {
		dims = binary.LittleEndian.AppendUint64(dims, uint64(d))
	}
	h.Write(dims)
	h.Write(s.Pixels)
	hashLabels(h, s.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

// hashLabels writes the labels to h in pieces, so that no copy of them all is
// made.
func hashLabels(h hash.Hash, labels []int32) {
	buf := make([]byte, 0, 4096)
	for _, l := range labels {
		if buf = binary.LittleEndian.AppendUint32(buf, uint32(l)); len(buf) == cap(buf) {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
}

// Validate says what is wrong with the set: no images, dimensions that
// disagree with the number of pixels, or a label without a class.
func (s *Set) Validate() error {
	size, ok := product(s.H, s.W, s.C)
	switch {
	case !ok:
		return fmt.Errorf("data set %q: images are %d×%d×%d, expected every side above 0 and at most %d bytes",
			s.Name, s.H, s.W, s.C, maxBytes)
	case s.Len() == 0:
		return fmt.Errorf("data set %q: it holds no images", s.Name)
	case len(s.Pixels)%size != 0 || len(s.Pixels)/size != s.Len():
		return fmt.Errorf("data set %q: %d labels, but %d bytes of pixels, expected %d for each image of %d×%d×%d",
			s.Name, s.Len(), len(s.Pixels), size, s.H, s.W, s.C)
	}
	for i, l := range s.Labels {
		if l < 0 || int(l) >= len(s.Classes) {
			return fmt.Errorf("data set %q: label of image %d is %d, expected 0 to %d", s.Name, i, l, len(s.Classes)-1)
		}
	}
	return nil
}

// agree says in what the test set differs from the training set, if one network
// could not take both.
func agree(train, test *Set) error {
	if err := errors.Join(train.Validate(), test.Validate()); err != nil {
		return err
	}
	if train.H != test.H || train.W != test.W || train.C != test.C {
		return fmt.Errorf("training images are %d×%d×%d, but test images %d×%d×%d",
			train.H, train.W, train.C, test.H, test.W, test.C)
	}
	return nil
}

// maxBytes bounds the decoded size of one file: 2 GiB less a byte, so that
// sizes fit an int on every platform. A gzip file of a few megabytes can
// unpack to it; the readers grow with what arrives, never with what a header
// declares.
const maxBytes = 1<<31 - 1

// product multiplies positive dimensions and reports whether all are positive
// and the product is at most maxBytes.
func product(dims ...int) (int, bool) {
	n := 1
	for _, d := range dims {
		if d < 1 || d > maxBytes/n {
			return 0, false
		}
		n *= d
	}
	return n, true
}
