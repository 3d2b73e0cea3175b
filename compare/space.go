package compare

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/recipe"
)

// Range is the values among which a field is searched: Choices, or the numbers
// from Min to Max, or, with Factor, from a Factor-th of the field's value to
// Factor times it.
type Range struct {
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	Factor  float64  `json:"-"`                 // above 1: Min and Max follow from the field's value, on a logarithmic scale
	Log     bool     `json:"log,omitempty"`     // even on a logarithmic scale
	Step    float64  `json:"step,omitempty"`    // above 0: multiples of it only, so that 0, for one, is tried
	Choices []string `json:"choices,omitempty"` // one of these
	Fixed   bool     `json:"-"`                 // not searched: takes a default range away
}

// Space is what tuning varies of a side, by field.
type Space map[string]Range

// defaults are the ranges searched where the plan says nothing else: for all
// neurons under "", and for each form. Those of leaks and curvatures are wider
// where a floor keeps potentials from running away.
var defaults = map[string]Space{
	"": {
		"lr":     {Factor: 4},
		"window": {Choices: []string{"bandwidth", "sigma:0.5", "sigma:0.75", "sigma:1", "sigma:1.5", "sigma:2"}},
	},
	"qif": {
		"a":  {Min: .05, Max: .6, Step: .01},
		"u1": {Min: -1, Max: .5, Step: .05},
		"u2": {Min: 0, Max: 1, Step: .05},
	},
	"qif-euler": {
		"kappa": {Min: .05, Max: .5, Step: .01},
		"vr":    {Min: -.5, Max: .5, Step: .05},
		"vc":    {Min: 1, Max: 6, Step: .1},
	},
	"poly": {
		"c2": {Min: .05, Max: .6, Step: .01},
		"c1": {Min: -.5, Max: 1, Step: .05},
	},
	"lif": {"leak": {Min: 0, Max: 1, Step: .05}},
}

// floored are the ranges in place of those where there is a floor.
var floored = map[string]Space{
	"qif": {"a": {Min: -.3, Max: .6, Step: .01}},
	"poly": {
		"c2": {Min: -.3, Max: .6, Step: .01},
		"c1": {Min: -.5, Max: 1.5, Step: .05},
	},
	"lif": {"leak": {Min: 0, Max: 1.5, Step: .05}},
}

// spaceOf lays ranges over the defaults for a side's recipe. Ranges for all sides
// that name a parameter of another neuron are left out, those of the side itself
// are refused.
func spaceOf(r recipe.Recipe, all, own map[string]Range) (Space, error) {
	space := Space{}
	if strings.HasSuffix(r.Net, ".json") { // it brings its own neurons and windows
		space["lr"] = defaults[""]["lr"]
	} else {
		maps.Copy(space, defaults[""])
		maps.Copy(space, defaults[r.Neuron])
		if r.Floor != nil {
			maps.Copy(space, floored[r.Neuron])
		}
	}
	has := valuesOf(r)
	for key, g := range all {
		if !slices.Contains(recipe.Keys(), key) {
			return nil, fmt.Errorf("range of unknown field %q", key)
		}
		if _, ok := has[key]; ok {
			space[key] = g
		}
	}
	maps.Copy(space, own)
	for _, key := range slices.Sorted(maps.Keys(space)) {
		g, err := space[key].resolve(key, has[key])
		if err == nil {
			err = g.check(r, key)
		}
		if err != nil {
			return nil, fmt.Errorf("range of %s: %w", key, err)
		}
		space[key] = g
	}
	if len(space.searched()) == 0 {
		return nil, fmt.Errorf("no field has a range to search")
	}
	return space, nil
}

// searched returns the fields that are searched, sorted.
func (s Space) searched() []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s)) {
		if !s[key].Fixed {
			keys = append(keys, key)
		}
	}
	return keys
}

// valuesOf returns the recipe's values by key.
func valuesOf(r recipe.Recipe) map[string]string {
	m := map[string]string{}
	for _, s := range r.Values() {
		m[s.Key] = s.Value
	}
	return m
}

// resolve turns a factor into numbers.
func (g Range) resolve(key, value string) (Range, error) {
	if g.Factor == 0 {
		return g, nil
	}
	v, err := strconv.ParseFloat(value, 64)
	if !(g.Factor > 1) || math.IsInf(g.Factor, 0) || g.Min != 0 || g.Max != 0 {
		return g, fmt.Errorf("factor is %v, expected above 1, without min and max", g.Factor)
	}
	if err != nil || !(v > 0) {
		return g, fmt.Errorf("a factor needs a number above 0, %s is %s", key, value)
	}
	return Range{Min: v / g.Factor, Max: v * g.Factor, Log: true, Step: g.Step}, nil
}

// check says what is wrong with the range of a field for a recipe.
func (g Range) check(r recipe.Recipe, key string) error {
	if err := reserved([]recipe.Setting{{Key: key}}); err != nil {
		return err
	}
	values := g.Choices
	if number, _ := recipe.Numeric(key); len(values) == 0 && !g.Fixed {
		if !number && slices.Contains(recipe.Keys(), key) {
			return fmt.Errorf("it takes a list of choices, for the field holds no number")
		}
		switch {
		case !(g.Min < g.Max) || math.IsInf(g.Max-g.Min, 0):
			return fmt.Errorf("min is %v and max %v, expected min < max", g.Min, g.Max)
		case g.Log && !(g.Min > 0):
			return fmt.Errorf("min is %v, expected above 0 on a logarithmic scale", g.Min)
		case !(g.Step >= 0) || g.Step > g.Max-g.Min:
			return fmt.Errorf("step is %v, expected within [0, max − min]", g.Step)
		}
		values = []string{number2text(g.Min), number2text(g.Max)}
	}
	if g.Fixed {
		values = nil
	}
	for _, v := range values {
		if _, err := r.With(recipe.Setting{Key: key, Value: v}); err != nil {
			return err
		}
	}
	return nil
}

// draw returns a value of the range as text.
func (g Range) draw(rng *rand.Rand, whole bool) string {
	if len(g.Choices) > 0 {
		return g.Choices[rng.IntN(len(g.Choices))]
	}
	step := g.Step
	if whole {
		step = math.Max(1, step)
	}
	v := g.Min + rng.Float64()*(g.Max-g.Min)
	if g.Log {
		v = g.Min * math.Pow(g.Max/g.Min, (v-g.Min)/(g.Max-g.Min))
	}
	if step == 0 {
		return number2text(round(v, 3))
	}
	// Both ends get as much as the rest: draw among the multiples themselves.
	first, last := math.Ceil(g.Min/step-1e-9), math.Floor(g.Max/step+1e-9)
	if !g.Log {
		return number2text(round((first+math.Floor(rng.Float64()*(last-first+1)))*step, 9))
	}
	return number2text(round(math.Min(last, math.Max(first, math.Round(v/step)))*step, 9))
}

// round keeps so many significant digits.
func round(v float64, digits int) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	return r + 0 // no −0
}

// number2text writes a number without an exponent where whole numbers are read.
func number2text(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// redraws bounds the attempts to find a setting that the recipe takes.
const redraws = 1000

// trial returns what the trial of that number tries: number 0 the side as it is
// given, the others values drawn at random. Sides draw the same values of a field
// that they search in the same range.
func (s Side) trial(number int) ([]recipe.Setting, error) {
	if number == 0 {
		return nil, nil
	}
	keys := s.Space.searched()
	var err error
	for attempt := range redraws {
		var set []recipe.Setting
		for _, key := range keys {
			_, whole := recipe.Numeric(key)
			set = append(set, recipe.Setting{Key: key, Value: s.Space[key].draw(stream(key, number, attempt), whole)})
		}
		var r recipe.Recipe
		if r, err = s.Recipe.With(set...); err == nil {
			err = r.Validate()
		}
		if err == nil {
			return set, nil
		}
	}
	return nil, fmt.Errorf("side %q: no values that the recipe takes were found in the ranges; the last: %w", s.Name, err)
}

// stream is the random numbers of a field in a trial.
func stream(key string, trial, attempt int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(key))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(trial)<<16|uint64(attempt)))
}
