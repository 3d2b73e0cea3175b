package graph

import (
	"errors"
	"fmt"
	"math"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// Codings of an input.
const (
	// Direct feeds the same analog image at every step.
	Direct = "direct"
	// Frames feeds one frame per step.
	Frames = "frames"
)

// maxExtent bounds heights, widths and channels, so that sizes cannot overflow.
const maxExtent = 1 << 20

// workless is embedded by operations that multiply nothing.
type workless struct{}

func (workless) MACs([]Shape, Shape) int64 { return 0 }

// plain is embedded by operations that own no tensors and multiply nothing.
type plain struct{ workless }

func (plain) Params([]Shape) []Param { return nil }

// Input is the network's input.
type Input struct {
	plain
	Shape  Shape  `json:"shape"`
	Coding string `json:"coding"`
}

// Conv is a two-dimensional convolution with zero padding; its weight is laid
// out [Kernel, Kernel, Cin, Out].
type Conv struct {
	Out    int  `json:"out"`
	Kernel int  `json:"kernel"`
	Stride int  `json:"stride"`
	Pad    int  `json:"pad"`
	Bias   bool `json:"bias,omitempty"`
}

// Linear is a fully connected layer on a vector; its weight is laid out
// [In, Out].
type Linear struct {
	Out  int  `json:"out"`
	Bias bool `json:"bias,omitempty"`
}

// TDBN is threshold-dependent batch normalisation (Zheng et al. 2021): per
// channel over (T, N, H, W), x = λ·α·θ·(y−E[y])/√(Var[y]+ε) + β. Alpha is 1 in
// a serial layer and 1/√k where k branches are added.
type TDBN struct {
	workless
	Alpha     float64 `json:"alpha"`
	Threshold float64 `json:"threshold"`
	Momentum  float64 `json:"momentum"` // weight of the newest batch in the running statistics
	Eps       float64 `json:"eps"`
	// FixedScale holds λ at 1, so that the layer learns no more than β: as many
	// numbers as the bias has whose place it takes.
	FixedScale bool `json:"fixed_scale,omitempty"`
}

// Neuron is a layer of spiking neurons with the surrogate window that its
// backward pass uses.
type Neuron struct {
	workless
	Model  neuron.Model `json:"model"`
	Window window.Spec  `json:"window"`
}

// AvgPool averages over square windows.
type AvgPool struct {
	plain
	Kernel int `json:"kernel"`
	Stride int `json:"stride"`
}

// MaxPool takes the largest value in square windows. What lies outside of the
// image takes no part.
type MaxPool struct {
	plain
	Kernel int `json:"kernel"`
	Stride int `json:"stride"`
	Pad    int `json:"pad,omitempty"`
}

// Add sums inputs of equal shape.
type Add struct{ plain }

// Concat joins inputs of equal height and width along their channels.
type Concat struct{ plain }

// Flatten turns [H, W, C] into a vector, in that order.
type Flatten struct{ plain }

// GlobalAvgPool averages over height and width.
type GlobalAvgPool struct{ plain }

// Vote counts the votes of a vector's channels: output k is the sum of the
// channels k·Votes to (k+1)·Votes−1, as in the voting layer of PLIF (Fang et al.
// 2021), which divides by Votes. The choice is the same. A sum can be as
// certain as cross-entropy asks for, where a mean of spikes cannot exceed 1.
type Vote struct {
	plain
	Votes int `json:"votes"`
}

// Dropout zeroes a share P of its input during training and scales the rest by
// 1/(1−P). One mask serves all steps of a sample.
type Dropout struct {
	plain
	P float64 `json:"p"`
}

// Readout marks the logits, one vector [1, 1, K] per step. Networks classify by
// their mean over the last steps, which are all that losses, accuracies and early
// exit look at.
type Readout struct {
	plain
	// Last is how many steps count. 0, and any number that the steps do not
	// exceed, has all of them count.
	Last int `json:"last,omitempty"`
}

// maxLast bounds the number of steps that a readout can ask for.
const maxLast = 1 << 20

// First returns the first step, from 0, of so many that counts. What it leaves
// is the end of logits [T, N, K].
func (o *Readout) First(steps int) int {
	if o.Last == 0 {
		return 0
	}
	return max(0, steps-o.Last)
}

// DefaultTDBN returns tdBN with the customary momentum .1 and ε = 1e-5.
func DefaultTDBN(alpha, threshold float64) TDBN {
	return TDBN{Alpha: alpha, Threshold: threshold, Momentum: .1, Eps: 1e-5}
}

// newOps maps a kind's name to an empty operation, for reading the JSON form.
var newOps = map[string]func() Op{
	"input":       func() Op { return &Input{} },
	"conv":        func() Op { return &Conv{} },
	"linear":      func() Op { return &Linear{} },
	"tdbn":        func() Op { return &TDBN{} },
	"neuron":      func() Op { return &Neuron{} },
	"avgpool":     func() Op { return &AvgPool{} },
	"maxpool":     func() Op { return &MaxPool{} },
	"add":         func() Op { return &Add{} },
	"concat":      func() Op { return &Concat{} },
	"flatten":     func() Op { return &Flatten{} },
	"global_pool": func() Op { return &GlobalAvgPool{} },
	"vote":        func() Op { return &Vote{} },
	"dropout":     func() Op { return &Dropout{} },
	"readout":     func() Op { return &Readout{} },
}

func (*Input) Kind() string         { return "input" }
func (*Conv) Kind() string          { return "conv" }
func (*Linear) Kind() string        { return "linear" }
func (*TDBN) Kind() string          { return "tdbn" }
func (*Neuron) Kind() string        { return "neuron" }
func (*AvgPool) Kind() string       { return "avgpool" }
func (*MaxPool) Kind() string       { return "maxpool" }
func (*Add) Kind() string           { return "add" }
func (*Concat) Kind() string        { return "concat" }
func (*Flatten) Kind() string       { return "flatten" }
func (*GlobalAvgPool) Kind() string { return "global_pool" }
func (*Vote) Kind() string          { return "vote" }
func (*Dropout) Kind() string       { return "dropout" }
func (*Readout) Kind() string       { return "readout" }

func one(in []Shape) (Shape, error) {
	if len(in) != 1 {
		return Shape{}, fmt.Errorf("takes 1 input, got %d", len(in))
	}
	return in[0], nil
}

func (o *Input) Infer(in []Shape) (Shape, error) {
	s := o.Shape
	switch {
	case len(in) != 0:
		return s, fmt.Errorf("takes no input, got %d", len(in))
	case o.Coding != Direct && o.Coding != Frames:
		return s, fmt.Errorf("coding is %q, expected %q or %q", o.Coding, Direct, Frames)
	case s.H < 1 || s.W < 1 || s.C < 1 || s.H > maxExtent || s.W > maxExtent || s.C > maxExtent:
		return s, fmt.Errorf("shape %v: height, width and channels must lie in 1..%d", s, maxExtent)
	}
	return s, nil
}

func (o *Conv) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	if err != nil {
		return s, err
	}
	if o.Out < 1 || o.Out > maxExtent {
		return s, fmt.Errorf("out is %d, expected 1..%d channels", o.Out, maxExtent)
	}
	h, w, err := slide(s, o.Kernel, o.Stride, o.Pad)
	return Shape{h, w, o.Out}, err
}

// slide returns how many positions a square window takes over a padded map.
func slide(s Shape, kernel, stride, pad int) (h, w int, err error) {
	switch {
	case kernel < 1 || kernel > maxExtent:
		return 0, 0, fmt.Errorf("kernel is %d, expected 1..%d", kernel, maxExtent)
	case stride < 1 || stride > maxExtent:
		return 0, 0, fmt.Errorf("stride is %d, expected 1..%d", stride, maxExtent)
	case pad < 0 || pad >= kernel:
		return 0, 0, fmt.Errorf("pad is %d, expected 0..%d for kernel %d", pad, kernel-1, kernel)
	case s.H+2*pad < kernel || s.W+2*pad < kernel:
		return 0, 0, fmt.Errorf("kernel %d with pad %d does not fit an input of %v", kernel, pad, s)
	}
	return (s.H+2*pad-kernel)/stride + 1, (s.W+2*pad-kernel)/stride + 1, nil
}

func (o *Linear) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	switch {
	case err != nil:
		return s, err
	case !s.Flat():
		return s, fmt.Errorf("takes a vector, got %v; put a flatten or global_pool before it", s)
	case o.Out < 1 || o.Out > maxExtent:
		return s, fmt.Errorf("out is %d, expected 1..%d", o.Out, maxExtent)
	}
	return Shape{1, 1, o.Out}, nil
}

func (o *TDBN) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	switch {
	case err != nil:
		return s, err
	case !positive(o.Alpha) || !positive(o.Threshold) || !positive(o.Eps):
		return s, fmt.Errorf("alpha %v, threshold %v and eps %v must be positive and finite", o.Alpha, o.Threshold, o.Eps)
	case !positive(o.Alpha * o.Threshold):
		return s, fmt.Errorf("alpha %v times threshold %v is out of range", o.Alpha, o.Threshold)
	case !(o.Momentum > 0 && o.Momentum <= 1):
		return s, fmt.Errorf("momentum is %v, expected within (0, 1]", o.Momentum)
	}
	return s, nil
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

func (o *Neuron) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	if err != nil {
		return s, err
	}
	if err := o.Model.Validate(); err != nil {
		return s, err
	}
	return s, o.Window.Validate()
}

func (o *AvgPool) Infer(in []Shape) (Shape, error) { return inferPool(in, o.Kernel, o.Stride, 0) }
func (o *MaxPool) Infer(in []Shape) (Shape, error) { return inferPool(in, o.Kernel, o.Stride, o.Pad) }

func inferPool(in []Shape, kernel, stride, pad int) (Shape, error) {
	s, err := one(in)
	if err != nil {
		return s, err
	}
	h, w, err := slide(s, kernel, stride, pad)
	return Shape{h, w, s.C}, err
}

func (o *Add) Infer(in []Shape) (Shape, error) {
	if len(in) < 2 {
		return Shape{}, fmt.Errorf("takes 2 inputs or more, got %d", len(in))
	}
	for _, s := range in[1:] {
		if s != in[0] {
			return s, fmt.Errorf("inputs differ: %v and %v", in[0], s)
		}
	}
	return in[0], nil
}

func (o *Concat) Infer(in []Shape) (Shape, error) {
	if len(in) < 2 {
		return Shape{}, fmt.Errorf("takes 2 inputs or more, got %d", len(in))
	}
	out := in[0]
	for _, s := range in[1:] {
		if s.H != out.H || s.W != out.W {
			return s, fmt.Errorf("inputs differ in height or width: %v and %v", in[0], s)
		}
		if s.C > maxTensor-out.C {
			return s, fmt.Errorf("inputs have more than %d channels in all", maxTensor)
		}
		out.C += s.C
	}
	return out, nil
}

func (o *Flatten) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	return Shape{1, 1, s.Size()}, err
}

func (o *GlobalAvgPool) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	return Shape{1, 1, s.C}, err
}

func (o *Vote) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	switch {
	case err != nil:
		return s, err
	case !s.Flat():
		return s, fmt.Errorf("takes a vector, got %v", s)
	case o.Votes < 1 || s.C%o.Votes != 0:
		return s, fmt.Errorf("%d channels do not divide into groups of %d votes", s.C, o.Votes)
	}
	return Shape{1, 1, s.C / o.Votes}, nil
}

func (o *Dropout) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	if err == nil && !(o.P >= 0 && o.P < 1) {
		err = fmt.Errorf("p is %v, expected within [0, 1)", o.P)
	}
	return s, err
}

func (o *Readout) Infer(in []Shape) (Shape, error) {
	s, err := one(in)
	switch {
	case err != nil:
		return s, err
	case !s.Flat():
		return s, fmt.Errorf("takes a vector of logits, got %v", s)
	case s.C < 2:
		return s, errors.New("takes at least 2 classes, got 1")
	case o.Last < 0 || o.Last > maxLast:
		return s, fmt.Errorf("last is %d, expected 0 (all) to %d steps", o.Last, maxLast)
	}
	return s, nil
}

func (o *Conv) Params(in []Shape) []Param {
	fan := o.Kernel * o.Kernel * in[0].C
	return withBias(Param{Name: "weight", Shape: []int{o.Kernel, o.Kernel, in[0].C, o.Out}, Role: Weight, FanIn: fan}, o.Bias)
}

func (o *Linear) Params(in []Shape) []Param {
	return withBias(Param{Name: "weight", Shape: []int{in[0].C, o.Out}, Role: Weight, FanIn: in[0].C}, o.Bias)
}

func withBias(w Param, bias bool) []Param {
	if !bias {
		return []Param{w}
	}
	out := w.Shape[len(w.Shape)-1]
	return []Param{w, {Name: "bias", Shape: []int{out}, Role: Bias, FanIn: w.FanIn}}
}

func (o *TDBN) Params(in []Shape) []Param {
	c := []int{in[0].C}
	var ps []Param
	if !o.FixedScale {
		ps = []Param{{Name: "scale", Shape: c, Role: NormScale, Init: 1}}
	}
	return append(ps,
		Param{Name: "shift", Shape: c, Role: NormShift},
		Param{Name: "running_mean", Shape: c, Role: RunningMean},
		Param{Name: "running_var", Shape: c, Role: RunningVar, Init: 1},
	)
}

func (o *Neuron) Params(in []Shape) []Param {
	n := 1
	if o.Model.PerChannel {
		n = in[0].C
	}
	var ps []Param
	for _, name := range o.Model.Learn {
		lo, hi := o.Model.Bounds(name)
		ps = append(ps, Param{
			Name: name, Shape: []int{n}, Role: NeuronParam,
			Init: o.Model.Params[name], Min: lo, Max: hi,
		})
	}
	return append(ps, o.windowTensors()...)
}

func (o *Conv) MACs(in []Shape, out Shape) int64 {
	return int64(out.Size()) * int64(o.Kernel*o.Kernel*in[0].C)
}
func (o *Linear) MACs(in []Shape, out Shape) int64 { return int64(in[0].C) * int64(out.C) }
