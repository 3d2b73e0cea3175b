package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
)

// EvalOptions fixes what an Evaluator is compiled for.
type EvalOptions = engine.InferOptions

// Evaluator measures parameters of one network on data. It runs the network
// with tdBN folded, as it is deployed.
type Evaluator struct {
	net    *graph.Network
	opts   EvalOptions
	runner engine.Runner
	logits []float32
	engine string
	taken  []int32 // steps per sample of the last batch with early exit
	warm   bool    // the engine has run before
}

// NewEvaluator compiles the folded network.
func NewEvaluator(e engine.Engine, net *graph.Network, o EvalOptions) (*Evaluator, error) {
	folded, _, err := graph.Fold(net, net.Init(0))
	if err != nil {
		return nil, err
	}
	r, err := e.CompileInfer(folded, o)
	if err != nil {
		return nil, err
	}
	return &Evaluator{net: net, opts: o, engine: e.Name(), runner: r, logits: make([]float32, o.Steps*o.Batch*net.Classes())}, nil
}

// evaluatorFor compiles net as a recipe says, for batches of at most so many.
func evaluatorFor(r recipe.Recipe, net *graph.Network, batch int) (*Evaluator, error) {
	e, err := engine.Named(r.Engine)
	if err != nil {
		return nil, err
	}
	return NewEvaluator(e, net, evalOptions(r, batch))
}

func evalOptions(r recipe.Recipe, batch int) EvalOptions {
	return EvalOptions{Batch: batch, Steps: r.Steps, Threads: r.Threads, Precision: r.Precision}
}

// Close releases the engine.
func (e *Evaluator) Close() { e.runner.Close() }

// Evaluation is how a network does on a set of images.
type Evaluation struct {
	Samples   int               `json:"samples"`
	Loss      float64           `json:"loss"` // cross-entropy of mean logits
	Accuracy  float64           `json:"accuracy"`
	PerStep   []float64         `json:"accuracy_per_step"` // of the mean logits up to step t, which begins anew where the readout begins to count
	Neurons   []engine.Activity `json:"-"`
	Confusion [][]int           `json:"confusion"` // [label][predicted]

	SamplesPerSecond float64 `json:"samples_per_second"` // of the engine alone
}

// Rates returns the firing rates, [layer][T].
func (e *Evaluation) Rates() [][]float64 {
	rates := make([][]float64, len(e.Neurons))
	for i, a := range e.Neurons {
		rates[i] = a.Rate
	}
	return rates
}

// Load takes over a network's parameters.
func (e *Evaluator) Load(params []graph.Tensor) error {
	_, folded, err := graph.Fold(e.net, params)
	if err != nil {
		return err
	}
	return e.runner.Load(folded)
}

// Run evaluates parameters on the chosen samples, or all if indices is nil, in
// order and as epoch 0 shows them. It gives up, with the context's error, when
// ctx ends.
func (e *Evaluator) Run(ctx context.Context, params []graph.Tensor, samples data.Samples, indices []int) (*Evaluation, error) {
	if err := e.Load(params); err != nil {
		return nil, err
	}
	k := e.net.Classes()
	ev := &Evaluation{PerStep: make([]float64, e.opts.Steps), Neurons: e.runner.Activities()}
	for range k {
		ev.Confusion = append(ev.Confusion, make([]int, k))
	}
	acts := e.runner.Activities()
	run := func(b engine.Batch) error { return e.runner.Run(b, e.logits[:e.opts.Steps*b.N*k], acts) }
	first := e.net.Readout().First(e.opts.Steps)
	spent, err := e.eachBatch(ctx, samples, indices, run, func(b *data.Batch) {
		ev.add(e.logits, b, first, k)
		ev.observe(acts, b.N)
	})
	if err != nil {
		return nil, err
	}
	ev.finish()
	ev.SamplesPerSecond = float64(ev.Samples) / spent.Seconds()
	return ev, nil
}

// eachBatch has the engine run every batch of the chosen samples and tell count
// of it. It returns the time that the engine took.
func (e *Evaluator) eachBatch(ctx context.Context, samples data.Samples, indices []int,
	run func(engine.Batch) error, count func(*data.Batch)) (time.Duration, error) {
	n := len(indices)
	if indices == nil {
		n = len(samples.Labels())
	}
	l, err := data.NewLoader(data.LoaderOptions{Samples: samples, Indices: indices, Batch: min(e.opts.Batch, n), Ahead: 4})
	if err != nil {
		return 0, err
	}
	var spent time.Duration
	pass := l.Epoch(0, 0)
	defer pass.Close()
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b, ok := pass.Next()
		if !ok {
			return spent, pass.Err()
		}
		if err := checkLabels(b, e.net.Classes()); err != nil {
			return 0, err
		}
		took, err := e.timed(engine.Batch{N: b.N, X: b.X}, run)
		if err != nil {
			return 0, err
		}
		spent += took
		count(b)
	}
}

// timed measures one batch. The engine's first batch runs twice: what it costs
// to touch memory is no part of a speed.
func (e *Evaluator) timed(b engine.Batch, run func(engine.Batch) error) (time.Duration, error) {
	if !e.warm {
		if err := run(b); err != nil {
			return 0, err
		}
		e.warm = true
	}
	begin := time.Now()
	err := run(b)
	return time.Since(begin), err
}

func checkLabels(b *data.Batch, classes int) error {
	for i, label := range b.Y {
		if int(label) >= classes {
			return fmt.Errorf("image %d has label %d, the network has %d classes", b.Indices[i], label, classes)
		}
	}
	return nil
}

// add counts one batch's logits [T, N, K], of which those from step `first` on
// decide.
func (ev *Evaluation) add(logits []float32, b *data.Batch, first, k int) {
	steps, mean := len(ev.PerStep), make([]float64, k)
	for i, label := range b.Y {
		clear(mean)
		guess := 0
		for t := range steps {
			if t == first {
				clear(mean)
			}
			for c, v := range logits[(t*b.N+i)*k:][:k] {
				mean[c] += float64(v)
			}
			if guess = engine.Argmax(mean); guess == int(label) {
				ev.PerStep[t]++
			}
		}
		for c := range mean {
			mean[c] /= float64(steps - first)
		}
		ev.Confusion[label][guess]++
		ev.Loss += logSumExp(mean) - mean[label]
	}
	ev.Samples += b.N
}

// observe adds a batch's activities, weighted by its samples.
func (ev *Evaluation) observe(acts []engine.Activity, n int) {
	for i, a := range acts {
		for t := range a.Rate {
			w := float64(n)
			ev.Neurons[i].Rate[t] += w * a.Rate[t]
			ev.Neurons[i].Mean[t] += w * a.Mean[t]
			ev.Neurons[i].Std[t] += w * (a.Std[t]*a.Std[t] + a.Mean[t]*a.Mean[t])
		}
	}
}

func (ev *Evaluation) finish() {
	n := float64(max(1, ev.Samples))
	for t := range ev.PerStep {
		ev.PerStep[t] /= n
	}
	ev.Loss /= n
	if len(ev.PerStep) > 0 {
		ev.Accuracy = ev.PerStep[len(ev.PerStep)-1]
	}
	for _, a := range ev.Neurons {
		for t := range a.Rate {
			a.Rate[t] /= n
			a.Mean[t] /= n
			a.Std[t] = math.Sqrt(math.Max(0, a.Std[t]/n-a.Mean[t]*a.Mean[t]))
		}
	}
}

func logSumExp(v []float64) float64 {
	top := v[engine.Argmax(v)]
	sum := 0.0
	for _, x := range v {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}

// Softmax returns class probabilities of mean logits.
func Softmax(mean []float64) []float64 {
	z := logSumExp(mean)
	p := make([]float64, len(mean))
	for i, v := range mean {
		p[i] = math.Exp(v - z)
	}
	return p
}
