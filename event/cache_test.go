package event

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func someFrames(t testing.TB, seed uint64) *Frames {
	f, err := Prepare{Binning: Binning{N: 5}}.Frames(noise(seed, odd, 200, 1000))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCache(t *testing.T) {
	c := &Cache{Dir: filepath.Join(t.TempDir(), "frames")}
	k, err := NewKey(sha256.Sum256([]byte("file")), Binning{N: 5}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want, skipped := someFrames(t, 1), Skipped{1, 2, 3, 4, 5}
	calls := 0
	get := func() {
		t.Helper()
		f, s, err := c.Get(k, func() (*Frames, Skipped, error) { calls++; return want, skipped, nil })
		if err != nil || !reflect.DeepEqual(f, want) || s != skipped {
			t.Fatalf("frames %+v, skipped %+v, error %v", f, s, err)
		}
	}
	get()
	get()
	if calls != 1 || c.Made() != 1 || c.Replaced() != 0 {
		t.Fatalf("made %d times, counted %d and %d", calls, c.Made(), c.Replaced())
	}
	// Whatever byte changes or is missing, the frames are made again.
	path := c.path(k)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(good); i += 7 {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1 << (i % 8)
		if i%3 == 0 {
			bad = good[:i]
		}
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		before := calls
		get()
		if calls != before+1 {
			t.Fatalf("byte %d: a bad file was taken for good", i)
		}
	}
	if c.Made() != 1 || int(c.Replaced()) != calls-1 {
		t.Errorf("counted %d and %d of %d", c.Made(), c.Replaced(), calls)
	}
	// A good file under another name.
	other, err := NewKey(sha256.Sum256([]byte("file")), Binning{N: 5}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := decodeFrames(good, other, "f"); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Error(err)
	}
	// What fails leaves nothing.
	failing := errors.New("no")
	if _, _, err := c.Get(other, func() (*Frames, Skipped, error) { return nil, Skipped{}, failing }); err != failing {
		t.Error(err)
	}
	var files int
	filepath.Walk(c.Dir, func(_ string, info os.FileInfo, _ error) error {
		if !info.IsDir() {
			files++
		}
		return nil
	})
	if files != 1 {
		t.Errorf("the folder holds %d files, want 1", files)
	}
}

// Frames of a set come from the cache, and follow content and parameters.
func TestSetFrames(t *testing.T) {
	dir := nmnistDir()
	train, _, err := OpenFS(dir, "data")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cache{Dir: t.TempDir()}
	p := Prepare{Downsample: 2, Binning: Binning{N: 2}}
	frames := func(i int, o Options, p Prepare) *Frames {
		t.Helper()
		f, _, err := train.Frames(i, o, p, c)
		if err != nil {
			t.Fatal(err)
		}
		plain, _, err := train.Frames(i, o, p, nil)
		if err != nil || !reflect.DeepEqual(f, plain) {
			t.Fatalf("the cache changes frames, or error %v", err)
		}
		return f
	}
	if f := frames(12, Options{}, p); f.H != 17 || f.W != 17 || f.Events() != 1 || f.Cells[0].At != (0*17+2)*2+1 {
		t.Errorf("frames are %+v", f)
	}
	for n, change := range []func(){
		func() { frames(12, Options{}, p) }, // from the cache
		func() { frames(12, Options{OnBad: Skip}, p) },
		func() { p.Binning.Rest = Last; frames(12, Options{}, p) },
		func() { p.Denoise = &Denoise{5, 1}; frames(12, Options{}, p) },
		func() { p.Crop = &Rect{0, 0, 8, 8}; frames(12, Options{}, p) },
		func() {
			dir["Train/4/00009.bin"] = file(nmnistBytes(Event{9, 5, 1, true}))
			frames(12, Options{}, p)
		},
	} {
		change()
		if c.Made() != int64(n+1) {
			t.Errorf("change %d: frames were made %d times, want %d", n, c.Made(), n+1)
		}
	}
	if c.Replaced() != 0 {
		t.Errorf("%d replaced", c.Replaced())
	}
	if _, _, err := train.Frames(12, Options{}, Prepare{}, c); err == nil || !strings.Contains(err.Error(), "data/Train/4/00009.bin: the number of frames is 0") {
		t.Error(err)
	}
}

// A file whose sum is right is still checked.
func FuzzFrames(f *testing.F) {
	f.Add(encodeFrames(someFrames(f, 1), Skipped{}, Key{})[len(framesMagic)+sha256.Size:])
	f.Add([]byte{1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 5})
	f.Add([]byte{0xff, 0xff, 3, 1, 2, 0xff, 0xff, 63, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		text := append(append([]byte(framesMagic), make([]byte, sha256.Size)...), body...)
		sum := sha256.Sum256(text)
		text = append(text, sum[:]...)
		var frames *Frames
		var s Skipped
		var err error
		if got, most := allocated(func() { frames, s, err = decodeFrames(text, Key{}, "fuzzed") }), small+64*len(text); got > most {
			t.Errorf("%d bytes allocated for %d, expected at most %d", got, len(text), most)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzzed: ") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		again, s2, err := decodeFrames(encodeFrames(frames, s, Key{}), Key{}, "again")
		if err != nil || !reflect.DeepEqual(frames, again) || s != s2 {
			t.Fatalf("%+v is written and read as %+v, error %v", frames, again, err)
		}
	})
}
