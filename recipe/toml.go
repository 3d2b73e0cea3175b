package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxText bounds the text of a recipe in bytes; a complete one takes about 4 KB.
const maxText = 1 << 16

// Parse reads a recipe's TOML form, named name in errors. Keys that are absent
// leave the defaults. It refuses unknown keys and values of the wrong type with
// their line and column; whether the values make sense is for Validate to say,
// after flags had their chance.
func Parse(b []byte, name string) (Recipe, error) {
	r, err := parse(b)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe %s:%w", name, err)
	}
	return r, nil
}

// parse returns errors that start with the line and column.
func parse(b []byte) (Recipe, error) {
	if len(b) > maxText {
		return Recipe{}, fmt.Errorf("1:1: %d bytes, expected at most %d", len(b), maxText)
	}
	var doc map[string]any
	if err := toml.Unmarshal(b, &doc); err != nil {
		var de *toml.DecodeError
		if errors.As(err, &de) {
			line, column := de.Position()
			return Recipe{}, fmt.Errorf("%d:%d: %s", line, column, strings.TrimPrefix(de.Error(), "toml: "))
		}
		return Recipe{}, fmt.Errorf("1:1: %w", err)
	}
	r := Default()
	p := unstable.Parser{}
	p.Reset(b)
	for p.NextExpression() {
		if err := setExpression(&r, doc, &p); err != nil {
			return Recipe{}, err
		}
	}
	return r, p.Error()
}

// setExpression stores the value of the parser's expression, which doc holds
// decoded. The decoder alone would not do: it takes keys in any case and types
// without their place.
func setExpression(r *Recipe, doc map[string]any, p *unstable.Parser) error {
	e := p.Expression()
	var path []string
	var first unstable.Range
	for it := e.Key(); it.Next(); {
		if path == nil {
			first = it.Node().Raw
		}
		path = append(path, string(it.Node().Data))
	}
	key := strings.Join(path, ".")
	at := p.Shape(first).Start
	f, ok := fieldNamed(key)
	switch {
	case e.Kind != unstable.KeyValue:
		return fmt.Errorf("%d:%d: table %q; a recipe is a flat list of keys", at.Line, at.Column, key)
	case !ok:
		return fmt.Errorf("%d:%d: unknown key %q%s", at.Line, at.Column, key, suggest(key, Keys()))
	}
	v, ok := f.fromTOML(doc[key])
	if !ok {
		_, expected := f.kind()
		return fmt.Errorf("%d:%d: %s is %s, expected %s", at.Line, at.Column, key, describe(doc[key]), expected)
	}
	f.set(r, v)
	return nil
}

// fromTOML converts a decoded TOML value to the type of the field and reports
// whether it can. A whole number does where a number is expected.
func (f field) fromTOML(v any) (any, bool) {
	switch f.get(&Recipe{}).(type) {
	case string:
		s, ok := v.(string)
		return s, ok
	case bool:
		b, ok := v.(bool)
		return b, ok
	case int:
		n, ok := v.(int64)
		return int(n), ok && n >= math.MinInt && n <= math.MaxInt
	case uint64:
		n, ok := v.(int64)
		return uint64(n), ok && n >= 0
	case float64:
		return toFloat(v)
	case *float64:
		x, ok := toFloat(v)
		return &x, ok
	default:
		return toStrings(v)
	}
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func toStrings(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// describe says in an error what a TOML value is.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	case []any:
		return "an array"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// TOML returns the recipe's TOML form with a comment on every field. Parse of it
// gives the same recipe. It fails where Validate does.
func (r Recipe) TOML() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, f := range fields {
		if f.group != "" {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "# %s\n", f.group)
		}
		entry := "# " + f.key // an optional number that is absent
		if v := f.get(&r); v != any((*float64)(nil)) {
			text, err := toml.Marshal(map[string]any{f.key: v})
			if err != nil {
				return nil, fmt.Errorf("recipe %q: %s: %w", r.Name, f.key, err)
			}
			entry = strings.TrimSuffix(string(text), "\n")
		}
		fmt.Fprintf(&b, "%-28s # %s\n", entry, f.help)
	}
	return b.Bytes(), nil
}
