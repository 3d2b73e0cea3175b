package kernel

import "math"

// SGDStep are the numbers of one SGD update.
type SGDStep struct{ LR, Scale, Momentum, Decay float32 }

// SGD updates w: m ← momentum·m + scale·g + decay·w, w ← w − lr·m.
func SGD(w, g, m []float32, o SGDStep) {
	current.sgd(w, g[:len(w)], m[:len(w)], o.LR, o.Scale, o.Momentum, o.Decay)
}

func sgdPortable(w, g, m []float32, lr, scale, momentum, decay float32) {
	g, m = g[:len(w)], m[:len(w)]
	for i, wi := range w {
		m[i] = momentum*m[i] + scale*g[i] + decay*wi
		w[i] = wi - lr*m[i]
	}
}

// AdamStep are the numbers of one AdamW update. Decay includes the learning
// rate; Correct1 and Correct2 are 1/(1−βᵗ).
type AdamStep struct{ LR, Scale, Beta1, Beta2, Eps, Decay, Correct1, Correct2 float32 }

// AdamW updates w by the bias-corrected moments m and v of the gradient, with
// decoupled decay: w ← w − decay·w − lr·m̂/(√v̂ + ε).
func AdamW(w, g, m, v []float32, o AdamStep) {
	n := len(w)
	current.adamW(w, g[:n], m[:n], v[:n], o.LR, o.Scale, o.Beta1, o.Beta2, o.Eps, o.Decay, o.Correct1, o.Correct2)
}

func adamWPortable(w, g, m, v []float32, lr, scale, beta1, beta2, eps, decay, correct1, correct2 float32) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	lr *= correct1
	for i, wi := range w {
		gi := scale * g[i]
		m[i] = beta1*m[i] + (1-beta1)*gi
		v[i] = beta2*v[i] + (1-beta2)*(gi*gi)
		step := lr * m[i] / (float32(math.Sqrt(float64(v[i]*correct2))) + eps)
		w[i] = wi - (decay*wi + step)
	}
}

// SumSquares returns Σ x².
func SumSquares(x []float32) float64 { return current.sumSquares(x) }

func sumSquaresPortable(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
