package cpu

import "github.com/qif-snn/qif/engine/cpu/internal/kernel"

// Tests compare networks whose spikes travel as numbers: those of packed spikes,
// or the integral of the window, which makes the loss smooth. These are such
// layers' steps, from the plainest kernels.

// wideSpikes and input are pieces behind those of the potentials.
func (u neuronUnit) wideSpikes(t int) []float32 { return u.piece(pieces + u.p.steps + t) }
func (u neuronUnit) wideInput() []float32       { return u.piece(pieces + 2*u.p.steps) }

// smooth is the integral of step t's window, in place of the threshold.
func (n *neuronOp) smooth(t int) func(d float32) float32 {
	return func(d float32) float32 {
		return float32(n.win.windows.Shape.Integral(float64(d), n.win.windows.Widths[t]))
	}
}

// stepWide advances the unit by a step; its spikes stay in their piece.
func (u neuronUnit) stepWide(t int) kernel.Sums {
	x, s, pot, v := u.wideInput(), u.wideSpikes(t), u.potentials(t), u.piece(pieceV)
	u.load(x, u.px, t, u.first, u.rows)
	var sums kernel.Sums
	if u.p.spikes == smoothSpikes {
		sums = u.kern.StepSmooth(s, pot, v, x, u.smooth(t))
	} else {
		sums = u.kern.Step(s, pot, v, x)
	}
	return sums
}

// backWide turns the unit's ∂L/∂s into ∂L/∂x.
func (u neuronUnit) backWide(task int) {
	u.start()
	for t := range u.p.t {
		u.stepWide(t)
	}
	prev, carry, h := u.wideInput(), u.piece(pieceV), u.piece(pieceH)
	clear(carry)
	for t := u.p.t - 1; t >= 0; t-- {
		w := u.win.of(t)
		w.H = h
		u.win.kernel(h, u.potentials(t), u.kern.Theta, w.B)
		if t > 0 {
			u.kern.After(prev, u.potentials(t-1), u.wideSpikes(t-1))
		} else {
			copy(prev, u.rest)
		}
		q := u.y.gradRows(u.at(t), u.rows).Float
		u.addWidth(task, kernel.Rows{Float: q}, carry, w, u.potentials(t), u.wideSpikes(t))
		u.kern.Back(q, carry, q, h, u.potentials(t), u.wideSpikes(t), prev)
		if u.coef != nil {
			u.addCoef(task, q, prev)
		}
		u.addStill(t, q)
	}
}
