// Package compare holds configurations against each other: every side is
// trained with the same seeds, tuned before with the same budget if asked, and
// the differences are tested in pairs.
//
// A Spec is the comparison as it is written down, a Plan what it leads to. A
// Sweep carries the plan out in a folder, where a killed one continues, and gives
// an Outcome: all numbers, from which tables, figures and a page follow.
package compare

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/recipe"
)

// Spec is a comparison as a file or the command line describes it.
type Spec struct {
	Recipe   string           // name or path; empty: the default
	Seeds    string           // such as "1-5" or "1,3,7"; empty: DefaultSeeds
	Baseline string           // side that the others are compared with; empty: all pairs
	Set      []recipe.Setting // for all sides
	Sides    []SideSpec
	Tune     TuneSpec
}

// SideSpec is one side: what it sets beside what is set for all.
type SideSpec struct {
	Name   string
	Set    []recipe.Setting
	Ranges map[string]Range // of its own, over those for all and the defaults
}

// TuneSpec says how sides are tuned.
type TuneSpec struct {
	Trials int              // per side; 0: not tuned
	Seeds  string           // empty: DefaultTuneSeeds
	Epochs int              // of a trial; 0: as the recipe has it
	Ranges map[string]Range // for all sides that have the field
}

// Seeds where none are given.
const (
	DefaultSeeds     = "1-5"
	DefaultTuneSeeds = "1001"
)

// Plan is a checked comparison.
type Plan struct {
	Spec     Spec
	Seeds    []uint64
	Sides    []Side
	Baseline int // index of the side; −1: all pairs are compared
	Tune     Tuning
}

// Side is a configuration under its name. The recipe's seed is that of no run.
type Side struct {
	Name   string
	Set    []recipe.Setting
	Recipe recipe.Recipe
	Space  Space // what tuning varies
}

// Tuning is how sides are tuned. Its seeds are none of the comparison's.
type Tuning struct {
	Trials int // 0: not at all
	Seeds  []uint64
	Epochs int // 0: as the recipe has it
}

// Plan checks the description and resolves its names.
func (s Spec) Plan() (*Plan, error) {
	p := &Plan{Spec: s, Baseline: -1}
	if len(s.Sides) < 2 {
		return nil, fmt.Errorf("a comparison needs two sides or more, there %s", isAre(len(s.Sides)))
	}
	var err error
	if p.Seeds, err = parseSeeds(orElse(s.Seeds, DefaultSeeds)); err != nil {
		return nil, fmt.Errorf("seeds: %w", err)
	}
	if p.Tune, err = s.Tune.plan(p.Seeds); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	base, err := s.base()
	if err != nil {
		return nil, err
	}
	for _, spec := range s.Sides {
		side, err := spec.side(base, s.Tune, p.Tune)
		if err != nil {
			return nil, fmt.Errorf("side %q: %w", spec.Name, err)
		}
		for _, other := range p.Sides {
			if other.Name == side.Name {
				return nil, fmt.Errorf("two sides are named %q", side.Name)
			}
			if reflect.DeepEqual(other.Recipe.Values(), side.Recipe.Values()) {
				return nil, fmt.Errorf("sides %q and %q are the same", other.Name, side.Name)
			}
		}
		p.Sides = append(p.Sides, *side)
	}
	if s.Baseline != "" {
		p.Baseline = slices.IndexFunc(p.Sides, func(side Side) bool { return side.Name == s.Baseline })
		if p.Baseline < 0 {
			return nil, fmt.Errorf("baseline is %q, expected the name of a side: %s", s.Baseline, strings.Join(p.names(), ", "))
		}
	}
	return p, nil
}

func isAre(n int) string {
	if n == 1 {
		return "is 1"
	}
	return fmt.Sprintf("are %d", n)
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (p *Plan) names() []string {
	var names []string
	for _, s := range p.Sides {
		names = append(names, s.Name)
	}
	return names
}

// base is the recipe that all sides start from.
func (s Spec) base() (recipe.Recipe, error) {
	r, err := recipe.Load(orElse(s.Recipe, recipe.Default().Name))
	if err != nil {
		return r, err
	}
	if err := reserved(s.Set); err != nil {
		return r, fmt.Errorf("for all sides: %w", err)
	}
	if r, err = r.With(s.Set...); err != nil {
		return r, fmt.Errorf("for all sides: %w", err)
	}
	return r, nil
}

// reserved refuses settings that a comparison makes itself.
func reserved(set []recipe.Setting) error {
	for _, s := range set {
		switch s.Key {
		case "seed":
			return fmt.Errorf("field %q is the comparison's: give seeds", s.Key)
		case "out", "name":
			return fmt.Errorf("field %q is the comparison's: runs are named by side and seed", s.Key)
		case "threads":
			return fmt.Errorf("field %q is no part of a comparison: results do not depend on it", s.Key)
		}
	}
	return nil
}

var sideName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$`)

func (spec SideSpec) side(base recipe.Recipe, tune TuneSpec, t Tuning) (*Side, error) {
	if !sideName.MatchString(spec.Name) {
		return nil, fmt.Errorf("the name must be up to 40 letters, digits, '.', '_', '+' and '-', a letter or digit first")
	}
	if err := reserved(spec.Set); err != nil {
		return nil, err
	}
	set, err := spec.settings()
	if err != nil {
		return nil, err
	}
	side := &Side{Name: spec.Name, Set: set}
	if side.Recipe, err = base.With(set...); err != nil {
		return nil, err
	}
	if err := side.Recipe.Validate(); err != nil {
		return nil, err
	}
	if t.Trials == 0 {
		return side, nil
	}
	if _, err := t.shorten(side.Recipe); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	if side.Space, err = spaceOf(side.Recipe, tune.Ranges, spec.Ranges); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	return side, nil
}

// settings are the side's own; a side named after a form of neuron has it.
func (spec SideSpec) settings() ([]recipe.Setting, error) {
	if _, err := neuron.FormNamed(spec.Name); err != nil {
		return spec.Set, nil
	}
	for _, s := range spec.Set {
		if s.Key == "neuron" {
			if s.Value != spec.Name {
				return nil, fmt.Errorf("it is named after one neuron and has another, neuron = %s", s.Value)
			}
			return spec.Set, nil
		}
	}
	return append([]recipe.Setting{{Key: "neuron", Value: spec.Name}}, spec.Set...), nil
}

func (s TuneSpec) plan(seeds []uint64) (Tuning, error) {
	switch {
	case s.Trials == 0 && s.Epochs == 0 && s.Seeds == "" && s.Ranges == nil:
		return Tuning{}, nil
	case s.Trials < 2 || s.Trials > mostTrials:
		return Tuning{}, fmt.Errorf("trials is %d, expected 2 to %d: the first is the side as it is given", s.Trials, mostTrials)
	case s.Epochs < 0:
		return Tuning{}, fmt.Errorf("epochs is %d, expected 1 or more, or 0 for those of the recipe", s.Epochs)
	}
	t := Tuning{Trials: s.Trials, Epochs: s.Epochs}
	var err error
	if t.Seeds, err = parseSeeds(orElse(s.Seeds, DefaultTuneSeeds)); err != nil {
		return t, fmt.Errorf("seeds: %w", err)
	}
	for _, seed := range t.Seeds {
		if slices.Contains(seeds, seed) {
			return t, fmt.Errorf("seed %d is one of the comparison's; tuning needs others", seed)
		}
	}
	return t, nil
}

// shorten returns the recipe as trials run it.
func (t Tuning) shorten(r recipe.Recipe) (recipe.Recipe, error) {
	if t.Epochs > 0 {
		r.Epochs = t.Epochs
	}
	return r, r.Validate()
}

// Bounds, so that a slip of the finger is not a year's work.
const (
	mostSeeds  = 1000
	mostTrials = 1000
)

// parseSeeds reads a list of numbers and ranges, such as "1-5,8".
func parseSeeds(text string) ([]uint64, error) {
	var seeds []uint64
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.ParseUint(from, 10, 63)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(to, 10, 63)
		}
		if err != nil || last < first {
			return nil, fmt.Errorf("%q is no list of seeds such as 1-5 or 1,3,7", text)
		}
		if last-first >= mostSeeds || len(seeds)+int(last-first) >= mostSeeds {
			return nil, fmt.Errorf("%q are more than %d seeds", text, mostSeeds)
		}
		for seed := first; seed <= last; seed++ {
			if slices.Contains(seeds, seed) {
				return nil, fmt.Errorf("seed %d is listed twice in %q", seed, text)
			}
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// formatSeeds writes a list as parseSeeds reads it, runs of numbers as ranges.
func formatSeeds(seeds []uint64) string {
	var parts []string
	for i := 0; i < len(seeds); {
		j := i
		for j+1 < len(seeds) && seeds[j+1] == seeds[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, fmt.Sprint(seeds[i]))
		case 1:
			parts = append(parts, fmt.Sprint(seeds[i]), fmt.Sprint(seeds[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", seeds[i], seeds[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// ParseSide reads a side as the command line gives it: a name, and behind a
// colon settings such as "lif: neuron=lif leak=.25".
func ParseSide(text string) (SideSpec, error) {
	name, rest, _ := strings.Cut(text, ":")
	side := SideSpec{Name: strings.TrimSpace(name)}
	for word := range strings.FieldsSeq(rest) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return side, fmt.Errorf("side %q: %q is no setting such as leak=.25", side.Name, word)
		}
		side.Set = append(side.Set, recipe.Setting{Key: strings.ReplaceAll(key, "-", "_"), Value: value})
	}
	return side, nil
}
