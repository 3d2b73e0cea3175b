package event

import (
	"fmt"
	"slices"
	"strings"
)

// choice is a set of named values, numbered from 0.
type choice struct {
	what  string
	names []string
}

func (c choice) String(i int) string {
	if i < 0 || i >= len(c.names) {
		return fmt.Sprintf("%s %d", c.what, i)
	}
	return c.names[i]
}

func (c choice) check(i int) error {
	if i < 0 || i >= len(c.names) {
		return fmt.Errorf("%s is %d, expected one of %s", c.what, i, strings.Join(c.names, ", "))
	}
	return nil
}

func (c choice) parse(text string) (int, error) {
	if i := slices.Index(c.names, text); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s is %q, expected one of %s", c.what, text, strings.Join(c.names, ", "))
}

// By says what the frames of a recording have in common.
type By int

// The ways to cut a recording into frames.
const (
	ByTime     By = iota // N frames of equal time
	ByCount              // N frames of equally many events
	ByDuration           // frames of a fixed duration, as many as it takes
)

var byChoice = choice{"the way to cut frames", []string{"time", "count", "duration"}}

func (b By) String() string { return byChoice.String(int(b)) }

// MarshalText implements encoding.TextMarshaler.
func (b By) MarshalText() ([]byte, error) { return []byte(b.String()), byChoice.check(int(b)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *By) UnmarshalText(text []byte) error {
	i, err := byChoice.parse(string(text))
	*b = By(i)
	return err
}

// Rest says what becomes of the remainder where time or events cannot be divided
// evenly.
type Rest int

// The policies for remainders. With Spread and Last nothing is lost.
const (
	// Spread leaves no remainder: of N frames, sizes differ by at most one
	// microsecond or event; of frames of fixed duration, the last one is as long
	// as the others and has the events that are left.
	Spread Rest = iota
	// Last makes all frames ⌊time or count / N⌋ large and adds the remainder to
	// the last one, as SpikingJelly does; of frames of fixed duration, the
	// events that fill none go to the last that is full.
	Last
	// Drop makes frames as Last does, and drops the remainder, as Tonic and the
	// code of TET do.
	Drop
)

var restChoice = choice{"the policy for the remainder", []string{"spread", "last", "drop"}}

func (r Rest) String() string { return restChoice.String(int(r)) }

// MarshalText implements encoding.TextMarshaler.
func (r Rest) MarshalText() ([]byte, error) { return []byte(r.String()), restChoice.check(int(r)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rest) UnmarshalText(text []byte) error {
	i, err := restChoice.parse(string(text))
	*r = Rest(i)
	return err
}

// OnBad says what a reader does about a record that its format does not allow.
type OnBad int

// The policies for bad records.
const (
	Stop OnBad = iota // return an error that names it
	Skip              // count it and go on
)

var onBadChoice = choice{"the policy for bad records", []string{"stop", "skip"}}

func (o OnBad) String() string { return onBadChoice.String(int(o)) }

// MarshalText implements encoding.TextMarshaler.
func (o OnBad) MarshalText() ([]byte, error) { return []byte(o.String()), onBadChoice.check(int(o)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *OnBad) UnmarshalText(text []byte) error {
	i, err := onBadChoice.parse(string(text))
	*o = OnBad(i)
	return err
}
