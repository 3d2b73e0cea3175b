package recipe

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// parseFlags returns what the arguments make of the recipe.
func parseFlags(t *testing.T, r Recipe, args ...string) (Recipe, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fl := NewFlags(fs)
	if err := fs.Parse(args); err != nil {
		return r, err
	}
	err := fl.Apply(&r)
	return r, err
}

func TestFlags(t *testing.T) {
	base := func() Recipe {
		r := Default()
		r.Name, r.LR, r.Floor, r.Learn, r.Params["a"] = "mine", .5, ptr(-1), []string{"a"}, .75
		return r
	}
	for _, c := range []struct {
		name   string
		args   string
		change func(r *Recipe)
	}{
		{"none", "", func(*Recipe) {}},
		{"the default's value counts when set", "--lr 0.004", func(r *Recipe) { r.LR = .004 }},
		{"several", "--lr=0.1 --epochs 3 --net big.json --seed 9", func(r *Recipe) { r.LR, r.Epochs, r.Net, r.Seed = .1, 3, "big.json", 9 }},
		{"underscores become dashes", "--lr-final .1 --detach-reset=false", func(r *Recipe) { r.LRFinal, r.DetachReset = .1, false }},
		{"bool alone", "--learn-per-channel", func(r *Recipe) { r.LearnChannels = true }},
		{"parameter", "--u2 -1", func(r *Recipe) { r.Params["u2"] = -1 }},
		{"parameter of the form chosen beside it", "--neuron lif --leak .9", func(r *Recipe) { r.Neuron, r.Params["leak"] = "lif", .9 }},
		{"another form keeps the rest", "--neuron lif", func(r *Recipe) { r.Neuron = "lif" }},
		{"floor", "--floor -2", func(r *Recipe) { r.Floor = ptr(-2) }},
		{"no floor", "--floor none", func(r *Recipe) { r.Floor = nil }},
		{"list", "--learn u1,u2", func(r *Recipe) { r.Learn = []string{"u1", "u2"} }},
		{"no list", "--learn=", func(r *Recipe) { r.Learn = nil }},
		{"empty text", "--name= --out=x", func(r *Recipe) { r.Name, r.Out = "", "x" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := base()
			c.change(&want)
			got, err := parseFlags(t, base(), strings.Fields(c.args)...)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestFlagsRefuse(t *testing.T) {
	lif := Default()
	lif.Neuron = "lif"
	for _, c := range []struct {
		name   string
		recipe Recipe
		args   []string
		want   string
	}{
		{"number", Default(), []string{"--lr", "fast"}, `invalid argument "fast" for "--lr" flag: expected a number`},
		{"whole number", Default(), []string{"--epochs", "1.5"}, `"--epochs" flag: expected a whole number`},
		{"seed", Default(), []string{"--seed", "-1"}, `"--seed" flag: expected a whole number`},
		{"seed beyond TOML", Default(), []string{"--seed", "9223372036854775808"}, "expected a whole number"},
		{"bool", Default(), []string{"--flip=maybe"}, `"--flip" flag: expected true or false`},
		{"floor", Default(), []string{"--floor", "low"}, `"--floor" flag: expected a number or none`},
		{"list", Default(), []string{"--learn", "a,,u1"}, `"--learn" flag: expected a list of strings`},
		{"TOML's spelling", Default(), []string{"--lr_final", "1"}, "unknown flag: --lr_final"},
		{"parameter of another form", Default(), []string{"--neuron", "lif", "--a", ".3"}, "--a is a parameter of qif, but the neuron is lif, which has leak"},
		{"parameter of another form, in any order", Default(), []string{"--kappa", ".3", "--neuron", "if"}, "--kappa is a parameter of qif-euler, but the neuron is if, which has none"},
		{"parameter that the recipe's form lacks", lif, []string{"--u1", "0"}, "--u1 is a parameter of qif, but the neuron is lif"},
		{"unknown form", Default(), []string{"--neuron", "hh", "--u1", "0"}, `unknown neuron "hh"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseFlags(t, c.recipe, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if !reflect.DeepEqual(got, c.recipe) {
				t.Error("the recipe changed all the same")
			}
		})
	}
}

func TestNewFlagsOnly(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fl := NewFlags(fs, "lr", "save_every")
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if !reflect.DeepEqual(names, []string{"lr", "save-every"}) {
		t.Errorf("flags %v", names)
	}
	if err := fs.Parse([]string{"--save-every=5"}); err != nil {
		t.Fatal(err)
	}
	r, want := Default(), Default()
	want.SaveEvery = 5
	if err := fl.Apply(&r); err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, %v", r, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a field that does not exist is accepted")
		}
	}()
	NewFlags(pflag.NewFlagSet("test", pflag.ContinueOnError), "lr-final")
}

// Copies of a recipe are independent: flags change the one they are given.
func TestApplyLeavesCopiesAlone(t *testing.T) {
	a := Default()
	a.Floor, a.Learn = ptr(-1), []string{"a"}
	b := a
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fl := NewFlags(fs)
	if err := fs.Parse([]string{"--a=2", "--floor=-9", "--learn=u1"}); err != nil {
		t.Fatal(err)
	}
	if err := fl.Apply(&b); err != nil {
		t.Fatal(err)
	}
	if a.Params["a"] != .25 || *a.Floor != -1 || a.Learn[0] != "a" {
		t.Errorf("the copy changed: %+v", a)
	}
	c := Default()
	if err := fl.Apply(&c); err != nil {
		t.Fatal(err)
	}
	c.Params["a"], *c.Floor, c.Learn[0] = 7, 7, "x"
	if b.Params["a"] != 2 || *b.Floor != -9 || b.Learn[0] != "u1" {
		t.Errorf("recipes share memory through the flags: %+v", b)
	}
}

func TestUsageShowsDefaults(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	NewFlags(fs)
	usage := fs.FlagUsages()
	for _, want := range []string{
		"--a float ", "qif: curvature of the map (default 0.25)", "--flip ", "(default true)", "--learn strings ",
		"--neuron string ", `(default "qif")`, "--steps int ", "(default 4)", "--floor float ", "(default none)",
	} {
		if !strings.Contains(usage, want) {
			t.Errorf("usage lacks %q:\n%s", want, usage)
		}
	}
}
