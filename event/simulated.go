package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"github.com/qif-snn/qif/data"
)

// SimulatedFile is the file by which a folder of simulated recordings is known.
const SimulatedFile = "simulated.json"

// Simulated says what a folder of simulated recordings holds, or will hold once it
// is complete. The recordings lie as those of the imitated set: as N-MNIST's in
// Train and Test, with a folder per class by number, or as CIFAR10-DVS's in a
// folder per class, without test samples of their own.
type Simulated struct {
	Version int             `json:"version"`
	Name    string          `json:"name"`
	Style   string          `json:"style"` // the set that is imitated
	Classes []string        `json:"classes"`
	Train   []int           `json:"train"`            // recordings of each class
	Test    []int           `json:"test,omitempty"`   // likewise
	Camera  json.RawMessage `json:"camera,omitempty"` // for people
	SHA256  []string        `json:"sha256"`           // of what the recordings follow from: of Train's, then of Test's
}

// The styles of simulated recordings.
const (
	LikeNMNIST      = "n-mnist"
	LikeCIFAR10DVS  = "cifar10-dvs"
	simulatedFormat = 1
)

// NewSimulated describes recordings of two sets of images, the second of which may
// be nil.
func NewSimulated(name, style string, train, test *data.Set) Simulated {
	s := Simulated{Version: simulatedFormat, Name: name, Style: style, Classes: train.Classes, Train: perClass(train)}
	if test != nil {
		s.Test = perClass(test)
	}
	return s
}

func perClass(s *data.Set) []int {
	n := make([]int, len(s.Classes))
	for _, l := range s.Labels {
		n[l]++
	}
	return n
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._ -]`)

// Path returns where the recording of an image lies, which is the n-th of its
// set, or of its class where classes are numbered by themselves, from 0.
func (s Simulated) Path(test bool, class int32, n int) string {
	if s.Style == LikeCIFAR10DVS {
		dir := s.folder(test, class)
		return path.Join(dir, fmt.Sprintf("%s_%d.aedat", dir, n))
	}
	return path.Join(s.folder(test, class), fmt.Sprintf("%05d.bin", n+1))
}

// folder returns where a class's recordings lie.
func (s Simulated) folder(test bool, class int32) string {
	switch {
	case s.Style == LikeCIFAR10DVS:
		return unsafeInName.ReplaceAllString(s.Classes[class], "_")
	case test:
		return path.Join("Test", strconv.Itoa(int(class)))
	}
	return path.Join("Train", strconv.Itoa(int(class)))
}

// Validate says what is wrong with the description.
func (s Simulated) Validate() error {
	switch {
	case s.Version != simulatedFormat:
		return fmt.Errorf("version is %d, expected %d", s.Version, simulatedFormat)
	case s.Style != LikeNMNIST && s.Style != LikeCIFAR10DVS:
		return fmt.Errorf("style is %q, expected %s or %s", s.Style, LikeNMNIST, LikeCIFAR10DVS)
	case len(s.Classes) == 0 || len(s.Train) != len(s.Classes) || s.Test != nil && len(s.Test) != len(s.Classes):
		return fmt.Errorf("%d classes, with recordings of %d for training and %d for test", len(s.Classes), len(s.Train), len(s.Test))
	case (s.Test == nil) != (s.Style == LikeCIFAR10DVS):
		return fmt.Errorf("test recordings belong to the style %s alone", LikeNMNIST)
	}
	seen := map[string]bool{}
	for c := range s.Classes {
		dir := s.folder(false, int32(c))
		if seen[dir] || dir == "" || dir == "." || dir == ".." {
			return fmt.Errorf("class %q gives no folder of its own", s.Classes[c])
		}
		seen[dir] = true
	}
	return nil
}

// ReadSimulated reads a description, which name is to call in errors.
func ReadSimulated(text []byte, name string) (Simulated, error) {
	var s Simulated
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&s)
	if err == nil {
		err = s.Validate()
	}
	if err != nil {
		return Simulated{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func loadSimulated(f folder) (train, test *Set, err error) {
	p := path.Join(f.dir, SimulatedFile)
	text, err := fs.ReadFile(f.fsys, p)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.root, err)
	}
	s, err := ReadSimulated(text, f.shown(p))
	if err != nil {
		return nil, nil, err
	}
	if s.Style == LikeCIFAR10DVS {
		train, err = f.simulated(s, false, s.Name)
		return train, nil, err
	}
	if train, err = f.simulated(s, false, s.Name+"/train"); err == nil {
		test, err = f.simulated(s, true, s.Name+"/test")
	}
	return train, test, err
}

// simulated lists one part of simulated recordings, all of which must be there.
func (f folder) simulated(s Simulated, test bool, name string) (*Set, error) {
	set, want, ending := f.set(name, NMNIST, nmnistSensor, s.Classes), s.Train, ".bin"
	if s.Style == LikeCIFAR10DVS {
		set, ending = f.set(name, AEDAT2, dvs128, s.Classes), ".aedat"
	}
	if test {
		want = s.Test
	}
	for c := range s.Classes {
		first := set.Len()
		if want[c] > 0 {
			if err := f.class(set, path.Join(f.dir, s.folder(test, int32(c))), int32(c), ending); err != nil {
				return nil, err
			}
		}
		if n := set.Len() - first; n != want[c] {
			return nil, fmt.Errorf("%s: %d recordings of class %q, expected %d: complete them with qif data simulate, or delete the folder",
				f.shown(s.folder(test, int32(c))), n, s.Classes[c], want[c])
		}
	}
	return set, nil
}
