package data

import (
	"io"
	"slices"
)

// Images of both CIFAR sets are 32×32 in three colours.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarPixels = 3 * cifarPlane
)

// cifarFormat is the layout of a record: label bytes, each below its number of
// classes, then a plane each of red, green and blue.
type cifarFormat struct{ classes []int }

var (
	cifar10Record  = cifarFormat{[]int{10}}
	cifar100Record = cifarFormat{[]int{20, 100}} // coarse, fine
)

// ReadCIFAR10 reads a file of CIFAR-10 in its binary version, plain or gzipped:
// records of a label and 3072 bytes of planes. It returns pixels
// [N, 32, 32, 3] and labels 0 to 9. The name is for errors, which are
// *FormatError unless r itself fails. A file may unpack to 2 GiB at most.
func ReadCIFAR10(r io.Reader, name string) (pix []byte, labels []int32, err error) {
	pix, l, err := cifar10Record.read(r, name, maxBytes)
	if err != nil {
		return nil, nil, err
	}
	return pix, l[0], nil
}

// ReadCIFAR100 reads a file of CIFAR-100 as ReadCIFAR10 does one of CIFAR-10:
// a coarse label 0 to 19 and a fine label 0 to 99 precede each image.
func ReadCIFAR100(r io.Reader, name string) (pix []byte, coarse, fine []int32, err error) {
	pix, l, err := cifar100Record.read(r, name, maxBytes)
	if err != nil {
		return nil, nil, nil, err
	}
	return pix, l[0], l[1], nil
}

// read reads records until the file ends, at least one and at most as many as
// fill that number of bytes with pixels. The format has no count, so a file that
// lacks whole records goes unnoticed here.
func (f cifarFormat) read(r io.Reader, name string, most int) (pix []byte, labels [][]int32, err error) {
	s, err := newSource(r, name)
	if err != nil {
		return nil, nil, err
	}
	labels = make([][]int32, len(f.classes))
	head := len(f.classes)
	record := make([]byte, head+cifarPixels)
	for n := 0; ; n++ {
		start := s.off
		got, err := s.read(record)
		switch {
		case err == io.EOF && got == 0 && n > 0:
			return pix, labels, nil
		case err == io.EOF:
			return nil, nil, s.fail(n, s.off, "the file ends early: expected a record of %d bytes from byte %d on, got %d",
				len(record), start, got)
		case err != nil:
			return nil, nil, s.broken(n, err)
		case len(pix) > most-cifarPixels:
			return nil, nil, s.fail(n, start, "expected at most %d bytes of pixels, got more", most)
		}
		for i, classes := range f.classes {
			if int(record[i]) >= classes {
				return nil, nil, s.fail(n, start+int64(i), "label is %d, expected 0 to %d", record[i], classes-1)
			}
			labels[i] = append(labels[i], int32(record[i]))
		}
		pix = interleave(pix, record[head:])
	}
}

// interleave appends the planes [3, 32, 32] as one image [32, 32, 3].
func interleave(pix, planes []byte) []byte {
	n := len(pix)
	pix = slices.Grow(pix, cifarPixels)[:n+cifarPixels]
	dst := pix[n:]
	red, green, blue := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:]
	for i := range cifarPlane {
		dst[3*i], dst[3*i+1], dst[3*i+2] = red[i], green[i], blue[i]
	}
	return pix
}
