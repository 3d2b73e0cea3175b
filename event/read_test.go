package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/qif-snn/qif/data"
)

func TestNMNIST(t *testing.T) {
	want := []Event{{7, 0, 0, false}, {0x12345, 33, 33, true}, {0x7fffff, 5, 6, true}}
	file := nmnistBytes(want...)
	if !bytes.Equal(file[5:10], []byte{33, 33, 0x81, 0x23, 0x45}) {
		t.Fatalf("test file has % x", file[5:10])
	}
	checkEvents(t, file, Options{Format: NMNIST}, Sensor{34, 34}, want...)
	checkEvents(t, nmnistBytes(Event{1, 239, 179, true}), Options{Format: NCaltech101}, Sensor{240, 180}, Event{1, 239, 179, true})

	// A record with y = 240 moves all later times by 2¹³ µs.
	file = join(nmnistBytes(Event{100, 1, 2, true}), []byte{9, 240, 0, 0, 0}, nmnistBytes(Event{50, 3, 4, false}),
		[]byte{0, 240, 0xff, 0xff, 0xff}, nmnistBytes(Event{60, 5, 6, true}))
	checkEvents(t, file, Options{Format: NMNIST}, Sensor{34, 34}, Event{100, 1, 2, true}, Event{8192 + 50, 3, 4, false}, Event{16384 + 60, 5, 6, true})
}

func TestNMNISTBad(t *testing.T) {
	a, b := Event{10, 1, 2, true}, Event{20, 3, 4, false}
	o := Options{Format: NMNIST}
	checkBad(t, []badFile{
		{"cut", nmnistBytes(a, b)[:8], o, "f: record 1, byte 5: the file ends early: expected 5 more bytes, got 3", Skipped{Truncated: 1}, 1, false},
		{"backwards", nmnistBytes(b, a, b), o, "f: record 1, byte 5: the time runs backwards: the event is at 10 µs, the one before at 20 µs", Skipped{Backwards: 1}, 2, false},
		{"off the sensor", nmnistBytes(a, Event{15, 34, 0, true}), o, "f: record 1, byte 5: the event is at x = 34, y = 0, off the sensor of 34×34 pixels", Skipped{OffSensor: 1}, 1, false},
		{"overflows alone", []byte{0, 240, 0, 0, 0}, o, "f: record 1, byte 5: the recording holds no events", Skipped{Empty: 1}, 0, false},
		{"empty", nil, o, "f: header, byte 0: the file is empty", Skipped{}, 0, true},
		{"AEDAT", []byte(plainAEDAT2), o, "f: header, byte 0: expected N-MNIST, got AEDAT 2.0", Skipped{}, 0, true},
		{"ZIP", []byte("PK\x03\x04......"), o, "expected N-MNIST, got ZIP", Skipped{}, 0, true},
	})
}

func TestAEDAT2(t *testing.T) {
	// Address 0x1a2b: polarity 1, bits 1 to 7 are 0x15 = 21, bits 8 to 14 are 0x1a = 26.
	file := aedat2Bytes(plainAEDAT2, 0x1a2b, 1000, 0x8001, 1500, 0x7ffe, 2000)
	checkEvents(t, file, Options{}, Sensor{128, 128}, Event{1000, 127 - 26, 127 - 21, false}, Event{2000, 0, 0, true})
	checkEvents(t, file, Options{Layout: Tonic}, Sensor{128, 128}, Event{1000, 26, 21, true}, Event{2000, 127, 127, false})
	checkEvents(t, file, Options{Layout: JAER}, Sensor{128, 128}, Event{1000, 127 - 21, 127 - 26, false}, Event{2000, 0, 0, true})
	// Lines may end with LF alone, and the version may be missing.
	checkEvents(t, aedat2Bytes("# old\n#\n", 0, 3), Options{}, Sensor{128, 128}, Event{3, 127, 127, true})

	// The clock overflows after 2³² µs.
	file = aedat2Bytes(plainAEDAT2, 0, 0xfffffff0, 0, 0x10)
	checkEvents(t, file, Options{}, Sensor{128, 128}, Event{0xfffffff0, 127, 127, true}, Event{0x100000010, 127, 127, true})
}

func TestAEDAT2Bad(t *testing.T) {
	n := len(plainAEDAT2)
	checkBad(t, []badFile{
		{"cut", aedat2Bytes(plainAEDAT2, 2, 1, 4, 2)[:n+11], Options{}, "record 1, byte 65: the file ends early: expected 8 more bytes, got 3", Skipped{Truncated: 1}, 1, false},
		{"address", aedat2Bytes(plainAEDAT2, 2, 1, 0x10002, 2), Options{}, "record 1, byte 65: the address is 0x10002, expected at most 15 bits", Skipped{OffSensor: 1}, 1, false},
		{"backwards", aedat2Bytes(plainAEDAT2, 2, 9, 2, 8), Options{}, "record 1, byte 65: the time runs backwards: the event is at 8 µs, the one before at 9 µs", Skipped{Backwards: 1}, 1, false},
		{"before 0", aedat2Bytes(plainAEDAT2, 2, 9, 2, 0xffffffff), Options{}, "the event is at -1 µs, the one before at 9 µs", Skipped{Backwards: 1}, 1, false},
		{"no events", []byte(plainAEDAT2), Options{}, "record 0, byte 57: the recording holds no events", Skipped{Empty: 1}, 0, false},
		{"endless header", []byte("#!AER-DAT2.0\r\n# no end"), Options{}, "header, byte 22: the file ends early: expected the end of a header line", Skipped{}, 0, true},
		{"other chip", []byte("#!AER-DAT2.0\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\n"), Options{}, `header, byte 13: the chip is "eu.seebetter.ini.chips.davis.DAVIS240C", expected a DVS128`, Skipped{}, 0, true},
		{"other version", []byte(plainAEDAT3), Options{Format: AEDAT2}, "expected AEDAT 2.0, got AEDAT 3.1", Skipped{}, 0, true},
		{"unknown version", []byte("#!AER-DAT9.0\r\n"), Options{}, "got another version of AEDAT", Skipped{}, 0, true},
		{"unknown", []byte("hello world!"), Options{}, "got first bytes 68 65 6c 6c 6f", Skipped{}, 0, true},
	})
	if n != 57 {
		t.Fatalf("the header has %d bytes", n)
	}
}

func TestAEDAT3(t *testing.T) {
	a, b, c := Event{5, 1, 2, true}, Event{6, 127, 127, false}, Event{7, 3, 4, true}
	other := packet3{3, 36, 32, 0, 2, 2, 2, make([]byte, 72)} // inertial measurements
	spare := polarity3(0, a)
	spare.capacity = 3
	spare.body = append(spare.body, bytes.Repeat([]byte{0xff}, 16)...)
	invalid := polarity3(0, b, c)
	invalid.valid = 1
	copy(invalid.body, event3(b, false))
	checkEvents(t, aedat3Bytes(spare, other, invalid), Options{}, Sensor{128, 128}, a, c)

	later := c
	later.T += 1 << 31
	checkEvents(t, aedat3Bytes(polarity3(0, a, b), polarity3(1, c)), Options{}, Sensor{128, 128}, a, b, later)

	file := strings.Replace(plainAEDAT3, "DVS128", "DAVIS240C", 1)
	checkEvents(t, append([]byte(file), polarity3(0, Event{1, 239, 179, true}).bytes()...), Options{}, Sensor{240, 180}, Event{1, 239, 179, true})
}

func TestAEDAT3Bad(t *testing.T) {
	a, b := Event{5, 1, 2, true}, Event{6, 7, 8, false}
	good := aedat3Bytes(polarity3(0, a, b))
	start := len(plainAEDAT3) // 105
	change := func(f func(*packet3)) []byte {
		p := polarity3(0, a, b)
		f(&p)
		return aedat3Bytes(p)
	}
	checkBad(t, []badFile{
		{"cut event", good[:len(good)-3], Options{}, "record 1, byte 141: the file ends early: expected 8 more bytes, got 5", Skipped{Truncated: 1}, 1, false},
		{"cut between events", good[:len(good)-8], Options{}, "record 1, byte 141: the file ends early: expected 8 more bytes, got 0", Skipped{Truncated: 1}, 1, false},
		{"cut header", good[:start+10], Options{}, "record 0, byte 105: the file ends early: expected 28 more bytes, got 10", Skipped{Truncated: 1}, 0, false},
		{"capacity without bytes", change(func(p *packet3) { p.capacity = 9 }), Options{}, "the file ends early: expected 56 more bytes, got 0", Skipped{Truncated: 1}, 2, false},
		{"more events than capacity", change(func(p *packet3) { p.number = 3 }), Options{}, "record 0, byte 105: packet header: 2 valid of 3 events in a packet for 2, expected ascending numbers", Skipped{}, 0, true},
		{"negative capacity", change(func(p *packet3) { p.capacity = 1 << 31 }), Options{}, "packet header: events of 8 bytes, capacity -2147483648", Skipped{}, 0, true},
		{"size of events", change(func(p *packet3) { p.size = 16 }), Options{}, "packet header: polarity events of 16 bytes with the time at byte 4, expected 8 and 4", Skipped{}, 0, true},
		{"high bit of time", aedat3Bytes(polarity3(0, a, Event{1<<31 + 6, 0, 0, true}, b)), Options{}, "record 1, byte 141: the event's time has the highest of 32 bits set", Skipped{Corrupt: 1}, 2, false},
		{"backwards", aedat3Bytes(polarity3(0, b, a)), Options{}, "record 1, byte 141: the time runs backwards", Skipped{Backwards: 1}, 1, false},
		{"backwards by packet", aedat3Bytes(polarity3(1, a), polarity3(0, b)), Options{}, "record 1, byte 169: the time runs backwards", Skipped{Backwards: 1}, 1, false},
		{"off the sensor", aedat3Bytes(polarity3(0, a, Event{6, 128, 0, true})), Options{}, "x = 128, y = 0, off the sensor of 128×128 pixels", Skipped{OffSensor: 1}, 1, false},
		{"no end of header", []byte("#!AER-DAT3.1\r\n#Format: RAW\r\nabc"), Options{}, "header, byte 28: expected the header to go on to the line #!END-HEADER, got 61", Skipped{}, 0, true},
		{"no events", []byte(plainAEDAT3), Options{}, "the recording holds no events", Skipped{Empty: 1}, 0, false},
	})
	if start != 105 {
		t.Fatalf("the header has %d bytes", start)
	}
}

// pack4 compresses a packet's content.
func pack4(t testing.TB, compression int32, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch compression {
	case 0:
		return body
	case 1, 2:
		w = lz4.NewWriter(&b)
	default:
		z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAEDAT4(t *testing.T) {
	a, b, c := Event{1<<40 + 5, 1, 2, true}, Event{1<<40 + 6, 19, 9, false}, Event{1<<40 + 6, 3, 4, true}
	for compression := range int32(5) {
		pack := func(events ...Event) []byte { return packet4(1, pack4(t, compression, body4(events...))) }
		head := header4(compression, -1, info4)
		file := join(head, pack(a, b), packet4(0, []byte("triggers")), pack(), pack(c))
		checkEvents(t, file, Options{}, Sensor{20, 10}, a, b, c)
		// What follows the packets is a table that is not read.
		head = header4(compression, int64(len(file)), info4)
		file = join(head, file[len(head):], []byte("the table"))
		checkEvents(t, file, Options{}, Sensor{20, 10}, a, b, c)
	}
	// Many packets use one buffer, so none may be kept beyond its time.
	var file []byte
	s := noise(1, Sensor{20, 10}, 3000, 1e6)
	file = header4(1, -1, info4)
	for at := 0; at < len(s.Events); at += 700 {
		file = append(file, packet4(1, pack4(t, 1, body4(s.Slice(at, min(at+700, 3000)).Events...)))...)
	}
	checkEvents(t, file, Options{}, Sensor{20, 10}, s.Events...)
}

func TestAEDAT4Bad(t *testing.T) {
	a, b := Event{5, 1, 2, true}, Event{6, 7, 8, false}
	le := binary.LittleEndian
	head := header4(0, -1, info4)
	good := join(head, packet4(1, body4(a, b)))
	patch := func(at int, v uint32) []byte {
		f := join(good, packet4(1, body4(b)))
		le.PutUint32(f[at:], v)
		return f
	}
	body := len(head) + 8
	zipped := join(header4(1, -1, info4), packet4(1, pack4(t, 1, body4(a))), packet4(1, pack4(t, 1, body4(b))))
	zipped[len(header4(1, -1, info4))+8+10] ^= 0xff
	checkBad(t, []badFile{
		{"cut packet", good[:len(good)-3], Options{}, "the file ends early: expected 3 more bytes, got 0", Skipped{Truncated: 1}, 0, false},
		{"cut packet header", join(good, []byte{1, 0, 0}), Options{}, "record 2, byte 522: the file ends early: expected 8 more bytes, got 3", Skipped{Truncated: 1}, 2, false},
		{"size of the content", patch(body, 7), Options{}, "record 0, byte 450: packet of 64 bytes: it unpacks to 64 bytes that do not begin with their number", Skipped{Corrupt: 1}, 1, false},
		{"kind of the content", patch(body+8, 7), Options{}, `a FlatBuffer of kind "\a\x00\x00\x00", expected "EVTS"`, Skipped{Corrupt: 1}, 1, false},
		{"root", patch(body+4, 1<<31), Options{}, "the root table lies at byte 2147483648 of 60", Skipped{Corrupt: 1}, 1, false},
		{"vtable", patch(body+20, 1<<30), Options{}, "the vtable lies at byte -1073741808 of 60", Skipped{Corrupt: 1}, 1, false},
		{"vector", patch(body+24, 1<<31), Options{}, "the vector of field 0 lies at byte 2147483668 of 60", Skipped{Corrupt: 1}, 1, false},
		{"length", patch(body+28, 3), Options{}, "the vector of field 0 has 3 elements of 16 bytes, of which 32 bytes are there", Skipped{Corrupt: 1}, 1, false},
		{"compressed", zipped, Options{}, "record 0, byte 450: packet of", Skipped{Corrupt: 1}, 1, false},
		{"negative size", patch(len(head)+4, 1<<31), Options{}, "record 0, byte 450: packet of stream 1 with -2147483648 bytes", Skipped{}, 0, true},
		{"negative address", join(head, packet4(1, body4(a, Event{6, 65535, 2, true}))), Options{}, "record 1, byte 450: the event is at x = 65535, y = 2, off the sensor", Skipped{OffSensor: 1}, 1, false},
		{"backwards", join(head, packet4(1, body4(b)), packet4(1, body4(a))), Options{}, "record 1, byte 506: the time runs backwards", Skipped{Backwards: 1}, 1, false},
		{"time", join(head, packet4(1, body4(a, Event{1 << 62, 1, 1, true}))), Options{}, "the event is at 4611686018427387904 µs, expected at most 2⁶⁰", Skipped{Corrupt: 1}, 1, false},
		{"cut header", good[:50], Options{}, "header, byte 50: the file ends early: expected 400 more bytes, got 0", Skipped{}, 0, true},
		{"compression", header4(9, -1, info4), Options{}, "header, byte 18: compression is 9, expected 0 to 4", Skipped{}, 0, true},
		{"no XML", header4(0, -1, "<dv"), Options{}, "header, byte 18: the description of streams: XML syntax error", Skipped{}, 0, true},
		{"no events", header4(0, -1, "<dv></dv>"), Options{}, "none of the file's streams holds events", Skipped{}, 0, true},
		{"no size", header4(0, -1, strings.Replace(info4, "sizeX", "size", 1)), Options{}, "the sensor has 0×10 pixels", Skipped{}, 0, true},
		{"no packets", head, Options{}, "the recording holds no events", Skipped{Empty: 1}, 0, false},
	})
	if len(head) != 450 {
		t.Fatalf("the header has %d bytes", len(head))
	}
}

// A small packet that unpacks to more than the bound is refused before it has
// taken much memory.
func TestAEDAT4Bomb(t *testing.T) {
	bomb := pack4(t, 3, make([]byte, maxPacket+1<<20))
	if len(bomb) > 1<<16 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	_, _, err := read(join(header4(3, -1, info4), packet4(1, bomb)), Options{})
	if err == nil || !strings.Contains(err.Error(), "it unpacks to more than 67108864 bytes") {
		t.Error(err)
	}
}

func TestDAT(t *testing.T) {
	a, b := Event{5, 1, 2, true}, Event{1<<32 - 1, 639, 479, false}
	checkEvents(t, datBytes(plainDAT, a), Options{}, Sensor{640, 480}, a)
	old := datBytes("% Version 2\n", Event{5, 303, 239, true})
	old[len("% Version 2\n")] = 0
	checkEvents(t, old, Options{}, Sensor{304, 240}, Event{5, 303, 239, true})
	checkEvents(t, datBytes(plainDAT, Event{1<<32 - 1, 639, 479, false}, Event{4, 0, 0, true}), Options{}, Sensor{640, 480},
		b, Event{1<<32 + 4, 0, 0, true})
}

func TestDATBad(t *testing.T) {
	a := Event{5, 1, 2, true}
	good := datBytes(plainDAT, a, a)
	typed := datBytes(plainDAT, a)
	typed[len(plainDAT)] = 14
	checkBad(t, []badFile{
		{"cut", good[:len(good)-1], Options{}, "record 1, byte 80: the file ends early: expected 8 more bytes, got 7", Skipped{Truncated: 1}, 1, false},
		{"no records", good[:len(plainDAT)+1], Options{}, "header, byte 70: the file ends early: expected 2 bytes", Skipped{}, 0, true},
		{"type", typed, Options{}, "header, byte 70: records of type 14 and 8 bytes, expected type 0 or 12", Skipped{}, 0, true},
		{"width", []byte("% Width big\n"), Options{}, `header, byte 0: the width is "big", expected a number`, Skipped{}, 0, true},
		{"size", []byte("% Width 99999\n% Height 4\n"), Options{}, "the sensor has 99999×4 pixels, expected 1 to 4096", Skipped{}, 0, true},
		{"raw", []byte("% camera x\n% evt 3.0\n"), Options{}, "header, byte 11: expected Prophesee DAT, got Prophesee RAW (evt 3.0)", Skipped{}, 0, true},
		{"off the sensor", datBytes(plainDAT, a, Event{6, 640, 0, true}), Options{}, "record 1, byte 80: the event is at x = 640, y = 0, off the sensor", Skipped{OffSensor: 1}, 1, false},
	})
}

// Readers give the same events however the bytes arrive.
func TestReadersInPieces(t *testing.T) {
	s := noise(2, Sensor{20, 10}, 9000, 1e6)
	files := map[string][]byte{
		"n-mnist": nmnistBytes(s.Events...),
		"dat":     datBytes(plainDAT, s.Events...),
		"aedat3":  aedat3Bytes(polarity3(0, s.Events[:5000]...), polarity3(0, s.Events[5000:]...)),
		"aedat4":  join(header4(0, -1, info4), packet4(1, body4(s.Events...))),
	}
	for name, file := range files {
		o := Options{Sensor: s.Sensor}
		if name == "n-mnist" {
			o.Format = NMNIST
		}
		r, err := NewReader(iotest.OneByteReader(bytes.NewReader(file)), name, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadAll(r)
		if err != nil || len(got.Events) != len(s.Events) {
			t.Errorf("%s: %d events, %v", name, len(got.Events), err)
		}
		failing := errors.New("the disk is on fire")
		r, err = NewReader(io.MultiReader(bytes.NewReader(file[:len(file)-7]), iotest.ErrReader(failing)), name, o)
		if err != nil {
			t.Fatal(err)
		}
		var format *data.FormatError
		if _, err = ReadAll(r); !errors.Is(err, failing) || errors.As(err, &format) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// repeat is a file of n copies of a part.
type repeat struct {
	part []byte
	n    int
	left []byte
}

func (r *repeat) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.left = r.part
	}
	n := copy(b, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Reading 16 times as much takes no more memory.
func TestReadersStream(t *testing.T) {
	s := noise(3, Sensor{20, 10}, 1, 1) // one time throughout, so that copies are in order
	var events []Event
	for range 2000 {
		events = append(events, s.Events[0])
	}
	for name, c := range map[string]struct{ head, part []byte }{
		"n-mnist": {nil, nmnistBytes(events...)},
		"aedat2":  {[]byte(plainAEDAT2), bytes.Repeat([]byte{0, 0, 0, 2, 0, 0, 0, 1}, 2000)},
		"aedat3":  {[]byte(plainAEDAT3), polarity3(0, events...).bytes()},
		"aedat4":  {header4(1, -1, info4), packet4(1, pack4(t, 1, body4(events...)))},
		"dat":     {datBytes(plainDAT), bytes.Repeat([]byte{1, 0, 0, 0, 2, 0, 0, 0}, 2000)},
	} {
		o := Options{}
		if name == "n-mnist" {
			o.Format = NMNIST
		}
		// held returns the most memory in use at eight places of a recording.
		held := func(copies int) uint64 {
			r, err := NewReader(io.MultiReader(bytes.NewReader(c.head), &repeat{part: c.part, n: copies}), name, o)
			if err != nil {
				t.Fatal(err)
			}
			n, most := 0, uint64(0)
			var m runtime.MemStats
			err = r.Each(func(part []Event) error {
				if n += len(part); n*8/(2000*copies) > (n-len(part))*8/(2000*copies) {
					runtime.GC()
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
				return nil
			})
			if err != nil || n != 2000*copies {
				t.Fatalf("%s: %d events, error %v", name, n, err)
			}
			return most
		}
		if few, many := held(50), held(800); many > few+1<<18 {
			t.Errorf("%s: %d bytes in use while reading 100,000 events, %d for 1,600,000", name, few, many)
		}
	}
}
