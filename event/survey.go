package event

import (
	"context"
	"errors"

	"github.com/qif-snn/qif/data"
)

// A Survey sums up the samples of a set.
type Survey struct {
	Samples  int     `json:"samples"` // that were read
	Failed   int     `json:"failed"`  // whose files were not readable at all, where bad records are skipped
	Events   int64   `json:"events"`
	On       int64   `json:"on"`
	Off      int64   `json:"off"`
	Fewest   int64   `json:"fewest"` // events of a sample
	Most     int64   `json:"most"`
	Duration int64   `json:"duration_us"` // of all samples together, from first to last event
	Skipped  Skipped `json:"skipped"`
}

// Survey reads all samples. After each, it calls progress with the number of
// those done. A file that is no recording of the set's format is an error, or
// counted where bad records are skipped.
func (s *Set) Survey(ctx context.Context, o Options, progress func(done int)) (Survey, error) {
	var sum Survey
	for i := range s.Samples {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		st, skipped, err := s.Load(i, o)
		sum.Skipped.Add(skipped)
		var format *data.FormatError
		switch {
		case errors.As(err, &format) && o.OnBad == Skip:
			sum.Failed++
		case err != nil:
			return sum, err
		default:
			sum.Add(st)
		}
		progress(i + 1)
	}
	return sum, nil
}

// Add counts a sample.
func (s *Survey) Add(st Stream) {
	n := int64(len(st.Events))
	if s.Samples == 0 || n < s.Fewest {
		s.Fewest = n
	}
	s.Most = max(s.Most, n)
	s.Samples++
	s.Events += n
	for _, e := range st.Events {
		if e.On {
			s.On++
		}
	}
	s.Off = s.Events - s.On
	from, to := st.Span()
	s.Duration += to - from
}
