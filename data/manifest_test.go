package data

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

func TestSplitStratified(t *testing.T) {
	s := noise(103, 1, 2, 1, 4) // classes of 26, 26, 26 and 25 images
	m, err := SplitStratified(s, .1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if m.Dataset != "noise" || m.SHA256 != s.Hash() || m.Count != 103 || m.Method != "stratified" || m.Seed != 5 || m.Share != .1 {
		t.Errorf("manifest is %+v", m)
	}
	train, val, err := m.Indices(s)
	if err != nil {
		t.Fatal(err)
	}
	both := slices.Concat(train, val)
	slices.Sort(both)
	for i := range 103 {
		if len(both) != 103 || both[i] != i {
			t.Fatalf("training and validation together are %v", both)
		}
	}
	if !slices.IsSorted(train) || !slices.IsSorted(val) {
		t.Errorf("training %v or validation %v is not ascending", train, val)
	}
	held := make([]int, 4)
	for _, i := range val {
		held[s.Labels[i]]++
	}
	if want := []int{3, 3, 3, 3}; !slices.Equal(held, want) { // round(2.6), round(2.5)
		t.Errorf("held out per class: %v, want %v", held, want)
	}

	again, _ := SplitStratified(s, .1, 5)
	if !reflect.DeepEqual(m, again) {
		t.Error("the same seed gives another split")
	}
	other, _ := SplitStratified(s, .1, 6)
	if slices.Equal(m.Validation, other.Validation) {
		t.Error("another seed gives the same split")
	}
}

// Over many seeds every image is held out about as often as its share says.
func TestSplitIsUniform(t *testing.T) {
	s := noise(40, 1, 1, 1, 2)
	count := make([]float64, 40)
	const seeds = 2000
	for seed := range uint64(seeds) {
		m, err := SplitStratified(s, .25, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range m.Validation {
			count[i]++
		}
	}
	sigma := math.Sqrt(seeds * .25 * .75)
	for i, k := range count {
		if math.Abs(k-seeds*.25) > 4.5*sigma {
			t.Errorf("image %d was held out %v times of %d, want about a quarter", i, k, seeds)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	for _, share := range []float64{0, 1, -.1, 1.5, math.NaN(), math.Inf(1)} {
		_, err := SplitStratified(noise(20, 1, 1, 1, 2), share, 1)
		wantError(t, err, "expected above 0 and below 1")
	}
	_, err := SplitStratified(noise(20, 1, 1, 1, 5), .1, 1)
	wantError(t, err, `data set "noise": class "0" has 4 samples, of which a share of 0.1 is 0; expected some on both sides`)
	_, err = SplitStratified(noise(20, 1, 1, 1, 5), .9, 1)
	wantError(t, err, "a share of 0.9 is 4; expected some on both sides")
	_, err = SplitStratified(&Set{Name: "none", H: 1, W: 1, C: 1}, .5, 1)
	wantError(t, err, "it holds no images")

	s := noise(20, 1, 1, 1, 2)
	s.Classes = numbers(7) // five of them without images are no obstacle
	if m, err := SplitStratified(s, .5, 1); err != nil || len(m.Validation) != 10 {
		t.Errorf("with empty classes: %d held out, error %v", len(m.Validation), err)
	}
}

func TestManifestErrors(t *testing.T) {
	s := noise(10, 1, 1, 1, 2)
	good := Manifest{"noise", s.Hash(), 10, Stratified, 1, .3, []int{0, 4, 9}}
	if train, val, err := good.Indices(s); err != nil || !slices.Equal(train, []int{1, 2, 3, 5, 6, 7, 8}) || !slices.Equal(val, []int{0, 4, 9}) {
		t.Fatalf("indices are %v, %v, error %v", train, val, err)
	}
	for _, c := range []struct {
		name  string
		wreck func(m *Manifest)
		want  string
	}{
		{"hash of another set", func(m *Manifest) { m.SHA256 = noise(10, 1, 1, 1, 3).Hash() }, `manifest of "noise" is for a data set with SHA-256`},
		{"no hash", func(m *Manifest) { m.SHA256 = "12ab" }, `sha256 is "12ab", expected 64 lower-case hexadecimal digits`},
		{"count of another set", func(m *Manifest) { m.Count = 11 }, `manifest of "noise" counts 11 samples, data set "noise" has 10`},
		{"no count", func(m *Manifest) { m.Count = 0 }, "count is 0, expected 1 or more"},
		{"no method", func(m *Manifest) { m.Method = "" }, "method is empty"},
		{"share", func(m *Manifest) { m.Share = 1 }, "share is 1, expected above 0 and below 1"},
		{"nothing held out", func(m *Manifest) { m.Validation = nil }, "validation is empty"},
		{"all held out", func(m *Manifest) { m.Validation = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9} }, "validation has 10 images, expected fewer than the count, 10"},
		{"beyond the end", func(m *Manifest) { m.Validation = []int{3, 10} }, "validation[1] is 10, expected 0 to 9"},
		{"negative", func(m *Manifest) { m.Validation = []int{-1, 2} }, "validation[0] is -1, expected 0 to 9"},
		{"order", func(m *Manifest) { m.Validation = []int{3, 5, 4} }, "validation[2] is 4 after 5, expected ascending order"},
		{"twice", func(m *Manifest) { m.Validation = []int{3, 5, 5} }, "validation[2] repeats image 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := good
			c.wreck(&m)
			train, val, err := m.Indices(s)
			wantError(t, err, c.want)
			if train != nil || val != nil {
				t.Error("indices returned beside an error")
			}
		})
	}
}

const manifestText = `{"dataset":"d","sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",` +
	`"count":10,"method":"stratified","seed":18446744073709551615,"share":0.2,"validation":[3,7]}`

func TestParseManifest(t *testing.T) {
	m, err := ParseManifest([]byte(manifestText+"\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	if m.Dataset != "d" || m.Count != 10 || m.Seed != math.MaxUint64 || m.Share != .2 || !slices.Equal(m.Validation, []int{3, 7}) {
		t.Errorf("manifest is %+v", m)
	}
	if text, err := json.Marshal(m); err != nil || string(text) != manifestText {
		t.Errorf("written again it is\n%s\nwant\n%s", text, manifestText)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "f: byte 0: manifest: EOF"},
		{"cut", manifestText[:40], "f: byte 40: manifest: unexpected EOF"},
		{"no JSON", `{"dataset":x}`, "f: byte 12: manifest: invalid character 'x'"},
		{"wrong type", `{"dataset":"d","count":"ten"}`, "f: byte 28: manifest: json: cannot unmarshal string"},
		{"unknown field", `{"datasets":"d"}`, `f: manifest: json: unknown field "datasets"`},
		{"further text", manifestText + "{}", fmt.Sprintf("f: byte %d: expected the end after the manifest", len(manifestText))},
		{"unsound", `{"dataset":"d"}`, `f: manifest of "d": sha256 is ""`},
		{"null", `null`, `f: manifest of "": sha256 is ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseManifest([]byte(c.text), "f")
			wantError(t, err, c.want)
		})
	}
}
