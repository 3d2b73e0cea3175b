package data

import (
	"slices"
	"strings"
	"testing"
)

func TestParseClasses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"lines", "cat\ndog", []string{"cat", "dog"}},
		{"CR LF and empty lines behind, as in CIFAR-10", "cat\r\nhot dog\r\n\r\n", []string{"cat", "hot dog"}},
		{"one", "ship\n", []string{"ship"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseClasses([]byte(c.text), 0)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
	for _, c := range []struct {
		name, text string
		n          int
		want       string
	}{
		{"empty", "", 0, "line 1: expected a class name, got an empty line"},
		{"gap", "a\n\nb", 0, "line 2: expected a class name, got an empty line"},
		{"twice", "a\nb\na", 0, `line 3: class "a" was already named in line 1`},
		{"too few", "a\nb", 3, "expected 3 class names, got 2"},
		{"too many", strings.Join(numbers(257), "\n"), 0, "expected at most 256 class names, got 257"},
		{"not text", "a\n\xff", 0, "expected class names in UTF-8"},
		{"too long", strings.Repeat("a", maxNames+1), 0, "expected class names in at most 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseClasses([]byte(c.text), c.n)
			wantError(t, err, c.want)
		})
	}
}

func TestRecognise(t *testing.T) {
	train, test := noise(12, 1, 1, 1, 4), noise(8, 1, 1, 1, 4)
	if k := recognise(train, test); k != nil {
		t.Errorf("labels 0, 1, 2, 3, … were taken for %s", k.name)
	}
	// sha256sum of the bytes 00 01 02 03, three times and twice.
	before := knownSets
	defer func() { knownSets = before }()
	knownSets = append(slices.Clone(before), known{
		name:    "quads",
		classes: []string{"a", "b", "c", "d"},
		train:   "5252677269f32b37e5c98cc77adbb102f5155aac869f0c0d6a5ff4600626fa17",
		test:    "e2f69ca1d1562c9524eff9cdebe94267cb56233d471bd5d077dc65a2ef46c72c",
	})
	if k := recognise(train, test); k == nil || k.name != "quads" {
		t.Errorf("got %+v, want quads", k)
	}
	if k := recognise(test, train); k != nil {
		t.Errorf("with training and test exchanged, got %s", k.name)
	}
}
