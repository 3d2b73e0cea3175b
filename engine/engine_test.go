package engine

import (
	"math"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
)

func TestLossValidate(t *testing.T) {
	for want, l := range map[string]Loss{
		"":                     {Kind: CrossEntropy},
		`loss is "l2"`:         {Kind: "l2"},
		"lambda is 1.5":        {Kind: TET, Lambda: 1.5},
		"lambda is NaN":        {Kind: TET, Lambda: math.NaN()},
		"target is +Inf":       {Kind: TET, Target: math.Inf(1)},
		`expected "ce" or "te`: {},
	} {
		checkError(t, l.Validate(), want)
	}
}

func TestOptimizerValidate(t *testing.T) {
	for want, o := range map[string]Optimizer{
		"":                      {Kind: SGD, Momentum: .9, Decay: 1e-4, Clip: 1},
		`optimizer is "adam"`:   {Kind: "adam"},
		"momentum is 1":         {Kind: SGD, Momentum: 1},
		"momentum is NaN":       {Kind: SGD, Momentum: math.NaN()},
		"beta1 0.9 and beta2 1": {Kind: AdamW, Beta1: .9, Beta2: 1, Eps: 1e-8},
		"eps is 0":              {Kind: AdamW},
		"decay is -1":           {Kind: SGD, Decay: -1},
		"decay is +Inf":         {Kind: SGD, Decay: math.Inf(1)},
		"clip is NaN":           {Kind: SGD, Clip: math.NaN()},
	} {
		checkError(t, o.Validate(), want)
	}
}

func TestCheckPrecision(t *testing.T) {
	for _, p := range []string{"", FP32, Mixed} {
		checkError(t, CheckPrecision(p, FP32, Mixed), "")
	}
	checkError(t, CheckPrecision(Mixed, FP32), `precision is "mixed", expected fp32`)
	checkError(t, CheckPrecision("bf16", FP32, Mixed), `precision is "bf16", expected fp32 or mixed`)
}

func TestCheckMemory(t *testing.T) {
	for _, m := range []string{"", LowMemory} {
		checkError(t, CheckMemory(m, LowMemory), "")
	}
	checkError(t, CheckMemory(LowMemory), `memory is "low", expected nothing`)
	checkError(t, CheckMemory("high", LowMemory), `memory is "high", expected low or nothing`)
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("a valid value was refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("want an error with %q, got %v", want, err)
	}
}

func TestNonFiniteErrorNamesThePlace(t *testing.T) {
	for want, e := range map[string]NonFiniteError{
		"loss is not finite": {What: "loss", Step: -1},
		"membrane potential is not finite in layer n2 at step t=3": {What: "membrane potential", Node: "n2", Step: 2},
		"gradient is not finite in layer conv1.weight":             {What: "gradient", Node: "conv1.weight", Step: -1},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

type named struct{ name string }

func (n named) Name() string                                             { return n.name }
func (named) Variant() string                                            { return "plain" }
func (named) CompileTrain(*graph.Network, TrainOptions) (Trainer, error) { return nil, nil }
func (named) CompileInfer(*graph.Network, InferOptions) (Runner, error)  { return nil, nil }

func TestRegistry(t *testing.T) {
	Register(named{"b-test"})
	Register(named{"a-test"})
	if e, err := Named("b-test"); err != nil || e.Name() != "b-test" {
		t.Errorf("got %v, %v", e, err)
	}
	_, err := Named("c-test")
	checkError(t, err, "a-test, b-test")
}
