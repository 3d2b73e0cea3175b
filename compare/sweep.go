package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// Files of a comparison's folder, beside those of the outcome.
const (
	SpecFile   = "compare.toml" // the plan
	LedgerFile = "runs.jsonl"   // a line for each run that ended
	runsFolder = "runs"         // folders of runs
	lockFile   = ".lock"
)

// Options are how a sweep is carried out. Results do not depend on them.
type Options struct {
	Jobs    int    // runs at the same time; 0: one for each core
	Threads int    // of each run; 0: the cores shared evenly
	Version string // of the program, for the records
}

// Sweep carries a plan out in a folder, which it holds locked.
type Sweep struct {
	Plan     *Plan
	Dir      string
	Jobs     int
	Threads  int
	version  string
	observer Observer
	ledger   *ledger
	lock     *flock.Flock
}

// Open takes up a folder for a plan, or begins one. Runs recorded there that fit
// the plan are not made again.
func Open(p *Plan, dir string, o Options) (*Sweep, error) {
	s := &Sweep{Plan: p, Dir: dir, version: o.Version, observer: Silent{}, lock: flock.New(filepath.Join(dir, lockFile))}
	s.Jobs = o.Jobs
	if s.Jobs == 0 {
		s.Jobs = runtime.GOMAXPROCS(0)
	}
	s.Jobs = min(s.Jobs, len(p.Sides)*max(len(p.Seeds), p.Tune.Trials*len(p.Tune.Seeds)))
	s.Threads = o.Threads
	if s.Threads == 0 {
		s.Threads = max(1, runtime.GOMAXPROCS(0)/s.Jobs)
	}
	if err := s.begin(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sweep) begin() error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	switch ok, err := s.lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("locking %s: %w", s.Dir, err)
	case !ok:
		return fmt.Errorf("%s is in use by another process", s.Dir)
	}
	var err error
	if s.ledger, err = openLedger(filepath.Join(s.Dir, LedgerFile)); err != nil {
		return err
	}
	text, err := s.Plan.TOML()
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.Dir, SpecFile), text)
}

// writeFile replaces a file by rename.
func writeFile(path string, b []byte) error {
	return renameio.WriteFile(path, b, 0o644, renameio.WithTempDir(filepath.Dir(path)))
}

// Close releases the folder.
func (s *Sweep) Close() { s.lock.Unlock() }

// Observe has o told of the sweep's progress.
func (s *Sweep) Observe(o Observer) { s.observer = o }

// Run does what remains of the plan, tuning first, and returns the outcome. When
// ctx ends it saves what is under way and returns train.ErrInterrupted. Runs that
// fail are part of the outcome; they do not end the sweep.
func (s *Sweep) Run(ctx context.Context) (*Outcome, error) {
	work, err := s.schedule()
	if err != nil {
		return nil, err
	}
	s.observer.Start(s, work)
	sides := s.Plan.Sides
	trials, err := s.perform(ctx, work.trials)
	if err != nil {
		return nil, err
	}
	// A failure that may pass must not decide which trial is best.
	for _, t := range trials {
		if t.err != nil {
			return nil, fmt.Errorf("tuning is not complete, run it again: %s: %w", t.Task, t.err)
		}
	}
	logs, sides := choose(sides, trials)
	finals, err := s.perform(ctx, s.finals(sides))
	if err != nil {
		return nil, err
	}
	return conclude(s.Plan, sides, logs, finals)
}

// A Task is a run to be made, or made.
type Task struct {
	Phase  string
	Side   int // index in the plan
	Name   string
	Trial  int // in tuning, from 0
	Recipe recipe.Recipe
}

// String names the task for people.
func (t Task) String() string {
	if t.Phase == Tuned {
		return fmt.Sprintf("%s trial %d seed %d", t.Name, t.Trial+1, t.Recipe.Seed)
	}
	return fmt.Sprintf("%s seed %d", t.Name, t.Recipe.Seed)
}

// Cost is the task's work, epochs times time steps: near enough to tell how much
// of a sweep is done.
func (t Task) Cost() float64 { return float64(t.Recipe.Epochs) * float64(t.Recipe.Steps) }

// folder is where the run lives. The digest of its recipe is part of the name, so
// that a changed plan does not meet the runs of the one before.
func (t Task) folder() string {
	sum := sha256.Sum256([]byte(key(t.Phase, t.Recipe)))
	return filepath.Join(runsFolder, fmt.Sprintf("%s-%s-seed%d-%s", t.Phase, t.Name, t.Recipe.Seed, hex.EncodeToString(sum[:4])))
}

// Schedule is the work of a plan, all of it and what is left.
type Schedule struct {
	trials     []Task
	Runs, Left int
	CostLeft   float64 // in units of Task.Cost
}

// schedule lists the plan's work. Of tuned sides the final runs are not known
// yet; those of the sides as given stand for them.
func (s *Sweep) schedule() (*Schedule, error) {
	w := &Schedule{}
	for trial := range s.Plan.Tune.Trials {
		for i, side := range s.Plan.Sides {
			set, err := side.trial(trial)
			if err != nil {
				return nil, err
			}
			r, err := side.Recipe.With(set...)
			if err == nil {
				r, err = s.Plan.Tune.shorten(r)
			}
			if err != nil {
				return nil, fmt.Errorf("side %q: trial %d: %w", side.Name, trial+1, err)
			}
			for _, seed := range s.Plan.Tune.Seeds {
				r.Seed = seed
				w.trials = append(w.trials, Task{Tuned, i, side.Name, trial, r})
			}
		}
	}
	sides := s.Plan.Sides
	if trials, complete := s.recorded(w.trials); complete {
		_, sides = choose(sides, trials)
	}
	for _, t := range append(distinct(w.trials), distinct(s.finals(sides))...) {
		w.Runs++
		if s.ledger.find(t.Phase, t.Recipe) == nil {
			w.Left++
			w.CostLeft += t.Cost()
		}
	}
	return w, nil
}

// distinct drops tasks that repeat another: trials may draw the same values, and
// tuning may lead two sides to the same place.
func distinct(tasks []Task) []Task {
	seen := map[string]bool{}
	var some []Task
	for _, t := range tasks {
		if k := key(t.Phase, t.Recipe); !seen[k] {
			seen[k] = true
			some = append(some, t)
		}
	}
	return some
}

// recorded returns what is recorded of tasks, if all of them are.
func (s *Sweep) recorded(tasks []Task) (done []outcome, complete bool) {
	for _, t := range tasks {
		r := s.ledger.find(t.Phase, t.Recipe)
		if r == nil {
			return nil, false
		}
		done = append(done, outcome{Task: t, record: r})
	}
	return done, true
}

// finals are the runs that count, seed by seed, so that an early look compares
// pairs.
func (s *Sweep) finals(sides []Side) []Task {
	var tasks []Task
	for _, seed := range s.Plan.Seeds {
		for i, side := range sides {
			r := side.Recipe
			r.Seed = seed
			tasks = append(tasks, Task{Phase: Final, Side: i, Name: side.Name, Recipe: r})
		}
	}
	return tasks
}

// outcome is a task with what became of it: a record or an error.
type outcome struct {
	Task
	record *Record
	err    error
}

// failed says why the task has no results; empty if it has.
func (o outcome) failed() string {
	if o.err != nil {
		return o.err.Error()
	}
	return o.record.Failed
}

// perform makes the runs that are not recorded yet, so many at a time as there
// are jobs, and returns what became of every task. Its error is one that ends the
// sweep.
func (s *Sweep) perform(ctx context.Context, tasks []Task) ([]outcome, error) {
	todo := slices.DeleteFunc(distinct(tasks), func(t Task) bool { return s.ledger.find(t.Phase, t.Recipe) != nil })
	failed, err := s.work(ctx, todo)
	if err != nil {
		return nil, err
	}
	done := make([]outcome, len(tasks))
	for i, t := range tasks {
		done[i] = outcome{t, s.ledger.find(t.Phase, t.Recipe), failed[key(t.Phase, t.Recipe)]}
	}
	return done, nil
}

// work makes runs and returns the errors of those that left no record, by key.
func (s *Sweep) work(ctx context.Context, todo []Task) (map[string]error, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	failed := map[string]error{}
	var mu sync.Mutex // of failed
	next := make(chan Task)
	var workers sync.WaitGroup
	for job := range min(s.Jobs, len(todo)) {
		workers.Go(func() {
			for t := range next {
				err := s.once(ctx, job, t)
				if err == nil {
					continue
				}
				if fatal := new(ledgerError); errors.As(err, &fatal) {
					stop(err)
				}
				mu.Lock()
				failed[key(t.Phase, t.Recipe)] = err
				mu.Unlock()
			}
		})
	}
	for _, t := range todo {
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- t:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	if fatal := new(ledgerError); errors.As(context.Cause(ctx), &fatal) {
		return nil, fatal
	}
	if ctx.Err() != nil {
		return nil, train.ErrInterrupted
	}
	return failed, nil
}
