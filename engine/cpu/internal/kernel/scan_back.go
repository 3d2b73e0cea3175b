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
	var gBuf, hBuf, prevBuf, slopeBuf piece
	c := len(c2)
	reset := newReset(theta, kept, jump, floor)
	for i := range prevBuf {
		prevBuf[i] = start
	}
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			gs := g.piece(&gBuf, r, c, from, to)
			n, at := len(gs), r*c+from
			us, hs, prev, slope := u[at:][:n], hBuf[:n], prevBuf[:n], slopeBuf[:n]
			if s == Given {
				hs = h[at:][:n]
			} else {
				s.compute(hs, us, theta, reach, top)
			}
			if before != nil {
				reset.fire(prev, before[at:][:n])
			}
			reset.slopes(slope, us, hs, attached, floored, keep, jump)
			qs := gs
			if q.Float != nil {
				qs = q.Float[at:][:n]
			}
			backPiece(qs, carry[at:][:n], gs, hs, slope, prev, c2[from:to], c1[from:to])
			if q.Half != nil {
				narrowPortable(q.Half[at:][:n], qs)
			}
		}
	}
}

// slopes writes ∂v/∂u of up to a word of potentials.
func (r *reset) slopes(slope, u, h []float32, attached, floored bool, keep, jump float32) {
	slope, h = slope[:len(u)], h[:len(u)]
	for i, ui := range u {
		s := oneIf(ui >= r.theta) & 1
		d := r.kept[s]
		if attached {
			d += (jump - keep*ui) * h[i]
		}
		if floored && ui*r.kept[s]+r.jump[s] < r.floor {
			d = 0
		}
		slope[i] = d
	}
}

// backPiece writes q = g·h + carry·slope and, for the step before, carry = q·f′(prev).
func backPiece(q, carry, g, h, slope, prev, c2, c1 []float32) {
	n := len(q)
	carry, g, h, slope, prev, c2, c1 = carry[:n], g[:n], h[:n], slope[:n], prev[:n], c2[:n], c1[:n]
	for i := range q {
		qi := g[i]*h[i] + carry[i]*slope[i]
		q[i] = qi
		carry[i] = qi * (2*prev[i]*c2[i] + c1[i])
	}
}

// compute writes a compact window.
func (s Shape) compute(h, u []float32, theta, reach, top float32) {
	h = h[:len(u)]
	switch s {
	case RectangularShape:
		heights := [2]float32{0, top}
		for i, ui := range u {
			h[i] = heights[oneIf(abs(ui-theta) < reach)&1]
		}
	case TriangularShape:
		for i, ui := range u {
			h[i] = max(0, top-abs(ui-theta)*reach)
		}
	case EpanechnikovShape:
		for i, ui := range u {
			d := ui - theta
			h[i] = max(0, top-d*d*reach)
		}
	}
}
