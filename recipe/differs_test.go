package recipe

import (
	"slices"
	"strings"
	"testing"
)

func TestDiffers(t *testing.T) {
	for _, f := range fields {
		r := Default()
		change(t, f, &r)
		mine, theirs, ok := Default().Differs(r)
		if !ok || !strings.HasPrefix(mine, f.key+" = ") || !strings.HasPrefix(theirs, f.key+" = ") || mine == theirs {
			t.Errorf("after a change of %s: %q, %q, %v", f.key, mine, theirs, ok)
		}
	}
	if mine, _, ok := Default().Differs(Default()); ok {
		t.Errorf("equal recipes differ in %q", mine)
	}
}

func TestChanged(t *testing.T) {
	r := Default()
	r.Theta, r.Epochs = 2, 9
	if got := r.Changed("theta", "steps", "reset"); !slices.Equal(got, []string{"theta = 2"}) {
		t.Errorf("got %q, want theta = 2 alone", got)
	}
}
