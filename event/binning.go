package event

import "fmt"

// Binning says how a recording becomes frames.
type Binning struct {
	By       By    `json:"by"`
	N        int   `json:"n,omitempty"`        // number of frames, by time or count
	Duration int64 `json:"duration,omitempty"` // µs of a frame, by duration
	Rest     Rest  `json:"rest"`
	Merge    bool  `json:"merge"` // count both polarities in one channel
}

// maxFrames bounds the number of frames of one recording, so that a single
// event at a wrong time does not ask for all memory.
const maxFrames = 1 << 20

// Validate says what is wrong with the parameters.
func (b Binning) Validate() error {
	for _, err := range []error{byChoice.check(int(b.By)), restChoice.check(int(b.Rest))} {
		if err != nil {
			return err
		}
	}
	switch {
	case b.By == ByDuration && (b.Duration < 1 || b.Duration > maxTime):
		return fmt.Errorf("a frame's duration is %d µs, expected 1 to %d", b.Duration, int64(maxTime))
	case b.By == ByDuration && b.N != 0:
		return fmt.Errorf("frames of a fixed duration have no fixed number, got n = %d", b.N)
	case b.By != ByDuration && (b.N < 1 || b.N > maxFrames):
		return fmt.Errorf("the number of frames is %d, expected 1 to %d", b.N, maxFrames)
	case b.By != ByDuration && b.Duration != 0:
		return fmt.Errorf("frames by %v have no fixed duration, got %d µs", b.By, b.Duration)
	}
	return nil
}

// Channels returns how many channels a frame has: OFF and ON, or one.
func (b Binning) Channels() int {
	if b.Merge {
		return 1
	}
	return 2
}

// Cuts returns where the frames begin: frame i has the stream's events with
// indices cuts[i] ≤ k < cuts[i+1], and there is one more cut than frames. What
// lies after the last cut is dropped. A stream without events has frames
// without events: N of them, or one of a fixed duration.
func (b Binning) Cuts(s Stream) (cuts []int, err error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	switch b.By {
	case ByCount:
		return b.byCount(len(s.Events)), nil
	case ByTime:
		return b.byTime(s), nil
	}
	return b.byDuration(s)
}

// byCount cuts n events: the k-th cut of N lies at ⌊k·n/N⌋, or at k·⌊n/N⌋.
func (b Binning) byCount(n int) []int {
	cuts := make([]int, b.N+1)
	for k := range cuts {
		cuts[k] = int(portion(int64(n), k, b.N, b.Rest))
	}
	if b.Rest == Last {
		cuts[b.N] = n
	}
	return cuts
}

// byTime cuts at N+1 times. With Spread they divide the interval [first,
// last + 1), which has all events. The others divide last − first, as the field
// does, so the last event is part of the remainder.
func (b Binning) byTime(s Stream) []int {
	from, to := s.Span()
	if b.Rest != Spread {
		to = max(from, to-1)
	}
	times := make([]int64, b.N+1)
	for k := range times {
		times[k] = from + portion(to-from, k, b.N, b.Rest)
	}
	cuts := cutAt(s, times)
	if b.Rest == Last {
		cuts[b.N] = len(s.Events)
	}
	return cuts
}

// portion returns ⌊k·total/n⌋, or for other policies than Spread k·⌊total/n⌋,
// where k and n are at most maxFrames.
func portion(total int64, k, n int, r Rest) int64 {
	share, left := total/int64(n), total%int64(n)
	if r != Spread {
		left = 0
	}
	return int64(k)*share + int64(k)*left/int64(n)
}

// byDuration cuts at first + k·Duration.
func (b Binning) byDuration(s Stream) ([]int, error) {
	from, to := s.Span()
	full := (to - from) / b.Duration // frames that the recording fills
	n := full
	if b.Rest == Spread && (to-from)%b.Duration > 0 || full == 0 && b.Rest != Drop || len(s.Events) == 0 {
		n++
	}
	if n > maxFrames {
		return nil, fmt.Errorf("%d µs of recording make %d frames of %d µs, expected at most %d", to-from, n, b.Duration, maxFrames)
	}
	times := make([]int64, n+1)
	for k := range times {
		times[k] = from + int64(k)*b.Duration
	}
	cuts := cutAt(s, times)
	if b.Rest == Last {
		cuts[n] = len(s.Events)
	}
	return cuts, nil
}

// cutAt returns, for ascending times, how many events precede each.
func cutAt(s Stream, times []int64) []int {
	cuts := make([]int, len(times))
	lo := 0
	for k, t := range times {
		lo += s.Slice(lo, len(s.Events)).Since(t)
		cuts[k] = lo
	}
	return cuts
}
