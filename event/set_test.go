package event

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qif-snn/qif/data"
)

func file(b []byte) *fstest.MapFile { return &fstest.MapFile{Data: b} }

func nmnistDir() fstest.MapFS {
	dir := fstest.MapFS{}
	for c := range 10 {
		for _, n := range []int{10, 9, 100} {
			dir[fmt.Sprintf("Train/%d/%05d.bin", c, n)] = file(nmnistBytes(Event{int64(n), uint16(c), 1, true}))
		}
		dir[fmt.Sprintf("Test/%d/%05d.bin", c, 7)] = file(nmnistBytes(Event{7, uint16(c), 2, false}))
	}
	dir["Train/3/.DS_Store"] = file([]byte("?"))
	return dir
}

func TestOpenNMNIST(t *testing.T) {
	train, test, err := OpenFS(nmnistDir(), "data")
	if err != nil {
		t.Fatal(err)
	}
	if train.Name != "n-mnist-subset/train" || train.Len() != 30 || test.Len() != 10 || train.Sensor != (Sensor{34, 34}) {
		t.Errorf("%q has %d samples on %v, the test set %d", train.Name, train.Len(), train.Sensor, test.Len())
	}
	want := Sample{"Train/4/00009.bin", 5, 4, 0, 0}
	if train.Samples[12] != want {
		t.Errorf("sample 12 is %+v, want %+v", train.Samples[12], want)
	}
	s, _, err := train.Load(12, Options{})
	if err != nil || len(s.Events) != 1 || s.Events[0] != (Event{9, 4, 1, true}) {
		t.Errorf("events %v, error %v", s.Events, err)
	}
}

func cifarDir(perClass int) fstest.MapFS {
	dir := fstest.MapFS{}
	for _, class := range data.CIFAR10Classes() {
		for n := range perClass {
			dir[fmt.Sprintf("CIFAR10-DVS/%s/cifar10_%s_%d.aedat", class, class, n)] = file(aedat2Bytes(plainAEDAT2, 2, uint32(n)))
		}
	}
	return dir
}

func TestSplits(t *testing.T) {
	s, test, err := OpenFS(cifarDir(103), "data")
	if err != nil || test != nil {
		t.Fatalf("test set %v, error %v", test, err)
	}
	heldBy := func(method string, seed uint64) map[string]bool {
		m, err := s.Split(method, .1, seed)
		if err != nil {
			t.Fatal(err)
		}
		train, held, err := m.Split(s.Name, s.Len(), s.Hash)
		if err != nil || len(train)+len(held) != s.Len() {
			t.Fatalf("%d and %d of %d samples, error %v", len(train), len(held), s.Len(), err)
		}
		paths := map[string]bool{}
		for _, i := range held {
			paths[strings.TrimPrefix(s.Samples[i].Path, "CIFAR10-DVS/")] = true
		}
		return paths
	}
	last, first := heldBy(Last100, 1), heldBy(First100, 1)
	for _, class := range s.Classes {
		for n := range 103 {
			p := fmt.Sprintf("%s/cifar10_%s_%d.aedat", class, class, n)
			if last[p] != (n >= 3) || first[p] != (n < 100) {
				t.Fatalf("%s is held out by %v and %v", p, last[p], first[p])
			}
		}
	}
	a, b := heldBy(Stratified, 1), heldBy(Stratified, 2)
	if len(a) != 100 || len(b) != 100 {
		t.Errorf("a share of .1 holds out %d and %d samples", len(a), len(b))
	}
	common := 0
	for p := range a {
		if b[p] {
			common++
		}
	}
	if common > 40 {
		t.Errorf("two seeds hold out %d samples in common", common)
	}

	// The hash is of what the list says: another size is another set.
	m, err := s.Split(Last100, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.Samples[5].Size++
	if _, _, err := m.Split(s.Name, s.Len(), s.Hash); err == nil || !strings.Contains(err.Error(), "is for a data set with SHA-256") {
		t.Errorf("error is %v", err)
	}
	if _, err := s.Split("some", 0, 0); err == nil || !strings.Contains(err.Error(), `the method of the split is "some", expected one of last-100-per-class`) {
		t.Errorf("error is %v", err)
	}
	few, _, err := OpenFS(cifarDir(100), "data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := few.Split(Last100, 0, 0); err == nil || !strings.Contains(err.Error(), `class "airplane" has 100 samples, expected more than the 100 to hold out`) {
		t.Errorf("error is %v", err)
	}
}

func gestureDir() fstest.MapFS {
	var events []Event
	for v := range int64(100) {
		events = append(events, Event{10 * v, uint16(v), 1, true})
	}
	recording := file(aedat3Bytes(polarity3(0, events...)))
	return fstest.MapFS{
		"DvsGesture/trials_to_train.txt":         file([]byte("user01_led.aedat\n\nuser02_led.aedat\n")),
		"DvsGesture/trials_to_test.txt":          file([]byte("user03_led.aedat\r\n")),
		"DvsGesture/user01_led.aedat":            recording,
		"DvsGesture/user02_led.aedat":            recording,
		"DvsGesture/user03_led.aedat":            recording,
		"DvsGesture/user01_led_labels.csv":       file([]byte("class,startTime_usec,endTime_usec\n11,500,600\n1,100,130\n")),
		"DvsGesture/user02_led_labels.csv":       file([]byte("class,startTime_usec,endTime_usec\n2,995,2000\n")),
		"DvsGesture/user03_led_labels.csv":       file([]byte("class,startTime_usec,endTime_usec\n3,0,10\n")),
		"DvsGesture/errata.txt":                  file([]byte("none")),
		"DvsGesture/gesture_mapping.csv":         file([]byte("hand_clapping,1\n")),
		"DvsGesture/user04_not_listed_led.aedat": recording,
	}
}

func TestOpenGesture(t *testing.T) {
	train, test, err := OpenFS(gestureDir(), "data")
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 3 || test.Len() != 1 || !slices.Equal(train.Labels(), []int32{0, 10, 1}) || test.Samples[0].Label != 2 {
		t.Fatalf("samples %+v and %+v", train.Samples, test.Samples)
	}
	// Start is part of a trial, end is not.
	s, _, err := train.Load(0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var times []int64
	for _, e := range s.Events {
		times = append(times, e.T)
	}
	if !slices.Equal(times, []int64{100, 110, 120}) {
		t.Errorf("the trial from 100 to 130 µs has events at %v", times)
	}
	if _, _, err := train.Load(2, Options{}); err == nil || !strings.Contains(err.Error(), `user02_led.aedat: no events from 995 to 2000 µs, where a trial of class "right hand wave" should be`) {
		t.Errorf("error is %v", err)
	}
	if s, skipped, err := train.Load(2, Options{OnBad: Skip}); err != nil || len(s.Events) != 0 || skipped != (Skipped{Empty: 1}) {
		t.Errorf("%d events, %+v, error %v", len(s.Events), skipped, err)
	}
}

// withoutPermission refuses to open one path.
type withoutPermission struct {
	fs.FS
	path string
}

func (f withoutPermission) Open(name string) (fs.File, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.FS.Open(name)
}

func TestOpenErrors(t *testing.T) {
	change := func(dir fstest.MapFS, f func(fstest.MapFS)) fstest.MapFS { f(dir); return dir }
	for _, c := range []struct {
		name string
		fsys fs.FS
		want string
	}{
		{"nothing", fstest.MapFS{}, "data holds no data set of recordings; looked for simulated recordings (simulated.json), N-MNIST (Train/0), DVS128 Gesture"},
		{"missing class", change(cifarDir(2), func(d fstest.MapFS) {
			for n := range 2 {
				delete(d, fmt.Sprintf("CIFAR10-DVS/frog/cifar10_frog_%d.aedat", n))
			}
		}), `data: class "frog": open CIFAR10-DVS/frog: file does not exist`},
		{"class without files", change(nmnistDir(), func(d fstest.MapFS) {
			delete(d, "Test/9/00007.bin")
			d["Test/9/note.txt"] = file(nil)
		}), `data/Test/9: class "9" has no files ending in .bin`},
		{"no permission", withoutPermission{nmnistDir(), "Train/5"}, `data: class "5": open Train/5: permission denied`},
		{"missing recording", change(gestureDir(), func(d fstest.MapFS) { delete(d, "DvsGesture/user02_led.aedat") }),
			"data: a recording that trials_to_train.txt names: open DvsGesture/user02_led.aedat: file does not exist"},
		{"missing labels", change(gestureDir(), func(d fstest.MapFS) { delete(d, "DvsGesture/user03_led_labels.csv") }),
			"data: open DvsGesture/user03_led_labels.csv: file does not exist"},
		{"a path out of the folder", change(gestureDir(), func(d fstest.MapFS) { d["DvsGesture/trials_to_test.txt"] = file([]byte("../x.aedat")) }),
			`data/DvsGesture/trials_to_test.txt: "../x.aedat", expected the name of a recording`},
		{"an empty list", change(gestureDir(), func(d fstest.MapFS) { d["DvsGesture/trials_to_test.txt"] = file(nil) }),
			"data/DvsGesture/trials_to_test.txt names no recordings"},
	} {
		if _, _, err := OpenFS(c.fsys, "data"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %s", c.name, err, c.want)
		}
	}
	if _, _, err := OpenDir("set_test.go"); err == nil || !strings.Contains(err.Error(), "is a file, expected the folder") {
		t.Error(err)
	}
}

func TestReadTrials(t *testing.T) {
	const head = "class,startTime_usec,endTime_usec\n"
	trials, err := ReadTrials(strings.NewReader(head+"2,30,40\r\n11,5,6\n"), "f")
	if err != nil || !slices.Equal(trials, []Trial{{10, 5, 6}, {1, 30, 40}}) {
		t.Errorf("trials are %v, error %v", trials, err)
	}
	for text, want := range map[string]string{
		"":                                "f: header, byte 0: expected a header and at least one trial",
		head:                              "f: record 0, byte 34: expected a header and at least one trial",
		head + "1,2,3\n1,2\n":             "f: record 1, byte 40: 2 fields, expected class, start and end",
		head + "1,x,3\n":                  `f: record 0, byte 34: field 2 is "x", expected a whole number`,
		head + "12,2,3\n":                 "f: record 0, byte 34: class is 12, expected 1 to 11",
		head + "1,3,3\n":                  "f: record 0, byte 34: the trial lasts from 3 to 3 µs, expected an end after the start",
		head + "1,\"3,3\n":                "f: record 0, byte 34: extraneous or missing \" in quoted-field",
		head + "1,2,99999999999999999999": `field 3 is "99999999999999999999", expected a whole number`,
	} {
		if _, err := ReadTrials(strings.NewReader(text), "f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %s", text, err, want)
		}
	}
}

func FuzzReadTrials(f *testing.F) {
	f.Add("class,startTime_usec,endTime_usec\n1,2,3\n11,1,9\n")
	f.Add("a\n\"1\",2,3")
	f.Add("a,b,c\n1,-2,3")
	f.Fuzz(func(t *testing.T, text string) {
		var trials []Trial
		var err error
		if got, most := allocated(func() { trials, err = ReadTrials(strings.NewReader(text), "fuzzed") }), small+64*len(text); got > most {
			t.Errorf("%d bytes allocated for %d, expected at most %d", got, len(text), most)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzzed: ") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		for i, tr := range trials {
			if tr.Class < 0 || tr.Class > 10 || tr.From < 0 || tr.To <= tr.From || i > 0 && tr.From < trials[i-1].From {
				t.Fatalf("trial %d is %+v", i, tr)
			}
		}
	})
}
