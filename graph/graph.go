// Package graph describes a spiking network as data: a list of nodes with
// their inputs. Architectures produce graphs, engines execute them, exporters
// translate them, reports read them.
package graph

import "fmt"

// Graph is a network as a list of nodes in an order in which every node
// follows its inputs. Exactly one node is an Input and exactly one, the last,
// is a Readout.
type Graph struct {
	Name  string `json:"name"`
	Nodes []Node `json:"nodes"`
}

// Node is one operation, named, with the names of the nodes that feed it.
type Node struct {
	Name   string
	Op     Op
	Inputs []string
}

// Shape is the shape of a node's output for one sample at one time step. Whole
// tensors are laid out [T, N, H, W, C]. A vector has H = W = 1.
type Shape struct {
	H int `json:"h"`
	W int `json:"w"`
	C int `json:"c"`
}

// Size returns the number of elements.
func (s Shape) Size() int { return s.H * s.W * s.C }

// Flat reports whether the shape is a vector.
func (s Shape) Flat() bool { return s.H == 1 && s.W == 1 }

func (s Shape) String() string { return fmt.Sprintf("%d×%d×%d", s.H, s.W, s.C) }

// Op is an operation: its kind's name, how it transforms shapes, the tensors it
// owns and the work it does.
type Op interface {
	// Kind is the operation's name in the JSON form.
	Kind() string
	// Infer returns the output shape for the given input shapes, or says what
	// is wrong with them or with the operation's own fields.
	Infer(in []Shape) (Shape, error)
	// Params lists the tensors that the operation owns, with names relative to
	// the node's.
	Params(in []Shape) []Param
	// MACs is the number of multiply-accumulates for one sample at one step.
	MACs(in []Shape, out Shape) int64
}

// Role says what a parameter tensor is for; it decides on initialisation,
// weight decay and whether an optimiser touches it.
type Role string

// Roles of parameter tensors.
const (
	Weight      Role = "weight"       // convolution [K, K, Cin, Cout] or linear [In, Out]
	Bias        Role = "bias"         // [Cout]
	NormScale   Role = "norm_scale"   // tdBN's λ, [C]; none if it is fixed
	NormShift   Role = "norm_shift"   // tdBN's β, [C]
	RunningMean Role = "running_mean" // [C]
	RunningVar  Role = "running_var"  // [C]
	NeuronParam Role = "neuron_param" // learned parameter of a neuron, [1] or [C]

	WindowWidth   Role = "window_width"   // learned logarithm of a window's width, [1]
	RunningSpread Role = "running_spread" // of a layer's potentials, [1]
)

// Param is the specification of one tensor that a network owns.
type Param struct {
	Name  string // "node.tensor" in a Network
	Shape []int
	Role  Role
	FanIn int     // inputs per output, for Weight and Bias
	Init  float64 // initial value of the other roles
	// Min and Max bound a NeuronParam or a WindowWidth after every update.
	Min, Max float64
}

// Size returns the number of elements.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Trainable reports whether an optimiser updates the tensor.
func (p Param) Trainable() bool { return !p.Running() }

// Running reports whether the tensor is a running statistic.
func (p Param) Running() bool {
	return p.Role == RunningMean || p.Role == RunningVar || p.Role == RunningSpread
}

// Bounded reports whether Min and Max bound the tensor.
func (p Param) Bounded() bool { return p.Role == NeuronParam || p.Role == WindowWidth }

// Decays reports whether weight decay applies: to weights alone.
func (p Param) Decays() bool { return p.Role == Weight }

// Tensor is a named array of numbers in row-major order.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}
