package kernel

import "math"

// SGDStep are the numbers of one SGD update.
type SGDStep struct{ LR, Scale, Momentum, Decay float32 }

// SGD updates w: m ← momentum·m + scale·g + decay·w, w ← w − lr·m.
func SGD(w, g, m []float32, o SGDStep) {
	g, m = g[:len(w)], m[:len(w)]
	for i, wi := range w {
		m[i] = o.Momentum*m[i] + o.Scale*g[i] + o.Decay*wi
		w[i] = wi - o.LR*m[i]
	}
}

// AdamStep are the numbers of one AdamW update. Decay includes the learning
// rate; Correct1 and Correct2 are 1/(1−βᵗ).
type AdamStep struct{ LR, Scale, Beta1, Beta2, Eps, Decay, Correct1, Correct2 float32 }

// AdamW updates w by the bias-corrected moments m and v of the gradient, with
// decoupled decay: w ← w − decay·w − lr·m̂/(√v̂ + ε).
func AdamW(w, g, m, v []float32, o AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, wi := range w {
		gi := o.Scale * g[i]
		m[i] = o.Beta1*m[i] + (1-o.Beta1)*gi
		v[i] = o.Beta2*v[i] + (1-o.Beta2)*gi*gi
		step := o.LR * m[i] * o.Correct1 / (float32(math.Sqrt(float64(v[i]*o.Correct2))) + o.Eps)
		w[i] = wi - o.Decay*wi - step
	}
}
