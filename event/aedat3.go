package event

import (
	"encoding/binary"
	"io"
	"strings"
)

// cameras are the sensors of the cameras that iniVation's software names in the
// header, by the beginning of the name.
var cameras = []struct {
	name   string
	sensor Sensor
}{
	{"DVS128", dvs128},
	{"DAVIS128", dvs128},
	{"DAVIS208", Sensor{208, 192}},
	{"DAVIS240", Sensor{240, 180}},
	{"DAVIS346", Sensor{346, 260}},
	{"DAVIS640", Sensor{640, 480}},
}

const (
	aedat3Header   = 28 // bytes of a packet's header
	aedat3Polarity = 1  // type of packets of events
	aedat3Size     = 8  // bytes of a polarity event
	aedat3Time     = 4  // where its time lies
)

// openAEDAT3 reads the header: lines that begin with #, up to !END-HEADER. Its
// line "#Source 1: DVS128" tells the sensor; without one it is a DVS128.
func openAEDAT3(r *Reader) (decoder, error) {
	implied := dvs128
	for {
		b, err := r.src.peek(1)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || b[0] != '#' {
			return nil, r.src.fail(-1, r.src.off, "expected the header to go on to the line #!END-HEADER, got % x", b)
		}
		line, err := r.src.line()
		if err != nil {
			return nil, err
		}
		if line == "#!END-HEADER" {
			r.implied(implied)
			return new(aedat3), nil
		}
		if source, ok := strings.CutPrefix(line, "#Source "); ok {
			_, name, _ := strings.Cut(source, ": ")
			for _, c := range cameras {
				if strings.HasPrefix(name, c.name) {
					implied = c.sensor
				}
			}
		}
	}
}

// aedat3 decodes the packets of AEDAT 3.1, little-endian. Packets of other types
// are passed over, as are events that the camera's software marked invalid.
type aedat3 struct {
	events int64 // that the present packet still has
	spare  int64 // bytes that follow them, which hold nothing
	high   int64 // overflows of the time's 31 bits, shifted
}

func (d *aedat3) decode(r *Reader, dst []Event) (n int, err error) {
	if d.events == 0 {
		if err := r.src.skip(d.spare); err != nil {
			return 0, err
		}
		d.spare = 0
		return 0, d.packet(r)
	}
	n, read, err := r.records(aedat3Size, int(min(int64(len(dst)), d.events)), dst, func(b []byte) (Event, bool, *fault) {
		word := binary.LittleEndian.Uint64(b)
		switch {
		case word&1 == 0:
			return Event{}, false, nil // marked invalid
		case word>>63 != 0:
			return Event{}, false, &fault{&r.skipped.Corrupt, "the event's time has the highest of 32 bits set, expected 31 bits"}
		}
		return Event{
			T:  d.high | int64(word>>32),
			X:  uint16(word >> 17 & 0x7fff),
			Y:  uint16(word >> 2 & 0x7fff),
			On: word>>1&1 == 1,
		}, true, nil
	})
	d.events -= int64(read)
	return n, inside(err, d.events*aedat3Size)
}

// inside turns the file's end into one that comes too early, where so many bytes
// should follow.
func inside(err error, want int64) error {
	if err == io.EOF {
		return errCut{want, 0}
	}
	return err
}

// packet reads a packet's header. What it says about later bytes is needed to
// find the next packet, so a header that makes no sense is an error under every
// policy.
func (d *aedat3) packet(r *Reader) error {
	b, err := r.src.records(aedat3Header, 1)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	kind := le.Uint16(b)
	size, offset, overflow := int32(le.Uint32(b[4:])), int32(le.Uint32(b[8:])), int32(le.Uint32(b[12:]))
	capacity, number, valid := int32(le.Uint32(b[16:])), int32(le.Uint32(b[20:])), int32(le.Uint32(b[24:]))
	at := r.src.off
	switch {
	case size < 1 || capacity < 0 || overflow < 0:
		return r.src.fail(r.record, at, "packet header: events of %d bytes, capacity %d, %d overflows of time; expected none negative",
			size, capacity, overflow)
	case number < 0 || number > capacity || valid < 0 || valid > number:
		return r.src.fail(r.record, at, "packet header: %d valid of %d events in a packet for %d, expected ascending numbers",
			valid, number, capacity)
	case kind == aedat3Polarity && (size != aedat3Size || offset != aedat3Time):
		return r.src.fail(r.record, at, "packet header: polarity events of %d bytes with the time at byte %d, expected %d and %d",
			size, offset, aedat3Size, aedat3Time)
	}
	r.src.advance(aedat3Header)
	d.spare = int64(capacity) * int64(size)
	if kind == aedat3Polarity {
		d.events = int64(number)
		d.spare -= d.events * aedat3Size
	}
	d.high = int64(overflow) << 31
	return nil
}
