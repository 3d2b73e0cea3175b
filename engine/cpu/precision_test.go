package cpu

import (
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
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
