// Command generate draws the part of Fashion-MNIST that package fashion embeds:
//
//	go run ./data/fashion/generate --from DIR [--out DIR]
//
// DIR holds the four files of the full set, gzipped or not. Each is checked
// against the SHA-256 of the official release before anything is written.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qif-snn/qif/data"
)

// seed is that of both draws.
const seed = 1

// part is one half of the data set.
type part struct {
	files [2]file
	share float64 // of each class that is drawn
}

// file is one of its IDX files.
type file struct {
	name  string
	sum   string // SHA-256 of the full set's, unpacked
	write func(io.Writer, *data.Set) error
}

// parts are the release of 2017-08-31: 1,000 of 6,000 training images per
// class, 200 of 1,000 test images.
var parts = [2]part{{
	files: [2]file{
		{"train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", writeImages},
		{"train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", writeLabels},
	},
	share: 1.0 / 6,
}, {
	files: [2]file{
		{"t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", writeImages},
		{"t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", writeLabels},
	},
	share: 1.0 / 5,
}}

func main() {
	from := flag.String("from", "", "`folder` of the full data set's four IDX files")
	out := flag.String("out", "data/fashion", "`folder` to write to")
	flag.Parse()
	if *from == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := generate(*from, *out, parts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate writes the drawn parts of the data set in from to out and lists the
// files with their checksums.
func generate(from, out string, parts [2]part, log io.Writer) error {
	train, test, err := data.LoadDir(from)
	if err != nil {
		return err
	}
	full := [2]*data.Set{train, test}
	for i, p := range parts {
		if err := p.verify(full[i]); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	for i, p := range parts {
		drawn, err := draw(full[i], p.share)
		if err != nil {
			return err
		}
		for _, f := range p.files {
			packed, err := pack(f.write, drawn)
			if err != nil {
				return err
			}
			name := f.name + ".gz"
			if err := replace(filepath.Join(out, name), packed); err != nil {
				return err
			}
			fmt.Fprintf(log, "%x  %s  %d bytes\n", sha256.Sum256(packed), name, len(packed))
		}
	}
	return nil
}

// verify compares the set, as IDX files, with the release's checksums.
func (p part) verify(s *data.Set) error {
	for _, f := range p.files {
		h := sha256.New()
		if err := f.write(h, s); err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != f.sum {
			return fmt.Errorf("%s unpacked has SHA-256 %s, expected %s", f.name, got, f.sum)
		}
	}
	return nil
}

// draw returns the share of each class that a stratified split holds out, in
// the set's order.
func draw(s *data.Set, share float64) (*data.Set, error) {
	m, err := data.SplitStratified(s, share, seed)
	if err != nil {
		return nil, err
	}
	d := &data.Set{Name: s.Name, H: s.H, W: s.W, C: s.C, Classes: s.Classes}
	for _, i := range m.Validation {
		d.Pixels = append(d.Pixels, s.Image(i)...)
		d.Labels = append(d.Labels, s.Labels[i])
	}
	return d, d.Validate()
}

// writeImages writes the set's images as an IDX file.
func writeImages(w io.Writer, s *data.Set) error {
	return writeIDX(w, s.Pixels, s.Len(), s.H, s.W)
}

// writeLabels writes the set's labels as an IDX file.
func writeLabels(w io.Writer, s *data.Set) error {
	raw := make([]byte, s.Len())
	for i, l := range s.Labels {
		raw[i] = byte(l)
	}
	return writeIDX(w, raw, s.Len())
}

// writeIDX writes bytes with those dimensions: the magic number's last byte is
// their number, 0x08 says bytes.
func writeIDX(w io.Writer, content []byte, dims ...int) error {
	head := []byte{0, 0, 0x08, byte(len(dims))}
	for _, d := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// pack compresses what write writes, with a header that holds neither time nor
// name.
func pack(write func(io.Writer, *data.Set) error, s *data.Set) ([]byte, error) {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := write(zw, s); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// replace writes the file under a temporary name and then renames it.
func replace(path string, content []byte) error {
	tmp := path + ".tmp"
	err := os.WriteFile(tmp, content, 0o644)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}
