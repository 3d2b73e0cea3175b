package train

import (
	"fmt"
	"io"
	"math"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/report"
)

// histogramBins is the resolution of membrane histograms.
const histogramBins = 80

// writeReport draws the run into its report: what happened, epoch by epoch, and
// the membrane potentials of one batch before and after training.
func (r *Run) writeReport(res *Result, best []graph.Tensor) error {
	windows, err := r.Net.Windows(r.Recipe.Steps)
	if err != nil {
		return err
	}
	moved, err := r.widths(best)
	if err != nil {
		return err
	}
	initial, err := r.histograms(r.Net.Init(r.Recipe.Seed), windows)
	if err != nil {
		return err
	}
	final, err := r.histograms(best, windows)
	if err != nil {
		return err
	}
	toml, err := r.Recipe.TOML()
	if err != nil {
		return err
	}
	rep := report.Run{
		Title: fmt.Sprintf("%s: %s neurons on %s", res.Net, res.Neuron, r.DataShown()), BestEpoch: res.BestEpoch,
		Config: string(toml), Summary: summary(res),
	}
	for _, w := range r.progress.Warnings {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf("epoch %d: %s", w.Epoch, w.Text))
	}
	for _, e := range r.progress.Epochs {
		rep.Epochs = append(rep.Epochs, report.Epoch{
			Epoch: e.Epoch, TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy,
			ValLoss: e.ValLoss, ValAccuracy: e.ValAccuracy, LearningRate: e.LearningRate,
		})
	}
	neurons := r.Net.Neurons()
	for i, w := range windows {
		l := report.Layer{
			Node: w.Node, Theta: neurons[i].Neuron.Model.Threshold, Shape: w.Shape, Widths: w.Widths, Predicted: w.Moments,
			Initial: initial[i], Final: final[i],
		}
		if moved.moved {
			l.FinalWidths = moved.now[i]
		}
		for _, e := range r.progress.Epochs {
			l.Rates = append(l.Rates, e.FiringRates[i])
		}
		rep.Layers = append(rep.Layers, l)
	}
	for _, l := range r.Net.Layers {
		rep.Graph = append(rep.Graph, report.GraphRow{
			Node: l.Name, Op: l.Op.Kind(), Output: l.Out.String(), Params: l.ParamCount(), MACs: l.MACs,
		})
	}
	return writeFile(r.path(ReportFile), func(w io.Writer) error { return report.HTML(w, rep) })
}

func summary(res *Result) []report.Field {
	pct := func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }
	fields := []report.Field{
		{Name: "test accuracy", Value: pct(res.TestAccuracy)},
		{Name: "validation accuracy", Value: pct(res.ValAccuracy)},
		{Name: "chosen epoch", Value: fmt.Sprintf("%d of %d", res.BestEpoch, res.Epochs)},
		{Name: "neuron", Value: res.Neuron},
		{Name: "time steps T", Value: fmt.Sprint(res.Steps)},
		{Name: "seed", Value: fmt.Sprint(res.Seed)},
		{Name: "parameters", Value: fmt.Sprint(res.Params)},
		{Name: "MACs per step", Value: fmt.Sprint(res.MACs)},
		{Name: "engine", Value: res.Engine},
		{Name: "precision", Value: engine.DescribePrecision(res.Precision, res.Effective)},
		{Name: "training speed", Value: fmt.Sprintf("%.0f samples/s", res.SamplesPerSecond)},
		{Name: "time", Value: fmt.Sprintf("%.0f s", res.Seconds)},
		{Name: "peak memory", Value: fmt.Sprintf("%.0f MiB", float64(res.PeakRSS)/(1<<20))},
	}
	for _, use := range res.Splits {
		fields = append(fields, report.Field{Name: "split", Value: use.String()})
	}
	if res.Skipped != nil {
		fields = append(fields, report.Field{Name: "skipped in recordings", Value: res.Skipped.String()})
	}
	return fields
}

// histograms returns the distribution of membrane potentials before firing,
// [layer][T], over the first validation images, in training mode: normalised by
// the batch's own statistics, as the surrogate windows see it. It leaves the
// trainer with the given parameters.
func (r *Run) histograms(params []graph.Tensor, windows []graph.LayerWindows) ([][]report.Histogram, error) {
	s := r.trainer.Snapshot()
	if err := r.trainer.Restore(&engine.Snapshot{Updates: s.Updates, Params: params, Optimizer: s.Optimizer}); err != nil {
		return nil, err
	}
	out := make([][]report.Histogram, len(windows))
	layer := map[string]int{}
	neurons := r.Net.Neurons()
	for i, w := range windows {
		lo, hi := histogramRange(w, neurons[i].Neuron.Model.Threshold)
		layer[w.Node] = i
		for range r.Recipe.Steps {
			out[i] = append(out[i], report.NewHistogram(lo, hi, histogramBins))
		}
	}
	b, err := r.sample()
	if err != nil {
		return nil, err
	}
	err = r.trainer.Observe(b, func(node string, t int, u []float32) { out[layer[node]][t].Add(u) })
	return out, err
}

// histogramRange covers what is predicted at every step, four and a half
// deviations to either side, and the threshold.
func histogramRange(w graph.LayerWindows, theta float64) (lo, hi float64) {
	lo, hi = theta, theta
	for _, m := range w.Moments {
		lo, hi = math.Min(lo, m.Mean-4.5*m.Std), math.Max(hi, m.Mean+4.5*m.Std)
	}
	return lo, hi
}

// sample is a batch of validation images as they are evaluated.
func (r *Run) sample() (engine.Batch, error) {
	n := min(r.Recipe.Batch, len(r.ValIdx))
	l, err := data.NewLoader(data.LoaderOptions{Samples: r.plain, Indices: r.ValIdx[:n], Batch: n})
	if err != nil {
		return engine.Batch{}, err
	}
	pass := l.Epoch(0, 0)
	defer pass.Close()
	b, ok := pass.Next()
	if !ok {
		return engine.Batch{}, pass.Err()
	}
	return engine.Batch{N: b.N, X: b.X}, nil
}
