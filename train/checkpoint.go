package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/interop/safetensors"
	"github.com/qif-snn/qif/recipe"
)

// Files of a run's folder.
const (
	CheckpointFile = "checkpoint.safetensors" // parameters of the epoch chosen on validation
	LastFile       = "last.safetensors"       // everything that resuming needs
	MetricsFile    = "metrics.jsonl"          // one line per epoch
	RecipeFile     = "recipe.toml"            // the merged recipe
	ReportFile     = "report.html"
	ResultFile     = "result.json" // what --json prints
	lockFile       = ".lock"
)

// files lists what a run writes into its folder.
var files = []string{CheckpointFile, LastFile, MetricsFile, RecipeFile, ReportFile, ResultFile}

// FormatVersion is the version of the checkpoint format that this program
// writes and reads.
const FormatVersion = 1

// metadataKey is the safetensors metadata entry that holds a checkpoint's JSON.
const metadataKey = "qif"

// Checkpoint is everything but numbers in bulk: it travels as JSON in the
// metadata of the safetensors file that holds the tensors, so that one rename
// replaces both.
type Checkpoint struct {
	Version int           `json:"version"`
	Engine  string        `json:"engine"` // engine.Signature of the one that wrote it
	Recipe  string        `json:"recipe"` // TOML, without settings that do not bear on results
	Graph   graph.Graph   `json:"graph"`
	Split   data.Manifest `json:"split"`
	Norm    data.Norm     `json:"norm"`
	Classes []string      `json:"classes"`
	// TestSplit records which samples are the test samples, of data sets that do
	// not say.
	TestSplit *data.Manifest `json:"test_split,omitempty"`
	Progress  Progress       `json:"progress"`

	Params    []graph.Tensor `json:"-"` // of the network
	Optimizer []graph.Tensor `json:"-"` // only in LastFile
}

// Progress says how far a run has come. It holds no times: a resumed run ends
// with the same bytes as one never interrupted.
type Progress struct {
	Epoch    int       `json:"epoch"`   // complete epochs
	Step     int       `json:"step"`    // steps taken in the current one
	Updates  int64     `json:"updates"` // optimiser steps in all
	Partial  Partial   `json:"partial"` // of the current epoch
	Epochs   []Record  `json:"epochs"`
	Best     int       `json:"best"` // the epoch chosen on validation, from 1; 0: none yet
	Warnings []Warning `json:"warnings,omitempty"`
	// Test is the accuracy of the chosen epoch on the test data, measured once
	// at the end of the run; nil before.
	Test *float64 `json:"test_accuracy,omitempty"`
}

// Partial accumulates an epoch's training measures.
type Partial struct {
	Samples  int         `json:"samples"`
	Loss     float64     `json:"loss"` // sum over samples
	Correct  int         `json:"correct"`
	GradNorm float64     `json:"grad_norm"` // sum over steps
	Rates    [][]float64 `json:"rates"`     // [layer][T], sums over samples
}

// Record is one epoch's outcome.
type Record struct {
	Epoch         int         `json:"epoch"` // from 1
	LearningRate  float64     `json:"learning_rate"`
	TrainLoss     float64     `json:"train_loss"`
	TrainAccuracy float64     `json:"train_accuracy"`
	GradNorm      float64     `json:"grad_norm"` // mean over steps, before clipping
	ValLoss       float64     `json:"val_loss"`
	ValAccuracy   float64     `json:"val_accuracy"`
	FiringRates   [][]float64 `json:"firing_rates"` // [layer][T], in training
	// Widths are the windows' at the end of the epoch, [layer][T]; absent if
	// they do not move.
	Widths [][]float64 `json:"widths,omitempty"`
}

// Network parses and checks the checkpoint's graph.
func (c *Checkpoint) Network() (*graph.Network, error) { return graph.Check(c.Graph) }

// ParsedRecipe returns the recipe that the run was made with.
func (c *Checkpoint) ParsedRecipe() (recipe.Recipe, error) {
	return recipe.Parse([]byte(c.Recipe), "the checkpoint's recipe")
}

// adjusted returns that recipe as adjust changes it.
func (c *Checkpoint) adjusted(adjust func(*recipe.Recipe) error) (recipe.Recipe, error) {
	r, err := c.ParsedRecipe()
	if err == nil {
		err = adjust(&r)
	}
	if err == nil {
		err = r.Validate()
	}
	return r, err
}

// write replaces the file at path by the checkpoint, all or nothing.
func (c *Checkpoint) write(path string) error {
	meta, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f := safetensors.File{Metadata: map[string]string{metadataKey: string(meta)}}
	f.Tensors = append(append(f.Tensors, c.Params...), c.Optimizer...)
	return writeFile(path, func(w io.Writer) error { return safetensors.Encode(w, f) })
}

// writeFile writes a file under a temporary name, syncs it and renames it.
func writeFile(path string, fill func(io.Writer) error) error {
	t, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer t.Cleanup()
	if err := fill(t); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := t.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// ReadCheckpoint reads a checkpoint; a folder stands for the checkpoint in it.
// Errors name the file and what is wrong with it.
func ReadCheckpoint(path string) (*Checkpoint, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, CheckpointFile)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: no checkpoint there yet; the run has not completed an epoch", path)
		}
	}
	f, err := safetensors.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := decodeCheckpoint(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func decodeCheckpoint(f safetensors.File) (*Checkpoint, error) {
	meta, ok := f.Metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("a safetensors file, but no qif checkpoint: its metadata has no %q", metadataKey)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal([]byte(meta), &version); err != nil {
		return nil, fmt.Errorf("checkpoint metadata: %w", err)
	}
	if version.Version != FormatVersion {
		return nil, fmt.Errorf("checkpoint format version %d; this program reads version %d", version.Version, FormatVersion)
	}
	c := &Checkpoint{}
	d := json.NewDecoder(bytes.NewReader([]byte(meta)))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("checkpoint metadata: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("checkpoint metadata: more follows after the JSON object, at byte %d", d.InputOffset())
	}
	net, err := c.Network()
	if err != nil {
		return nil, fmt.Errorf("checkpoint metadata: %w", err)
	}
	for _, t := range f.Tensors {
		if strings.Contains(t.Name, "/") { // slot/parameter
			c.Optimizer = append(c.Optimizer, t)
		} else {
			c.Params = append(c.Params, t)
		}
	}
	return c, c.check(net)
}

// check holds the parts against each other.
func (c *Checkpoint) check(net *graph.Network) error {
	if _, err := net.Index(c.Params); err != nil {
		return err
	}
	if n := len(c.Classes); n != net.Classes() {
		return fmt.Errorf("%d class names for a network of %d classes", n, net.Classes())
	}
	if err := c.Norm.Validate(len(c.Norm.Mean)); err != nil {
		return err
	}
	if err := checkNumbers(append(append([]graph.Tensor{}, c.Params...), c.Optimizer...)); err != nil {
		return err
	}
	r, err := c.ParsedRecipe()
	if err != nil {
		return err
	}
	if err := c.checkInput(net, r); err != nil {
		return err
	}
	return c.Progress.check(net, r.Steps)
}

// checkInput says whether the recipe's task makes what the network takes.
func (c *Checkpoint) checkInput(net *graph.Network, r recipe.Recipe) error {
	if r.Task != recipe.Events {
		_, _, err := imageSize(net, r, len(c.Norm.Mean))
		return err
	}
	if s := sampleShape(net, r.Steps); s.T == 0 || s.C != len(c.Norm.Std) {
		return fmt.Errorf("the network takes %v, the task %s gives frames of %d channels", s, r.Task, len(c.Norm.Std))
	}
	if c.TestSplit != nil {
		return c.TestSplit.Validate()
	}
	return nil
}

// checkTest says whether the test samples are those that the checkpoint records.
func (c *Checkpoint) checkTest(d Data) error {
	was, is := c.TestSplit, d.TestSplit
	switch {
	case was == nil && is == nil:
		return nil
	case was == nil || is == nil:
		return errors.New("the checkpoint and the data do not agree on whether test samples are split off")
	case was.SHA256 != is.SHA256 || !slices.Equal(was.Validation, is.Validation):
		return fmt.Errorf("the checkpoint's test samples are a split of %s with SHA-256 %.12s…, the data is %s with %.12s… and may differ in its test samples",
			was.Dataset, was.SHA256, is.Dataset, is.SHA256)
	}
	return nil
}

// checkNumbers refuses tensors that no run can have saved: a number that is not
// finite would not show in the spikes.
func checkNumbers(ts []graph.Tensor) error {
	for _, t := range ts {
		for i, v := range t.Data {
			if !isFinite(float64(v)) {
				return fmt.Errorf("tensor %q: element %d is %v", t.Name, i, v)
			}
		}
	}
	return nil
}

// check holds the records against each other and against the network.
func (p Progress) check(net *graph.Network, steps int) error {
	if p.Epoch < 0 || p.Step < 0 || p.Updates < 0 || p.Epoch != len(p.Epochs) || p.Best > p.Epoch || p.Best < min(1, p.Epoch) {
		return fmt.Errorf("progress is inconsistent: epoch %d, step %d, updates %d, %d records, best %d", p.Epoch, p.Step, p.Updates, len(p.Epochs), p.Best)
	}
	layers := len(net.Neurons())
	shaped := func(rates [][]float64) bool {
		return len(rates) == layers && !slices.ContainsFunc(rates, func(l []float64) bool { return len(l) != steps })
	}
	if !shaped(p.Partial.Rates) {
		return fmt.Errorf("progress: firing rates of the current epoch are not [layer][T] = [%d][%d]", layers, steps)
	}
	for i, e := range p.Epochs {
		if e.Epoch != i+1 || !shaped(e.FiringRates) || e.Widths != nil && !shaped(e.Widths) {
			return fmt.Errorf("progress: record %d is of epoch %d, or its firing rates or widths are not [layer][T] = [%d][%d]", i+1, e.Epoch, layers, steps)
		}
	}
	return nil
}

// snapshot returns the trainer state that the checkpoint holds.
func (c *Checkpoint) snapshot() *engine.Snapshot {
	return &engine.Snapshot{Updates: c.Progress.Updates, Params: c.Params, Optimizer: c.Optimizer}
}
