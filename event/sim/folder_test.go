package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// pictures are images of squares at random places.
func pictures(name string, seed uint64, n, channels int) *data.Set {
	r := rand.New(rand.NewPCG(seed, 0))
	s := &data.Set{Name: name, H: 12, W: 12, C: channels, Classes: []string{"small/square", "large"}}
	for i := range n {
		img := make([]byte, 144*channels)
		side, x0, y0 := 3+3*(i%2), r.IntN(6), r.IntN(6)
		for y := y0; y < y0+side; y++ {
			for x := x0; x < x0+side; x++ {
				for c := range channels {
					img[(y*12+x)*channels+c] = byte(150 + r.IntN(100))
				}
			}
		}
		s.Pixels, s.Labels = append(s.Pixels, img...), append(s.Labels, int32(i%2))
	}
	return s
}

// quick are styles whose recordings last a few milliseconds.
func quick(name string) Style {
	s, err := StyleNamed(name)
	if err != nil {
		panic(err)
	}
	s.Path = ClosedLoop(1, 12_000, 3)
	return s
}

func quickSimulation(style string) Simulation {
	return Simulation{Train: pictures("toys/train", 1, 6, 1), Test: pictures("toys/test", 2, 4, 1), Style: quick(style), Camera: Default(), Seed: 3}
}

func noProgress(int, int) {}

// What is written is what the recorder records, and reads as the imitated set.
func TestWrite(t *testing.T) {
	for _, style := range []string{event.LikeNMNIST, event.LikeCIFAR10DVS} {
		t.Run(style, func(t *testing.T) {
			s := quickSimulation(style)
			dir := filepath.Join(t.TempDir(), "new", "folder")
			out, err := s.Write(context.Background(), dir, noProgress)
			if err != nil {
				t.Fatal(err)
			}
			train, test, err := event.OpenDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			sets, images := []*event.Set{train, test}, []*data.Set{s.Train, s.Test}
			if style == event.LikeCIFAR10DVS {
				sets = sets[:1]
			}
			if len(out.Parts) != len(sets) || out.Found != 0 || !strings.HasPrefix(train.Name, "dvs-toys") {
				t.Fatalf("wrote %+v", out)
			}
			for k, set := range sets {
				r, err := NewRecorder(images[k], s.Style, s.Camera, s.Seed, uint64(k)*FirstTest)
				if err != nil {
					t.Fatal(err)
				}
				var sum event.Survey
				var inRate int64
				for i, sample := range set.Samples {
					got, skipped, err := set.Load(i, event.Options{})
					if err != nil || skipped.Total() != 0 {
						t.Fatal(err, skipped)
					}
					// A class's recordings are in the order of its images.
					image := 2*(i%(set.Len()/2)) + int(sample.Label)
					want, err := r.Record(image)
					if err != nil {
						t.Fatal(err)
					}
					if len(want.Events) == 0 || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %d events, the recorder gives %d", sample.Path, len(got.Events), len(want.Events))
					}
					sum.Add(got)
				}
				for _, n := range out.Parts[k].Rate {
					inRate += n
				}
				if out.Parts[k].Survey != sum || inRate != sum.Events {
					t.Errorf("statistics %+v with %d in the rate, want %+v", out.Parts[k], inRate, sum)
				}
			}
		})
	}
}

// contents are all files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		all[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A simulation that was stopped is refused as a data set, and completed to the same
// bytes by any number of threads.
func TestWriteContinues(t *testing.T) {
	s := quickSimulation(event.LikeNMNIST)
	whole, dir := t.TempDir(), t.TempDir()
	s.Threads = 3
	if _, err := s.Write(context.Background(), whole, noProgress); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.Threads = 1
	if _, err := s.Write(ctx, dir, func(done, of int) {
		if done == 4 && of == 10 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, _, err := event.OpenDir(dir); err == nil || !strings.Contains(err.Error(), "complete them with qif data simulate") {
		t.Errorf("half a simulation: %v", err)
	}
	out, err := s.Write(context.Background(), dir, noProgress)
	if err != nil || out.Found < 4 || out.Found > 5 {
		t.Fatalf("found %d, error %v", out.Found, err)
	}
	if !reflect.DeepEqual(contents(t, dir), contents(t, whole)) {
		t.Error("the continued folder differs")
	}
	again, err := s.Write(context.Background(), dir, noProgress)
	if out.Found = 10; err != nil || !reflect.DeepEqual(again, out) {
		t.Errorf("a complete folder gives %+v, error %v; want %+v", again, err, out)
	}
}

func TestWriteRefuses(t *testing.T) {
	s := quickSimulation(event.LikeNMNIST)
	dir := t.TempDir()
	if _, err := s.Write(context.Background(), dir, noProgress); err != nil {
		t.Fatal(err)
	}
	refused := func(what, dir, want string, change func(*Simulation)) {
		t.Helper()
		s := quickSimulation(event.LikeNMNIST)
		change(&s)
		if _, err := s.Write(context.Background(), dir, noProgress); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %s", what, err, want)
		}
	}
	const other = "holds recordings simulated from other images or with other settings"
	refused("seed", dir, other, func(s *Simulation) { s.Seed++ })
	refused("camera", dir, other, func(s *Simulation) { s.Camera.On *= 2 })
	refused("path", dir, other, func(s *Simulation) { s.Style.Path = Saccades() })
	refused("images", dir, other, func(s *Simulation) { s.Test = pictures("toys/test", 3, 4, 1) })
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "thesis.tex"), []byte("?"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("a folder in use", taken, "is not empty and holds no simulated recordings", func(*Simulation) {})
	if got := contents(t, taken); len(got) != 1 {
		t.Errorf("the folder in use now holds %d files", len(got))
	}
	refused("size", t.TempDir(), "too large for the 34×34 pixels", func(s *Simulation) {
		s.Train = &data.Set{Name: "big/train", H: 40, W: 30, C: 1, Pixels: make([]byte, 1200), Labels: []int32{0}, Classes: []string{"a"}}
	})
	if err := os.WriteFile(filepath.Join(dir, "Train", "0", "00001.bin"), []byte{1, 2, 3}, 0o644); err != nil {
		t.Fatal(err)
	}
	refused("a damaged recording", dir, "00001.bin: ", func(*Simulation) {})
}

// Colours are seen by their luminance; equal channels are grey.
func TestRecorderColours(t *testing.T) {
	one, three := pictures("toys", 5, 2, 1), pictures("toys", 5, 2, 3)
	for i := range three.Pixels {
		three.Pixels[i] = one.Pixels[i/3]
	}
	record := func(s *data.Set) event.Stream {
		r, err := NewRecorder(s, quick(event.LikeNMNIST), Default(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.Record(1)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if !reflect.DeepEqual(record(one), record(three)) {
		t.Error("equal channels are not seen as grey")
	}
	if got := grey([]byte{255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255}, 3); !reflect.DeepEqual(got, []byte{255, 76, 150, 29}) {
		t.Errorf("white, red, green and blue are %v", got)
	}
}

// Frames by way of the cache are those without it, and no others' than the image's.
func TestRecorderFrames(t *testing.T) {
	r, err := NewRecorder(pictures("toys", 5, 3, 1), quick(event.LikeNMNIST), Default(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &event.Cache{Dir: t.TempDir()}
	p := event.Prepare{Binning: event.Binning{N: 2}}
	for range 2 {
		for i := range 3 {
			want, _, err := r.Frames(i, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := r.Frames(i, p, c); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("image %d: the cache's frames differ (%v)", i, err)
			}
		}
	}
	if c.Made() != 3 {
		t.Errorf("made %d times", c.Made())
	}
	if other, err := NewRecorder(pictures("toys", 5, 3, 1), quick(event.LikeNMNIST), Default(), 2, 0); err != nil || other.Hash() == r.Hash() {
		t.Errorf("another camera has the same hash (%v)", err)
	}
}
