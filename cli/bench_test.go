package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qif-snn/qif/cli"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/engine/cpu"
	"github.com/qif-snn/qif/graph"
)

// quickly are flags of a measurement that takes a moment.
var quickly = []string{"--net", "tiny", "--batch", "4", "--steps", "2", "--warmup", "1", "--repeat", "3", "--threads", "1"}

func benchArgs(verb string, more ...string) []string {
	return append(append([]string{"bench", verb}, quickly...), more...)
}

// parse reads one JSON object and requires keys.
func parse(t *testing.T, text string, keys ...string) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, key := range keys {
		if got[key] == nil {
			t.Errorf("the object has no %q: %s", key, text)
		}
	}
	return got
}

func TestBenchStepPrintsOneObject(t *testing.T) {
	for _, mode := range []string{"train", "infer"} {
		got := parse(t, must(t, benchArgs("step", "--json", "--mode", mode, "--neuron", "lif", "--rate", ".2")...),
			"samples_per_second", "peak_rss_bytes", "firing_rates", "net", "mode", "batch", "steps", "precision", "threads", "engine", "seconds_per_step")
		if got["net"] != "tiny" || got["mode"] != mode || got["batch"] != 4. || got["steps"] != 2. || got["precision"] != "fp32" ||
			got["threads"] != 1. || got["forced_rate"] != .2 || len(got["seconds_per_step"].([]any)) != 3 {
			t.Errorf("got %v", got)
		}
		if rates := got["firing_rates"].([]any); len(rates) != 2 || len(rates[0].([]any)) != 2 {
			t.Errorf("firing_rates are %v, want [layer][T]", rates)
		}
	}
}

func TestBenchStepPrintsText(t *testing.T) {
	code, out, errs := qif(benchArgs("step", "--memory", "low")...)
	for _, want := range []string{
		"tiny train: batch 4, T = 2, fp32, memory low, 1 threads, engine cpu/", "fed        embedded Fashion-MNIST\n",
		"samples/s", "median of 3", "MiB resident at most", "neuron2",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if code != 0 || errs != "" {
		t.Errorf("exit status %d; off a terminal progress is %q", code, errs)
	}
}

// What makes no difference is said to make none.
func TestBenchStepNamesThePrecisionComputedIn(t *testing.T) {
	for _, args := range [][]string{
		benchArgs("step", "--precision", "mixed"), // too narrow for tiles
		{"bench", "step", "--net", "small", "--precision", "mixed", "--level", "portable", "--batch", "1", "--steps", "1", "--warmup", "0", "--repeat", "1"},
	} {
		if out := must(t, args...); !strings.Contains(out, "mixed (computed in fp32)") {
			t.Errorf("%q: got %s", args, out)
		}
		got := parse(t, must(t, append(args, "--json")...), "precision", "effective_precision")
		if got["precision"] != "mixed" || got["effective_precision"] != "fp32" {
			t.Errorf("%q: got %v", args, got)
		}
	}
}

func TestBenchStepOfAGraphFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.json")
	if err := os.WriteFile(file, []byte(must(t, "info", "tiny", "--graph", "--neuron", "lif")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "bench", "step", "--net", file, "--batch", "2", "--repeat", "1", "--warmup", "0"); !strings.HasPrefix(out, "tiny train: batch 2, T = 4") {
		t.Errorf("got %s", out)
	}
}

// A level is in use while it is measured, and no longer.
func TestBenchLevel(t *testing.T) {
	before := cpu.Engine{}.Variant()
	for _, level := range (cpu.Engine{}).Levels() {
		for verb, args := range map[string][]string{
			"step": benchArgs("step"), "profile": benchArgs("profile", "--out", ""),
			"kernels": {"bench", "kernels", "--match", "scan", "--threads", "1", "--seconds", ".001"},
		} {
			if out := must(t, append(args, "--engine", "profiling", "--level", level)...); !strings.Contains(out, "engine profiling/"+level) {
				t.Errorf("bench %s --level %s: got %s", verb, level, out)
			}
		}
	}
	if after := (cpu.Engine{}).Variant(); after != before {
		t.Errorf("the engine was left at %s, was at %s", after, before)
	}
}

// Large networks are measured with smaller batches unless a batch is given.
func TestBenchHelpNamesDefaults(t *testing.T) {
	help := must(t, "bench", "step", "--help")
	for _, want := range []string{`(default "small")`, "default 64, for networks above 1 GMAC per step 16", `(default "sgd")`, "qif bench step --net resnet19-128"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help lacks %q:\n%s", want, help)
		}
	}
	if out := must(t, "bench"); !strings.Contains(out, "kernels") || !strings.Contains(out, "Examples:") {
		t.Errorf("bench alone prints %s", out)
	}
}

// Ctrl-C prints what was measured until then.
func TestBenchInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	afterStep = cancel
	defer func() { afterStep = func() {} }()
	var out, errs bytes.Buffer
	args := []string{"bench", "step", "--net", "tiny", "--batch", "2", "--steps", "1", "--warmup", "0", "--seconds", "1000", "--json", "--engine", "profiling"}
	if code := cli.Run(ctx, args, &out, &errs); code != 130 || !strings.Contains(errs.String(), "Interrupted: these are the measurements until then.") {
		t.Errorf("exit status %d: %s", code, errs.String())
	}
	if got := parse(t, out.String(), "samples_per_second"); got["interrupted"] != true {
		t.Errorf("got %v", got)
	}
	out.Reset()
	errs.Reset()
	if code := cli.Run(ctx, args, &out, &errs); code != 130 || out.Len() > 0 || errs.String() != "Interrupted before anything was measured.\n" {
		t.Errorf("exit status %d: %q, %q", code, out.String(), errs.String())
	}
}

// profiling is the CPU engine with what is optional in the contract, in single
// precision.
type profiling struct{ cpu.Engine }

func (profiling) Name() string { return "profiling" }

func (e profiling) CompileTrain(net *graph.Network, o engine.TrainOptions) (engine.Trainer, error) {
	if err := engine.CheckPrecision(o.Precision, engine.FP32); err != nil {
		return nil, err
	}
	t, err := e.Engine.CompileTrain(net, o)
	return profilingTrainer{t}, err
}

// CompileInfer returns a runner without anything optional.
func (e profiling) CompileInfer(net *graph.Network, o engine.InferOptions) (engine.Runner, error) {
	r, err := e.Engine.CompileInfer(net, o)
	return struct{ engine.Runner }{r}, err
}

type profilingTrainer struct{ engine.Trainer }

// afterStep is called after each step of training.
var afterStep = func() {}

func (t profilingTrainer) Step(b engine.Batch, lr float64) (*engine.Result, error) {
	defer afterStep()
	return t.Trainer.Step(b, lr)
}

func (profilingTrainer) StartProfile() {}

func (profilingTrainer) StopProfile() []engine.OpTime {
	return []engine.OpTime{
		{Layer: "conv1", Op: "direct", Direction: engine.Forward, Seconds: 3e-9, Calls: 3},
		{Layer: "conv2", Op: "events", Direction: engine.Backward, Seconds: 6e-9, Calls: 3},
	}
}

func (profiling) FMAPeak() engine.KernelCase       { return idle("peak", 1e3, 0) }
func (profiling) CopyBandwidth() engine.KernelCase { return idle("copy", 0, 1e3) }
func (profiling) Kernels() []engine.KernelCase {
	return []engine.KernelCase{idle("conv", 1e3, 0), idle("scan", 0, 1e3)}
}

func idle(name string, flops, bytes float64) engine.KernelCase {
	return engine.KernelCase{Name: name, Shape: "8×8×64", Rate: .15, Flops: flops, Bytes: bytes, New: func() func() {
		return func() { time.Sleep(10 * time.Microsecond) }
	}}
}

func init() { engine.Register(profiling{}) }

func TestBenchProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.pprof")
	out := must(t, benchArgs("profile", "--engine", "profiling", "--out", file)...)
	events, direct := strings.Index(out, "conv2  events"), strings.Index(out, "conv1  direct")
	if events < 0 || direct < events || !strings.Contains(out, "backward") || !strings.Contains(out, "all else") || !strings.Contains(out, "go tool pprof") {
		t.Errorf("got %s", out)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("the CPU profile: %v, %v", info, err)
	}
	got := parse(t, must(t, benchArgs("profile", "--engine", "profiling", "--out", "", "--json")...), "operations", "samples_per_second")
	if ops := got["operations"].([]any); got["operations_timed"] != true || len(ops) != 2 || ops[0].(map[string]any)["layer"] != "conv1" {
		t.Errorf("got %v", got)
	}
}

func TestBenchProfileLeavesNoFileOfAFailure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.pprof")
	if code, _, errs := qif(benchArgs("profile", "--out", file, "--precision", "mixed", "--engine", "profiling")...); code != 1 || !strings.Contains(errs, "mixed") {
		t.Errorf("exit status %d: %s", code, errs)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a failed profile left a file")
	}
}

func TestBenchKernels(t *testing.T) {
	args := []string{"bench", "kernels", "--engine", "profiling", "--threads", "1", "--seconds", ".01"}
	out := must(t, args...)
	for _, want := range []string{"engine profiling/", "limits with 1 threads", "conv    8×8×64  0.15  1", "–"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	got := parse(t, must(t, append(args, "--json", "--match", "scan")...), "fma_peak_gflops", "copy_gbytes_per_second", "kernels")
	if ks := got["kernels"].([]any); len(ks) != 1 || ks[0].(map[string]any)["name"] != "scan" {
		t.Errorf("got %v", got)
	}
}

func TestBenchRefusals(t *testing.T) {
	for args, want := range map[string]string{
		"bench stepp":                             `unknown command "stepp"`,
		"bench step x":                            "x",
		"bench step --mode both":                  `mode is "both", expected "train" or "infer"`,
		"bench step --repeat 3 --seconds 2":       "exclude each other",
		"bench step --repeat 0":                   "--repeat is 0",
		"bench step --seconds 0":                  "time is 0s",
		"bench step --rate 1.5":                   "--rate is 1.5",
		"bench step --rate 0":                     "--rate is 0",
		"bench step --net huge":                   "resnet19-128",
		"bench step --engine gpu":                 `unknown engine "gpu"`,
		"bench step --level sse":                  `level is "sse", expected one of those that this processor runs: portable`,
		"bench kernels --level sse":               `level is "sse"`,
		"bench step --memory high":                `memory is "high", expected low or nothing`,
		"bench step --memory low --mode infer":    "no effect on inference",
		"bench step --precision fp16":             `precision is "fp16", expected fp32 or mixed`,
		"bench step --theta 2 --net x.json":       "x.json: a graph file brings its own neurons",
		"bench kernels --seconds 0":               "--seconds is 0",
		"bench kernels --engine gpu":              `unknown engine "gpu"`,
		"bench profile --neuron lif --u1 .5":      "--u1",
		"bench profile --batch 0 --out /dev/null": "batch",
	} {
		code, out, errs := qif(strings.Fields(args)...)
		if code != 2 || strings.Count(errs, "\n") != 1 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("qif %s: exit status %d, want 2 and %q; stdout %q; stderr %q", args, code, want, out, errs)
		}
	}
	code, _, errs := qif("bench", "kernels", "--engine", "profiling", "--threads", "200")
	if code != 1 || !strings.Contains(errs, "threads is 200, expected 1 to") {
		t.Errorf("exit status %d: %s", code, errs)
	}
}
