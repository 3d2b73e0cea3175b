package recipe

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestWith(t *testing.T) {
	r, err := Default().With(Setting{"leak", ".25"}, Setting{"neuron", "lif"}, Setting{"floor", "-4"}, Setting{"learn", "leak"}, Setting{"batch", "20"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Neuron, want.Params["leak"], want.Floor, want.Learn, want.Batch = "lif", .25, ptr(-4), []string{"leak"}, 20
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v", r)
	}
	for text, s := range map[string]Setting{
		`unknown field "leek", did you mean "leak"?`:                              {"leek", ".2"},
		`field "lr" is "fast", expected a number`:                                 {"lr", "fast"},
		`field "leak" is a parameter of lif, but the neuron is qif, which has a,`: {"leak", ".2"},
	} {
		base := Default()
		if got, err := base.With(s); err == nil || !strings.HasPrefix(err.Error(), text) || !reflect.DeepEqual(got, base) {
			t.Errorf("%v: error %v, want %s", s, err, text)
		}
	}
}

// A recipe's values are the recipe, but for what does not bear on results.
func TestValues(t *testing.T) {
	r := Default()
	r.Neuron, r.Params["leak"], r.Params["a"], r.Floor, r.Learn = "lif", .125, .75, ptr(-2), []string{"leak"}
	r.Threads, r.Out, r.LR = 7, "here", 1e-3
	values := r.Values()
	back, err := Default().With(values...)
	if err != nil {
		t.Fatal(err)
	}
	want := r.Comparable()
	want.Params["a"] = Default().Params["a"] // of a neuron that the recipe does not have
	if !reflect.DeepEqual(back, want) {
		t.Errorf("got  %+v\nwant %+v", back, want)
	}
	for _, s := range values {
		if slices.Contains(execution, s.Key) || s.Key == "u1" {
			t.Errorf("%s bears on results", s.Key)
		}
	}
}

// A setting's TOML form is read back.
func TestSettingTOML(t *testing.T) {
	for _, s := range append(Default().Values(), Setting{"learn", "a,u2"}, Setting{"floor", "-1.5"}, Setting{"data", `C:\"x"`}, Setting{"flip", "true"}) {
		line, err := s.TOML()
		if err != nil {
			t.Fatal(err)
		}
		if s.Value == none {
			continue // a recipe's file has no word for it
		}
		got, err := Parse([]byte(line), "line")
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		f, _ := fieldNamed(s.Key)
		if text := f.text(&got); text != s.Value {
			t.Errorf("%q gives %q, want %q", line, text, s.Value)
		}
	}
	for _, s := range []Setting{{"leek", "1"}, {"lr", "x"}} {
		if _, err := s.TOML(); err == nil {
			t.Errorf("%v has a TOML form", s)
		}
	}
}

func TestFlagSettings(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fl := NewFlags(fs)
	if err := fs.Parse([]string{"--leak", ".50", "--flip", "--lr-final=0"}); err != nil {
		t.Fatal(err)
	}
	if got, want := fl.Settings(), []Setting{{"leak", "0.5"}, {"flip", "true"}, {"lr_final", "0"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNumeric(t *testing.T) {
	for key, want := range map[string][2]bool{"lr": {true, false}, "floor": {true, false}, "a": {true, false}, "batch": {true, true}, "window": {}, "flip": {}, "leek": {}} {
		if number, whole := Numeric(key); number != want[0] || whole != want[1] {
			t.Errorf("%s: number %v, whole %v", key, number, whole)
		}
	}
}
