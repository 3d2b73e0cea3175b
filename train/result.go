package train

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/graph"
)

// Result is what a finished run reports. Accuracies and rates are fractions.
type Result struct {
	Recipe           string      `json:"recipe"`
	Net              string      `json:"net"`
	Neuron           string      `json:"neuron"`
	Data             string      `json:"data"`
	Task             string      `json:"task"`                // how its images are shown
	Engine           string      `json:"engine"`              // and its variant
	Precision        string      `json:"precision"`           // asked for
	Effective        string      `json:"effective_precision"` // trained in
	Seed             uint64      `json:"seed"`
	Epochs           int         `json:"epochs"`
	Steps            int         `json:"steps"` // T
	Params           int64       `json:"params"`
	MACs             int64       `json:"macs"` // per sample and time step
	BestEpoch        int         `json:"best_epoch"`
	ValAccuracy      float64     `json:"val_accuracy"`
	TestAccuracy     float64     `json:"test_accuracy"`
	TestPerStep      []float64   `json:"test_accuracy_per_step"`
	Layers           []string    `json:"layers"`                    // names of the neuron layers
	FiringRates      [][]float64 `json:"firing_rates"`              // [layer][T], on the test data
	Windows          [][]float64 `json:"windows"`                   // [layer][T], rectangle-equivalent widths at the chosen epoch
	InitialWindows   [][]float64 `json:"initial_windows,omitempty"` // at the start, if they moved
	SamplesPerSecond float64     `json:"train_samples_per_second"`
	Seconds          float64     `json:"seconds"` // spent by this process
	PeakRSS          int64       `json:"peak_rss_bytes"`
	Warnings         []Warning   `json:"warnings"`
	Checkpoint       string      `json:"checkpoint"`
	Report           string      `json:"report"`

	Learned []LearnedParam `json:"learned,omitempty"`

	Splits  []SplitUse     `json:"splits"`            // which samples are for validation, and for test where the data set does not say
	Skipped *event.Skipped `json:"skipped,omitempty"` // in recordings, where bad records are skipped
}

// SplitUse outlines a manifest, which the checkpoint holds whole.
type SplitUse struct {
	For     string  `json:"for"` // validation or test
	Dataset string  `json:"dataset"`
	SHA256  string  `json:"sha256"`
	Method  string  `json:"method"`
	Seed    uint64  `json:"seed"`
	Share   float64 `json:"share"`
	Held    int     `json:"held_out"`
	Count   int     `json:"count"`
}

func (s SplitUse) String() string {
	return fmt.Sprintf("%d of %d samples of %s for %s, %s, seed %d, data SHA-256 %.12s…", s.Held, s.Count, s.Dataset, s.For, s.Method, s.Seed, s.SHA256)
}

// SplitUses outlines the manifests of a checkpoint or a run.
func SplitUses(validation data.Manifest, test *data.Manifest) []SplitUse {
	outline := func(what string, m data.Manifest) SplitUse {
		return SplitUse{what, m.Dataset, m.SHA256, m.Method, m.Seed, m.Share, len(m.Validation), m.Count}
	}
	uses := []SplitUse{outline("validation", validation)}
	if test != nil {
		uses = append(uses, outline("test", *test))
	}
	return uses
}

// LearnedParam is a neuron parameter that was trained.
type LearnedParam struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"` // one, or one per channel
}

// conclude measures the chosen epoch on the test data, once, and writes the
// report.
func (r *Run) conclude(ctx context.Context) (*Result, error) {
	if res, ok := r.concluded(); ok {
		return res, nil
	}
	best, err := ReadCheckpoint(r.path(CheckpointFile))
	if err != nil {
		return nil, err
	}
	samples, err := r.Test.Shown(r.Norm)
	if err != nil {
		return nil, err
	}
	test, err := r.eval.Run(ctx, best.Params, samples, nil)
	if ctx.Err() != nil {
		return nil, ErrInterrupted // the epochs are saved
	}
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	r.progress.Test = &test.Accuracy
	if err := r.checkpoint(best.Params, nil).write(r.path(CheckpointFile)); err != nil {
		return nil, err
	}
	if err := r.save(); err != nil {
		return nil, err
	}
	res, err := r.result(test, best.Params)
	if err != nil {
		return nil, err
	}
	if res.Skipped, err = r.Data.skipped(ctx, r.Recipe); err != nil {
		return nil, err
	}
	if err := r.writeReport(res, best.Params); err != nil {
		return nil, err
	}
	err = writeFile(r.path(ResultFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(res)
	})
	return res, err
}

// concluded returns the result of a run that was finished before it was resumed.
func (r *Run) concluded() (*Result, bool) {
	if r.progress.Test == nil {
		return nil, false
	}
	b, err := os.ReadFile(r.path(ResultFile))
	if err != nil {
		return nil, false
	}
	res := &Result{}
	return res, json.Unmarshal(b, res) == nil && res.TestAccuracy == *r.progress.Test
}

func (r *Run) result(test *Evaluation, params []graph.Tensor) (*Result, error) {
	windows, err := r.widths(params)
	if err != nil {
		return nil, err
	}
	best := r.progress.Epochs[r.progress.Best-1]
	res := &Result{
		Recipe: r.Recipe.Name, Net: r.Net.Graph.Name, Neuron: r.NeuronForms(), Data: r.DataName(), Task: r.Recipe.Task,
		Engine: engine.Signature(r.Engine), Precision: r.Recipe.Precision, Effective: r.effectivePrecision(),
		Seed: r.Recipe.Seed, Epochs: r.Recipe.Epochs, Steps: r.Recipe.Steps,
		Params: r.Net.ParamCount(), MACs: r.Net.MACs(), BestEpoch: best.Epoch,
		ValAccuracy: best.ValAccuracy, TestAccuracy: test.Accuracy, TestPerStep: test.PerStep,
		FiringRates: test.Rates(), SamplesPerSecond: r.speed(),
		Seconds: time.Since(r.started).Seconds(), PeakRSS: PeakRSS(), Warnings: append([]Warning{}, r.progress.Warnings...),
		Checkpoint: r.path(CheckpointFile), Report: r.path(ReportFile), Splits: SplitUses(r.Split, r.TestSplit),
	}
	for _, l := range test.Neurons {
		res.Layers = append(res.Layers, l.Node)
	}
	if res.Windows = windows.now; windows.moved {
		res.InitialWindows = windows.start
	}
	for i, p := range r.Net.Params {
		if p.Role == graph.NeuronParam {
			l := LearnedParam{Name: p.Name}
			for _, v := range params[i].Data {
				l.Values = append(l.Values, float64(v))
			}
			res.Learned = append(res.Learned, l)
		}
	}
	return res, nil
}

// NeuronForms names the forms of the network's neurons.
func (s *Setup) NeuronForms() string {
	var names []string
	for _, l := range s.Net.Neurons() {
		if !slices.Contains(names, l.Neuron.Model.Form) {
			names = append(names, l.Neuron.Model.Form)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "+")
}
