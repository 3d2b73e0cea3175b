package engine

import "testing"

// twofold is an engine of two levels that notes which one is in use.
type twofold struct {
	named
	inUse *string
}

func (twofold) Levels() []string { return []string{"plain", "fast"} }

func (e twofold) UseLevel(name string) (restore func()) {
	before := *e.inUse
	*e.inUse = name
	return func() { *e.inUse = before }
}

func TestUseLevel(t *testing.T) {
	inUse := "fast"
	e := twofold{inUse: &inUse}
	for _, name := range []string{"", "plain"} {
		restore, err := UseLevel(e, name)
		checkError(t, err, "")
		if want := map[string]string{"": "fast", "plain": "plain"}[name]; inUse != want {
			t.Errorf("level %q: %q is in use, want %q", name, inUse, want)
		}
		restore()
		if inUse != "fast" {
			t.Errorf("level %q: afterwards %q is in use", name, inUse)
		}
	}
	_, err := UseLevel(e, "faster")
	checkError(t, err, `level is "faster", expected one of those that this processor runs: plain, fast`)
	_, err = UseLevel(named{name: "single"}, "plain")
	checkError(t, err, `level is "plain", but engine single has one alone`)
}
