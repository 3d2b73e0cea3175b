package data

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// inflation is how far deflate can compress at most: one byte may stand for
// this many.
const inflation = 1032

// content returns the most bytes that the file can hold unpacked.
func content(file []byte) int {
	if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		return inflation * len(file)
	}
	return len(file)
}

// checkMemory fails the test if read allocates more than the file's content
// justifies: growing buffers allocate at most 8 times their final size in all
// (a label byte becomes four), and a reader has fixed ones.
func checkMemory(t *testing.T, file []byte, read func()) {
	t.Helper()
	const fixed = 1 << 20
	if got, most := allocated(read), fixed+8*content(file); got > most {
		t.Errorf("%d bytes allocated for a file of %d, expected at most %d", got, len(file), most)
	}
}

// checkError fails the test if the error does not name the file.
func checkError(t *testing.T, err error) {
	t.Helper()
	if !strings.HasPrefix(err.Error(), "fuzzed: ") {
		t.Errorf("error %q does not name the file", err)
	}
}

// unpacked returns the file as the reader sees it if it is plain; a compressed
// one cannot be compared so simply.
func unpacked(file []byte) (plain []byte, ok bool) {
	return file, !bytes.HasPrefix(file, []byte{0x1f, 0x8b})
}

func FuzzReadIDXImages(f *testing.F) {
	f.Add(idxTwoImages)
	f.Add(pack(idxTwoImages))
	f.Add(pack(append(idxTwoImages[:16:16], make([]byte, 1<<14)...)))
	f.Add(idxTwoImages[:25])
	f.Add(idxThreeLabels)
	f.Add([]byte{0, 0, 8, 3, 0, 0x20, 0, 0, 0, 0, 0, 31, 0, 0, 0, 32, 1, 2, 3, 4})
	f.Add([]byte{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, file []byte) {
		var n, h, w int
		var pix []byte
		var err error
		checkMemory(t, file, func() { n, h, w, pix, err = ReadIDXImages(bytes.NewReader(file), "fuzzed") })
		if err != nil {
			checkError(t, err)
			return
		}
		if n < 1 || h < 1 || w < 1 || len(pix) != n*h*w || cap(pix) != len(pix) {
			t.Fatalf("%d images of %d×%d in %d bytes, capacity %d", n, h, w, len(pix), cap(pix))
		}
		if plain, ok := unpacked(file); ok && !bytes.Equal(pix, plain[16:]) {
			t.Fatal("pixels differ from the file's")
		}
	})
}

func FuzzReadIDXLabels(f *testing.F) {
	f.Add(idxThreeLabels, 10)
	f.Add(pack(idxThreeLabels), 0)
	f.Add(idxThreeLabels[:9], 3)
	f.Add(idxTwoImages, 10)
	f.Add([]byte{0, 0, 8, 1, 0x7f, 0xff, 0xff, 0xff, 1, 2}, 0)
	f.Fuzz(func(t *testing.T, file []byte, classes int) {
		var labels []int32
		var err error
		checkMemory(t, file, func() { labels, err = ReadIDXLabels(bytes.NewReader(file), "fuzzed", classes) })
		if err != nil {
			checkError(t, err)
			return
		}
		plain, ok := unpacked(file)
		if ok && len(labels) != len(plain)-8 {
			t.Fatalf("%d labels in %d bytes", len(labels), len(plain))
		}
		for i, l := range labels {
			if classes > 0 && int(l) >= classes || ok && l != int32(plain[8+i]) {
				t.Fatalf("label %d is %d", i, l)
			}
		}
	})
}

// checkPlanes compares pixels with the file's records, element by element.
func checkPlanes(t *testing.T, file, pix []byte, labelBytes int) {
	t.Helper()
	record := labelBytes + 3*1024
	if len(file)%record != 0 || len(pix) != len(file)/record*3*1024 {
		t.Fatalf("%d bytes of pixels from a file of %d", len(pix), len(file))
	}
	for i, p := range pix {
		n, at := i/3072, i%3072
		if q := file[n*record+labelBytes+at%3*1024+at/3]; p != q {
			t.Fatalf("image %d, pixel %d, colour %d is %d, want %d", n, at/3, at%3, p, q)
		}
	}
}

func FuzzReadCIFAR10(f *testing.F) {
	f.Add(cifarBytes([]byte{3}))
	f.Add(pack(cifarBytes([]byte{3}, []byte{9})))
	f.Add(cifarBytes([]byte{10}))
	f.Add(cifarBytes([]byte{1}, []byte{2})[:4000])
	f.Fuzz(func(t *testing.T, file []byte) {
		var pix []byte
		var labels []int32
		var err error
		checkMemory(t, file, func() { pix, labels, err = ReadCIFAR10(bytes.NewReader(file), "fuzzed") })
		if err != nil {
			checkError(t, err)
			return
		}
		s := &Set{Name: "f", H: 32, W: 32, C: 3, Pixels: pix, Labels: labels, Classes: numbers(10)}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		if plain, ok := unpacked(file); ok {
			checkPlanes(t, plain, pix, 1)
		}
	})
}

func FuzzReadCIFAR100(f *testing.F) {
	f.Add(cifarBytes([]byte{3, 70}))
	f.Add(pack(cifarBytes([]byte{0, 99}, []byte{19, 0})))
	f.Add(cifarBytes([]byte{20, 0}))
	f.Add(cifarBytes([]byte{1, 100}))
	f.Add(cifarBytes([]byte{1, 2}, []byte{3, 4})[:3075])
	f.Fuzz(func(t *testing.T, file []byte) {
		var pix []byte
		var coarse, fine []int32
		var err error
		checkMemory(t, file, func() { pix, coarse, fine, err = ReadCIFAR100(bytes.NewReader(file), "fuzzed") })
		if err != nil {
			checkError(t, err)
			return
		}
		for i, labels := range [][]int32{coarse, fine} {
			s := &Set{Name: "f", H: 32, W: 32, C: 3, Pixels: pix, Labels: labels, Classes: numbers([]int{20, 100}[i])}
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		if plain, ok := unpacked(file); ok {
			checkPlanes(t, plain, pix, 2)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestText))
	f.Add([]byte(manifestText[:100]))
	f.Add([]byte(strings.Replace(manifestText, "[3,7]", "[7,3]", 1)))
	f.Add([]byte(strings.Replace(manifestText, "[3,7]", "[3,99]", 1)))
	f.Add([]byte(strings.Replace(manifestText, "10", "1e9", 1)))
	f.Add([]byte(strings.Replace(manifestText, "10", "9000000000000000000", 1)))
	f.Add([]byte(`{"validation":[` + strings.Repeat("0,", 500) + `0]}`))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Manifest
		var err error
		// A decoder copies the text, and two bytes of it may become an int of
		// 8, in a slice that grows.
		const fixed = 1 << 20
		if got, most := allocated(func() { m, err = ParseManifest(text, "fuzzed") }), fixed+64*len(text); got > most {
			t.Errorf("%d bytes allocated for %d, expected at most %d", got, len(text), most)
		}
		if err != nil {
			checkError(t, err)
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if m2, err := ParseManifest(again, "again"); err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("%s was read as %+v, written as %s and read as %+v, %v", text, m, again, m2, err)
		}
		// The count is the manifest's word alone: a set of another size must
		// be refused before anything is made of it.
		if s := noise(3, 1, 1, 1, 1); m.Count != 3 {
			if got := allocated(func() { _, _, err = m.Indices(s) }); err == nil || got > fixed {
				t.Fatalf("a count of %d: %d bytes allocated, error %v", m.Count, got, err)
			}
		}
	})
}
