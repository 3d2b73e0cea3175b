package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// A Simulation writes the recordings of images as files.
type Simulation struct {
	Train, Test *data.Set // Test is left out where the imitated set has none
	Style       Style
	Camera      Config
	Seed        uint64
	Threads     int // 0: all cores
}

// FirstTest numbers the recordings of test images, apart from those of training
// images.
const FirstTest = 1 << 32

// Outcome says what a simulation has written.
type Outcome struct {
	Name  string `json:"name"`
	Found int    `json:"found"` // recordings that were there already, from an earlier call
	Parts []Part `json:"parts"`
}

// Part describes training or test recordings, all of them.
type Part struct {
	Name string `json:"name"`
	event.Survey
	// Rate has the events in successive intervals of that width, in µs, of all
	// recordings together.
	Width int64   `json:"width_us"`
	Rate  []int64 `json:"rate"`
}

// rateIntervals is into how many intervals a part's Rate divides a recording.
const rateIntervals = 20

// Write writes the recordings into a folder, which is new or empty, or holds part
// of the same simulation: then the rest is added. Every file appears at once and
// complete. It ends with ctx, and calls progress with the number of recordings
// that are there.
func (s Simulation) Write(ctx context.Context, dir string, progress func(done, of int)) (Outcome, error) {
	test := s.Test
	if s.Style.Name == event.LikeCIFAR10DVS {
		test = nil
	}
	parts := []*data.Set{s.Train}
	if test != nil {
		parts = append(parts, test)
	}
	plan := event.NewSimulated("dvs-"+baseName(s.Train), s.Style.Name, s.Train, test)
	var recorders []*Recorder
	of := 0
	for k, set := range parts {
		r, err := NewRecorder(set, s.Style, s.Camera, s.Seed, uint64(k)*FirstTest)
		if err != nil {
			return Outcome{}, err
		}
		recorders, of = append(recorders, r), of+set.Len()
		plan.SHA256 = append(plan.SHA256, r.Hash())
	}
	var err error
	if plan.Camera, err = json.Marshal(struct {
		Config
		Seed uint64 `json:"seed"`
	}{s.Camera, s.Seed}); err != nil {
		return Outcome{}, err
	}
	if err := plan.Validate(); err != nil {
		return Outcome{}, err
	}
	if err := claim(dir, plan); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Name: plan.Name}
	w := &writer{plan: plan, dir: dir, threads: s.Threads, progress: func(done int) { progress(done, of) }}
	for k, r := range recorders {
		part, err := w.part(ctx, r, k == 1)
		if err != nil {
			return Outcome{}, err
		}
		out.Parts = append(out.Parts, part)
	}
	out.Found = w.found
	return out, nil
}

// baseName is a set's name without its part.
func baseName(s *data.Set) string { return filepath.Dir(s.Name) }

// claim makes the folder one of the plan's, or says why it cannot be.
func claim(dir string, plan event.Simulated) error {
	text, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, event.SimulatedFile)
	switch old, err := os.ReadFile(path); {
	case err == nil:
		if !bytes.Equal(bytes.TrimSpace(old), text) {
			return fmt.Errorf("%s holds recordings simulated from other images or with other settings (%s says which): choose another folder", dir, path)
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty and holds no simulated recordings: choose another folder", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, append(text, '\n'), 0o644, renameio.WithTempDir(dir))
}

// writer writes the recordings of a plan.
type writer struct {
	plan     event.Simulated
	dir      string
	threads  int
	progress func(done int)

	mu          sync.Mutex
	done, found int
}

// part writes the recordings of one set and sums them up.
func (w *writer) part(ctx context.Context, r *Recorder, test bool) (Part, error) {
	p := Part{Name: r.set.Name, Width: (r.style.Path.Duration() + rateIntervals - 1) / rateIntervals, Rate: make([]int64, rateIntervals)}
	group, joint := errgroup.WithContext(ctx)
	if group.SetLimit(w.threads); w.threads == 0 {
		group.SetLimit(runtime.GOMAXPROCS(0))
	}
	ofClass := make([]int, len(r.set.Classes))
	for i, label := range r.set.Labels {
		n := i
		if w.plan.Style == event.LikeCIFAR10DVS {
			n = ofClass[label]
			ofClass[label]++
		}
		if joint.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := joint.Err(); err != nil {
				return err
			}
			s, found, err := w.recording(r, i, filepath.Join(w.dir, filepath.FromSlash(w.plan.Path(test, label, n))))
			if err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			p.add(s)
			if w.done++; found {
				w.found++
			}
			w.progress(w.done)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Part{}, err
	}
	return p, ctx.Err()
}

// recording returns image i's recording from its file, which it writes if there is
// none.
func (w *writer) recording(r *Recorder, i int, path string) (s event.Stream, found bool, err error) {
	o := event.Options{Format: event.NMNIST, Sensor: r.style.Sensor}
	if w.plan.Style == event.LikeCIFAR10DVS {
		o.Format = event.AEDAT2
	}
	if s, _, err = event.Load(path, o); !errors.Is(err, fs.ErrNotExist) {
		return s, true, err
	}
	if s, err = r.Record(i); err != nil {
		return s, false, err
	}
	var b bytes.Buffer
	if o.Format == event.AEDAT2 {
		err = event.WriteAEDAT2(&b, s, o.Layout)
	} else {
		err = event.WriteNMNIST(&b, s)
	}
	if err != nil {
		return s, false, fmt.Errorf("image %d of %s: %w", i, r.set.Name, err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return s, false, err
	}
	return s, false, renameio.WriteFile(path, b.Bytes(), 0o644, renameio.WithTempDir(dir))
}

func (p *Part) add(s event.Stream) {
	p.Survey.Add(s)
	for _, e := range s.Events {
		p.Rate[min(e.T/p.Width, rateIntervals-1)]++
	}
}
