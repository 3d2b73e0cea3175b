package recipe

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
)

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Validate says what is wrong with the recipe, naming the field. It cannot know
// which networks, engines and data there are: only that they are named.
func (r Recipe) Validate() error {
	if err := r.validate(); err != nil {
		return fmt.Errorf("recipe %q: %w", r.Name, err)
	}
	return nil
}

func (r Recipe) validate() error {
	for _, f := range fields {
		if err := f.validate(&r); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		if f, ok := fieldNamed(name); !ok || f.form == "" {
			return fmt.Errorf("no neuron has a parameter %q", name)
		}
	}
	switch {
	case !runName.MatchString(r.Name):
		return fmt.Errorf("name is %q, expected up to 100 letters, digits, '.', '_' and '-', a letter or digit first", r.Name)
	case r.Net == "":
		return errors.New("net is empty, expected a network's name or a path")
	case r.Engine == "":
		return errors.New("engine is empty, expected an engine's name")
	case r.Precision == "":
		return errors.New("precision is empty, expected fp32 or mixed")
	case r.Seed > math.MaxInt64:
		return fmt.Errorf("seed is %d, expected at most %d", r.Seed, math.MaxInt64)
	case r.AutoAug != "" && r.AutoAug != data.AutoCIFAR:
		return fmt.Errorf("autoaugment is %q, expected %s or nothing", r.AutoAug, data.AutoCIFAR)
	case r.Warmup > float64(r.Epochs):
		return fmt.Errorf("warmup is %v epochs, expected at most the %d of epochs", r.Warmup, r.Epochs)
	}
	if _, err := r.Model(); err != nil {
		return err
	}
	if _, err := r.WindowSpec(); err != nil {
		return err
	}
	if err := r.validateTask(); err != nil {
		return err
	}
	if err := r.Loss().Validate(); err != nil {
		return err
	}
	if err := engine.CheckPrecision(r.Precision, engine.FP32, engine.Mixed); err != nil {
		return err
	}
	if err := engine.CheckMemory(r.Memory, engine.LowMemory); err != nil {
		return err
	}
	return r.Optimizer().Validate()
}

// validate checks what can be said of a field without looking at others.
func (f field) validate(r *Recipe) error {
	switch v := f.get(r).(type) {
	case string:
		return f.validateText(v)
	case []string:
		return f.validateText(strings.Join(v, ""))
	case int:
		return f.validateNumber(float64(v))
	case float64:
		return f.validateNumber(v)
	case *float64:
		if v != nil {
			return f.validateNumber(*v)
		}
	}
	return nil
}

// maxString bounds a text, as systems bound a path, so that no TOML form exceeds
// what Parse reads.
const maxString = 4096

func (f field) validateText(s string) error {
	if len(s) > maxString {
		return fmt.Errorf("%s has %d bytes, expected at most %d", f.key, len(s), maxString)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%s is %q, expected UTF-8 without control characters", f.key, s)
	}
	return nil
}

func (f field) validateNumber(v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("%s is %v, not a finite number", f.key, v)
	case f.in != nil && !f.in.holds(v):
		return fmt.Errorf("%s is %v, must lie %v", f.key, v, f.in)
	}
	return nil
}
