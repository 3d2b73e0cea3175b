package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	digits         = numbers(10)
	fashionClasses = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
	cifar10Classes = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
)

// CIFAR10Classes returns the names of CIFAR-10's classes in the order of their
// labels.
func CIFAR10Classes() []string { return slices.Clone(cifar10Classes) }

// numbers returns "0" to n−1 as class names.
func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// known is an IDX data set that its labels identify: neither its pixels' size
// nor its files' names distinguish Fashion-MNIST from MNIST.
type known struct {
	name        string
	classes     []string
	train, test string // SHA-256 of the labels, a byte each
}

var knownSets = []known{
	{
		name:    "fashion-mnist",
		classes: fashionClasses,
		train:   "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
		test:    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
	},
	{
		name:    "fashion-mnist-subset", // data/fashion
		classes: fashionClasses,
		train:   "a2e8878436c8180f8794bd175ac0385623b29a95184cfa702614b03a18038fa3",
		test:    "14140544df60b60f174a2ae8b6ec7c62070eada21c5650afe6d51aaf272eeb81",
	},
}

// recognise returns the known set that has these labels, or nil.
func recognise(train, test *Set) *known {
	a, b := labelDigest(train.Labels), labelDigest(test.Labels)
	for i := range knownSets {
		if knownSets[i].train == a && knownSets[i].test == b {
			return &knownSets[i]
		}
	}
	return nil
}

// labelDigest is the SHA-256 of labels as an IDX file has them.
func labelDigest(labels []int32) string {
	raw := make([]byte, len(labels))
	for i, l := range labels {
		raw[i] = byte(l)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// maxNames bounds the size of a file of class names in bytes.
const maxNames = 1 << 16

// classes reads class names from the file of that name beside the data, one a
// line. Without the file they are nil. want is how many there must be; 0 allows
// the 1 to 256 that a label byte can tell apart.
func (f *folder) classes(file string, want int) (names []string, err error) {
	err = f.with(path.Join(f.dir, file), func(r fs.File, name string) error {
		text, err := io.ReadAll(io.LimitReader(r, maxNames+1))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if names, err = parseClasses(text, want); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// parseClasses splits a file of class names. Lines may end in CR LF, and empty
// lines may follow the last name, as they do in CIFAR's files.
func parseClasses(text []byte, want int) ([]string, error) {
	if len(text) > maxNames {
		return nil, fmt.Errorf("expected class names in at most %d bytes, got more", maxNames)
	}
	if !utf8.Valid(text) {
		return nil, errors.New("expected class names in UTF-8, got other bytes")
	}
	names := strings.Split(strings.TrimRight(string(text), " \t\r\n"), "\n")
	line := make(map[string]int, len(names))
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		switch first, twice := line[names[i]]; {
		case names[i] == "":
			return nil, fmt.Errorf("line %d: expected a class name, got an empty line", i+1)
		case twice:
			return nil, fmt.Errorf("line %d: class %q was already named in line %d", i+1, names[i], first)
		}
		line[names[i]] = i + 1
	}
	switch {
	case want > 0 && len(names) != want:
		return nil, fmt.Errorf("expected %d class names, got %d", want, len(names))
	case len(names) > 256:
		return nil, fmt.Errorf("expected at most 256 class names, got %d", len(names))
	}
	return names, nil
}
