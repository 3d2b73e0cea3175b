package compare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/recipe"
)

// TOML returns the plan as a file that LoadSpec reads, with every range that
// tuning searches spelled out.
func (p *Plan) TOML() ([]byte, error) {
	var b strings.Builder
	s := p.Spec
	fmt.Fprintf(&b, "recipe = %s\nseeds = %q\n", quote(orElse(s.Recipe, recipe.Default().Name)), formatSeeds(p.Seeds))
	if s.Baseline != "" {
		fmt.Fprintf(&b, "baseline = %s\n", quote(s.Baseline))
	}
	if len(s.Set) > 0 {
		b.WriteString("\n[set] # for all sides\n")
		if err := writeSettings(&b, s.Set); err != nil {
			return nil, err
		}
	}
	for _, side := range p.Sides {
		fmt.Fprintf(&b, "\n[[side]]\nname = %s\n", quote(side.Name))
		if err := writeSettings(&b, side.Set); err != nil {
			return nil, fmt.Errorf("side %q: %w", side.Name, err)
		}
		if len(side.Space) > 0 {
			b.WriteString("[side.tune] # what is searched\n")
			for _, key := range slices.Sorted(maps.Keys(side.Space)) {
				fmt.Fprintf(&b, "%s = %s\n", key, side.Space[key])
			}
		}
	}
	if t := p.Tune; t.Trials > 0 {
		fmt.Fprintf(&b, "\n[tune]\ntrials = %d\nseeds = %q\n", t.Trials, formatSeeds(t.Seeds))
		if t.Epochs > 0 {
			fmt.Fprintf(&b, "epochs = %d\n", t.Epochs)
		}
	}
	return []byte(b.String()), nil
}

// writeSettings writes settings as lines, of each key the last.
func writeSettings(b *strings.Builder, set []recipe.Setting) error {
	for i, s := range set {
		if slices.ContainsFunc(set[i+1:], func(later recipe.Setting) bool { return later.Key == s.Key }) {
			continue
		}
		line, err := s.TOML()
		if err != nil {
			return err
		}
		b.WriteString(line + "\n")
	}
	return nil
}

// String returns the range as files have it.
func (g Range) String() string {
	if g.Fixed {
		return "false"
	}
	if len(g.Choices) > 0 {
		quoted := make([]string, len(g.Choices))
		for i, c := range g.Choices {
			quoted[i] = quote(c)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	s := fmt.Sprintf("{ min = %s, max = %s", number(g.Min), number(g.Max))
	if g.Factor != 0 {
		s = "{ factor = " + number(g.Factor)
	}
	if g.Log {
		s += ", log = true"
	}
	if g.Step > 0 {
		s += ", step = " + number(g.Step)
	}
	return s + " }"
}

// quote writes a TOML string.
func quote(s string) string {
	if !strings.ContainsAny(s, "'\n") {
		return "'" + s + "'"
	}
	return strconv.Quote(s)
}
