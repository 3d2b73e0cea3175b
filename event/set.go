package event

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qif-snn/qif/data"
)

// A Sample is a labelled recording, or a part of one.
type Sample struct {
	Path     string // of the file, below the set's root, with slashes
	Size     int64  // of the file, in bytes
	Label    int32  // index into the set's classes
	From, To int64  // the part's interval [From, To); both 0: all of it
}

// A Set is a labelled set of recordings in files.
type Set struct {
	Name    string
	Classes []string
	Format  Format
	Sensor  Sensor // of all recordings
	Samples []Sample

	root string // how errors call the file system's root
	fsys fs.FS
}

// Len returns the number of samples.
func (s *Set) Len() int { return len(s.Samples) }

// Labels returns the samples' labels.
func (s *Set) Labels() []int32 {
	labels := make([]int32, len(s.Samples))
	for i, sample := range s.Samples {
		labels[i] = sample.Label
	}
	return labels
}

// Hash returns the SHA-256, in hexadecimal, of the list of samples: paths,
// sizes of files, labels and intervals. It does not read the recordings, whose
// contents are part of what frames are cached by.
func (s *Set) Hash() string {
	h := sha256.New()
	for _, p := range s.Samples {
		fmt.Fprintf(h, "%q %d %d %d %d\n", p.Path, p.Size, p.Label, p.From, p.To)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// options returns the options with the set's format and sensor, unless they have
// their own.
func (s *Set) options(o Options) Options {
	if o.Format == Auto {
		o.Format = s.Format
	}
	if o.Sensor == (Sensor{}) {
		o.Sensor = s.Sensor
	}
	return o
}

// shown is a sample's file as errors show it.
func (s *Set) shown(i int) string { return path.Join(filepath.ToSlash(s.root), s.Samples[i].Path) }

// Open opens a sample's recording, which may hold more than the sample. The
// options' format and sensor are the set's unless they say otherwise.
func (s *Set) Open(i int, o Options) (*Reader, io.Closer, error) {
	f, err := s.fsys.Open(s.Samples[i].Path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.root, err)
	}
	r, err := NewReader(f, s.shown(i), s.options(o))
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return r, f, nil
}

// Load reads a sample. Of a part of a recording, what comes before it is read
// and passed over, and what comes after it is not read.
func (s *Set) Load(i int, o Options) (Stream, Skipped, error) {
	r, f, err := s.Open(i, o)
	if err != nil {
		return Stream{}, Skipped{}, err
	}
	defer f.Close()
	p := s.Samples[i]
	if p.To == 0 {
		all, err := ReadAll(r)
		return all, r.Skipped(), err
	}
	out := Stream{Sensor: r.Sensor()}
	err = r.Each(func(part []Event) error {
		within := Stream{out.Sensor, part}.Between(p.From, p.To)
		out.Events = append(out.Events, within.Events...)
		if part[len(part)-1].T >= p.To {
			return io.EOF
		}
		return nil
	})
	if err == io.EOF {
		err = nil
	}
	skipped := r.Skipped()
	if err == nil && len(out.Events) == 0 {
		if o.OnBad == Stop {
			return Stream{}, skipped, fmt.Errorf("%s: no events from %d to %d µs, where a trial of class %q should be",
				r.src.name, p.From, p.To, s.Classes[p.Label])
		}
		skipped.Empty++
	}
	return out, skipped, err
}

// The ways to split a set that has no official test samples. CIFAR10-DVS is
// such a one, and results on different splits cannot be compared.
const (
	// Last100 holds out each class's last hundred recordings by number, as the
	// code of TET does: of CIFAR10-DVS files 900 to 999.
	Last100 = "last-100-per-class"
	// First100 holds out the first hundred, files 0 to 99, as TEBN does.
	First100 = "first-100-per-class"
	// Stratified draws a share of each class by a seed.
	Stratified = data.Stratified
)

// SplitMethods lists the methods.
var SplitMethods = []string{Last100, First100, Stratified}

// Split holds samples out by a named method and returns the manifest that
// records which. In the field's experiments on such sets they are the test
// samples. Share and seed are for the method Stratified alone.
func (s *Set) Split(method string, share float64, seed uint64) (data.Manifest, error) {
	var held []int
	var err error
	switch method {
	case Last100, First100:
		seed = 0
		share = float64(100*len(s.Classes)) / float64(s.Len())
		held, err = s.hundred(method == Last100)
	case Stratified:
		held, err = data.Stratify(s.Labels(), s.Classes, share, seed)
	default:
		err = fmt.Errorf("the method of the split is %q, expected one of %s", method, strings.Join(SplitMethods, ", "))
	}
	if err != nil {
		return data.Manifest{}, fmt.Errorf("data set %q: %w", s.Name, err)
	}
	m := data.Manifest{Dataset: s.Name, SHA256: s.Hash(), Count: s.Len(), Method: method, Seed: seed, Share: share, Validation: held}
	return m, m.Validate()
}

// hundred returns the first or last hundred samples of every class. Samples are
// in the order of their numbers.
func (s *Set) hundred(last bool) ([]int, error) {
	members := make([]int, len(s.Classes))
	for _, p := range s.Samples {
		members[p.Label]++
	}
	for c, n := range members {
		if n <= 100 {
			return nil, fmt.Errorf("class %q has %d samples, expected more than the 100 to hold out", s.Classes[c], n)
		}
	}
	var held []int
	seen := make([]int, len(s.Classes))
	for i, p := range s.Samples {
		rank := seen[p.Label]
		seen[p.Label]++
		if last && rank >= members[p.Label]-100 || !last && rank < 100 {
			held = append(held, i)
		}
	}
	return held, nil
}

// Subset returns the set of the samples with the given indices, in their order.
func (s *Set) Subset(name string, indices []int) *Set {
	sub := *s
	sub.Name, sub.Samples = name, make([]Sample, len(indices))
	for k, i := range indices {
		sub.Samples[k] = s.Samples[i]
	}
	return &sub
}

// Head returns the set of n samples, or of all for n = 0: the first of each
// class, then the second, and so on, in the set's order.
func (s *Set) Head(n int) *Set {
	if n == 0 || n >= s.Len() {
		return s
	}
	type place struct{ rank, at int }
	places := make([]place, s.Len())
	seen := make([]int, len(s.Classes))
	for i, p := range s.Samples {
		places[i] = place{seen[p.Label], i}
		seen[p.Label]++
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.rank, b.rank) })
	indices := make([]int, n)
	for k, p := range places[:n] {
		indices[k] = p.at
	}
	slices.Sort(indices)
	return s.Subset(s.Name, indices)
}
