package recipe

import (
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	round := func(what string, r Recipe) {
		t.Helper()
		b, err := r.TOML()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		got, err := Parse(b, what)
		if err != nil {
			t.Errorf("%s: %v\n%s", what, err, b)
			return
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s: got  %+v\nwant %+v", what, got, r)
		}
	}
	round("defaults", Default())
	all := Default()
	for _, f := range fields {
		if f.key == "learn" {
			continue // needs the form that has the parameters
		}
		one := Default()
		change(t, f, &one)
		round(f.key, one)
		change(t, f, &all)
	}
	change(t, must(fieldNamed("learn")), &all)
	round("everything changed", all)
	for _, v := range []float64{0, -1e-300, 5e-324, 1e300, 123456789.125} {
		r := Default()
		r.Params["vr"] = v
		round("vr", r)
	}
	longest := Default()
	for _, s := range []*string{&longest.Out, &longest.Net, &longest.Data, &longest.Engine} {
		*s = strings.Repeat(`'"\`, 4096/3)
	}
	round("longest texts", longest)
}

func must(f field, ok bool) field {
	if !ok {
		panic("no such field")
	}
	return f
}

func TestTOMLHasEveryFieldOnceWithItsHelp(t *testing.T) {
	b, err := Default().TOML()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		n := 0
		for line := range strings.Lines(string(b)) {
			key := strings.Fields(strings.TrimPrefix(line, "# ") + " ")
			if len(key) > 0 && key[0] == f.key && strings.HasSuffix(line, "# "+f.help+"\n") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d lines", f.key, n)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte(`# a comment
"neuron" = "lif" # another
'a' = 1
floor = -3
theta = 1_0.5e-1
learn = [
  "leak", # trained
]
seed = 0x10
flip=false
data = """folder"""
`), "x.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Neuron, want.Params["a"], want.Floor, want.Theta = "lif", 1, ptr(-3), 1.05
	want.Learn, want.Seed, want.Flip, want.Data = []string{"leak"}, 16, false, "folder"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("a qif's parameter in a recipe for lif: %v", err)
	}
}

func TestParseEmptyGivesDefaults(t *testing.T) {
	got, err := Parse(nil, "empty")
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "lr = 1\nlearning_rate = 1", `recipe x.toml:2:1: unknown key "learning_rate"`},
		{"misspelt key", "\n  epoch = 1", `recipe x.toml:2:3: unknown key "epoch", did you mean "epochs"?`},
		{"key in capitals", "LR = 1", `recipe x.toml:1:1: unknown key "LR", did you mean "lr"?`},
		{"flag's spelling", "lr-final = 1", `unknown key "lr-final", did you mean "lr_final"?`},
		{"struct's name", "Params = {a = 1}", `1:1: unknown key "Params"`},
		{"key twice", "lr = 1\nlr = 2", "recipe x.toml:2:1: key lr is already defined"},
		{"table", "seed = 1\n[neuron]\na = 1", `recipe x.toml:2:2: table "neuron"; a recipe is a flat list of keys`},
		{"array of tables", "[[lr]]", `recipe x.toml:1:3: table "lr"`},
		{"dotted key", "neuron.a = 1", `recipe x.toml:1:1: unknown key "neuron.a"`},
		{"inline table", "a = {b = 1}", "recipe x.toml:1:1: a is a table, expected a number"},
		{"string for a number", "seed = 1\nlr = '1'", `recipe x.toml:2:1: lr is the string "1", expected a number`},
		{"bool for a number", "a = true", "a is true, expected a number"},
		{"number for a string", "net = 5", "net is 5, expected a string"},
		{"number for a bool", "flip = 1", "flip is 1, expected true or false"},
		{"fraction for a whole number", "batch = 1.0", "batch is 1, expected a whole number"},
		{"date", "epochs = 2025-01-01", "epochs is a date or time, expected a whole number"},
		{"negative seed", "seed = -1", "seed is -1, expected a whole number"},
		{"string for a list", "learn = 'a'", `learn is the string "a", expected a list of strings`},
		{"numbers in a list", "learn = ['a', 1]", "learn is an array, expected a list of strings"},
		{"none in a file", "floor = 'none'", `floor is the string "none", expected a number or none`},
		{"number too large", "seed = 9223372036854775808", "recipe x.toml:1:"},
		{"no value", "lr = 1\nlr_final =", "recipe x.toml:2:"},
		{"not TOML", "lr 1", "recipe x.toml:1:"},
		{"not UTF-8", "net = '\xff'", "recipe x.toml:1:"},
		{"too long", "#" + strings.Repeat("x", maxText), "expected at most 65536"},
		{"deep", "learn = " + strings.Repeat("[", 60_000), "recipe x.toml:1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), "x.toml")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// What Parse accepts, with valid values, survives its TOML form.
func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		b, err := embedded.ReadFile("recipes/" + name + extension)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("neuron = 'lif'\nfloor = -3\nlearn = ['leak']\nlr = 1e-400\nflip = false"))
	f.Add([]byte("a = nan\nlr = inf\n[x]\ny = [[1, {z = 2}], 1979-05-27T07:32:00Z]\n\"\" = \"\\u00e9\"\"\"\""))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b, "fuzz")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "recipe fuzz:") {
				t.Errorf("error without place: %v", err)
			}
			return
		}
		if r.Validate() != nil {
			return
		}
		text, err := r.TOML()
		if err != nil {
			t.Fatalf("valid, but has no TOML form: %v", err)
		}
		again, err := Parse(text, "again")
		if err != nil {
			t.Fatalf("its TOML form is refused: %v\n%s", err, text)
		}
		if !reflect.DeepEqual(again, r) {
			t.Errorf("got  %+v\nwant %+v", again, r)
		}
	})
}
