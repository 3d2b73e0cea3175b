package event

import (
	"bufio"
	"fmt"
	"io"
)

// Sensors of the data sets in this format.
var (
	nmnistSensor      = Sensor{34, 34}
	ncaltech101Sensor = Sensor{240, 180}
)

const (
	nmnistSize     = 5       // bytes of a record
	nmnistOverflow = 240     // y of a record that is no event
	nmnistStep     = 1 << 13 // µs that later times are larger by
	nmnistTimes    = 1 << 23 // µs that a record can tell
)

func openNMNIST(r *Reader) (decoder, error) {
	r.implied(nmnistSensor)
	return new(nmnist), nil
}

func openNCaltech101(r *Reader) (decoder, error) {
	r.implied(ncaltech101Sensor)
	return new(nmnist), nil
}

// nmnist decodes the format of N-MNIST and N-Caltech101 (Orchard et al. 2015):
// records of 40 bits, x, y, polarity and 23 bits of time, big-endian. A record
// with y = 240 is no event: it adds 2¹³ µs to all times from it on.
type nmnist struct {
	ahead int64 // µs that overflows have added
}

func (d *nmnist) decode(r *Reader, dst []Event) (n int, err error) {
	n, _, err = r.records(nmnistSize, len(dst), dst, d.parse)
	return n, err
}

func (d *nmnist) parse(b []byte) (Event, bool, *fault) {
	if b[1] == nmnistOverflow {
		d.ahead += nmnistStep
		return Event{}, false, nil
	}
	return Event{
		T:  d.ahead + int64(b[2]&0x7f)<<16 + int64(b[3])<<8 + int64(b[4]),
		X:  uint16(b[0]),
		Y:  uint16(b[1]),
		On: b[2]>>7 == 1,
	}, true, nil
}

// WriteNMNIST writes the stream in the format of N-MNIST and N-Caltech101. It
// can tell 240 rows of 256 pixels, and times below 2²³ µs.
func WriteNMNIST(w io.Writer, s Stream) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.Sensor.W > 256 || s.Sensor.H > nmnistOverflow {
		return fmt.Errorf("N-MNIST's format holds at most 256×%d pixels, the stream has %v", nmnistOverflow, s.Sensor)
	}
	bw := bufio.NewWriter(w)
	for i, e := range s.Events {
		if e.T < 0 || e.T >= nmnistTimes {
			return fmt.Errorf("event %d is at %d µs, N-MNIST's format holds 0 to %d", i, e.T, nmnistTimes-1)
		}
		t := uint32(e.T)
		if e.On {
			t |= 1 << 23
		}
		bw.Write([]byte{byte(e.X), byte(e.Y), byte(t >> 16), byte(t >> 8), byte(t)})
	}
	return bw.Flush()
}
