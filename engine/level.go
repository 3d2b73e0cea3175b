package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Leveled is an engine that has several versions of its arithmetic, for
// processors that can do more or less.
type Leveled interface {
	Engine
	// Levels names the versions that run on this processor, from the plainest to
	// the one in use unless told otherwise.
	Levels() []string
	// UseLevel puts one of Levels into use for what is compiled from then on, and
	// returns a function that undoes it. Nothing of the engine may run meanwhile.
	// It is for measurements and tests: a run's bits depend on the level.
	UseLevel(name string) (restore func())
}

// UseLevel puts a level of an engine into use, or leaves it alone if the name is
// empty.
func UseLevel(e Engine, name string) (restore func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	l, ok := e.(Leveled)
	if !ok {
		return nil, fmt.Errorf("level is %q, but engine %s has one alone", name, e.Name())
	}
	if levels := l.Levels(); !slices.Contains(levels, name) {
		return nil, fmt.Errorf("level is %q, expected one of those that this processor runs: %s", name, strings.Join(levels, ", "))
	}
	return l.UseLevel(name), nil
}
