package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// TestLayoutKeepsApartWhatMeets lays out random buffers and looks at each pair.
func TestLayoutKeepsApartWhatMeets(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var all []*buffer
		for range 1 + rng.IntN(60) {
			b := &buffer{words: 1 + rng.IntN(200), first: math.MaxInt, last: -1, kept: rng.IntN(10) == 0}
			for range rng.IntN(4) {
				b.used(rng.IntN(40))
			}
			all = append(all, b)
		}
		total := layout(all)
		attach(all, total)
		alive := make([]int, 40) // words in use at a moment
		for i, b := range all {
			used := b.kept || b.first <= b.last
			if used != (len(b.mem) == b.words) || used && (b.at%line != 0 || b.at < 0 || b.at+b.words > total) {
				t.Fatalf("seed %d: buffer %+v in an arena of %d words", seed, b, total)
			}
			for _, o := range all[:i] {
				if used && (o.kept || o.first <= o.last) && b.meets(o) && b.at < o.at+o.words && o.at < b.at+b.words {
					t.Fatalf("seed %d: %d words at %d and %d at %d are in use at the same time", seed, b.words, b.at, o.words, o.at)
				}
			}
			for m := range alive {
				if used && (b.kept || b.first <= m && m <= b.last) {
					alive[m] += b.words
				}
			}
		}
		sum := 0
		for _, b := range all {
			if b.kept || b.first <= b.last {
				sum += (b.words + line - 1) / line * line
			}
		}
		for m, words := range alive {
			if words > total || total > sum {
				t.Fatalf("seed %d: an arena of %d words for %d in use at moment %d, %d in all", seed, total, words, m, sum)
			}
		}
	}
}

// poisoned fills a plan's buffers with NaN before their first and after their
// last use. What the plan computes must not show it: then no operation reads
// what it or an earlier one has not written, or what somebody else may write.
func poisoned(p *plan) {
	nan := float32(math.NaN())
	p.watch = func(moment int, done bool) {
		for _, b := range p.memory {
			if !b.kept && (done && b.last == moment || !done && b.first == moment) {
				setAll(b.mem, nan)
			}
		}
	}
}

// outcome is everything that a step, observation and inference show.
type outcome struct {
	Err        error
	Loss, Norm float64
	Grads      [][]float32
	Snapshot   *engine.Snapshot
	Potentials [][]float32
	Logits     []float32
}

func (r *trial) outcome(t *testing.T, precision string, prepare func(*plan)) outcome {
	t.Helper()
	var o outcome
	tr := r.compile(t, packedSpikes, precision)
	prepare(tr.plan)
	for n := r.b.N; n > 0; n -= 2 { // smaller batches leave parts of buffers unwritten
		res, err := tr.Step(randomBatch(r.net, n, r.steps, uint64(n)), .01)
		if o.Err = err; err != nil {
			return o
		}
		o.Loss, o.Norm = res.Loss, res.GradNorm
	}
	for _, p := range tr.params {
		o.Grads = append(o.Grads, p.grad)
	}
	o.Snapshot = tr.Snapshot()
	if err := tr.Observe(r.b, func(_ string, _ int, u []float32) { o.Potentials = append(o.Potentials, append([]float32(nil), u...)) }); err != nil {
		t.Fatal(err)
	}
	run, err := Engine{}.CompileInfer(r.net, engine.InferOptions{Batch: r.b.N, Steps: r.steps, Threads: 2, Precision: precision})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	prepare(run.(*runner).plan)
	if err := run.Load(r.tensors); err != nil {
		t.Fatal(err)
	}
	o.Logits = make([]float32, r.steps*r.b.N*r.net.Classes())
	if err := run.Run(r.b, o.Logits, nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestPoisonLeavesNoTrace: lifetimes are declared as operations use buffers.
func TestPoisonLeavesNoTrace(t *testing.T) {
	for _, precision := range []string{engine.FP32, engine.Mixed} {
		for seed := range uint64(trials(20, 60)) {
			t.Run(fmt.Sprintf("%s %d", precision, seed), func(t *testing.T) {
				r := drawn(t, seed, precision == engine.Mixed)
				clean, poison := r.outcome(t, precision, func(*plan) {}), r.outcome(t, precision, poisoned)
				if clean.Err != nil || !reflect.DeepEqual(clean, poison) {
					t.Errorf("what lies in memory that is not in use shows: error %v and %v, loss %v and %v, norm %v and %v",
						clean.Err, poison.Err, clean.Loss, poison.Loss, clean.Norm, poison.Norm)
				}
			})
		}
	}
}

// TestPoisonIsSeen: a lifetime that ends too early is found.
func TestPoisonIsSeen(t *testing.T) {
	net := chain(t, variants[0], graph.Direct, 0) // whose first convolution tdBN needs in the backward pass
	r := &trial{net: net, tensors: net.Init(1), b: randomBatch(net, 3, 2, 1), steps: 2, loss: ce}
	clean := r.outcome(t, engine.FP32, func(*plan) {})
	poison := r.outcome(t, engine.FP32, func(p *plan) {
		if p.train {
			p.values[1].store.last = len(p.ops)
		}
		poisoned(p)
	})
	if reflect.DeepEqual(clean, poison) {
		t.Error("a buffer was poisoned before its last use, and nothing shows it")
	}
}

// trials is how many random networks a test takes.
func trials(short, long int) int {
	if testing.Short() {
		return short
	}
	return long
}
