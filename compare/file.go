package compare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/qif-snn/qif/recipe"
)

// maxText bounds the text of a comparison in bytes.
const maxText = 1 << 18

// IsSpec says whether a file is a comparison, not a recipe: it has sides.
func IsSpec(path string) bool {
	b, err := readText(path)
	if err != nil {
		return false
	}
	var doc map[string]any
	return toml.Unmarshal(b, &doc) == nil && doc["side"] != nil
}

func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err == nil && len(b) > maxText {
		err = fmt.Errorf("%s: more than %d bytes", path, maxText)
	}
	return b, err
}

// LoadSpec reads a comparison from a TOML file.
func LoadSpec(path string) (Spec, error) {
	b, err := readText(path)
	if err != nil {
		return Spec{}, err
	}
	s, err := ParseSpec(b)
	if err != nil {
		return Spec{}, fmt.Errorf("comparison %s:%w", path, err)
	}
	return s, nil
}

// file is the TOML form of a Spec.
type file struct {
	Recipe   string           `toml:"recipe"`
	Seeds    any              `toml:"seeds"`
	Baseline string           `toml:"baseline"`
	Set      map[string]any   `toml:"set"`
	Sides    []map[string]any `toml:"side"`
	Tune     struct {
		Trials int            `toml:"trials"`
		Seeds  any            `toml:"seeds"`
		Epochs int            `toml:"epochs"`
		Ranges map[string]any `toml:"ranges"`
	} `toml:"tune"`
}

// ParseSpec reads the TOML form of a comparison. Its errors start with a space,
// or with the line and column and a colon.
func ParseSpec(b []byte) (Spec, error) {
	var f file
	d := toml.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Spec{}, placed(err)
	}
	s := Spec{Recipe: f.Recipe, Baseline: f.Baseline, Tune: TuneSpec{Trials: f.Tune.Trials, Epochs: f.Tune.Epochs}}
	var err error
	read := func(what string, f func() error) {
		if err == nil {
			if err = f(); err != nil {
				err = fmt.Errorf(" %s: %w", what, err)
			}
		}
	}
	read("seeds", func() (err error) { s.Seeds, err = seedsText(f.Seeds); return })
	read("tune.seeds", func() (err error) { s.Tune.Seeds, err = seedsText(f.Tune.Seeds); return })
	read("set", func() (err error) { s.Set, err = settings(f.Set); return })
	read("tune.ranges", func() (err error) { s.Tune.Ranges, err = ranges(f.Tune.Ranges); return })
	for i, table := range f.Sides {
		name, _ := table["name"].(string)
		what := fmt.Sprintf("side %q", name)
		if name == "" {
			what = fmt.Sprintf("side %d", i+1)
		}
		read(what, func() error {
			side, err := sideOf(name, table)
			s.Sides = append(s.Sides, side)
			return err
		})
	}
	return s, err
}

// placed puts the line and column before what the decoder says.
func placed(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		line, column := strict.Errors[0].Position()
		return fmt.Errorf("%d:%d: unknown key %q", line, column, strings.Join(strict.Errors[0].Key(), "."))
	}
	var de *toml.DecodeError
	if errors.As(err, &de) {
		line, column := de.Position()
		return fmt.Errorf("%d:%d: %s", line, column, strings.TrimPrefix(de.Error(), "toml: "))
	}
	return fmt.Errorf(" %w", err)
}

func sideOf(name string, table map[string]any) (SideSpec, error) {
	side := SideSpec{Name: name}
	fields := maps.Clone(table)
	delete(fields, "name")
	if _, ok := table["name"].(string); !ok {
		return side, errors.New("name is missing or no string")
	}
	if tune, ok := fields["tune"]; ok {
		t, ok := tune.(map[string]any)
		if !ok {
			return side, errors.New("tune is no table of ranges")
		}
		var err error
		if side.Ranges, err = ranges(t); err != nil {
			return side, fmt.Errorf("tune: %w", err)
		}
		delete(fields, "tune")
	}
	var err error
	side.Set, err = settings(fields)
	return side, err
}

// settings turns a table of fields into settings, sorted by key. Whether there
// are such fields is for recipe.With to say.
func settings(table map[string]any) ([]recipe.Setting, error) {
	var set []recipe.Setting
	for _, key := range slices.Sorted(maps.Keys(table)) {
		text, err := textOf(table[key])
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", key, err)
		}
		set = append(set, recipe.Setting{Key: key, Value: text})
	}
	return set, nil
}

// textOf returns a TOML value in the form that a recipe's setting has.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		texts, err := textsOf(v)
		return strings.Join(texts, ","), err
	}
	return "", fmt.Errorf("expected a string, number, true, false or a list")
}

func textsOf(list []any) ([]string, error) {
	var texts []string
	for _, e := range list {
		if _, nested := e.([]any); nested {
			return nil, fmt.Errorf("a list within a list")
		}
		t, err := textOf(e)
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	return texts, nil
}

// seedsText reads seeds given as a string, a number or a list of numbers.
func seedsText(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	return textOf(v)
}

// ranges reads a table of ranges: each a table with min and max, or factor, and
// perhaps log and step; a list of choices; or false, not to search the field.
func ranges(table map[string]any) (map[string]Range, error) {
	var all map[string]Range
	for _, key := range slices.Sorted(maps.Keys(table)) {
		g, err := rangeOf(table[key])
		if err != nil {
			return nil, fmt.Errorf("range of %s: %w", key, err)
		}
		if all == nil {
			all = map[string]Range{}
		}
		all[key] = g
	}
	return all, nil
}

func rangeOf(v any) (Range, error) {
	switch v := v.(type) {
	case bool:
		if !v {
			return Range{Fixed: true}, nil
		}
	case []any:
		choices, err := textsOf(v)
		if err == nil && len(choices) == 0 {
			err = errors.New("no choices; false leaves the field as it is")
		}
		return Range{Choices: choices}, err
	case map[string]any:
		return rangeTable(v)
	}
	return Range{}, errors.New("expected {min = …, max = …}, {factor = …}, a list of choices or false")
}

func rangeTable(table map[string]any) (Range, error) {
	var g Range
	numbers := map[string]*float64{"min": &g.Min, "max": &g.Max, "factor": &g.Factor, "step": &g.Step}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if key == "log" {
			var ok bool
			if g.Log, ok = table[key].(bool); !ok {
				return g, errors.New("log is not true or false")
			}
			continue
		}
		at, ok := numbers[key]
		if !ok {
			return g, fmt.Errorf("unknown key %q; a range has min, max, factor, log and step", key)
		}
		switch v := table[key].(type) {
		case int64:
			*at = float64(v)
		case float64:
			*at = v
		default:
			return g, fmt.Errorf("%s is no number", key)
		}
	}
	return g, nil
}
