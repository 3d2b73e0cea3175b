package data

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// cifarBytes makes records with the given label bytes: in record n, the pixel
// in row y and column x is (n+x, n+y, n+x+y+100) in red, green and blue.
func cifarBytes(labels ...[]byte) (file []byte) {
	for n, l := range labels {
		file = append(file, l...)
		for colour := range 3 {
			for y := range 32 {
				for x := range 32 {
					file = append(file, [3]byte{byte(n + x), byte(n + y), byte(n + x + y + 100)}[colour])
				}
			}
		}
	}
	return file
}

func checkCIFARPixels(t *testing.T, pix []byte, n int) {
	t.Helper()
	if len(pix) != n*32*32*3 {
		t.Fatalf("%d bytes of pixels, want %d", len(pix), n*32*32*3)
	}
	i := 0
	for k := range n {
		for y := range 32 {
			for x := range 32 {
				if want := []byte{byte(k + x), byte(k + y), byte(k + x + y + 100)}; !bytes.Equal(pix[i:i+3], want) {
					t.Fatalf("image %d, row %d, column %d is %v, want %v", k, y, x, pix[i:i+3], want)
				}
				i += 3
			}
		}
	}
}

func TestReadCIFAR10(t *testing.T) {
	file := cifarBytes([]byte{3}, []byte{0}, []byte{9})
	if len(file) != 3*3073 {
		t.Fatalf("test file has %d bytes", len(file))
	}
	for name, b := range map[string][]byte{"plain": file, "gzip": pack(file)} {
		pix, labels, err := ReadCIFAR10(bytes.NewReader(b), name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(labels, []int32{3, 0, 9}) {
			t.Errorf("%s: labels are %v", name, labels)
		}
		checkCIFARPixels(t, pix, 3)
	}
}

func TestReadCIFAR100(t *testing.T) {
	file := cifarBytes([]byte{19, 99}, []byte{0, 1})
	if len(file) != 2*3074 {
		t.Fatalf("test file has %d bytes", len(file))
	}
	pix, coarse, fine, err := ReadCIFAR100(bytes.NewReader(file), "f")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(coarse, []int32{19, 0}) || !slices.Equal(fine, []int32{99, 1}) {
		t.Errorf("labels are %v and %v", coarse, fine)
	}
	checkCIFARPixels(t, pix, 2)
}

func TestReadCIFARErrors(t *testing.T) {
	ten := cifarBytes([]byte{3}, []byte{0})
	hundred := cifarBytes([]byte{1, 2}, []byte{3, 4})
	read10 := func(b []byte) error { _, _, err := ReadCIFAR10(bytes.NewReader(b), "f"); return err }
	read100 := func(b []byte) error { _, _, _, err := ReadCIFAR100(bytes.NewReader(b), "f"); return err }
	for _, c := range []struct {
		name   string
		read   func([]byte) error
		file   []byte
		record int
		offset int64
		want   string
	}{
		{"empty", read10, nil, 0, 0, "f: record 0, byte 0: the file ends early: expected a record of 3073 bytes from byte 0 on, got 0"},
		{"cut", read10, ten[:4000], 1, 4000, "f: record 1, byte 4000: the file ends early: expected a record of 3073 bytes from byte 3073 on, got 927"},
		{"trailing byte", read100, append(slices.Clone(hundred), 0), 2, 6149, "expected a record of 3074 bytes from byte 6148 on, got 1"},
		{"label", read10, patch(ten, 3073, 10), 1, 3073, "f: record 1, byte 3073: label is 10, expected 0 to 9"},
		{"coarse label", read100, patch(hundred, 3074, 20), 1, 3074, "f: record 1, byte 3074: label is 20, expected 0 to 19"},
		{"fine label", read100, patch(hundred, 1, 100), 0, 1, "f: record 0, byte 1: label is 100, expected 0 to 99"},
		{"gzip content cut", read10, pack(ten[:4000]), 1, 4000, "f: record 1, unpacked byte 4000: the file ends early"},
		{"gzip cut", read10, pack(ten)[:len(pack(ten))-1], 2, 6146, "f: record 2, unpacked byte 6146: the gzip stream is cut off"},
		{"CIFAR-100 as CIFAR-10", read10, cifarBytes([]byte{11, 4}), 0, 0, "label is 11, expected 0 to 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.read(c.file)
			wantError(t, err, c.want)
			var fe *FormatError
			if !errors.As(err, &fe) || fe.Record != c.record || fe.Offset != c.offset {
				t.Errorf("error is %#v, want one at record %d, byte %d", err, c.record, c.offset)
			}
		})
	}
}

func TestReadCIFARLimit(t *testing.T) {
	file := cifarBytes([]byte{3}, []byte{0}, []byte{9})
	if pix, _, err := cifar10Record.read(bytes.NewReader(file), "f", 3*3072); err != nil || len(pix) != 3*3072 {
		t.Errorf("%d bytes of pixels, error %v", len(pix), err)
	}
	_, _, err := cifar10Record.read(bytes.NewReader(file), "f", 3*3072-1)
	wantError(t, err, "f: record 2, byte 6146: expected at most 9215 bytes of pixels, got more")
}
