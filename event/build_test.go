package event

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Files are built here byte by byte from the formats' descriptions, with
// nothing from the readers or writers.

// nmnistBytes makes records of five bytes.
func nmnistBytes(events ...Event) (file []byte) {
	for _, e := range events {
		p := byte(0)
		if e.On {
			p = 0x80
		}
		file = append(file, byte(e.X), byte(e.Y), p|byte(e.T>>16), byte(e.T>>8), byte(e.T))
	}
	return file
}

// aedat2Bytes makes a file from address and time pairs.
func aedat2Bytes(header string, pairs ...uint32) []byte {
	file := []byte(header)
	for _, v := range pairs {
		file = append(file, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return file
}

const plainAEDAT2 = "#!AER-DAT2.0\r\n# created with bytes that are no text: \xff\xfe\r\n"

// packet3 is a packet of AEDAT 3.1.
type packet3 struct {
	kind                    uint16
	size, offset, overflow  uint32
	capacity, number, valid uint32
	body                    []byte
}

func (p packet3) bytes() []byte {
	b := []byte{byte(p.kind), byte(p.kind >> 8), 1, 0}
	for _, v := range []uint32{p.size, p.offset, p.overflow, p.capacity, p.number, p.valid} {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return append(b, p.body...)
}

// polarity3 makes a packet of valid events at times below 2³¹.
func polarity3(overflow uint32, events ...Event) packet3 {
	n := uint32(len(events))
	p := packet3{1, 8, 4, overflow, n, n, n, nil}
	for _, e := range events {
		p.body = append(p.body, event3(e, true)...)
	}
	return p
}

func event3(e Event, valid bool) []byte {
	v := uint32(e.X)<<17 | uint32(e.Y)<<2
	if e.On {
		v |= 2
	}
	if valid {
		v |= 1
	}
	t := uint32(e.T)
	return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24), byte(t), byte(t >> 8), byte(t >> 16), byte(t >> 24)}
}

const plainAEDAT3 = "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-01-01 12:00:00 (TZ+0100)\r\n#!END-HEADER\r\n"

func aedat3Bytes(packets ...packet3) []byte {
	file := []byte(plainAEDAT3)
	for _, p := range packets {
		file = append(file, p.bytes()...)
	}
	return file
}

// datBytes makes a Prophesee DAT file.
func datBytes(header string, events ...Event) []byte {
	file := append([]byte(header), 12, 8)
	for _, e := range events {
		v := uint32(e.X) | uint32(e.Y)<<14
		if e.On {
			v |= 1 << 28
		}
		file = binary.LittleEndian.AppendUint32(file, uint32(e.T))
		file = binary.LittleEndian.AppendUint32(file, v)
	}
	return file
}

const plainDAT = "% Data file containing CD events\n% Version 2\n% Width 640\n% Height 480\n"

// info4 describes the streams of a file of AEDAT 4.0: triggers, then events of a
// camera of 20×10 pixels.
const info4 = `<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">
<node name="0"><attr key="typeIdentifier" type="string">TRIG</attr></node>
<node name="1"><attr key="compression" type="string">any</attr><attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info"><attr key="sizeX" type="int">20</attr><attr key="sizeY" type="int">10</attr></node></node>
</node></dv>`

// header4 makes the header of a file of AEDAT 4.0 whose packets end at a given
// place, or −1.
func header4(compression int32, end int64, info string) []byte {
	le := binary.LittleEndian
	// Root offset and identifier, a vtable of three fields at byte 8, padding,
	// the table at byte 20 with end, compression and the string's offset, then
	// the string.
	b := []byte{20, 0, 0, 0, 'I', 'O', 'H', 'E'}
	b = append(b, 10, 0, 20, 0, 12, 0, 4, 0, 16, 0, 0, 0) // sizes 10 and 20; fields at 12, 4, 16
	b = le.AppendUint32(b, 12)                            // the vtable lies 12 bytes back
	b = le.AppendUint64(b, uint64(end))
	b = le.AppendUint32(b, uint32(compression))
	b = le.AppendUint32(b, 4) // the string follows its offset
	b = le.AppendUint32(b, uint32(len(info)))
	b = append(b, info...)
	b = append(b, 0)
	file := []byte("#!AER-DAT4.0\r\n")
	file = le.AppendUint32(file, uint32(len(b)))
	return append(file, b...)
}

// body4 makes a packet's content before compression: a size, then a FlatBuffer
// with one vector of events of 16 bytes.
func body4(events ...Event) []byte {
	le := binary.LittleEndian
	b := []byte{16, 0, 0, 0, 'E', 'V', 'T', 'S'}
	b = append(b, 6, 0, 8, 0, 4, 0, 0, 0) // a vtable of 6 bytes, a table of 8, its field at 4
	b = le.AppendUint32(b, 8)             // the vtable lies 8 bytes back
	b = le.AppendUint32(b, 4)             // the vector follows its offset
	b = le.AppendUint32(b, uint32(len(events)))
	for _, e := range events {
		b = le.AppendUint64(b, uint64(e.T))
		b = append(b, byte(e.X), byte(e.X>>8), byte(e.Y), byte(e.Y>>8), 0, 0xaa, 0xaa, 0xaa) // padding may be anything
		if e.On {
			b[len(b)-4] = 1
		}
	}
	return append(le.AppendUint32(nil, uint32(len(b))), b...)
}

// packet4 puts a packet's header before its content.
func packet4(stream int32, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(stream))
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// read reads a whole file from memory.
func read(file []byte, o Options) (Stream, Skipped, error) {
	r, err := NewReader(bytes.NewReader(file), "f", o)
	if err != nil {
		return Stream{}, Skipped{}, err
	}
	s, err := ReadAll(r)
	return s, r.Skipped(), err
}

func checkEvents(t *testing.T, file []byte, o Options, sensor Sensor, want ...Event) {
	t.Helper()
	s, skipped, err := read(file, o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sensor != sensor || !slices.Equal(s.Events, want) || skipped.Total() != 0 {
		t.Fatalf("sensor %v, events %v, skipped %+v; want %v, %v, none", s.Sensor, s.Events, skipped, sensor, want)
	}
}

// badFile is a file that has to be refused, or whose bad records are to be
// counted.
type badFile struct {
	name    string
	file    []byte
	o       Options
	want    string  // part of the error
	skipped Skipped // with OnBad Skip
	left    int     // events, with OnBad Skip
	never   bool    // it is an error under either policy
}

func checkBad(t *testing.T, cases []badFile) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := read(c.file, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f: ") {
				t.Errorf("error is\n%v\nwant\n%s", err, c.want)
			}
			o := c.o
			o.OnBad = Skip
			s, skipped, err := read(c.file, o)
			if c.never {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("skipping: error is\n%v\nwant\n%s", err, c.want)
				}
				return
			}
			if err != nil || skipped != c.skipped || len(s.Events) != c.left {
				t.Errorf("skipping: %d events, %+v, error %v; want %d, %+v", len(s.Events), skipped, err, c.left, c.skipped)
			}
		})
	}
}

// noise makes a stream of n events at random times and places, several of them
// at the same time.
func noise(seed uint64, s Sensor, n int, span int64) Stream {
	r := rand.New(rand.NewPCG(seed, 0))
	out := Stream{Sensor: s}
	for range n {
		out.Events = append(out.Events, Event{1000 + r.Int64N(span), uint16(r.IntN(s.W)), uint16(r.IntN(s.H)), r.IntN(3) > 0})
	}
	slices.SortStableFunc(out.Events, func(a, b Event) int { return int(a.T - b.T) })
	return out
}
