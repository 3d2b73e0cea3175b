package event

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Format is a file format for recordings.
type Format int

// The formats. N-MNIST's and N-Caltech101's files differ in the sensor alone.
const (
	Auto Format = iota
	NMNIST
	NCaltech101
	AEDAT2
	AEDAT3
	AEDAT4
	DAT
)

var formatChoice = choice{"the format", []string{"auto", "n-mnist", "n-caltech101", "aedat2", "aedat3", "aedat4", "dat"}}

func (f Format) String() string { return formatChoice.String(int(f)) }

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), formatChoice.check(int(f)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Format) UnmarshalText(text []byte) error {
	i, err := formatChoice.parse(string(text))
	*f = Format(i)
	return err
}

// titles are the formats' names as errors show them.
var titles = map[Format]string{
	NMNIST: "N-MNIST", NCaltech101: "N-Caltech101", AEDAT2: "AEDAT 2.0", AEDAT3: "AEDAT 3.1", AEDAT4: "AEDAT 4.0",
	DAT: "Prophesee DAT",
}

// magics are first bytes that tell a format, and what it is. The longest of
// several with a common beginning comes first.
var magics = []struct {
	bytes  string
	what   string
	format Format // Auto: none that can be read here
}{
	{"#!AER-DAT2.0", titles[AEDAT2], AEDAT2},
	{"#!AER-DAT3.1", titles[AEDAT3], AEDAT3},
	{"#!AER-DAT4.0", titles[AEDAT4], AEDAT4},
	{"#!AER-DAT", "another version of AEDAT", Auto},
	{"#", titles[AEDAT2], AEDAT2}, // the oldest files have no version
	{"%", titles[DAT], DAT},
	{"\x1f\x8b", "gzip", Auto},
	{"PK\x03\x04", "ZIP", Auto},
	{"\x89HDF\r\n", "HDF5", Auto},
	{"\x93NUMPY", "NumPy", Auto},
	{"\x89PNG", "PNG", Auto},
}

const longestMagic = 12

// open finds out the format and reads the header.
func (r *Reader) open() error {
	head, err := r.src.peek(longestMagic)
	if err != nil {
		return err
	}
	if len(head) == 0 {
		return r.src.fail(-1, 0, "the file is empty")
	}
	found, what := recognise(head)
	switch want := r.o.Format; {
	case want == Auto && found == Auto && what == "" && strings.EqualFold(path.Ext(filepath.ToSlash(r.src.name)), ".bin"):
		r.o.Format = NMNIST // which has no mark of its own
	case want == Auto && found == Auto:
		if what == "" {
			what = fmt.Sprintf("first bytes % x", head)
		}
		return r.src.fail(-1, 0, "expected a recording in one of the formats %s, got %s", strings.Join(formatChoice.names[1:], ", "), what)
	case want == Auto:
		r.o.Format = found
	case what != "" && found != want, what == "" && want != NMNIST && want != NCaltech101:
		if what == "" {
			what = fmt.Sprintf("first bytes % x", head)
		}
		return r.src.fail(-1, 0, "expected %s, got %s", titles[want], what)
	}
	r.dec, err = openers[r.o.Format](r)
	return err
}

// openers read the headers and return what decodes the rest.
var openers = map[Format]func(*Reader) (decoder, error){
	NMNIST:      openNMNIST,
	NCaltech101: openNCaltech101,
	AEDAT2:      openAEDAT2,
	AEDAT3:      openAEDAT3,
	AEDAT4:      openAEDAT4,
	DAT:         openDAT,
}

// recognise says what a file with these first bytes is, if that is known.
func recognise(head []byte) (Format, string) {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.format, m.what
		}
	}
	return Auto, ""
}

// implied sets the sensor to what the format implies unless it is given.
func (r *Reader) implied(s Sensor) {
	if r.sensor == (Sensor{}) {
		r.sensor = s
	}
}

// Load reads a recording from a file.
func Load(name string, o Options) (Stream, Skipped, error) {
	f, err := os.Open(name)
	if err != nil {
		return Stream{}, Skipped{}, err
	}
	defer f.Close()
	return load(f, name, o)
}

func load(f io.Reader, name string, o Options) (Stream, Skipped, error) {
	r, err := NewReader(f, name, o)
	if err != nil {
		return Stream{}, Skipped{}, err
	}
	s, err := ReadAll(r)
	return s, r.Skipped(), err
}
