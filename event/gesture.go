package event

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/qif-snn/qif/data"
)

// A Trial is a part [From, To) of a recording in which someone makes a gesture.
type Trial struct {
	Class    int32 // from 0
	From, To int64 // µs, by the recording's clock
}

// gestures are the classes of DVS128 Gesture in the order of their numbers,
// which begin with 1 (Amir et al. 2017).
var gestures = []string{
	"hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter-clockwise",
	"left arm clockwise", "left arm counter-clockwise", "arm roll", "air drums", "air guitar", "other gestures",
}

// ReadTrials reads the labels of a recording of DVS128 Gesture: CSV with a
// header, then class (1 to 11), start and end in µs. It returns them by start.
// The name is for errors.
func ReadTrials(r io.Reader, name string) ([]Trial, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1 // counted below, for errors of our own
	c.ReuseRecord = true
	var trials []Trial
	for row := -1; ; row++ {
		at := c.InputOffset()
		fields, err := c.Read()
		fail := func(format string, args ...any) error {
			return &data.FormatError{File: name, Record: row, Offset: at, Problem: fmt.Sprintf(format, args...)}
		}
		var syntax *csv.ParseError
		switch {
		case err == io.EOF && row < 1:
			return nil, fail("expected a header and at least one trial")
		case err == io.EOF:
			slices.SortStableFunc(trials, func(a, b Trial) int { return cmp.Compare(a.From, b.From) })
			return trials, nil
		case errors.As(err, &syntax):
			return nil, fail("%v", syntax.Err)
		case err != nil:
			return nil, fmt.Errorf("%s: reading at byte %d: %w", name, at, err)
		case len(fields) != 3:
			return nil, fail("%d fields, expected class, start and end", len(fields))
		case row < 0:
			continue
		}
		var v [3]int64
		for i, f := range fields {
			if v[i], err = strconv.ParseInt(f, 10, 64); err != nil {
				return nil, fail("field %d is %q, expected a whole number", i+1, f)
			}
		}
		switch class, from, to := v[0], v[1], v[2]; {
		case class < 1 || class > int64(len(gestures)):
			return nil, fail("class is %d, expected 1 to %d", class, len(gestures))
		case from < 0 || to <= from || to > maxTime:
			return nil, fail("the trial lasts from %d to %d µs, expected an end after the start", from, to)
		default:
			trials = append(trials, Trial{int32(class - 1), from, to})
		}
	}
}
