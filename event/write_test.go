package event

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestWriteNMNIST(t *testing.T) {
	s := noise(4, Sensor{34, 34}, 500, 1<<22)
	var b bytes.Buffer
	if err := WriteNMNIST(&b, s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), nmnistBytes(s.Events...)) {
		t.Error("the file differs from the one built by hand")
	}
	checkEvents(t, b.Bytes(), Options{Format: NMNIST}, s.Sensor, s.Events...)
}

func TestWriteAEDAT2(t *testing.T) {
	s := noise(4, Sensor{128, 128}, 500, 1<<30)
	s.Events = append(s.Events, Event{1<<32 - 1<<29, 127, 0, true}, Event{1<<32 - 1, 0, 127, false})
	s.Events[0].T = 0
	for _, l := range []Layout{SpikingJelly, Tonic, JAER} {
		var b bytes.Buffer
		if err := WriteAEDAT2(&b, Stream{s.Sensor, s.Events[:len(s.Events)-2]}, l); err != nil {
			t.Fatal(err)
		}
		checkEvents(t, b.Bytes(), Options{Layout: l}, s.Sensor, s.Events[:len(s.Events)-2]...)
		if !bytes.HasPrefix(b.Bytes(), []byte("#!AER-DAT2.0\r\n#")) {
			t.Error("the file does not begin with its version")
		}
	}
	// The bytes of one event: x = 127 − b, y = 127 − a, ON is bit 0 clear.
	var b bytes.Buffer
	if err := WriteAEDAT2(&b, Stream{s.Sensor, []Event{{0x01020304, 127 - 0x1a, 127 - 0x15, false}}}, SpikingJelly); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte{0, 0, 0x1a, 0x2b, 1, 2, 3, 4}) {
		t.Errorf("the file ends with % x", b.Bytes()[b.Len()-8:])
	}
}

func TestWriteErrors(t *testing.T) {
	at := func(side int, times ...int64) Stream {
		s := Stream{Sensor: Sensor{side, side}}
		for _, v := range times {
			s.Events = append(s.Events, Event{T: v})
		}
		return s
	}
	var b bytes.Buffer
	for want, err := range map[string]error{
		"N-MNIST's format holds at most 256×240 pixels, the stream has 241×241":   WriteNMNIST(&b, at(241)),
		"event 1 is at 8388608 µs, N-MNIST's format holds 0 to 8388607":           WriteNMNIST(&b, at(34, 0, 1<<23)),
		"event 0 is at -1 µs, N-MNIST's format holds":                             WriteNMNIST(&b, at(34, -1)),
		"event 1 is at 3 µs, before the one at 4 µs that precedes it":             WriteNMNIST(&b, at(34, 4, 3)),
		"AEDAT 2.0 of a DVS128 holds 128×128 pixels, the stream has 34×34":        WriteAEDAT2(&b, at(34), Tonic),
		"event 0 is at 4294967296 µs, AEDAT 2.0 holds 0 to 4294967295":            WriteAEDAT2(&b, at(128, 1<<32), Tonic),
		"event 1 comes 2147483648 µs after the one before":                        WriteAEDAT2(&b, at(128, 1, 1<<31+1), Tonic),
		"the layout of addresses is 7, expected one of spikingjelly, tonic, jaer": WriteAEDAT2(&b, at(128), 7),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// Names survive their text form, and unknown ones are refused.
func TestChoices(t *testing.T) {
	for _, f := range []Format{Auto, NMNIST, NCaltech101, AEDAT2, AEDAT3, AEDAT4, DAT} {
		text, err := f.MarshalText()
		var g Format
		if err == nil {
			err = g.UnmarshalText(text)
		}
		if err != nil || f != g {
			t.Errorf("%v is read as %v, error %v", f, g, err)
		}
	}
	var r Rest
	if err := r.UnmarshalText([]byte("keep")); err == nil || !strings.Contains(err.Error(), `the policy for the remainder is "keep", expected one of spread, last, drop`) {
		t.Error(err)
	}
	if got := []string{ByCount.String(), Drop.String(), Skip.String(), Tonic.String(), Layout(4).String()}; !slices.Equal(got, []string{"count", "drop", "skip", "tonic", "the layout of addresses 4"}) {
		t.Errorf("names are %q", got)
	}
}
