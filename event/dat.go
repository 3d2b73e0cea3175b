package event

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// atis is the sensor of the data sets whose files do not name theirs, among
// them N-CARS.
var atis = Sensor{304, 240}

const datSize = 8

// datTypes are the types of records that hold events as this decoder reads
// them: a general event in the plane, and a contrast detection.
var datTypes = map[byte]bool{0: true, 12: true}

// openDAT reads the header of a Prophesee DAT file: lines that begin with %,
// then the type of records and their size. The lines "% Width W" and "% Height
// H" tell the sensor; without them it is an ATIS, 304×240.
func openDAT(r *Reader) (decoder, error) {
	var sensor Sensor
	for {
		b, err := r.src.peek(1)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || b[0] != '%' {
			break
		}
		at := r.src.off
		line, err := r.src.line()
		if err != nil {
			return nil, err
		}
		f := strings.Fields(strings.TrimPrefix(line, "%"))
		if len(f) < 2 {
			continue
		}
		switch strings.ToLower(f[0]) {
		case "evt", "format":
			return nil, r.src.fail(-1, at, "expected %s, got Prophesee RAW (%s), which is not read here; convert it to DAT or AEDAT 4",
				titles[DAT], strings.Join(f, " "))
		case "width":
			sensor.W, err = strconv.Atoi(f[1])
		case "height":
			sensor.H, err = strconv.Atoi(f[1])
		}
		if err != nil {
			return nil, r.src.fail(-1, at, "the %s is %q, expected a number", strings.ToLower(f[0]), f[1])
		}
	}
	if sensor == (Sensor{}) {
		sensor = atis
	}
	if err := sensor.Validate(); err != nil {
		return nil, r.src.fail(-1, r.src.off, "%v", err)
	}
	r.implied(sensor)
	return new(dat), r.datRecords()
}

// datRecords checks the two bytes that say what records follow.
func (r *Reader) datRecords() error {
	b, err := r.src.peek(2)
	switch {
	case err != nil:
		return err
	case len(b) < 2:
		return r.src.fail(-1, r.src.off, "the file ends early: expected 2 bytes with the records' type and size, got %d", len(b))
	case !datTypes[b[0]] || b[1] != datSize:
		return r.src.fail(-1, r.src.off, "records of type %d and %d bytes, expected type 0 or 12 and %d bytes", b[0], b[1], datSize)
	}
	r.src.advance(2)
	return nil
}

// dat decodes records of 64 bits, little-endian: 32 of time, 14 of x, 14 of y,
// and the polarity.
type dat struct{}

func (*dat) decode(r *Reader, dst []Event) (n int, err error) {
	n, _, err = r.records(datSize, len(dst), dst, func(b []byte) (Event, bool, *fault) {
		word := binary.LittleEndian.Uint64(b)
		return Event{
			T:  r.extend(uint32(word)),
			X:  uint16(word >> 32 & 0x3fff),
			Y:  uint16(word >> 46 & 0x3fff),
			On: word>>60&1 == 1,
		}, true, nil
	})
	return n, err
}
