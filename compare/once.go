package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// once makes one run, or finishes one that was begun, and records it. A run whose
// numbers cease to be finite would do so again, so its failure is recorded too;
// other failures may pass, and are not.
func (s *Sweep) once(ctx context.Context, job int, t Task) error {
	s.observer.Begin(job, t)
	r, err := s.train(ctx, job, t)
	var diverged *engine.NonFiniteError
	if errors.As(err, &diverged) {
		r = &Record{Phase: t.Phase, Side: t.Name, Seed: t.Recipe.Seed, Recipe: valuesOf(t.Recipe), Failed: err.Error()}
		err = nil
	}
	if err == nil {
		r.Version = s.version
		err = s.ledger.add(r)
	}
	if err != nil {
		r = nil
	} else if t.Phase == Tuned {
		os.RemoveAll(filepath.Join(s.Dir, t.folder())) // nobody will look at a trial's parameters
	}
	s.observer.End(job, t, r, err)
	return err
}

// train takes one run to its end.
func (s *Sweep) train(ctx context.Context, job int, t Task) (*Record, error) {
	dir := filepath.Join(s.Dir, t.folder())
	run, err := s.start(t, dir)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	run.Observe(&relay{observer: s.observer, job: job, task: t})
	began := time.Now()
	var r *Record
	if t.Phase == Tuned {
		if err = run.Fit(ctx); err == nil {
			r = newRecord(t.Phase, t.Name, run)
		}
	} else {
		var res *train.Result
		if res, err = run.Finish(ctx); err == nil {
			r = newRecord(t.Phase, t.Name, run)
			r.measured(res)
		}
	}
	if err != nil {
		return nil, err
	}
	r.Seconds, r.Jobs, r.Threads = time.Since(began).Seconds(), s.Jobs, s.Threads
	return r, nil
}

// start resumes the run in dir, or begins it. What a kill left there before
// anything was saved gives way.
func (s *Sweep) start(t Task, dir string) (*train.Run, error) {
	want := t.Recipe
	want.Threads, want.Out = s.Threads, dir
	if _, err := os.Stat(filepath.Join(dir, train.LastFile)); err == nil {
		return train.Resume(dir, func(r *recipe.Recipe) error { *r = want; return nil })
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	setup, err := train.Prepare(want)
	if err != nil {
		return nil, err
	}
	return train.Start(setup, dir)
}

// Observer is told of a sweep's progress, from several goroutines at a time. Jobs
// are numbered from 0; one makes one run at a time.
type Observer interface {
	Start(s *Sweep, w *Schedule)
	Begin(job int, t Task)
	Step(job int, t Task, share float64, info train.StepInfo) // share of the run that is done
	Warn(job int, t Task, text string)
	End(job int, t Task, r *Record, err error) // r is nil if there is an error
}

// Silent is an Observer that ignores everything.
type Silent struct{}

// Start implements Observer.
func (Silent) Start(*Sweep, *Schedule) {}

// Begin implements Observer.
func (Silent) Begin(int, Task) {}

// Step implements Observer.
func (Silent) Step(int, Task, float64, train.StepInfo) {}

// Warn implements Observer.
func (Silent) Warn(int, Task, string) {}

// End implements Observer.
func (Silent) End(int, Task, *Record, error) {}

// relay tells a sweep's observer what a run's observer hears.
type relay struct {
	observer Observer
	job      int
	task     Task
}

func (r *relay) Start(run *train.Run) {
	for _, note := range run.Notes {
		r.observer.Warn(r.job, r.task, note)
	}
}

func (r *relay) Step(info train.StepInfo) {
	share := (float64(info.Epoch-1) + float64(info.Step)/float64(info.Steps)) / float64(info.Epochs)
	r.observer.Step(r.job, r.task, share, info)
}

func (r *relay) Epoch(train.Record, bool) {}

func (r *relay) Warn(w train.Warning) {
	r.observer.Warn(r.job, r.task, fmt.Sprintf("epoch %d: %s", w.Epoch, w.Text))
}
