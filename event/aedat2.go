package event

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

var dvs128 = Sensor{128, 128}

// Layout says how an address of jAER's DVS128 becomes a pixel and a polarity.
// The address has the polarity in bit 0, a in bits 1 to 7 and b in bits 8 to 14;
// readers of the field differ in what they make of it.
type Layout int

const (
	// SpikingJelly: x = 127 − b, y = 127 − a, ON where bit 0 is 0.
	SpikingJelly Layout = iota
	// Tonic: x = b, y = a, ON where bit 0 is 1. SpikingJelly's image turned by
	// 180°, with the polarities exchanged.
	Tonic
	// JAER: x = 127 − a, y = 127 − b, ON where bit 0 is 0, as jAER shows the
	// camera. SpikingJelly's image mirrored about a diagonal.
	JAER
)

var layoutChoice = choice{"the layout of addresses", []string{"spikingjelly", "tonic", "jaer"}}

func (l Layout) String() string { return layoutChoice.String(int(l)) }

// MarshalText implements encoding.TextMarshaler.
func (l Layout) MarshalText() ([]byte, error) { return []byte(l.String()), layoutChoice.check(int(l)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Layout) UnmarshalText(text []byte) error {
	i, err := layoutChoice.parse(string(text))
	*l = Layout(i)
	return err
}

// pixel returns what an address of 15 bits means.
func (l Layout) pixel(address uint32) (x, y uint16, on bool) {
	a, b, on := uint16(address>>1&0x7f), uint16(address>>8), address&1 == 1
	switch l {
	case SpikingJelly:
		return 127 - b, 127 - a, !on
	case JAER:
		return 127 - a, 127 - b, !on
	}
	return b, a, on
}

// address is the inverse of pixel.
func (l Layout) address(x, y uint16, on bool) uint32 {
	a, b := y, x
	switch l {
	case SpikingJelly:
		a, b, on = 127-y, 127-x, !on
	case JAER:
		a, b, on = 127-x, 127-y, !on
	}
	address := uint32(b)<<8 | uint32(a)<<1
	if on {
		address |= 1
	}
	return address
}

const (
	aedat2Size    = 8
	aedat2Special = 1 << 15 // bit of addresses that are no pixel's
)

// openAEDAT2 reads past the header: lines that begin with #.
func openAEDAT2(r *Reader) (decoder, error) {
	r.implied(dvs128)
	for {
		b, err := r.src.peek(1)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || b[0] != '#' {
			return aedat2{r.o.Layout}, nil
		}
		at := r.src.off
		line, err := r.src.line()
		if err != nil {
			return nil, err
		}
		if chip, ok := strings.CutPrefix(line, "# AEChip:"); ok && strings.Contains(strings.ToLower(chip), "davis") {
			return nil, r.src.fail(-1, at, "the chip is %q, expected a DVS128; other chips' addresses differ", strings.TrimSpace(chip))
		}
	}
}

// aedat2 decodes the records of AEDAT 2.0: big-endian, 32 bits of address and 32
// of time.
type aedat2 struct{ layout Layout }

func (d aedat2) decode(r *Reader, dst []Event) (n int, err error) {
	n, _, err = r.records(aedat2Size, len(dst), dst, func(b []byte) (Event, bool, *fault) {
		word := binary.BigEndian.Uint64(b)
		a := uint32(word >> 32)
		switch {
		case a>>16 != 0:
			return Event{}, false, &fault{&r.skipped.OffSensor, fmt.Sprintf("the address is %#x, expected at most 15 bits of a DVS128", a)}
		case a&aedat2Special != 0:
			return Event{}, false, nil // a signal from outside, not a pixel
		}
		e := Event{T: r.extend(uint32(word))}
		e.X, e.Y, e.On = d.layout.pixel(a)
		return e, true, nil
	})
	return n, err
}

// aedat2Header is what WriteAEDAT2 begins with. jAER looks for the version in
// the first line.
const aedat2Header = "#!AER-DAT2.0\r\n" +
	"# This is a raw AE data file - do not edit\r\n" +
	"# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event\r\n" +
	"# Timestamps tick is 1 us\r\n" +
	"# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n" +
	"# End of ASCII Header\r\n"

// WriteAEDAT2 writes the stream of a DVS128 in AEDAT 2.0, with addresses in the
// given layout. Times must be from 0 to 2³² − 1 µs, and pauses shorter than 2³¹
// µs: readers could not tell longer ones from times that run backwards.
func WriteAEDAT2(w io.Writer, s Stream, l Layout) error {
	if err := layoutChoice.check(int(l)); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	if s.Sensor != dvs128 {
		return fmt.Errorf("AEDAT 2.0 of a DVS128 holds %v pixels, the stream has %v", dvs128, s.Sensor)
	}
	bw := bufio.NewWriter(w)
	bw.WriteString(aedat2Header)
	var record [aedat2Size]byte
	for i, e := range s.Events {
		if e.T < 0 || e.T >= 1<<32 {
			return fmt.Errorf("event %d is at %d µs, AEDAT 2.0 holds 0 to %d", i, e.T, int64(1<<32-1))
		}
		if i > 0 && e.T-s.Events[i-1].T >= 1<<31 {
			return fmt.Errorf("event %d comes %d µs after the one before, AEDAT 2.0 holds pauses up to %d", i, e.T-s.Events[i-1].T, int64(1<<31-1))
		}
		binary.BigEndian.PutUint32(record[:], l.address(e.X, e.Y, e.On))
		binary.BigEndian.PutUint32(record[4:], uint32(e.T))
		bw.Write(record[:])
	}
	return bw.Flush()
}
