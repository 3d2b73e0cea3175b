package window

import "fmt"

// EscapeLimit is the share of potentials that may have run away before a
// distribution counts as lost: one of a million neurons.
const EscapeLimit = 1e-6

// A Runaway is the error of a membrane potential that leaves every bound.
//
// A quadratic map has an unstable fixed point. A hard reset catches the potential
// below it or soon after; with a soft one, which takes away only θ, what has
// passed it is squared from step to step. Such potentials are few, but soon they
// alone make the variance, which then tells nothing of the others: of a thousand
// million neurons with a = .2, u1 = 0, u2 = .5, θ = 1 a thousand pass it in ten
// steps, and the deviation of all is that of these thousand. So moments are those
// of the potentials that stay; what leaves is only counted, and from the step at
// which it is more than EscapeLimit there are no moments.
type Runaway struct {
	Step   int // the first step without moments, from 1
	Reason string
}

// Error implements error.
func (e *Runaway) Error() string {
	return fmt.Sprintf("membrane potential runs away at step %d: %s", e.Step, e.Reason)
}
