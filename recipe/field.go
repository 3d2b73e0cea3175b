package recipe

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/neuron"
)

// A field is one entry of the flat list of which a recipe consists: a field of
// the struct, or a parameter of a form of neuron.
type field struct {
	key, def, help string
	group          string // heading of the entries from here on; empty: as before
	in             *interval
	index          int    // of the struct's field; that of Params for a parameter
	form           string // of a parameter: the form of neuron to which it belongs
}

// fields lists all fields in the order of the TOML form.
var fields = listFields()

// listFields reads the tags of Recipe and puts the neurons' parameters in the
// place of Params. It panics on a tag that cannot be read and on a key that is
// taken.
func listFields() []field {
	var fs []field
	t := reflect.TypeFor[Recipe]()
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Type == reflect.TypeFor[map[string]float64]() {
			for _, form := range neuron.Forms {
				for _, p := range form.Params {
					fs = append(fs, field{
						key: p.Name, def: strconv.FormatFloat(p.Default, 'g', -1, 64),
						help: form.Name + ": " + p.Doc, index: i, form: form.Name,
					})
				}
			}
			continue
		}
		f := field{key: sf.Tag.Get("toml"), def: sf.Tag.Get("default"), help: sf.Tag.Get("help"), group: sf.Tag.Get("group"), index: i}
		if in, ok := sf.Tag.Lookup("in"); ok {
			f.in = parseInterval(in)
		}
		fs = append(fs, f)
	}
	seen := map[string]bool{}
	for _, f := range fs {
		if f.key == "" || f.help == "" || seen[f.key] {
			panic(fmt.Sprintf("recipe: the key %q is empty, taken or without help", f.key))
		}
		seen[f.key] = true
	}
	return fs
}

// fieldNamed returns the field of that TOML key.
func fieldNamed(key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// flag returns the name of the command-line flag.
func (f field) flag() string { return strings.ReplaceAll(f.key, "_", "-") }

// get returns the field's value: a string, bool, int, uint64, float64,
// *float64 or []string.
func (f field) get(r *Recipe) any {
	if f.form != "" {
		if v, ok := r.Params[f.key]; ok {
			return v
		}
		v, _ := strconv.ParseFloat(f.def, 64)
		return v
	}
	return reflect.ValueOf(r).Elem().Field(f.index).Interface()
}

// set stores a value of the type that get returns.
func (f field) set(r *Recipe, v any) {
	if f.form != "" {
		if r.Params == nil {
			r.Params = map[string]float64{}
		}
		r.Params[f.key] = v.(float64)
		return
	}
	reflect.ValueOf(r).Elem().Field(f.index).Set(reflect.ValueOf(v))
}

// kind says in help texts and errors what the field holds.
func (f field) kind() (name, expected string) {
	switch f.get(&Recipe{}).(type) {
	case string:
		return "string", "a string"
	case bool:
		return "bool", "true or false"
	case int, uint64:
		return "int", "a whole number"
	case *float64:
		return "float", "a number or none"
	case []string:
		return "strings", "a list of strings"
	}
	return "float", "a number"
}

// setText stores the value of a text as the command line gives it. A list is
// separated by commas; an optional number may be "none".
func (f field) setText(r *Recipe, s string) error {
	var v any
	var err error
	switch f.get(r).(type) {
	case string:
		v = s
	case bool:
		v, err = strconv.ParseBool(s)
	case int:
		v, err = strconv.Atoi(s)
	case uint64:
		v, err = strconv.ParseUint(s, 10, 63) // TOML has no larger number
	case float64:
		v, err = strconv.ParseFloat(s, 64)
	case *float64:
		var x float64
		if s == none {
			v = (*float64)(nil)
		} else if x, err = strconv.ParseFloat(s, 64); err == nil {
			v = &x
		}
	case []string:
		v, err = splitList(s)
	}
	if err != nil {
		_, expected := f.kind()
		return fmt.Errorf("expected %s", expected)
	}
	f.set(r, v)
	return nil
}

// none is the text of an optional number that is absent.
const none = "none"

func splitList(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	list := strings.Split(s, ",")
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return nil, errors.New("empty entry")
		}
	}
	return list, nil
}

// text returns the value in the form that setText reads.
func (f field) text(r *Recipe) string {
	switch v := f.get(r).(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case *float64:
		if v == nil {
			return none
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// An interval of numbers, each end open or closed.
type interval struct {
	lo, hi         float64
	openLo, openHi bool
}

// parseInterval reads forms such as "[0,1)" and "(0,inf)". It panics on others.
func parseInterval(s string) *interval {
	in := &interval{openLo: s[0] == '(', openHi: s[len(s)-1] == ')'}
	if _, err := fmt.Sscanf(s[1:len(s)-1], "%g,%g", &in.lo, &in.hi); err != nil {
		panic(fmt.Sprintf("recipe: interval %q: %v", s, err))
	}
	return in
}

func (in *interval) holds(v float64) bool {
	return (v > in.lo || v == in.lo && !in.openLo) && (v < in.hi || v == in.hi && !in.openHi)
}

// String completes the sentence "the number must lie …".
func (in *interval) String() string {
	switch {
	case !math.IsInf(in.hi, 1):
		left, right := '[', ']'
		if in.openLo {
			left = '('
		}
		if in.openHi {
			right = ')'
		}
		return fmt.Sprintf("within %c%v, %v%c", left, in.lo, in.hi, right)
	case in.openLo:
		return fmt.Sprintf("above %v", in.lo)
	}
	return fmt.Sprintf("at or above %v", in.lo)
}
