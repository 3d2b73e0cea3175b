package fashion_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
)

func TestLoad(t *testing.T) {
	train, test, err := fashion.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set        *data.Set
		name, hash string
		perClass   int
	}{
		{train, "fashion-mnist-subset/train", "a1b5a605504f43d81e3550a6aebaff6b6c5124d030d667cf004e22149a839ca2", 1000},
		{test, "fashion-mnist-subset/test", "ba876a125ad30102dd50dabb8b47c6c91424f40420ef56029913cbb24e9bd029", 200},
	} {
		if c.set.Name != c.name || c.set.H != 28 || c.set.W != 28 || c.set.C != 1 || c.set.Len() != 10*c.perClass {
			t.Errorf("got %q, %d images of %d×%d×%d", c.set.Name, c.set.Len(), c.set.H, c.set.W, c.set.C)
		}
		count := make([]int, 10)
		for _, l := range c.set.Labels {
			count[l]++
		}
		for class, n := range count {
			if n != c.perClass {
				t.Errorf("%s: class %d has %d images, want %d", c.name, class, n, c.perClass)
			}
		}
		if got := c.set.Hash(); got != c.hash {
			t.Errorf("%s has hash %s, want %s", c.name, got, c.hash)
		}
		names := []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
		if !slices.Equal(c.set.Classes, names) {
			t.Errorf("%s: classes are %q", c.name, c.set.Classes)
		}
		// Published for the full training set: mean .2860, deviation .3530.
		n := data.MeasureNorm(c.set, nil)
		if math.Abs(float64(n.Mean[0])-.2860) > .002 || math.Abs(float64(n.Std[0])-.3530) > .002 {
			t.Errorf("%s: pixels are %v ± %v", c.name, n.Mean[0], n.Std[0])
		}
	}
	again, _, _ := fashion.Load()
	if again != train {
		t.Error("decoded anew at the second call")
	}
}

// No image was drawn twice, and none is in both halves.
func TestImagesAreDistinct(t *testing.T) {
	train, test, err := fashion.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	repeated := 0
	for _, s := range []*data.Set{train, test} {
		for i := range s.Len() {
			at := fmt.Sprintf("%s %d", s.Name, i)
			if _, ok := seen[string(s.Image(i))]; ok {
				repeated++
			}
			seen[string(s.Image(i))] = at
		}
	}
	if repeated > 0 {
		t.Errorf("%d images repeat others", repeated)
	}
}

// ORIGIN.md states the checksums of the files as they are, and their gzip
// headers hold neither time nor name.
func TestFilesAreThoseOfTheRecord(t *testing.T) {
	origin, err := os.ReadFile("ORIGIN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
	} {
		packed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		zr, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if zr.Name != "" || zr.Comment != "" || !zr.ModTime.IsZero() {
			t.Errorf("%s: header is %+v", name, zr.Header)
		}
		content, err := io.ReadAll(zr)
		if err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf("| %s | %x | %x |", name, sha256.Sum256(packed), sha256.Sum256(content)); !strings.Contains(string(origin), line) {
			t.Errorf("ORIGIN.md lacks the line\n%s", line)
		}
	}
}
