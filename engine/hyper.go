package engine

import (
	"fmt"
	"math"
)

// Kinds of loss.
const (
	// CrossEntropy of the logits averaged over T.
	CrossEntropy = "ce"
	// TET, temporal efficient training (Deng et al. 2022): the mean over t of
	// each step's cross-entropy, weighted 1−λ, plus λ times the mean square
	// distance of all logits from a target.
	TET = "tet"
)

// Loss is the training loss as a value.
type Loss struct {
	Kind   string
	Lambda float64 // TET: weight of the distance term
	Target float64 // TET: what the logits are drawn to; the field uses θ = 1
}

// Validate says what is wrong with the loss.
func (l Loss) Validate() error {
	switch {
	case l.Kind != CrossEntropy && l.Kind != TET:
		return fmt.Errorf("loss is %q, expected %q or %q", l.Kind, CrossEntropy, TET)
	case l.Kind == TET && !(l.Lambda >= 0 && l.Lambda <= 1):
		return fmt.Errorf("TET's lambda is %v, expected within [0, 1]", l.Lambda)
	case math.IsNaN(l.Target) || math.IsInf(l.Target, 0):
		return fmt.Errorf("TET's target is %v, not a finite number", l.Target)
	}
	return nil
}

// Kinds of optimiser.
const (
	SGD   = "sgd"   // with momentum, decay added to the gradient
	AdamW = "adamw" // decoupled decay (Loshchilov and Hutter 2019)
)

// Optimizer is the optimiser as a value; the learning rate comes with each
// step.
type Optimizer struct {
	Kind         string
	Momentum     float64 // SGD
	Beta1, Beta2 float64 // AdamW
	Eps          float64 // AdamW
	Decay        float64 // of weights; biases, tdBN, neuron parameters and widths never decay
	Clip         float64 // largest global gradient norm; 0: none
}

// Validate says what is wrong with the optimiser.
func (o Optimizer) Validate() error {
	unit := func(v float64) bool { return v >= 0 && v < 1 }
	switch {
	case o.Kind != SGD && o.Kind != AdamW:
		return fmt.Errorf("optimizer is %q, expected %q or %q", o.Kind, SGD, AdamW)
	case o.Kind == SGD && !unit(o.Momentum):
		return fmt.Errorf("momentum is %v, expected within [0, 1)", o.Momentum)
	case o.Kind == AdamW && (!unit(o.Beta1) || !unit(o.Beta2)):
		return fmt.Errorf("beta1 %v and beta2 %v must lie within [0, 1)", o.Beta1, o.Beta2)
	case o.Kind == AdamW && !(o.Eps > 0 && o.Eps < 1):
		return fmt.Errorf("eps is %v, expected within (0, 1)", o.Eps)
	case !(o.Decay >= 0) || math.IsInf(o.Decay, 1):
		return fmt.Errorf("weight decay is %v, expected 0 or more", o.Decay)
	case !(o.Clip >= 0) || math.IsInf(o.Clip, 1):
		return fmt.Errorf("clip is %v, expected 0 (none) or more", o.Clip)
	}
	return nil
}
