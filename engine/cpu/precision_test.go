package cpu

import (
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
	"github.com/qif-snn/qif/graph"
)

func TestPrecisionsThatAreNotOffered(t *testing.T) {
	net := everything(t, variants[0], graph.Direct, 0)
	const want = `engine cpu: precision is "fp16", expected fp32 or mixed`
	_, err := Engine{}.CompileTrain(net, engine.TrainOptions{Batch: 1, Steps: 1, Precision: "fp16"})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("training: got error %v", err)
	}
	_, err = Engine{}.CompileInfer(net, engine.InferOptions{Batch: 1, Steps: 1, Precision: "fp16"})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("inference: got error %v", err)
	}
	r, err := Engine{}.CompileInfer(net, engine.InferOptions{Batch: 1, Steps: 1, Precision: engine.FP32})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

// TestPrecisionComputedIn: levels without products in bfloat16 compute in float32
// whatever is asked for, and so do networks too narrow for them.
func TestPrecisionComputedIn(t *testing.T) {
	wide, narrow := broad(t, variants[0], graph.Direct), everything(t, variants[0], graph.Direct, 0)
	check := func(t *testing.T, net *graph.Network, asked, train, infer string) {
		t.Helper()
		tr, err := Engine{}.CompileTrain(net, engine.TrainOptions{Batch: 1, Steps: 1, Loss: ce, Optimizer: sgd, Precision: asked})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		r, err := Engine{}.CompileInfer(net, engine.InferOptions{Batch: 1, Steps: 1, Precision: asked})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if a, b := engine.PrecisionOf(tr, asked), engine.PrecisionOf(r, asked); a != train || b != infer {
			t.Errorf("%s, asked for %q, trains in %s and infers in %s, want %s and %s", net.Graph.Name, asked, a, b, train, infer)
		}
	}
	for _, level := range kernel.Levels() {
		t.Run(level, func(t *testing.T) {
			defer kernel.Use(level)()
			train, infer := engine.FP32, engine.FP32
			switch kernel.HalfProducts() {
			case kernel.HalfTiles:
				train, infer = engine.Mixed, engine.Mixed
			case kernel.HalfDots: // of the input's gradient alone
				train = engine.Mixed
			}
			check(t, wide, engine.Mixed, train, infer)
			check(t, wide, engine.FP32, engine.FP32, engine.FP32)
			check(t, wide, "", engine.FP32, engine.FP32)
			check(t, narrow, engine.Mixed, engine.FP32, engine.FP32)
		})
	}
}
