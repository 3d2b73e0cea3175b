package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/qif-snn/qif/neuron"
)

// A Setting is the TOML key of a field with the text of a value, as the command
// line gives it: a list is separated by commas, an absent number is "none".
type Setting struct{ Key, Value string }

// Keys returns the TOML keys of all fields in their order.
func Keys() []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	return names
}

// With returns the recipe with settings laid over it, the last one of a key
// counting. It refuses what Flags refuses: unknown keys, values that cannot be
// read and parameters that the resulting neuron does not have.
func (r Recipe) With(settings ...Setting) (Recipe, error) {
	out := r.clone()
	for _, s := range settings {
		f, ok := fieldNamed(s.Key)
		if !ok {
			return r, fmt.Errorf("unknown field %q%s", s.Key, suggest(s.Key, Keys()))
		}
		if err := f.setText(&out, s.Value); err != nil {
			return r, fmt.Errorf("field %q is %q, %w", s.Key, s.Value, err)
		}
	}
	for _, s := range settings {
		f, _ := fieldNamed(s.Key)
		if err := f.belongs(out, fmt.Sprintf("field %q", s.Key)); err != nil {
			return r, err
		}
	}
	return out, nil
}

// Values returns, in order, every field on which results depend: neither those
// that Comparable drops nor the parameters of neurons other than the recipe's.
// With of them gives back Comparable.
func (r Recipe) Values() []Setting {
	r = r.Comparable()
	var all []Setting
	for _, f := range fields {
		if f.belongs(r, "") == nil && !slices.Contains(execution, f.key) {
			all = append(all, Setting{f.key, f.text(&r)})
		}
	}
	return all
}

// belongs says what is wrong if the field, called name, is a parameter that the
// recipe's neuron does not have.
func (f field) belongs(r Recipe, name string) error {
	if f.form == "" || f.form == r.Neuron {
		return nil
	}
	form, err := neuron.FormNamed(r.Neuron)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is a parameter of %s, but the neuron is %s, which has %s", name, f.form, r.Neuron, paramNames(form))
}

// TOML returns the setting as a line of a recipe. It fails where With does.
func (s Setting) TOML() (string, error) {
	f, ok := fieldNamed(s.Key)
	if !ok {
		return "", fmt.Errorf("unknown field %q", s.Key)
	}
	var r Recipe
	if err := f.setText(&r, s.Value); err != nil {
		return "", fmt.Errorf("field %q is %q, %w", s.Key, s.Value, err)
	}
	v := f.get(&r)
	if v == any((*float64)(nil)) {
		v = none // TOML has no word for an absent number
	}
	b, err := toml.Marshal(map[string]any{s.Key: v})
	return strings.TrimSuffix(string(b), "\n"), err
}

// Numeric says whether the field of that key holds a number, and if so whether it
// is a whole one.
func Numeric(key string) (number, whole bool) {
	f, ok := fieldNamed(key)
	if !ok {
		return false, false
	}
	switch f.get(&Recipe{}).(type) {
	case int, uint64:
		return true, true
	case float64, *float64:
		return true, false
	}
	return false, false
}
