package kernel

import "math"

// Shape is a window that the backward scan computes by itself, or Given: one
// that it reads.
type Shape int

const (
	Given Shape = iota
	RectangularShape
	TriangularShape
	EpanechnikovShape

	shapes
)

// Surrogate is the window of a step. B is the shape's scale; H are the values of
// a given one.
type Surrogate struct {
	Shape Shape
	B     float32
	H     []float32
}

// Reach is the distance from the threshold from which on a compact window is zero,
// whatever a version's rounding: a little more than B.
func (w *Surrogate) Reach() float32 { return w.B * (1 + 1e-6) }

// reachTop returns the constants of a compact shape: its height, and how far it
// reaches, or how fast it falls with the distance or its square.
func (w *Surrogate) reachTop() (reach, top float32) {
	switch inv := 1 / w.B; w.Shape {
	case RectangularShape:
		return w.B, .5 / w.B
	case TriangularShape:
		return inv * inv, inv
	case EpanechnikovShape:
		return .75 * inv * inv * inv, .75 * inv
	}
	return 0, 0
}

// Backward is Back for a tile: q and carry are written from the gradient g of the
// spikes, rows of numbers as q's are, the potentials u[t] and those of the step
// before, u[t−1], nil at the first step, whose potential v[t−1] is the reset value.
// q may be g; g.Next holds for it as well.
func (p *Neuron) Backward(q Rows, carry []float32, g Rows, w Surrogate, u, before []float32) {
	n := len(u)
	if n == 0 {
		return
	}
	c := len(p.C2)
	keep, jump, _ := p.reset()
	kept, floored := 1-keep, p.Floor > float32(math.Inf(-1))
	reach, top := w.reachTop()
	carry, c1 := carry[:n], p.C1[:c]
	if before != nil {
		before = before[:n]
	}
	if w.Shape == Given {
		w.H = w.H[:n]
	}
	if g.Half != nil {
		current.backwardBF16[w.Shape](q.Half[:n], carry, g.Half[:n], w.H, u, before, p.C2, c1, n/c, g.Next, !p.Detach, floored, p.Theta, kept, jump, p.Floor, keep, reach, top, p.Reset)
	} else {
		current.backward[w.Shape](q.Float[:n], carry, g.Float[:n], w.H, u, before, p.C2, c1, n/c, g.Next, !p.Detach, floored, p.Theta, kept, jump, p.Floor, keep, reach, top, p.Reset)
	}
}

// backwardPortable has the slope of the reset as
//
//	∂v/∂u = 1 − keep·s + (jump − keep·u)·h,
//
// the second term only if gradients pass through the reset (attached), and 0
// under a floor, if there is one (floored).
func backwardPortable(s Shape, q Rows, carry []float32, g Rows, h, u, before, c2, c1 []float32, rows int, attached, floored bool, theta, kept, jump, floor, keep, reach, top, start float32) {
	var gBuf, hBuf piece
	c := len(c2)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			gs := g.piece(&gBuf, r, c, from, to)
			n, at := len(gs), r*c+from
			us, cs := u[at:][:n], carry[at:][:n]
			hs := hBuf[:n]
			if s == Given {
				hs = h[at:][:n]
			} else {
				s.compute(hs, us, theta, reach, top)
			}
			k2, k1 := c2[from:to][:n], c1[from:to][:n]
			for i, gi := range gs {
				ui, slope, next := us[i], float32(1), us[i]
				if ui >= theta {
					slope, next = kept, ui*kept+jump
				}
				if attached {
					slope += (jump - keep*ui) * hs[i]
				}
				if floored && next < floor {
					slope = 0
				}
				prev := start
				if before != nil {
					prev = afterReset(before[at+i], theta, kept, jump, floor)
				}
				qi := gi*hs[i] + cs[i]*slope
				q.set(at+i, qi)
				cs[i] = qi * (2*prev*k2[i] + k1[i])
			}
		}
	}
}

// compute writes a compact window.
func (s Shape) compute(h, u []float32, theta, reach, top float32) {
	for i, ui := range u {
		d := ui - theta
		switch s {
		case RectangularShape:
			h[i] = 0
			if abs(d) < reach {
				h[i] = top
			}
		case TriangularShape:
			h[i] = max(0, top-abs(d)*reach)
		case EpanechnikovShape:
			h[i] = max(0, top-d*d*reach)
		}
	}
}
