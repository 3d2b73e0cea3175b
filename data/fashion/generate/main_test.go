package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
)

// idxFile writes an IDX file byte by byte: dims fit a byte each.
func idxFile(content []byte, dims ...byte) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = append(b, 0, 0, 0, d)
	}
	return append(b, content...)
}

// source writes a full set of 60 training and 20 test images of 1×2 pixels in
// two classes to a folder, and returns it with the parts that describe it. The
// pixels of image i are i and its label.
func source(t *testing.T) (dir string, described [2]part) {
	t.Helper()
	dir = t.TempDir()
	described = parts
	described[0].share, described[1].share = 1.0/6, 1.0/5
	for k, n := range []byte{60, 20} {
		var pixels, labels []byte
		for i := range n {
			pixels = append(pixels, i, i/3%2)
			labels = append(labels, i/3%2)
		}
		for i, content := range [][]byte{idxFile(pixels, n, 1, 2), idxFile(labels, n)} {
			f := &described[k].files[i]
			if err := os.WriteFile(filepath.Join(dir, f.name), content, 0o644); err != nil {
				t.Fatal(err)
			}
			f.sum = fmt.Sprintf("%x", sha256.Sum256(content))
		}
	}
	return dir, described
}

func TestGenerate(t *testing.T) {
	from, described := source(t)
	out := t.TempDir()
	var log bytes.Buffer
	if err := generate(from, out, described, &log); err != nil {
		t.Fatal(err)
	}
	train, test, err := data.LoadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set      *data.Set
		perClass int
	}{{train, 5}, {test, 2}} {
		count := []int{0, 0}
		last := -1
		for i, l := range c.set.Labels {
			img := c.set.Image(i)
			if int32(img[1]) != l || int(img[0]) <= last || int32(img[0]/3%2) != l {
				t.Errorf("%s: image %d is %v with label %d, after image %d of the source", c.set.Name, i, img, l, last)
			}
			last = int(img[0])
			count[l]++
		}
		if want := []int{c.perClass, c.perClass}; !slices.Equal(count, want) {
			t.Errorf("%s has %v images per class, want %v", c.set.Name, count, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files written, want 4: %v", len(files), files)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf("%x  %s  %d bytes\n", sha256.Sum256(b), filepath.Base(f), len(b)); !strings.Contains(log.String(), line) {
			t.Errorf("the list lacks %q", line)
		}
	}
}

// A source other than the release is refused before anything is written.
func TestGenerateChecksTheSource(t *testing.T) {
	for k := range 2 {
		for i := range 2 {
			from, described := source(t)
			name := described[k].files[i].name
			path := filepath.Join(from, name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			out := t.TempDir()
			err = generate(from, out, described, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), name+" unpacked has SHA-256") {
				t.Errorf("with %s changed: error %v", name, err)
			}
			if files, _ := os.ReadDir(out); len(files) > 0 {
				t.Errorf("with %s changed: %d files written", name, len(files))
			}
		}
	}
	from, _ := source(t)
	if err := generate(from, t.TempDir(), parts, &bytes.Buffer{}); err == nil {
		t.Error("another data set was taken for the release")
	}
	if err := generate(filepath.Join(from, "none"), t.TempDir(), parts, &bytes.Buffer{}); err == nil {
		t.Error("no error without a source")
	}
}

// Encoding the embedded test set gives its content again, and with the toolchain
// that made the files their very bytes.
func TestPackReproducesTheEmbeddedFiles(t *testing.T) {
	_, test, err := fashion.Load()
	if err != nil {
		t.Fatal(err)
	}
	var packed [2][]byte
	for i, f := range parts[1].files {
		if packed[i], err = pack(f.write, test); err != nil {
			t.Fatal(err)
		}
	}
	_, _, _, pix, err := data.ReadIDXImages(bytes.NewReader(packed[0]), "images")
	if err != nil || !bytes.Equal(pix, test.Pixels) {
		t.Errorf("images read back differ, error %v", err)
	}
	labels, err := data.ReadIDXLabels(bytes.NewReader(packed[1]), "labels", 10)
	if err != nil || !slices.Equal(labels, test.Labels) {
		t.Errorf("labels read back differ, error %v", err)
	}
	if !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skip("another release of Go compresses into other bytes")
	}
	for i, f := range parts[1].files {
		embedded, err := os.ReadFile(filepath.Join("..", f.name+".gz"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(embedded, packed[i]) {
			t.Errorf("%s.gz is packed into other bytes", f.name)
		}
	}
}
