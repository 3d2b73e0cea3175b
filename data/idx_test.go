package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Two images of 2 rows and 3 columns, and three labels, byte by byte.
var (
	idxTwoImages = []byte{
		0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3,
		1, 2, 3, 4, 5, 6,
		7, 8, 9, 250, 251, 252,
	}
	idxThreeLabels = []byte{0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 4}
)

// pack compresses b.
func pack(b []byte) []byte {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	zw.Write(b)
	zw.Close()
	return buf.Bytes()
}

// patch returns a copy of b with the byte at i replaced; negative i count from
// the end.
func patch(b []byte, i int, v byte) []byte {
	b = slices.Clone(b)
	if i < 0 {
		i += len(b)
	}
	b[i] = v
	return b
}

func TestReadIDX(t *testing.T) {
	for name, wrap := range map[string]func([]byte) io.Reader{
		"plain":         func(b []byte) io.Reader { return bytes.NewReader(b) },
		"gzip":          func(b []byte) io.Reader { return bytes.NewReader(pack(b)) },
		"gzip in two":   func(b []byte) io.Reader { return bytes.NewReader(append(pack(b[:5]), pack(b[5:])...)) },
		"byte by byte":  func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
		"data with EOF": func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			n, h, w, pix, err := ReadIDXImages(wrap(idxTwoImages), "images")
			if err != nil {
				t.Fatal(err)
			}
			if n != 2 || h != 2 || w != 3 || !bytes.Equal(pix, idxTwoImages[16:]) {
				t.Errorf("got %d images of %d×%d, %v", n, h, w, pix)
			}
			labels, err := ReadIDXLabels(wrap(idxThreeLabels), "labels", 10)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(labels, []int32{9, 0, 4}) {
				t.Errorf("labels are %v", labels)
			}
		})
	}
}

// Content beyond the first buffer arrives whole and in order.
func TestReadIDXGrows(t *testing.T) {
	const n, side = 300, 28 // 235,200 bytes: the buffer grows twice
	body := noise(n, side, side, 1, 1).Pixels
	file := append([]byte{0, 0, 8, 3, 0, 0, 1, 44, 0, 0, 0, 28, 0, 0, 0, 28}, body...)
	_, _, _, pix, err := ReadIDXImages(bytes.NewReader(file), "images")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pix, body) {
		t.Error("pixels differ from the file's")
	}
	if cap(pix) != len(body) {
		t.Errorf("the buffer has %d bytes, want the %d of the content", cap(pix), len(body))
	}
}

func TestReadIDXErrors(t *testing.T) {
	img, lab := idxTwoImages, idxThreeLabels
	packed := pack(img)
	images := func(b []byte) error {
		_, _, _, pix, err := ReadIDXImages(bytes.NewReader(b), "f")
		if pix != nil {
			t.Error("pixels returned beside an error")
		}
		return err
	}
	labels := func(b []byte) error {
		l, err := ReadIDXLabels(bytes.NewReader(b), "f", 10)
		if l != nil {
			t.Error("labels returned beside an error")
		}
		return err
	}
	for _, c := range []struct {
		name   string
		read   func([]byte) error
		file   []byte
		record int
		offset int64
		want   string
	}{
		{"empty", images, nil, -1, 0, "f: header, byte 0: the file ends early: expected 4 bytes from byte 0 on, got 0"},
		{"one byte", images, img[:1], -1, 1, "f: header, byte 1: the file ends early: expected 4 bytes from byte 0 on, got 1"},
		{"cut in the header", images, img[:10], -1, 10, "f: header, byte 10: the file ends early: expected 4 bytes from byte 8 on, got 2"},
		{"labels for images", images, lab, -1, 0, "expected the magic number of IDX images, 0x00000803, got 0x00000801, that of labels"},
		{"images for labels", labels, img, -1, 0, "expected the magic number of IDX labels, 0x00000801, got 0x00000803, that of images"},
		{"floats", images, patch(img, 2, 0x0d), -1, 0, "0x00000803, got 0x00000d03"},
		{"no images", images, patch(img, 7, 0), -1, 4, "f: header, byte 4: dimension 1 is 0, expected 1 or more"},
		{"no columns", images, patch(img, 15, 0), -1, 12, "dimension 3 is 0"},
		{"2³²−1 images", images, append([]byte{0, 0, 8, 3, 255, 255, 255, 255}, img[8:]...), -1, 4,
			"f: header, byte 4: dimension 1 is 4294967295, which makes the content larger than 2147483647 bytes"},
		{"2³² pixels", images, append([]byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0}, img[16:]...), -1, 12,
			"dimension 3 is 65536, which makes the content larger"},
		{"more images declared", images, patch(img, 7, 5), 2, 28,
			"f: record 2, byte 28: the file ends early: expected 5 records of 6 bytes, got 2 and 0 bytes"},
		{"cut in an image", images, img[:25], 1, 25, "f: record 1, byte 25: the file ends early: expected 2 records of 6 bytes, got 1 and 3 bytes"},
		{"trailing byte", images, append(slices.Clone(img), 0), 2, 28, "f: record 2, byte 28: expected the file to end after 2 records, got further bytes"},
		{"trailing label", labels, append(slices.Clone(lab), 1), 3, 11, "expected the file to end after 3 records"},
		{"label out of range", labels, patch(lab, 9, 10), 1, 9, "f: record 1, byte 9: label is 10, expected 0 to 9"},
		{"cut labels", labels, lab[:9], 1, 9, "expected 3 records of 1 bytes, got 1 and 0 bytes"},

		{"gzip: only its magic", images, packed[:2], -1, 0, "f: header, unpacked byte 0: the gzip stream is cut off"},
		{"gzip: unknown method", images, patch(packed, 2, 7), -1, 0, "f: header, unpacked byte 0: the gzip stream is corrupt: gzip: invalid header"},
		{"gzip: cut in its data", images, pack(bytes.Repeat(img, 50))[:25], -1, 4, "the gzip stream is cut off"},
		{"gzip: cut in its checksum", images, packed[:len(packed)-6], 2, 28, "f: record 2, unpacked byte 28: the gzip stream is cut off"},
		{"gzip: wrong checksum", images, patch(packed, -8, packed[len(packed)-8]^1), 2, 28,
			"f: record 2, unpacked byte 28: the gzip stream is corrupt: gzip: invalid checksum"},
		{"gzip: garbage behind", images, append(slices.Clone(packed), "a garbage of some length"...), 2, 28, "the gzip stream is corrupt: gzip: invalid header"},
		{"gzip: corrupt data", images, patch(packed, 10, 0x07), -1, 0, "the gzip stream is corrupt: flate: corrupt input before offset"},
		{"gzip: content cut", images, pack(img[:25]), 1, 25, "f: record 1, unpacked byte 25: the file ends early"},
		{"gzip: more content", images, pack(append(slices.Clone(img), 0)), 2, 28, "f: record 2, unpacked byte 28: expected the file to end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.read(c.file)
			wantError(t, err, c.want)
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("error is a %T, want a *FormatError", err)
			}
			// How much of a damaged gzip stream comes out is the decompressor's
			// choice, unless it is all.
			exact := !strings.Contains(c.name, "data")
			if fe.File != "f" || exact && (fe.Record != c.record || fe.Offset != c.offset) {
				t.Errorf("error is at %s, record %d, byte %d, want record %d, byte %d", fe.File, fe.Record, fe.Offset, c.record, c.offset)
			}
		})
	}
}

// A reader's own failure is passed on, not taken for a bad file.
func TestReadIDXFailingReader(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, file := range map[string][]byte{
		"at once": nil, "in the header": idxTwoImages[:9], "in an image": idxTwoImages[:20], "at the end": idxTwoImages,
		"gzip": pack(idxTwoImages)[:20],
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, _, err := ReadIDXImages(io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)), "f")
			if !errors.Is(err, broken) {
				t.Fatalf("error is %v, want that of the reader", err)
			}
			var fe *FormatError
			if errors.As(err, &fe) {
				t.Errorf("error %v is a *FormatError", err)
			}
			wantError(t, err, "f: ")
		})
	}
}

// Headers that declare almost 2 GiB in a file of 20 bytes must not be believed.
func TestReadIDXLyingHeader(t *testing.T) {
	lies := []byte{0, 0, 8, 3, 0, 0x20, 0, 0, 0, 0, 0, 31, 0, 0, 0, 32, 1, 2, 3, 4}
	labels := []byte{0, 0, 8, 1, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4}
	for name, read := range map[string]func() error{
		"images":      func() error { _, _, _, _, err := ReadIDXImages(bytes.NewReader(lies), "f"); return err },
		"gzip images": func() error { _, _, _, _, err := ReadIDXImages(bytes.NewReader(pack(lies)), "f"); return err },
		"labels":      func() error { _, err := ReadIDXLabels(bytes.NewReader(labels), "f", 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			got := allocated(func() { err = read() })
			wantError(t, err, "the file ends early")
			if got > 4<<20 {
				t.Errorf("%d bytes allocated for a file of 20", got)
			}
		})
	}
}
