package cpu

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// trained trains a few steps, on batches of changing size, and returns what the
// next step depends on.
func trained(t *testing.T, net *graph.Network, precision string, threads, steps int) *engine.Snapshot {
	t.Helper()
	tr := compileTrain(t, net, engine.TrainOptions{
		Batch: 5, Steps: 3, Threads: threads, Seed: 7, Loss: tet, Optimizer: adamw, Precision: precision,
	})
	for i := range steps {
		if _, err := tr.Step(randomBatch(net, 5-i%3, 3, uint64(i)), .01); err != nil {
			t.Fatal(err)
		}
	}
	return tr.Snapshot()
}

func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	for _, coding := range []string{graph.Direct, graph.Frames} {
		atEachLevel(t, coding, func(t *testing.T) {
			for _, p := range []string{engine.FP32, engine.Mixed} {
				for _, v := range []variant{variants[9], variants[1]} { // learned neurons, learned windows
					net, steps := everything(t, v, coding, .3), 6
					if p == engine.Mixed {
						net, steps = broad(t, v, coding), 2
					}
					want := trained(t, net, p, 1, steps)
					for _, threads := range []int{2, 3, 8} {
						if got := trained(t, net, p, threads, steps); !reflect.DeepEqual(got, want) {
							t.Errorf("%s, %s: %d threads and 1 thread train to different bits", p, v.name, threads)
						}
					}
				}
			}
		})
	}
}

func TestSnapshotContinuesToTheSameBits(t *testing.T) {
	for _, v := range append([]variant{variants[0]}, moving...) {
		for _, opt := range []engine.Optimizer{sgd, adamw} {
			checkSnapshot(t, everything(t, v, graph.Direct, .3), v.name, opt)
		}
	}
}

func checkSnapshot(t *testing.T, net *graph.Network, name string, opt engine.Optimizer) {
	t.Helper()
	o := engine.TrainOptions{Batch: 4, Steps: 3, Seed: 1, Loss: ce, Optimizer: opt}
	a, b := compileTrain(t, net, o), compileTrain(t, net, o)
	step := func(tr *trainer, i int) {
		t.Helper()
		if _, err := tr.Step(randomBatch(net, 4, 3, uint64(i)), .02); err != nil {
			t.Fatal(err)
		}
	}
	step(a, 0)
	step(a, 1)
	step(b, 5) // a different past must leave no trace
	if err := b.Restore(a.Snapshot()); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 5; i++ {
		step(a, i)
		step(b, i)
	}
	if !reflect.DeepEqual(a.Snapshot(), b.Snapshot()) {
		t.Errorf("%s, %s: a restored trainer went another way", name, opt.Kind)
	}
}

func TestObserveChangesNothing(t *testing.T) {
	net := everything(t, variants[0], graph.Direct, .3)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Loss: ce, Optimizer: sgd})
	before := tr.Snapshot()
	seen := map[string]int{}
	err := tr.Observe(randomBatch(net, 4, 3, 1), func(node string, step int, u []float32) {
		seen[node] += len(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, tr.Snapshot()) {
		t.Error("observing changed the trainer")
	}
	if want := 3 * 4 * 6 * 5 * 3; seen["neuron1"] != want {
		t.Errorf("saw %d potentials of neuron1, want T·N·H·W·C = %d", seen["neuron1"], want)
	}
}

func TestStepAllocatesNothingOfTheNetworksSize(t *testing.T) {
	net := everything(t, variants[0], graph.Direct, 0)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Threads: 2, Loss: ce, Optimizer: adamw})
	b := randomBatch(net, 4, 3, 1)
	n := testing.AllocsPerRun(20, func() {
		if _, err := tr.Step(b, .01); err != nil {
			t.Fatal(err)
		}
	})
	if n > 50 { // closures of operations, no tensors
		t.Errorf("a training step makes %v allocations", n)
	}
}

// TestStreamEqualsBatch feeds frames one at a time to a state that the caller
// holds, two streams interleaved, and expects the logits of the whole run.
func TestStreamEqualsBatch(t *testing.T) {
	const steps = 5
	for _, v := range variants {
		net := everything(t, v, graph.Frames, .2)
		r, err := Engine{}.CompileInfer(net, engine.InferOptions{Batch: 3, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b := randomBatch(net, 3, steps, 4)
		k := net.Classes()
		want := make([]float32, steps*3*k)
		acts := r.Activities()
		if err := r.Run(b, want, acts); err != nil {
			t.Fatal(err)
		}
		st, other := r.NewState(3), r.NewState(1)
		got, ignored := make([]float32, 3*k), make([]float32, k)
		frame := len(b.X) / steps
		for round := range 2 {
			for step := range steps {
				if err := r.Step(st, b.X[step*frame:(step+1)*frame], got); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want[step*3*k:(step+1)*3*k]) {
					t.Fatalf("%s: round %d, step %d: a stream's logits are %v, the batch's %v", v.name, round, step, got, want[step*3*k:(step+1)*3*k])
				}
				if err := r.Step(other, b.X[:frame/3], ignored); err != nil {
					t.Fatal(err)
				}
			}
			st.Reset()
		}
		for _, a := range acts {
			for step, rate := range a.Rate {
				if rate < 0 || rate > 1 || math.IsNaN(a.Std[step]) {
					t.Errorf("%s: %s at step %d: rate %v, deviation %v", v.name, a.Node, step, rate, a.Std[step])
				}
			}
		}
	}
}

func TestNonFiniteStopsWithoutATrace(t *testing.T) { atEachLevel(t, "batch", nonFiniteStops) }

func nonFiniteStops(t *testing.T) {
	net := everything(t, variants[0], graph.Direct, 0)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Loss: ce, Optimizer: sgd})
	before := tr.Snapshot()
	b := randomBatch(net, 4, 3, 1)
	b.X[3] = float32(math.NaN())
	_, err := tr.Step(b, .1)
	var nf *engine.NonFiniteError
	if !errors.As(err, &nf) || nf.Node != "neuron1" || nf.Step != 0 {
		t.Errorf("got %v, want a NonFiniteError of neuron1 at step 0", err)
	}
	if !reflect.DeepEqual(before, tr.Snapshot()) {
		t.Error("the failed step changed the trainer")
	}
}

func TestLearnedParametersStayWithinBounds(t *testing.T) {
	net := everything(t, variants[11], graph.Direct, 0)
	tr := compileTrain(t, net, engine.TrainOptions{Batch: 4, Steps: 3, Loss: ce, Optimizer: sgd})
	for i := range 20 {
		if _, err := tr.Step(randomBatch(net, 4, 3, uint64(i)), 20); err != nil {
			t.Fatal(err)
		}
		for _, x := range tr.Tensors() {
			if !strings.HasSuffix(x.Name, ".leak") {
				continue
			}
			for c, v := range x.Data {
				if v < 0 || v > 1 {
					t.Fatalf("%s of channel %d left [0, 1]: %v", x.Name, c, v)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	net := everything(t, variants[0], graph.Direct, 0)
	good := engine.TrainOptions{Batch: 4, Steps: 3, Loss: ce, Optimizer: sgd}
	for name, c := range map[string]struct {
		change func(o *engine.TrainOptions)
		want   string
	}{
		"no steps":  {func(o *engine.TrainOptions) { o.Steps = 0 }, "steps T is 0"},
		"no batch":  {func(o *engine.TrainOptions) { o.Batch = 0 }, "batch is 0"},
		"threads":   {func(o *engine.TrainOptions) { o.Threads = -1 }, "threads is -1"},
		"loss":      {func(o *engine.TrainOptions) { o.Loss.Kind = "mse" }, `loss is "mse"`},
		"memory":    {func(o *engine.TrainOptions) { o.Batch = 1 << 30 }, "GiB of memory"},
		"optimizer": {func(o *engine.TrainOptions) { o.Optimizer.Momentum = 1 }, "momentum is 1"},
	} {
		o := good
		c.change(&o)
		if _, err := (Engine{}).CompileTrain(net, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
	tr := compileTrain(t, net, good)
	b := randomBatch(net, 4, 3, 1)
	for name, c := range map[string]struct {
		b    engine.Batch
		want string
	}{
		"too many":  {randomBatch(net, 5, 3, 1), "a batch of 5 samples; compiled for 1 to 4"},
		"none":      {engine.Batch{}, "a batch of 0 samples"},
		"short":     {engine.Batch{N: 4, X: b.X[1:], Y: b.Y}, "expected 240"},
		"label":     {engine.Batch{N: 4, X: b.X, Y: []int32{0, 1, 3, 0}}, "label 3 of sample 2"},
		"labels":    {engine.Batch{N: 4, X: b.X, Y: b.Y[1:]}, "3 labels for 4 samples"},
		"below all": {engine.Batch{N: 4, X: b.X, Y: []int32{0, -1, 0, 0}}, "label -1 of sample 1"},
	} {
		if _, err := tr.Step(c.b, .1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
	if err := tr.Restore(&engine.Snapshot{Params: tr.Tensors()}); err == nil || !strings.Contains(err.Error(), "optimizer state") {
		t.Errorf("a snapshot without the optimizer's state: got error %v", err)
	}
	r, err := Engine{}.CompileInfer(net, engine.InferOptions{Batch: 2, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	other, err := Engine{}.CompileInfer(everything(t, variants[0], graph.Frames, 0), engine.InferOptions{Batch: 2, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := r.Step(other.NewState(2), b.X[:120], make([]float32, 6)); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("a foreign state: got error %v", err)
	}
}
