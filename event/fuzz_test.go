package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
)

// allocated returns how many bytes fn allocates, to within what the allocator
// keeps ready, and does not stop the world for it.
func allocated(fn func()) int {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	fn()
	metrics.Read(sample)
	return int(sample[0].Value.Uint64() - before)
}

// drain reads a file under both policies. Whatever the bytes, events come in
// order and lie on the sensor, errors name the file, skipping loses nothing that
// stopping would have delivered, and memory stays within the bound.
func drain(t *testing.T, file []byte, o Options, most int) (events []Event, err error) {
	t.Helper()
	events = make([]Event, 0, 1+len(file)/4) // outside of what is measured
	var lenient int
	var strict error
	for _, o.OnBad = range []OnBad{Stop, Skip} {
		got := allocated(func() {
			var r *Reader
			if r, err = NewReader(bytes.NewReader(file), "fuzzed", o); err != nil {
				return
			}
			last := int64(-maxTime)
			err = r.Each(func(part []Event) error {
				for _, e := range part {
					if e.T < last || e.T > maxTime || !r.Sensor().Has(e.X, e.Y) {
						t.Fatalf("event %+v after %d µs on %v pixels", e, last, r.Sensor())
					}
					last = e.T
				}
				if o.OnBad == Skip {
					lenient += len(part)
				} else if len(events)+len(part) <= cap(events) {
					events = append(events, part...)
				}
				return nil
			})
			if r.Offset() > int64(len(file)) {
				t.Fatalf("%d bytes read of %d", r.Offset(), len(file))
			}
			if o.OnBad == Stop && r.Skipped().Total() != 0 {
				t.Fatalf("%+v skipped under the policy to stop", r.Skipped())
			}
		})
		if got > most {
			t.Errorf("%d bytes allocated for a file of %d, expected at most %d", got, len(file), most)
		}
		var format *data.FormatError
		if err != nil && (!strings.HasPrefix(err.Error(), "fuzzed: ") || !errors.As(err, &format)) {
			t.Errorf("error %q does not name the file's fault", err)
		}
		if o.OnBad == Stop {
			strict = err
		}
	}
	if lenient < len(events) {
		t.Errorf("skipping delivers %d events, stopping %d", lenient, len(events))
	}
	return events, strict
}

// small is what a reader of records may allocate: its buffers, and no more.
const small = 1 << 20

func FuzzNMNIST(f *testing.F) {
	f.Add(nmnistBytes(Event{1, 2, 3, true}, Event{1, 33, 33, false}))
	f.Add(nmnistBytes(Event{1 << 20, 2, 3, true}, Event{1, 33, 33, false}))
	f.Add([]byte{1, 240, 0, 0, 0, 5, 34, 0, 0, 1, 3})
	f.Add([]byte(plainDAT))
	f.Fuzz(func(t *testing.T, file []byte) {
		events, err := drain(t, file, Options{Format: NMNIST}, small)
		if found, what := recognise(file[:min(len(file), longestMagic)]); what != "" || found != Auto {
			return
		}
		// Record by record, up to the first that is bad.
		var want []Event
		ahead, last := int64(0), int64(0)
		rest := file
		for ; len(rest) >= 5; rest = rest[5:] {
			if rest[1] == 240 {
				ahead += 8192
				continue
			}
			v := ahead + int64(binary.BigEndian.Uint32(rest[1:])&0x7fffff)
			if rest[0] > 33 || rest[1] > 33 || v < last {
				break
			}
			last = v
			want = append(want, Event{v, uint16(rest[0]), uint16(rest[1]), rest[2] >= 128})
		}
		if !slices.Equal(events, want) || (err == nil) != (len(rest) == 0 && len(want) > 0) {
			t.Fatalf("%d events, want %d; error %v with %d bytes left", len(events), len(want), err, len(rest))
		}
	})
}

func FuzzAEDAT2(f *testing.F) {
	f.Add(aedat2Bytes(plainAEDAT2, 2, 1, 4, 2), false)
	f.Add(aedat2Bytes(plainAEDAT2, 0x8001, 1, 4, 2, 5, 1), true)
	f.Add(aedat2Bytes("#\n", 2, 0xfffffff0, 4, 2), true)
	f.Add([]byte("# AEChip: DAVIS\n"), false)
	f.Fuzz(func(t *testing.T, file []byte, tonic bool) {
		o := Options{Format: AEDAT2}
		if tonic {
			o.Layout = Tonic
		}
		events, err := drain(t, file, o, small)
		if err != nil {
			return
		}
		// Without an error, all but the special events are there, bit for bit.
		rest := file
		for rest[0] == '#' {
			rest = rest[bytes.IndexByte(rest, '\n')+1:]
		}
		for ; len(rest) > 0; rest = rest[8:] {
			a := binary.BigEndian.Uint32(rest)
			if a&0x8000 != 0 {
				continue
			}
			e := events[0]
			events = events[1:]
			x, y, on := uint16(a>>8), uint16(a>>1&127), a&1 == 1
			if !tonic {
				x, y, on = 127-x, 127-y, !on
			}
			if e.X != x || e.Y != y || e.On != on || uint32(e.T) != binary.BigEndian.Uint32(rest[4:]) {
				t.Fatalf("record % x is read as %+v", rest[:8], e)
			}
		}
		if len(events) > 0 {
			t.Fatalf("%d events too many", len(events))
		}
	})
}

func FuzzAEDAT3(f *testing.F) {
	a, b := Event{5, 1, 2, true}, Event{6, 7, 8, false}
	f.Add(aedat3Bytes(polarity3(0, a, b), packet3{2, 3, 0, 0, 2, 1, 0, make([]byte, 6)}, polarity3(1, a)))
	f.Add(aedat3Bytes(polarity3(0, b, a)))
	f.Add(aedat3Bytes(packet3{1, 8, 4, 0, 1 << 30, 1, 1, event3(a, true)}))
	f.Add([]byte("#!AER-DAT3.1\r\n#Source 7: DAVIS346\n#!END-HEADER\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) { drain(t, file, Options{Format: AEDAT3}, small) })
}

func FuzzAEDAT4(f *testing.F) {
	a, b := Event{5, 1, 2, true}, Event{6, 7, 8, false}
	for compression := range int32(5) {
		file := join(header4(compression, -1, info4), packet4(1, pack4(f, compression, body4(a, b))), packet4(0, []byte{1}))
		f.Add(file)
		f.Add(join(header4(compression, int64(len(file)), info4), file[len(header4(0, 0, info4)):], packet4(1, []byte("table"))))
	}
	f.Add(join(header4(0, -1, info4), packet4(1, body4(b, a)), packet4(1, body4())))
	f.Fuzz(func(t *testing.T, file []byte) {
		// A packet unpacks to at most maxPacket in a buffer that doubles, beside
		// the decompressors' own; the header's tree takes a multiple of its
		// text.
		drain(t, file, Options{Format: AEDAT4}, 4*maxPacket+2*maxWindow+256*len(file))
	})
}

func FuzzDAT(f *testing.F) {
	a, b := Event{5, 1, 2, true}, Event{6, 639, 479, false}
	f.Add(datBytes(plainDAT, a, b))
	f.Add(datBytes("%\n", b, a))
	f.Add(datBytes("% Width 4096\n% Height 4096\n%Width 1\n", a, a))
	f.Add([]byte("% format EVT3;height=720;width=1280\n"))
	f.Fuzz(func(t *testing.T, file []byte) { drain(t, file, Options{Format: DAT}, small) })
}

// FuzzAuto lets first bytes tell the format.
func FuzzAuto(f *testing.F) {
	a := Event{5, 1, 2, true}
	for _, file := range [][]byte{
		aedat2Bytes(plainAEDAT2, 2, 1), aedat3Bytes(polarity3(0, a)), join(header4(0, -1, info4), packet4(1, body4(a))),
		datBytes(plainDAT, a), []byte("PK\x03\x04"), []byte("#!AER-DAT1.0\n"), {},
	} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		drain(t, file, Options{}, 4*maxPacket+2*maxWindow+256*len(file))
	})
}

// FuzzReadSimulated reads descriptions of simulated folders: what is accepted has a
// folder for each class, below the given one.
func FuzzReadSimulated(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"dvs-toys","style":"n-mnist","classes":["a/b","c"],"train":[3,2],"test":[1,1],"sha256":[]}`))
	f.Add([]byte(`{"version":1,"name":"","style":"cifar10-dvs","classes":["..x","c"],"train":[3,2],"sha256":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadSimulated(text, "f")
		if err != nil {
			return
		}
		for c := range s.Classes {
			if p := s.Path(false, int32(c), 0); !fs.ValidPath(p) {
				t.Errorf("class %q lies at %q", s.Classes[c], p)
			}
		}
	})
}
