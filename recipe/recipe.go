// Package recipe describes a training run as a value: the network, its neurons
// and windows, and how it is trained.
//
// A recipe's text form is a flat TOML document. Every field is defined once, by
// its line in Recipe: the tags give the TOML key, the default, the permitted
// interval and the help text, and the command-line flag is the key with '-' in
// place of '_'. The parameters of the neurons are fields too; they come from
// neuron.Forms.
package recipe

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Recipe is everything that decides on a training run. Its upper limits keep
// sizes from overflowing; they are no advice.
type Recipe struct {
	Name string `toml:"name" default:"fashion-tiny" group:"Run" help:"name of the recipe and of its runs"`
	Seed uint64 `toml:"seed" default:"1" help:"seed of initialisation, order, augmentation and dropout"`
	Out  string `toml:"out" default:"" help:"folder of the run; empty: runs/<name>-<neuron>-seed<seed>"`

	Net         string  `toml:"net" default:"tiny" group:"Network" help:"name of a network, or path of a graph's JSON form"`
	Steps       int     `toml:"steps" default:"4" in:"[1,4096]" help:"time steps T per sample"`
	Dropout     float64 `toml:"dropout" default:"0" in:"[0,1)" help:"share of features that dropout zeroes"`
	ReadoutLast int     `toml:"readout_last" default:"0" in:"[0,4096]" help:"classify by the mean logits of so many last steps; 0: of all"`

	Neuron string `toml:"neuron" default:"qif" group:"Neuron" help:"form of the neurons: qif, qif-euler, poly, lif or if"`
	// Params holds the parameters of every form, by name, so that another form
	// can be chosen for the same recipe. The chosen one takes its own.
	Params map[string]float64

	Theta         float64  `toml:"theta" default:"1" help:"threshold θ"`
	Reset         string   `toml:"reset" default:"hard" help:"reset at a spike: hard (to the reset value) or soft (by −θ)"`
	ResetValue    float64  `toml:"reset_value" default:"0" help:"potential after a hard reset, and at the start"`
	DetachReset   bool     `toml:"detach_reset" default:"true" help:"keep gradients from flowing through the reset"`
	Floor         *float64 `toml:"floor" default:"none" help:"lowest potential after reset; absent or none: unbounded"`
	Learn         []string `toml:"learn" default:"" help:"parameters that are trained: a, u1, u2 (qif), kappa, vr, vc (qif-euler), c2, c1, c0 (poly), leak (lif)"`
	LearnChannels bool     `toml:"learn_per_channel" default:"false" help:"train them per channel instead of per layer"`

	Window       string `toml:"window" default:"bandwidth" group:"Surrogate window" help:"width: bandwidth or bandwidth:N, exact or exact:N, sigma:k, fixed:α, measured or measured:k, learned or learned:α"`
	WindowShape  string `toml:"window_shape" default:"triangular" help:"rectangular, triangular, epanechnikov, gaussian, atan or sigmoid"`
	WindowPooled bool   `toml:"window_pooled" default:"false" help:"one width for all steps"`

	Data       string  `toml:"data" default:"" group:"Data" help:"folder of the data set; empty: the built-in part of Fashion-MNIST"`
	Validation float64 `toml:"validation" default:"0.1" in:"(0,1)" help:"share of the training images kept for validation"`
	Limit      int     `toml:"limit" default:"0" in:"[0,2147483647]" help:"use only so many images for training and for test; 0: all"`
	CropPad    int     `toml:"crop_pad" default:"0" in:"[0,64]" help:"shift images by up to so many pixels"`
	Flip       bool    `toml:"flip" default:"false" help:"mirror each image left to right with probability ½"`
	AutoAug    string  `toml:"autoaugment" default:"" help:"policy of AutoAugment for images: cifar; empty: none"`
	Cutout     int     `toml:"cutout" default:"0" in:"[0,1024]" help:"cover a random square of so many pixels' side, with the mean colour or without events; 0: none"`

	Task            string  `toml:"task" default:"images" group:"Task" help:"what a network sees of an image: images (the same at each step), moving (changes as it moves), rows (one a step) or events (of a camera)"`
	MotionRadius    float64 `toml:"motion_radius" default:"2" in:"(0,64]" help:"moving: radius in pixels of the circle on which an image goes round"`
	MotionPad       int     `toml:"motion_pad" default:"0" in:"[0,64]" help:"moving: pixels by which frames are wider than images on each side"`
	MotionThreshold float64 `toml:"motion_threshold" default:"0" in:"[0,inf)" help:"moving: count a pixel's changes by so much, in deviations; 0: show changes as they are"`

	Camera           string  `toml:"camera" default:"n-mnist" group:"Events (task events)" help:"simulated camera for images, in the style of n-mnist or cifar10-dvs; recordings have had theirs"`
	FramesBy         string  `toml:"frames_by" default:"time" help:"how T frames are cut: time, count (of events) or duration (the first T of a fixed time)"`
	FrameTime        int     `toml:"frame_time" default:"0" in:"[0,1000000000]" help:"duration: µs of a frame"`
	FramesRest       string  `toml:"frames_rest" default:"spread" help:"what cannot be divided evenly: spread, last or drop"`
	FramesMerge      bool    `toml:"frames_merge" default:"false" help:"count both polarities in one channel"`
	FramesCrop       string  `toml:"frames_crop" default:"" help:"keep a rectangle x,y,w,h of the sensor; empty: all of it"`
	FramesDownsample int     `toml:"frames_downsample" default:"1" in:"[1,64]" help:"join blocks of so many pixels along each side"`
	CountMost        int     `toml:"count_most" default:"0" in:"[0,1000000]" help:"largest count of a frame at a pixel; 1: binary frames, 0: unbounded"`
	Roll             int     `toml:"roll" default:"0" in:"[0,4095]" help:"shift frames in a circle by up to so many pixels"`
	NDA              int     `toml:"nda" default:"0" in:"[0,16]" help:"operations of neuromorphic augmentation per sample: roll, rotation, cutout or shear"`
	Layout           string  `toml:"layout" default:"spikingjelly" help:"reader by whose layout addresses in AEDAT 2.0 are taken: spikingjelly, tonic or jaer"`
	OnBad            string  `toml:"on_bad" default:"stop" help:"records that a format does not allow: stop, or skip and count them"`
	TestSplit        string  `toml:"test_split" default:"last-100-per-class" help:"test recordings of sets without official ones: last-100-per-class, first-100-per-class or stratified"`
	TestShare        float64 `toml:"test_share" default:"0.1" in:"(0,1)" help:"stratified: share of recordings for test, the same for every seed"`
	FramesCache      string  `toml:"frames_cache" default:"" help:"folder in which frames are kept from run to run; empty: none"`
	FramesMemory     int     `toml:"frames_memory" default:"2048" in:"[0,1048576]" help:"MiB for frames of one run; what finds no room is made again in every epoch"`

	Epochs        int     `toml:"epochs" default:"6" in:"[1,1000000]" group:"Training" help:"passes over the training images"`
	Batch         int     `toml:"batch" default:"50" in:"[1,65536]" help:"images per update"`
	OptimizerKind string  `toml:"optimizer" default:"adamw" help:"sgd or adamw"`
	LR            float64 `toml:"lr" default:"0.004" in:"(0,inf)" help:"peak learning rate"`
	LRFinal       float64 `toml:"lr_final" default:"0" in:"[0,1]" help:"learning rate at the end, as share of the peak"`
	Warmup        float64 `toml:"warmup" default:"1" in:"[0,inf)" help:"epochs of linear warm-up"`
	Momentum      float64 `toml:"momentum" default:"0.9" help:"momentum of sgd"`
	Beta1         float64 `toml:"beta1" default:"0.9" help:"decay of adamw's first moment"`
	Beta2         float64 `toml:"beta2" default:"0.999" help:"decay of adamw's second moment"`
	Eps           float64 `toml:"eps" default:"1e-8" help:"term that keeps adamw from dividing by 0"`
	WeightDecay   float64 `toml:"weight_decay" default:"0.01" help:"decay of weights"`
	Clip          float64 `toml:"clip" default:"0" help:"largest norm of the whole gradient; 0: unbounded"`
	LossKind      string  `toml:"loss" default:"ce" help:"ce (of the mean logits) or tet"`
	TETLambda     float64 `toml:"tet_lambda" default:"0.05" help:"tet: weight of the distance term"`
	TETTarget     float64 `toml:"tet_target" default:"1" help:"tet: number to which the logits are drawn"`

	Engine    string  `toml:"engine" default:"cpu" group:"Execution" help:"engine that computes"`
	Precision string  `toml:"precision" default:"fp32" help:"of arithmetic: fp32, or mixed: products in a shorter format where that is faster"`
	Memory    string  `toml:"memory" default:"" help:"low: less memory, more time, the same results; empty: as much as it takes"`
	Threads   int     `toml:"threads" default:"0" in:"[0,256]" help:"threads; 0: all cores"`
	SaveEvery float64 `toml:"save_every" default:"30" in:"[0,inf)" help:"seconds between checkpoints within an epoch; 0: only after epochs"`
}

// Default returns the recipe whose fields all have their defaults.
func Default() Recipe {
	var r Recipe
	for _, f := range fields {
		if err := f.setText(&r, f.def); err != nil {
			panic(fmt.Sprintf("recipe: default of %s: %v", f.key, err))
		}
	}
	return r
}

// execution lists the fields on which results do not depend.
var execution = []string{"threads", "memory", "out", "save_every", "frames_cache", "frames_memory"}

// Comparable returns the recipe without the fields on which results do not
// depend, such as threads, memory and the run's folder, which have their defaults
// instead. Checkpoints store it.
func (r Recipe) Comparable() Recipe {
	r = r.clone()
	d := Default()
	for _, f := range fields {
		if slices.Contains(execution, f.key) {
			f.set(&r, f.get(&d))
		}
	}
	return r
}

// OutDir returns the folder of the run.
func (r Recipe) OutDir() string {
	if r.Out != "" {
		return r.Out
	}
	what := r.Neuron
	if file, ok := strings.CutSuffix(filepath.Base(r.Net), ".json"); ok { // it brings its own neurons
		what = file
	}
	return filepath.Join("runs", fmt.Sprintf("%s-%s-seed%d", r.Name, what, r.Seed))
}

// Model returns the model of the network's neurons: the chosen form with those
// of the recipe's parameters that belong to it. It fails where the model's own
// Validate does, and on a parameter that is to be learned twice.
func (r Recipe) Model() (neuron.Model, error) {
	m, err := neuron.Default(r.Neuron)
	if err != nil {
		return neuron.Model{}, err
	}
	for name := range m.Params {
		if v, ok := r.Params[name]; ok {
			m.Params[name] = v
		}
	}
	m.Threshold, m.Reset, m.ResetValue, m.Detach = r.Theta, r.Reset, r.ResetValue, r.DetachReset
	if r.Floor != nil {
		floor := *r.Floor
		m.Floor = &floor
	}
	m.Learn, m.PerChannel = slices.Clone(r.Learn), r.LearnChannels
	for i, name := range m.Learn {
		if slices.Contains(m.Learn[:i], name) {
			return neuron.Model{}, fmt.Errorf("learn names %q twice", name)
		}
	}
	if err := m.Validate(); err != nil {
		return neuron.Model{}, err
	}
	return m, nil
}

// WindowSpec returns how the surrogate windows are made.
func (r Recipe) WindowSpec() (window.Spec, error) {
	policy, err := window.ParsePolicy(r.Window)
	if err != nil {
		return window.Spec{}, err
	}
	shape, err := window.ParseShape(r.WindowShape)
	if err != nil {
		return window.Spec{}, err
	}
	return window.Spec{Policy: policy, Shape: shape, Pooled: r.WindowPooled}, nil
}

// ImageTask returns how images are shown.
func (r Recipe) ImageTask() data.Task {
	return data.Task{
		Kind: r.Task, Steps: r.Steps, Radius: r.MotionRadius, Pad: r.MotionPad, Threshold: r.MotionThreshold,
	}
}

// Augment returns how images are varied in training.
func (r Recipe) Augment() data.Augment {
	return data.Augment{Pad: r.CropPad, Flip: r.Flip, Auto: r.AutoAug, Cutout: r.Cutout}
}

// Loss returns the training loss.
func (r Recipe) Loss() engine.Loss {
	return engine.Loss{Kind: r.LossKind, Lambda: r.TETLambda, Target: r.TETTarget}
}

// Optimizer returns the optimiser.
func (r Recipe) Optimizer() engine.Optimizer {
	return engine.Optimizer{
		Kind: r.OptimizerKind, Momentum: r.Momentum, Beta1: r.Beta1, Beta2: r.Beta2,
		Eps: r.Eps, Decay: r.WeightDecay, Clip: r.Clip,
	}
}

// LearningRate returns the learning rate of update i = 0..n−1 of a run of n
// updates: linear warm-up from 0 to lr over the first warmup epochs, then a half
// cosine down to lr·lr_final. The curve is taken at the middle of each update,
// τ = i + ½, so that neither the first nor the last update is lost to a rate of
// zero and the mean over the updates is that of the curve.
func (r Recipe) LearningRate(i, n int) float64 {
	warm := float64(n) * r.Warmup / float64(r.Epochs)
	tau := float64(i) + .5
	if tau < warm {
		return r.LR * tau / warm
	}
	done := (tau - warm) / (float64(n) - warm)
	return r.LR * (r.LRFinal + (1-r.LRFinal)*(1+math.Cos(math.Pi*done))/2)
}

// clone returns a recipe that shares no memory with r.
func (r Recipe) clone() Recipe {
	r.Params = maps.Clone(r.Params)
	r.Learn = slices.Clone(r.Learn)
	if r.Floor != nil {
		floor := *r.Floor
		r.Floor = &floor
	}
	return r
}
