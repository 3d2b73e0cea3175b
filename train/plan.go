package train

import (
	"context"
	"fmt"
	"time"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
)

// Plan is what a run would take, from its recipe and a few steps measured.
type Plan struct {
	Name      string `json:"name"`
	Net       string `json:"net"`
	Neuron    string `json:"neuron"`
	Data      string `json:"data"`
	Input     string `json:"input"` // shape of a sample
	Classes   int    `json:"classes"`
	Params    int64  `json:"params"`
	MACs      int64  `json:"macs"` // per sample and step
	TimeSteps int    `json:"time_steps"`

	Train      int `json:"train_samples"`
	Validation int `json:"validation_samples"`
	Test       int `json:"test_samples"`
	Batch      int `json:"batch"`
	Epochs     int `json:"epochs"`
	Updates    int `json:"updates_per_epoch"`

	Engine    string `json:"engine"` // with its variant
	Precision string `json:"precision"`
	Measured  int    `json:"measured_steps"` // training steps that the times come from

	StepSeconds       float64 `json:"seconds_per_step"`
	ValidationSeconds float64 `json:"seconds_per_validation_batch"`
	EpochSeconds      float64 `json:"seconds_per_epoch"` // with validation
	RunSeconds        float64 `json:"seconds_per_run"`   // with the test at the end
	PeakRSS           int64   `json:"peak_rss_bytes"`    // of this process, data included
}

// rehearsed bounds what Rehearse measures: at least so many steps after one to
// warm up, and more as long as there is time.
const (
	rehearsedSteps = 3
	rehearsalTime  = 5 * time.Second
)

// Rehearse takes the first steps of the run that the setup describes, and of its
// validation, and says what the whole would take. It writes nothing. What it
// does is told to report, with a share of it that is done.
func Rehearse(ctx context.Context, s *Setup, report func(phase string, done float64)) (*Plan, error) {
	report("compiling", 0)
	r := newRun(s, "")
	defer r.Close()
	if err := r.compile(); err != nil {
		return nil, err
	}
	p := r.plan()
	if err := r.rehearseSteps(ctx, p, report); err != nil {
		return nil, err
	}
	if err := r.rehearseValidation(ctx, p, report); err != nil {
		return nil, err
	}
	batches := func(n int) float64 { return float64((n + p.Batch - 1) / p.Batch) }
	p.EpochSeconds = float64(p.Updates)*p.StepSeconds + batches(p.Validation)*p.ValidationSeconds
	p.RunSeconds = float64(p.Epochs)*p.EpochSeconds + batches(p.Test)*p.ValidationSeconds
	p.PeakRSS = PeakRSS()
	return p, nil
}

// plan is what is known without a measurement.
func (r *Run) plan() *Plan {
	p := &Plan{
		Name: r.Recipe.Name, Net: r.Net.Graph.Name, Data: r.DataShown(), Input: r.plain.Shape().String(), Classes: r.Net.Classes(),
		TimeSteps: r.Recipe.Steps, Train: len(r.TrainIdx), Validation: len(r.ValIdx), Test: len(r.Test.Labels()),
		Batch: r.Recipe.Batch, Epochs: r.Recipe.Epochs, Updates: r.loader.Steps(),
		Engine: engine.Signature(r.Engine), Precision: r.Recipe.Precision, MACs: r.Net.MACs(), Params: r.Net.ParamCount(),
	}
	if layers := r.Net.Neurons(); len(layers) > 0 {
		p.Neuron = layers[0].Neuron.Model.Form
	}
	return p
}

// rehearseSteps measures training steps, the preparation of batches included: it
// counts where it takes longer than the step.
func (r *Run) rehearseSteps(ctx context.Context, p *Plan, report func(string, float64)) (err error) {
	pass := r.loader.Epoch(0, 0)
	defer pass.Close()
	p.Measured, p.StepSeconds, err = pace(ctx, rehearsalTime, func(i int, done float64) (bool, error) {
		report(fmt.Sprintf("training step %d", i+1), .8*done)
		b, ok := pass.Next()
		if !ok {
			return false, pass.Err()
		}
		lr := r.Recipe.LearningRate(i, r.Updates())
		if _, err := r.trainer.Step(engine.Batch{N: b.N, X: b.X, Y: b.Y}, lr); err != nil {
			return false, fmt.Errorf("step %d of the rehearsal, learning rate %.3g: %w", i+1, lr, err)
		}
		return true, nil
	})
	return err
}

// rehearseValidation measures batches of the validation images.
func (r *Run) rehearseValidation(ctx context.Context, p *Plan, report func(string, float64)) error {
	if err := r.eval.Load(r.trainer.Tensors()); err != nil {
		return err
	}
	l, err := data.NewLoader(data.LoaderOptions{Samples: r.plain, Indices: r.ValIdx, Batch: min(p.Batch, len(r.ValIdx)), Ahead: 4})
	if err != nil {
		return err
	}
	pass := l.Epoch(0, 0)
	defer pass.Close()
	acts := r.eval.runner.Activities()
	_, p.ValidationSeconds, err = pace(ctx, rehearsalTime/5, func(i int, done float64) (bool, error) {
		report(fmt.Sprintf("validation batch %d", i+1), .8+.2*done)
		b, ok := pass.Next()
		if !ok {
			return false, pass.Err()
		}
		logits := r.eval.logits[:p.TimeSteps*b.N*p.Classes]
		return true, r.eval.runner.Run(engine.Batch{N: b.N, X: b.X}, logits, acts)
	})
	return err
}

// pace calls once until it says that there is no more, or often and long enough,
// and returns how many of the calls were measured and the mean time of one. The
// first, which touches memory for the first time, counts only if it is the only
// one. Once gets the number of the call and the share that is done.
func pace(ctx context.Context, least time.Duration, once func(i int, done float64) (more bool, err error)) (n int, seconds float64, err error) {
	begin := time.Now()
	for i := 0; ; i++ {
		spent := time.Since(begin)
		if n >= rehearsedSteps && spent >= least {
			return n, seconds, nil
		}
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		more, err := once(i, min(float64(n)/rehearsedSteps, spent.Seconds()/least.Seconds(), 1))
		if err != nil || !more {
			return n, seconds, err
		}
		n = max(1, i)
		seconds = time.Since(begin).Seconds() / float64(n)
		if i == 0 {
			begin = time.Now()
		}
	}
}
