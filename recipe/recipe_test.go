package recipe

import (
	"flag"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

var update = flag.Bool("update", false, "rewrite the default recipe's file")

func ptr(v float64) *float64 { return &v }

// The defaults, written out: a change of one is a change of what people get.
func TestDefaults(t *testing.T) {
	want := Recipe{
		Name: "fashion-tiny", Seed: 1,
		Net: "tiny", Steps: 4,
		Neuron: "qif",
		Params: map[string]float64{"a": .25, "u1": 0, "u2": .5, "kappa": .25, "vr": 0, "vc": 4.5, "c2": .25, "c1": -.125, "c0": 0, "leak": .5},
		Theta:  1, Reset: "hard", DetachReset: true,
		Window: "bandwidth", WindowShape: "triangular",
		Validation: .1, CropPad: 0, Flip: false,
		Task: "images", MotionRadius: 2,
		Camera: "n-mnist", FramesBy: "time", FramesRest: "spread", FramesDownsample: 1, Layout: "spikingjelly", OnBad: "stop",
		TestSplit: "last-100-per-class", TestShare: .1, FramesMemory: 2048,
		Epochs: 6, Batch: 50,
		OptimizerKind: "adamw", LR: 4e-3, Warmup: 1,
		Momentum: .9, Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: 1e-2,
		LossKind: "ce", TETLambda: .05, TETTarget: 1,
		Engine: "cpu", Precision: engine.FP32, SaveEvery: 30,
	}
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
}

// What help texts list is what other packages define.
func TestHelpNamesEveryChoice(t *testing.T) {
	choices := map[string][]string{
		"window":    {window.Sigma, window.Fixed, window.Bandwidth},
		"optimizer": {engine.SGD, engine.AdamW},
		"loss":      {engine.CrossEntropy, engine.TET},
		"reset":     {neuron.HardReset, neuron.SoftReset},
		"precision": {engine.FP32, engine.Mixed},
		"memory":    {engine.LowMemory},
		"task":      Tasks(),
	}
	for _, f := range neuron.Forms {
		choices["neuron"] = append(choices["neuron"], f.Name)
	}
	for _, s := range window.Shapes {
		choices["window_shape"] = append(choices["window_shape"], string(s))
	}
	for key, words := range choices {
		f, _ := fieldNamed(key)
		for _, w := range words {
			if !strings.Contains(f.help, w) {
				t.Errorf("the help of %s, %q, does not name %s", key, f.help, w)
			}
		}
	}
}

func TestModel(t *testing.T) {
	r := Default()
	r.Params["leak"], r.Params["kappa"] = .3, .1
	r.Theta, r.Reset, r.ResetValue, r.DetachReset, r.Floor = 2, "soft", -.5, false, ptr(-3)
	r.LearnChannels = true
	for _, c := range []struct {
		form  string
		want  neuron.Map
		learn []string
	}{
		{"qif", neuron.Map{C2: .25, C1: -.125, C0: 0}, []string{"a", "u2"}},
		{"qif-euler", neuron.Map{C2: .1, C1: 1 - .45, C0: 0}, []string{"kappa"}},
		{"lif", neuron.Map{C1: .3}, []string{"leak"}},
		{"if", neuron.Map{C1: 1}, nil},
	} {
		r.Neuron, r.Learn = c.form, c.learn
		m, err := r.Model()
		if err != nil {
			t.Errorf("%s: %v", c.form, err)
			continue
		}
		d, err := m.Dynamics()
		want := neuron.Dynamics{Map: c.want, Threshold: 2, Soft: true, ResetValue: -.5, Floor: -3}
		if err != nil || d != want {
			t.Errorf("%s: got %+v, %v, want %+v", c.form, d, err, want)
		}
		if !reflect.DeepEqual(m.Learn, c.learn) || !m.PerChannel {
			t.Errorf("%s: learns %v, per channel %v; want %v, true", c.form, m.Learn, m.PerChannel, c.learn)
		}
	}
}

func TestParts(t *testing.T) {
	r := Default()
	r.Window, r.WindowShape, r.WindowPooled = "sigma:2", "gaussian", true
	spec, err := r.WindowSpec()
	if want := (window.Spec{Policy: window.Policy{Kind: "sigma", Value: 2}, Shape: window.Gaussian, Pooled: true}); err != nil || spec != want {
		t.Errorf("window %+v, %v, want %+v", spec, err, want)
	}
	r.LossKind, r.TETLambda, r.TETTarget = "tet", .2, .7
	if got, want := r.Loss(), (engine.Loss{Kind: engine.TET, Lambda: .2, Target: .7}); got != want {
		t.Errorf("loss %+v, want %+v", got, want)
	}
	r.OptimizerKind, r.Momentum, r.Beta1, r.Beta2, r.Eps, r.WeightDecay, r.Clip = "sgd", .8, .7, .6, 1e-3, .5, 2
	if got, want := r.Optimizer(), (engine.Optimizer{Kind: engine.SGD, Momentum: .8, Beta1: .7, Beta2: .6, Eps: 1e-3, Decay: .5, Clip: 2}); got != want {
		t.Errorf("optimizer %+v, want %+v", got, want)
	}
}

func TestOutDir(t *testing.T) {
	r := Default()
	r.Neuron, r.Seed = "lif", 7
	if got := r.OutDir(); got != "runs/fashion-tiny-lif-seed7" {
		t.Errorf("got %q", got)
	}
	r.Out = "elsewhere"
	if got := r.OutDir(); got != "elsewhere" {
		t.Errorf("got %q", got)
	}
}

func TestComparable(t *testing.T) {
	a, b := Default(), Default()
	b.Threads, b.Memory, b.Out, b.SaveEvery, b.FramesCache, b.FramesMemory = 3, "low", "x", 0, "y", 1
	if !reflect.DeepEqual(b.Comparable(), a) {
		t.Errorf("got %+v, want the defaults", b.Comparable())
	}
	if b.Threads != 3 || b.Out != "x" {
		t.Error("Comparable changed the recipe itself")
	}
	for _, f := range fields {
		if slices.Contains(execution, f.key) {
			continue
		}
		c := Default()
		change(t, f, &c)
		if reflect.DeepEqual(c.Comparable(), a) {
			t.Errorf("%s does not count", f.key)
		}
	}
}

// change gives a field a permitted value that is not its default.
func change(t *testing.T, f field, r *Recipe) {
	t.Helper()
	other := map[string]string{
		"name": "other-1", "neuron": "qif-euler", "reset": "soft", "window": "sigma:2", "window_shape": "atan",
		"optimizer": "sgd", "loss": "tet", "learn": "vr,vc", "task": "moving", "camera": "cifar10-dvs", "frames_by": "count", "frames_rest": "last", "frames_crop": "1,2,3,4",
		"layout": "tonic", "on_bad": "skip", "autoaugment": "cifar", "test_split": "stratified", "precision": "mixed", "memory": "low",
		"validation": "0.25", "test_share": "0.25", "dropout": "0.25", "tet_lambda": "0.25", "momentum": "0.25", "beta1": "0.25", "beta2": "0.25", "lr_final": "0.25",
		"eps": "1e-30", "lr": "1.2345678901234567e-05", "reset_value": "-0.125", "floor": "-2.5",
	}
	text, ok := other[f.key]
	if !ok {
		switch f.get(r).(type) {
		case string:
			text = "ö \"'\\ #"
		case bool:
			text = map[string]string{"true": "false", "false": "true"}[f.def]
		default:
			text = "3"
		}
	}
	if text == f.def {
		t.Fatalf("%s: %q is the default", f.key, text)
	}
	if err := f.setText(r, text); err != nil {
		t.Fatalf("%s: %v", f.key, err)
	}
}

func TestValidateRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name   string
		change func(r *Recipe)
		want   string
	}{
		{"name empty", func(r *Recipe) { r.Name = "" }, `name is ""`},
		{"name leaves its folder", func(r *Recipe) { r.Name = "../x" }, `name is "../x"`},
		{"name too long", func(r *Recipe) { r.Name = strings.Repeat("n", 101) }, "expected up to 100 letters"},
		{"net empty", func(r *Recipe) { r.Net = "" }, "net is empty"},
		{"net not UTF-8", func(r *Recipe) { r.Net = "a\xff" }, `net is "a\xff"`},
		{"out too long", func(r *Recipe) { r.Out = strings.Repeat("x", 4097) }, "out has 4097 bytes, expected at most 4096"},
		{"data with NUL", func(r *Recipe) { r.Data = "a\x00b" }, `data is "a\x00b"`},
		{"engine empty", func(r *Recipe) { r.Engine = "" }, "engine is empty"},
		{"precision", func(r *Recipe) { r.Precision = "fp16" }, `precision is "fp16", expected fp32 or mixed`},
		{"precision empty", func(r *Recipe) { r.Precision = "" }, "precision is empty"},
		{"memory", func(r *Recipe) { r.Memory = "high" }, `memory is "high", expected low or nothing`},
		{"seed", func(r *Recipe) { r.Seed = 1 << 63 }, "seed is 9223372036854775808, expected at most 9223372036854775807"},
		{"steps", func(r *Recipe) { r.Steps = 0 }, "steps is 0, must lie within [1, 4096]"},
		{"steps", func(r *Recipe) { r.Steps = math.MaxInt }, "steps is"},
		{"epochs", func(r *Recipe) { r.Epochs = 0 }, "epochs is 0"},
		{"batch", func(r *Recipe) { r.Batch = -1 }, "batch is -1"},
		{"threads", func(r *Recipe) { r.Threads = -1 }, "threads is -1"},
		{"limit", func(r *Recipe) { r.Limit = -1 }, "limit is -1"},
		{"crop_pad", func(r *Recipe) { r.CropPad = -1 }, "crop_pad is -1"},
		{"task", func(r *Recipe) { r.Task = "film" }, `task is "film", expected one of images, moving, rows`},
		{"moving in one step", func(r *Recipe) { r.Task, r.Steps = "moving", 1 }, "takes 2 steps or more to go round a circle, steps is 1"},
		{"motion_radius", func(r *Recipe) { r.MotionRadius = 0 }, "motion_radius is 0, must lie within (0, 64]"},
		{"readout_last", func(r *Recipe) { r.ReadoutLast = -1 }, "readout_last is -1"},
		{"validation", func(r *Recipe) { r.Validation = 1 }, "validation is 1, must lie within (0, 1)"},
		{"validation", func(r *Recipe) { r.Validation = -.1 }, "validation is -0.1"},
		{"dropout", func(r *Recipe) { r.Dropout = 1 }, "dropout is 1"},
		{"lr", func(r *Recipe) { r.LR = 0 }, "lr is 0, must lie above 0"},
		{"lr", func(r *Recipe) { r.LR = nan }, "lr is NaN, not a finite number"},
		{"lr_final", func(r *Recipe) { r.LRFinal = 1.5 }, "lr_final is 1.5, must lie within [0, 1]"},
		{"warmup", func(r *Recipe) { r.Warmup = -1 }, "warmup is -1, must lie at or above 0"},
		{"warmup", func(r *Recipe) { r.Warmup = 6.5 }, "warmup is 6.5 epochs, expected at most the 6"},
		{"save_every", func(r *Recipe) { r.SaveEvery = inf }, "save_every is +Inf"},
		{"unused number", func(r *Recipe) { r.TETTarget = nan }, "tet_target is NaN"},
		{"parameter of another form", func(r *Recipe) { r.Params["leak"] = inf }, "leak is +Inf"},
		{"unknown parameter", func(r *Recipe) { r.Params["tau"] = 1 }, `no neuron has a parameter "tau"`},
		{"a field as parameter", func(r *Recipe) { r.Params["lr"] = 1 }, `no neuron has a parameter "lr"`},
		{"floor", func(r *Recipe) { r.Floor = ptr(nan) }, "floor is NaN"},
		{"floor above the reset value", func(r *Recipe) { r.Floor = ptr(.5) }, "floor 0.5 lies above the reset value"},
		{"neuron", func(r *Recipe) { r.Neuron = "hh" }, `unknown neuron "hh"; known: qif`},
		{"a is 0", func(r *Recipe) { r.Params["a"] = 0 }, "a is 0, expected a quadratic coefficient other than 0"},
		{"theta", func(r *Recipe) { r.Theta = 0 }, "threshold 0 must lie above the reset value 0"},
		{"reset", func(r *Recipe) { r.Reset = "firm" }, `reset is "firm"`},
		{"learn", func(r *Recipe) { r.Learn = []string{"leak"} }, `has no parameter "leak" to learn`},
		{"learn twice", func(r *Recipe) { r.Learn = []string{"a", "a"} }, `learn names "a" twice`},
		{"learn not UTF-8", func(r *Recipe) { r.Learn = []string{"\xff"} }, "learn is"},
		{"window", func(r *Recipe) { r.Window = "sigma:-1" }, "window policy sigma"},
		{"window_shape", func(r *Recipe) { r.WindowShape = "round" }, `unknown window shape "round"`},
		{"loss", func(r *Recipe) { r.LossKind = "mse" }, `loss is "mse"`},
		{"tet_lambda", func(r *Recipe) { r.LossKind, r.TETLambda = "tet", 2 }, "lambda is 2"},
		{"optimizer", func(r *Recipe) { r.OptimizerKind = "adam" }, `optimizer is "adam"`},
		{"beta1", func(r *Recipe) { r.Beta1 = 1 }, "beta1 1"},
		{"momentum", func(r *Recipe) { r.OptimizerKind, r.Momentum = "sgd", 1 }, "momentum is 1"},
		{"eps", func(r *Recipe) { r.Eps = 0 }, "eps is 0"},
		{"weight_decay", func(r *Recipe) { r.WeightDecay = -1 }, "weight decay is -1"},
		{"clip", func(r *Recipe) { r.Clip = -1 }, "clip is -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Default()
			c.change(&r)
			err := r.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), "recipe ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, tomlErr := r.TOML(); tomlErr == nil {
				t.Error("TOML accepts it")
			}
		})
	}
}

// NaN and ±Inf are refused by name in every field that holds a number.
func TestValidateNamesNonFiniteFields(t *testing.T) {
	for _, f := range fields {
		if kind, _ := f.kind(); kind != "float" {
			continue
		}
		for _, v := range []string{"NaN", "+Inf", "-Inf"} {
			r := Default()
			if err := f.setText(&r, v); err != nil {
				t.Fatalf("%s: %v", f.key, err)
			}
			if err := r.Validate(); err == nil || !strings.Contains(err.Error(), ": "+f.key+" is "+v+", not a finite number") {
				t.Errorf("%s = %s gives %v", f.key, v, err)
			}
		}
	}
}

func TestLearningRate(t *testing.T) {
	r := Default()
	r.Epochs, r.Warmup, r.LR, r.LRFinal = 10, 2, .5, .1
	const n = 100 // updates, so warm-up takes 20
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-14 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("first", r.LearningRate(0, n), .5*.5/20)
	near("last of warm-up", r.LearningRate(19, n), .5*19.5/20)
	near("one after another in warm-up", r.LearningRate(8, n)-r.LearningRate(7, n), .5/20)
	// The cosine is odd about its middle, between updates 59 and 60.
	near("middle", (r.LearningRate(59, n)+r.LearningRate(60, n))/2, .5*1.1/2)
	near("symmetry", (r.LearningRate(20, n)+r.LearningRate(99, n))/2, .5*1.1/2)
	near("last", r.LearningRate(99, n), .5*(.1+.9*math.Pow(math.Sin(math.Pi/320), 2)))
	warm, fall := 0.0, 0.0
	for i := range n {
		if i < 20 {
			warm += r.LearningRate(i, n)
		} else {
			fall += r.LearningRate(i, n)
		}
		if i >= 21 && r.LearningRate(i, n) >= r.LearningRate(i-1, n) {
			t.Errorf("rate does not fall at update %d", i)
		}
	}
	near("mean of warm-up", warm/20, .25)
	near("mean of the cosine", fall/80, .5*1.1/2)

	r.Warmup = 0
	near("without warm-up", r.LearningRate(0, 1), .5*1.1/2)
	r.Warmup = 10
	near("warm-up alone", r.LearningRate(99, n), .5*99.5/100)
	r.Warmup, r.LRFinal = 0, 1
	near("constant", r.LearningRate(37, n), .5)
}

// The default recipe's file is the TOML form of the defaults.
func TestDefaultRecipeFile(t *testing.T) {
	want, err := Default().TOML()
	if err != nil {
		t.Fatal(err)
	}
	const path = "recipes/fashion-tiny.toml"
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs from the defaults; go test ./recipe -update rewrites it\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
