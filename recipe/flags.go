package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/neuron"
)

// Flags are a recipe's fields as command-line flags. They exist before the
// recipe is known, show its defaults, and change only what the user set.
type Flags struct {
	fs     *pflag.FlagSet
	values Recipe
	bound  []field
}

// NewFlags adds a flag for every field to fs, or for those with the given TOML
// keys. It panics on a key that does not exist.
func NewFlags(fs *pflag.FlagSet, only ...string) *Flags {
	fl := &Flags{fs: fs, values: Default()}
	for _, key := range only {
		if _, ok := fieldNamed(key); !ok {
			panic(fmt.Sprintf("recipe: no field %q to make a flag of", key))
		}
	}
	for _, f := range fields {
		if len(only) > 0 && !slices.Contains(only, f.key) {
			continue
		}
		fl.bound = append(fl.bound, f)
		flag := fs.VarPF(&flagValue{f, &fl.values}, f.flag(), "", f.help)
		if flag.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
	return fl
}

// Apply overlays the recipe with the flags that were set. It refuses, and
// changes nothing, if one of them is a parameter that the resulting neuron does
// not have: the user would not get what they asked for. In a recipe's file such
// a parameter is kept for the form to which it belongs.
func (fl *Flags) Apply(r *Recipe) error {
	out := r.clone()
	for _, f := range fl.bound {
		if fl.fs.Changed(f.flag()) {
			f.set(&out, f.get(&fl.values))
		}
	}
	for _, f := range fl.bound {
		if !fl.fs.Changed(f.flag()) {
			continue
		}
		if err := f.belongs(out, "--"+f.flag()); err != nil {
			return err
		}
	}
	*r = out.clone()
	return nil
}

// Settings returns the flags that were set, in the order of the fields.
func (fl *Flags) Settings() []Setting {
	var set []Setting
	for _, f := range fl.bound {
		if fl.fs.Changed(f.flag()) {
			set = append(set, Setting{f.key, f.text(&fl.values)})
		}
	}
	return set
}

// Changed returns the names of those flags, of the fields with the given TOML
// keys, that were set.
func (fl *Flags) Changed(keys ...string) []string {
	var names []string
	for _, f := range fl.bound {
		if slices.Contains(keys, f.key) && fl.fs.Changed(f.flag()) {
			names = append(names, f.flag())
		}
	}
	return names
}

func paramNames(form neuron.Form) string {
	var names []string
	for _, p := range form.Params {
		names = append(names, p.Name)
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// flagValue is one field of a recipe as pflag sees it.
type flagValue struct {
	field  field
	recipe *Recipe
}

func (v *flagValue) Set(s string) error { return v.field.setText(v.recipe, s) }

func (v *flagValue) String() string {
	if v.recipe == nil {
		return "" // pflag asks a zero value
	}
	return v.field.text(v.recipe)
}

func (v *flagValue) Type() string {
	name, _ := v.field.kind()
	return name
}
