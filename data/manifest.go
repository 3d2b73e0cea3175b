package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
)

// Stratified is the method of a split that takes the same share of every class.
const Stratified = "stratified"

// Manifest records which images of a data set are held out for validation; all
// others are for training. It names the set by its hash, so it cannot be applied
// to another.
type Manifest struct {
	Dataset    string  `json:"dataset"`
	SHA256     string  `json:"sha256"` // Set.Hash
	Count      int     `json:"count"`  // images in the set
	Method     string  `json:"method"`
	Seed       uint64  `json:"seed"`
	Share      float64 `json:"share"`      // held out, in (0, 1)
	Validation []int   `json:"validation"` // ascending
}

// SplitStratified holds out round(share·n) images of each class of n images,
// drawn by the seed. Every class that has images must keep some on both sides.
func SplitStratified(s *Set, share float64, seed uint64) (Manifest, error) {
	if err := s.Validate(); err != nil {
		return Manifest{}, err
	}
	return StratifiedManifest(s.Name, s.Hash(), s.Labels, s.Classes, share, seed)
}

// StratifiedManifest is SplitStratified for a data set of any kind: of that name
// and hash, with these labels.
func StratifiedManifest(name, hash string, labels []int32, classes []string, share float64, seed uint64) (Manifest, error) {
	held, err := Stratify(labels, classes, share, seed)
	if err != nil {
		return Manifest{}, fmt.Errorf("data set %q: %w", name, err)
	}
	return Manifest{name, hash, len(labels), Stratified, seed, share, held}, nil
}

// Stratify draws round(share·n) samples of each class of n samples, by the
// seed, and returns their indices, ascending. Every class that has samples must
// keep some on both sides.
func Stratify(labels []int32, classes []string, share float64, seed uint64) (held []int, err error) {
	if !(share > 0 && share < 1) {
		return nil, fmt.Errorf("share to hold out is %v, expected above 0 and below 1", share)
	}
	members := make([][]int, len(classes))
	for i, l := range labels {
		members[l] = append(members[l], i)
	}
	pcg := new(rand.PCG)
	r := rand.New(pcg)
	for c, m := range members {
		n := len(m)
		k := int(math.Round(share * float64(n)))
		if n > 0 && (k == 0 || k == n) {
			return nil, fmt.Errorf("class %q has %d samples, of which a share of %v is %d; expected some on both sides",
				classes[c], n, share, k)
		}
		Seed(pcg, seed, drawSplit, uint64(c), 0)
		r.Shuffle(n, func(i, j int) { m[i], m[j] = m[j], m[i] })
		held = append(held, m[:k]...)
	}
	slices.Sort(held)
	return held, nil
}

// Indices returns the images for training and for validation, both ascending
// and neither nil, after checking that the manifest is sound and belongs to
// the set.
func (m Manifest) Indices(s *Set) (train, val []int, err error) {
	return m.Split(s.Name, s.Len(), s.Hash)
}

// Split is Indices for a data set of any kind: of that name, with so many
// samples and the hash that hash returns.
func (m Manifest) Split(name string, count int, hash func() string) (train, held []int, err error) {
	if err := m.Validate(); err != nil {
		return nil, nil, err
	}
	if count != m.Count {
		return nil, nil, fmt.Errorf("manifest of %q counts %d samples, data set %q has %d", m.Dataset, m.Count, name, count)
	}
	if got := hash(); got != m.SHA256 {
		return nil, nil, fmt.Errorf("manifest of %q is for a data set with SHA-256 %s, %q has %s", m.Dataset, m.SHA256, name, got)
	}
	train = make([]int, 0, m.Count-len(m.Validation))
	next := 0
	for i := range m.Count {
		if next < len(m.Validation) && m.Validation[next] == i {
			next++
			continue
		}
		train = append(train, i)
	}
	return train, append([]int{}, m.Validation...), nil
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Validate says what is wrong with the manifest by itself: a hash that is none,
// or held-out images that are out of bounds, out of order or repeated.
func (m Manifest) Validate() error {
	var problem string
	switch {
	case !sha256Hex.MatchString(m.SHA256):
		problem = fmt.Sprintf("sha256 is %q, expected 64 lower-case hexadecimal digits", m.SHA256)
	case m.Count < 1:
		problem = fmt.Sprintf("count is %d, expected 1 or more", m.Count)
	case m.Method == "":
		problem = "method is empty, expected a name"
	case !(m.Share > 0 && m.Share < 1):
		problem = fmt.Sprintf("share is %v, expected above 0 and below 1", m.Share)
	case len(m.Validation) == 0:
		problem = "validation is empty, expected at least one image"
	case len(m.Validation) >= m.Count:
		problem = fmt.Sprintf("validation has %d images, expected fewer than the count, %d", len(m.Validation), m.Count)
	default:
		problem = m.order()
	}
	if problem != "" {
		return fmt.Errorf("manifest of %q: %s", m.Dataset, problem)
	}
	return nil
}

// order says what is wrong with the held-out indices, if anything is.
func (m Manifest) order() string {
	for k, i := range m.Validation {
		switch {
		case i < 0 || i >= m.Count:
			return fmt.Sprintf("validation[%d] is %d, expected 0 to %d", k, i, m.Count-1)
		case k > 0 && i == m.Validation[k-1]:
			return fmt.Sprintf("validation[%d] repeats image %d", k, i)
		case k > 0 && i < m.Validation[k-1]:
			return fmt.Sprintf("validation[%d] is %d after %d, expected ascending order", k, i, m.Validation[k-1])
		}
	}
	return ""
}

// ParseManifest reads a manifest from its JSON form, which json.Marshal writes,
// and validates it. The name is for errors.
func ParseManifest(text []byte, name string) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %smanifest: %w", name, jsonOffset(err, len(text)), err)
	}
	end := d.InputOffset()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("%s: byte %d: expected the end after the manifest, got further text", name, end)
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// jsonOffset tells where a JSON error lies, as a prefix, if that is known.
func jsonOffset(err error, size int) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("byte %d: ", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("byte %d: ", kind.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("byte %d: ", size)
	}
	return ""
}
