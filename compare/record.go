package compare

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// Phases of a comparison.
const (
	Tuned = "tune"  // a trial, measured on validation images alone
	Final = "final" // a run that counts, measured once on the test images
)

// Record is what remains of a run that ended. Records make up a comparison's
// log, one JSON object a line; they say with which recipe they were made, so that
// a comparison continues, grows or changes around those that still fit.
type Record struct {
	Phase  string            `json:"phase"`
	Side   string            `json:"side"`
	Seed   uint64            `json:"seed"`
	Recipe map[string]string `json:"recipe"`           // recipe.Values
	Failed string            `json:"failed,omitempty"` // why there are no results

	Val       float64   `json:"val_accuracy"` // of the chosen epoch
	ValLoss   float64   `json:"val_loss"`
	BestEpoch int       `json:"best_epoch"`
	Test      *float64  `json:"test_accuracy,omitempty"` // of the chosen epoch, measured once; nil in tuning
	PerStep   []float64 `json:"test_accuracy_per_step,omitempty"`
	Epochs    []Epoch   `json:"epochs,omitempty"`

	Neuron  string               `json:"neuron,omitempty"`
	Layers  []Layer              `json:"layers,omitempty"`
	Learned []train.LearnedParam `json:"learned,omitempty"`
	Params  int64                `json:"params,omitempty"`
	MACs    int64                `json:"macs,omitempty"` // per sample and time step

	Data     string   `json:"data,omitempty"`
	SHA256   string   `json:"data_sha256,omitempty"` // of the training data with those for validation
	Split    string   `json:"split_sha256,omitempty"`
	Tests    int      `json:"test_images,omitempty"`
	Engine   string   `json:"engine,omitempty"` // and its variant
	Version  string   `json:"version,omitempty"`
	Seconds  float64  `json:"seconds,omitempty"`
	Jobs     int      `json:"jobs,omitempty"` // runs at the same time
	Threads  int      `json:"threads,omitempty"`
	Resumed  bool     `json:"resumed,omitempty"` // Seconds is not all of it
	Warnings []string `json:"warnings,omitempty"`
}

// Epoch is one epoch of a run.
type Epoch struct {
	TrainLoss float64 `json:"train_loss"`
	Train     float64 `json:"train_accuracy"`
	ValLoss   float64 `json:"val_loss"`
	Val       float64 `json:"val_accuracy"`
}

// Layer is a layer of neurons on the test data, or in the last epoch of training
// where there are none.
type Layer struct {
	Node    string    `json:"node"`
	Neurons int       `json:"neurons"`
	Rates   []float64 `json:"firing_rates"` // [T]
}

// newRecord describes a run's progress.
func newRecord(phase, side string, run *train.Run) *Record {
	p := run.Progress()
	best := p.Epochs[p.Best-1]
	r := &Record{
		Phase: phase, Side: side, Seed: run.Recipe.Seed, Recipe: valuesOf(run.Recipe),
		Val: best.ValAccuracy, ValLoss: best.ValLoss, BestEpoch: best.Epoch,
		Neuron: run.NeuronForms(), Params: run.Net.ParamCount(), MACs: run.Net.MACs(),
		Data: run.DataName(), SHA256: run.Split.SHA256, Split: splitHash(run.Split), Tests: len(run.Test.Labels()),
		Engine: engine.Signature(run.Engine), Resumed: run.Resumed,
	}
	for _, e := range p.Epochs {
		r.Epochs = append(r.Epochs, Epoch{e.TrainLoss, e.TrainAccuracy, e.ValLoss, e.ValAccuracy})
	}
	for i, l := range run.Net.Neurons() {
		r.Layers = append(r.Layers, Layer{l.Name, l.Out.Size(), best.FiringRates[i]})
	}
	for _, w := range p.Warnings {
		r.Warnings = append(r.Warnings, fmt.Sprintf("epoch %d: %s", w.Epoch, w.Text))
	}
	return r
}

// measured adds what the test data say.
func (r *Record) measured(res *train.Result) {
	r.Test, r.PerStep, r.Learned = &res.TestAccuracy, res.TestPerStep, res.Learned
	for i := range r.Layers {
		r.Layers[i].Rates = res.FiringRates[i]
	}
}

// splitHash is the SHA-256 of a split's JSON form.
func splitHash(m data.Manifest) string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a manifest that was made has a JSON form
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// key tells whether a record is that of a run: the phase and the recipe.
func key(phase string, r recipe.Recipe) string {
	var b strings.Builder
	b.WriteString(phase)
	for _, s := range r.Values() {
		fmt.Fprintf(&b, "\n%s=%s", s.Key, s.Value)
	}
	return b.String()
}

// key returns that of the record, as this program knows it: fields that recipes
// did not have when it was made have their defaults. ok is false if the recipe is
// none that this program can run.
func (r *Record) key() (k string, ok bool) {
	var set []recipe.Setting
	for name, value := range r.Recipe {
		set = append(set, recipe.Setting{Key: name, Value: value})
	}
	rec, err := recipe.Default().With(set...)
	return key(r.Phase, rec), err == nil
}

// ledger is the log of the runs that ended. Several goroutines may use it.
type ledger struct {
	path  string
	mu    sync.Mutex
	byKey map[string]*Record
}

// ledgerError says that results cannot be recorded: no use in making more.
type ledgerError struct{ error }

func (e *ledgerError) Unwrap() error { return e.error }

// openLedger reads the log, of which a kill may have left half a last line; that
// is dropped.
func openLedger(path string) (*ledger, error) {
	l := &ledger{path: path, byKey: map[string]*Record{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	whole := b[:bytes.LastIndexByte(b, '\n')+1]
	n := 0
	sc := bufio.NewScanner(bytes.NewReader(whole))
	sc.Buffer(nil, len(whole)+1)
	for sc.Scan() {
		n++
		r, err := parseRecord(sc.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if k, ok := r.key(); ok {
			l.byKey[k] = r
		}
	}
	if len(whole) < len(b) {
		return l, os.Truncate(path, int64(len(whole)))
	}
	return l, nil
}

// parseRecord reads a line. What it does not know it leaves alone: a later
// version may have written it.
func parseRecord(line []byte) (*Record, error) {
	r := &Record{}
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(r); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more follows the JSON object")
	}
	return r, r.check()
}

// check says what is wrong with a record that was read.
func (r *Record) check() error {
	steps := 0
	if n := len(r.Layers); n > 0 {
		steps = len(r.Layers[0].Rates)
	}
	switch {
	case r.Phase != Tuned && r.Phase != Final:
		return fmt.Errorf("phase is %q, expected %q or %q", r.Phase, Tuned, Final)
	case r.Recipe == nil:
		return errors.New("it has no recipe")
	case r.Failed != "":
		return nil
	case (r.Test != nil) != (r.Phase == Final):
		return fmt.Errorf("test accuracy in phase %q", r.Phase)
	case r.BestEpoch < 1 || r.BestEpoch > len(r.Epochs):
		return fmt.Errorf("epoch %d of %d was chosen", r.BestEpoch, len(r.Epochs))
	case r.Phase == Final && len(r.PerStep) == 0:
		return errors.New("it has no accuracy per step")
	}
	for _, l := range r.Layers {
		if len(l.Rates) != steps || l.Neurons < 1 {
			return fmt.Errorf("layer %q has %d neurons and %d firing rates, expected %d", l.Node, l.Neurons, len(l.Rates), steps)
		}
	}
	return nil
}

func (l *ledger) find(phase string, r recipe.Recipe) *Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[key(phase, r)]
}

// add appends a record and has it on disk when it returns. Its error is a
// ledgerError.
func (l *ledger) add(r *Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.append(r); err != nil {
		return &ledgerError{fmt.Errorf("recording a run: %w", err)}
	}
	if k, ok := r.key(); ok {
		l.byKey[k] = r
	}
	return nil
}

func (l *ledger) append(r *Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}
