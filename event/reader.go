package event

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Options say how a recording is read.
type Options struct {
	// Format of the file. Auto tells by its first bytes, and a name that ends in
	// .bin for N-MNIST's.
	Format Format `json:"format"`
	// Sensor that addresses must lie on. Where it is zero, it is what the file
	// says or else what the format implies.
	Sensor Sensor `json:"sensor"`
	// Layout of DVS128 addresses in AEDAT 2.0.
	Layout Layout `json:"layout"`
	// OnBad says what happens at a record that the format does not allow.
	OnBad OnBad `json:"on_bad"`
}

// Skipped counts what a reader has left out as bad.
type Skipped struct {
	Backwards int64 `json:"backwards"`  // events earlier than the one before
	OffSensor int64 `json:"off_sensor"` // events at addresses that the sensor lacks
	Corrupt   int64 `json:"corrupt"`    // records or packets that cannot be read
	Truncated int64 `json:"truncated"`  // files that end within a record
	Empty     int64 `json:"empty"`      // files without events
}

// Total returns the sum of the counts.
func (s Skipped) Total() int64 {
	return s.Backwards + s.OffSensor + s.Corrupt + s.Truncated + s.Empty
}

// Add adds the counts of another file.
func (s *Skipped) Add(o Skipped) {
	s.Backwards += o.Backwards
	s.OffSensor += o.OffSensor
	s.Corrupt += o.Corrupt
	s.Truncated += o.Truncated
	s.Empty += o.Empty
}

// String lists the counts that are not 0.
func (s Skipped) String() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{
		{s.Backwards, "events out of order"}, {s.OffSensor, "events off the sensor"}, {s.Corrupt, "unreadable records"},
		{s.Truncated, "files cut off"}, {s.Empty, "empty recordings"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", p.what, p.n))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// A Reader delivers the events of a recording in the order of time. Its memory
// does not depend on the recording's length.
type Reader struct {
	src     *source
	o       Options
	sensor  Sensor
	dec     decoder
	last    int64 // time of the last event
	events  int64 // delivered so far
	record  int64 // number of the next record, from 0
	skipped Skipped
	err     error // what every further Read returns
}

// decoder is what differs between formats.
type decoder interface {
	// decode writes events that r admits to dst and says how many. It may
	// return 0 events without an error where records hold none. The error is
	// io.EOF at the file's regular end.
	decode(r *Reader, dst []Event) (n int, err error)
}

// NewReader starts to read a recording. The name is for errors, which are
// *data.FormatError unless r itself fails.
func NewReader(r io.Reader, name string, o Options) (*Reader, error) {
	if err := errors.Join(formatChoice.check(int(o.Format)), layoutChoice.check(int(o.Layout)), onBadChoice.check(int(o.OnBad))); err != nil {
		return nil, err
	}
	if o.Sensor != (Sensor{}) {
		if err := o.Sensor.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	rd := &Reader{src: newSource(r, name), o: o, sensor: o.Sensor, last: -maxTime}
	if err := rd.open(); err != nil {
		return nil, err
	}
	return rd, nil
}

// Format returns the recording's format.
func (r *Reader) Format() Format { return r.o.Format }

// Sensor returns the size of the recording's sensor.
func (r *Reader) Sensor() Sensor { return r.sensor }

// Skipped returns what has been left out so far.
func (r *Reader) Skipped() Skipped { return r.skipped }

// Offset returns how many bytes of the file have been read so far.
func (r *Reader) Offset() int64 { return r.src.off }

// Read reads up to len(dst) events and returns how many, at least one unless
// there is an error. Events may come with an error. At the end of the recording
// it is io.EOF; a recording without any events is an error, unless bad records
// are skipped.
func (r *Reader) Read(dst []Event) (n int, err error) {
	for r.err == nil && n == 0 && len(dst) > 0 {
		n, r.err = r.dec.decode(r, dst)
		r.events += int64(n)
	}
	if r.err != nil {
		r.err = r.final(r.err)
	}
	return n, r.err
}

// final turns how decoding ended into what the policy makes of it.
func (r *Reader) final(err error) error {
	var cut errCut
	switch {
	case errors.As(err, &cut) && r.o.OnBad == Skip:
		r.skipped.Truncated++
		err = io.EOF
	case errors.As(err, &cut):
		return r.src.fail(r.record, r.src.off, "%v", cut)
	}
	if err == io.EOF && r.events == 0 {
		if r.o.OnBad == Stop {
			return r.src.fail(r.record, r.src.off, "the recording holds no events")
		}
		if r.skipped.Truncated == 0 {
			r.skipped.Empty = 1
		}
	}
	return err
}

// admit says whether an event is to be delivered: it must lie on the sensor and
// not before the event that precedes it. It was read from the i-th of the records
// at hand, at an offset in the file.
func (r *Reader) admit(e Event, i, offset int64) (bool, error) {
	if e.T >= r.last && e.T <= maxTime && r.sensor.Has(e.X, e.Y) {
		r.last = e.T
		return true, nil
	}
	return false, r.refuse(e, i, offset)
}

// refuse counts an event that cannot be delivered, or returns the error that
// names it.
func (r *Reader) refuse(e Event, i, offset int64) error {
	switch {
	case !r.sensor.Has(e.X, e.Y):
		return r.bad(&r.skipped.OffSensor, i, offset, "the event is at x = %d, y = %d, off the sensor of %v pixels", e.X, e.Y, r.sensor)
	case e.T > maxTime || e.T < -maxTime:
		return r.bad(&r.skipped.Corrupt, i, offset, "the event is at %d µs, expected at most 2⁶⁰", e.T)
	}
	return r.bad(&r.skipped.Backwards, i, offset, "the time runs backwards: the event is at %d µs, the one before at %d µs", e.T, r.last)
}

// bad counts a bad record, or returns the error that names it.
func (r *Reader) bad(count *int64, i, offset int64, format string, args ...any) error {
	if r.o.OnBad == Skip {
		*count++
		return nil
	}
	return r.src.fail(r.record+i, offset, format, args...)
}

// fault says why a record is bad, and where it counts.
type fault struct {
	count   *int64
	problem string
}

// records decodes records of one size, at most so many, to dst, and says how
// many events they gave and how many records they were. For each, parse returns
// an event, or false for a record of another kind, or what is wrong with it.
func (r *Reader) records(size, most int, dst []Event, parse func(b []byte) (Event, bool, *fault)) (n, read int, err error) {
	block, err := r.src.records(size, min(most, len(dst)))
	if err != nil {
		return 0, 0, err
	}
	for at := 0; at < len(block); at += size {
		i, offset := int64(at/size), r.src.off+int64(at)
		e, ok, wrong := parse(block[at : at+size : at+size])
		switch {
		case wrong != nil:
			err = r.bad(wrong.count, i, offset, "%s", wrong.problem)
		case ok:
			ok, err = r.admit(e, i, offset)
		}
		if err != nil {
			return n, 0, err
		}
		if ok {
			dst[n] = e
			n++
		}
	}
	read = len(block) / size
	r.record += int64(read)
	r.src.advance(len(block))
	return n, read, nil
}

// begun says whether an event has been admitted.
func (r *Reader) begun() bool { return r.last > -maxTime }

// extend returns the time that a 32-bit clock shows as t: the one nearest to the
// last event's. So a clock may overflow, and a recording may pause for up to 2³¹
// µs, 35 minutes.
func (r *Reader) extend(t uint32) int64 {
	if !r.begun() {
		return int64(t)
	}
	return r.last + int64(int32(t-uint32(r.last)))
}

// batch is how many events are read at a time.
const batch = 1024

// ReadAll reads the whole recording. Where bad records are skipped, the stream
// may be empty.
func ReadAll(r *Reader) (Stream, error) {
	s := Stream{Sensor: r.Sensor()}
	err := r.Each(func(part []Event) error {
		s.Events = append(s.Events, part...)
		return nil
	})
	if err != nil {
		return Stream{}, err
	}
	return s, nil
}

// Each hands the recording's remaining events to do, in parts that are valid
// during the call, until it ends or do returns an error.
func (r *Reader) Each(do func(part []Event) error) error {
	buf := make([]Event, batch)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := do(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
