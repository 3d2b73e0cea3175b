package kernel

// Neuron is what a scan needs to know of a layer: per channel the polynomial
// (c2, c1, c0), for the layer the threshold and the reset. IF, LIF and QIF are
// one code path.
type Neuron struct {
	C2, C1, C0 []float32 // [C]
	Theta      float32
	Reset      float32
	Floor      float32 // −Inf: none
	Soft       bool
	Detach     bool
}

// after is the potential after reset and floor, neuron.Dynamics.After.
func (p *Neuron) after(u, s float32) float32 {
	v := u - p.Theta*s
	if !p.Soft {
		v = u*(1-s) + p.Reset*s
	}
	return max(v, p.Floor)
}

// afterSlope is ∂v/∂u, neuron.Dynamics.AfterSlope.
func (p *Neuron) afterSlope(u, s, h float32) float32 {
	if p.Detach {
		h = 0
	}
	var v, slope float32
	if p.Soft {
		v, slope = u-p.Theta*s, 1-p.Theta*h
	} else {
		v, slope = u*(1-s)+p.Reset*s, 1-s-(u-p.Reset)*h
	}
	if v < p.Floor {
		return 0
	}
	return slope
}

// Sums accumulates what a scan observes.
type Sums struct {
	Spikes  float64
	U, U2   float64 // of the potential before firing, and of its square
	Neurons int
}

// Add adds another accumulation.
func (a *Sums) Add(b Sums) {
	a.Spikes += b.Spikes
	a.U += b.U
	a.U2 += b.U2
	a.Neurons += b.Neurons
}

// Step advances neurons, whole rows of C channels, by one time step:
// u = f(v) + x, s, v ← after reset. v is read and written; u and s are written.
func (p *Neuron) Step(s, u, v, x []float32) Sums {
	var sum Sums
	c := len(p.C2)
	c2, c1, c0 := p.C2, p.C1[:c], p.C0[:c]
	for r := 0; r+c <= len(x); r += c {
		xr := x[r : r+c]
		ur, sr, vr := u[r : r+c][:len(xr)], s[r : r+c][:len(xr)], v[r : r+c][:len(xr)]
		k2, k1, k0 := c2[:len(xr)], c1[:len(xr)], c0[:len(xr)]
		var spikes, su, su2 float32
		for i, xi := range xr {
			vi := vr[i]
			ui := (k2[i]*vi+k1[i])*vi + k0[i] + xi
			var si float32
			if ui >= p.Theta {
				si = 1
			}
			ur[i], sr[i] = ui, si
			vr[i] = p.after(ui, si)
			spikes += si
			su += ui
			su2 += ui * ui
		}
		sum.Spikes += float64(spikes)
		sum.U += float64(su)
		sum.U2 += float64(su2)
	}
	sum.Neurons = len(x)
	return sum
}

// StepSmooth is Step with a smooth step function of u−θ in place of the
// threshold: the function whose exact derivative the backward scan computes.
func (p *Neuron) StepSmooth(s, u, v, x []float32, smooth func(d float32) float32) Sums {
	var sum Sums
	for i, xi := range x {
		c := i % len(p.C2)
		vi := v[i]
		ui := (p.C2[c]*vi+p.C1[c])*vi + p.C0[c] + xi
		si := smooth(ui - p.Theta)
		u[i], s[i], v[i] = ui, si, p.after(ui, si)
		sum.Spikes += float64(si)
		sum.U += float64(ui)
		sum.U2 += float64(ui) * float64(ui)
	}
	sum.Neurons = len(x)
	return sum
}

// After writes the potential after reset of whole slices.
func (p *Neuron) After(v, u, s []float32) {
	u, s = u[:len(v)], s[:len(v)]
	for i := range v {
		v[i] = p.after(u[i], s[i])
	}
}

// Back is one step of the backward scan, from t to t−1:
//
//	q = g·h + carry·∂v/∂u,   carry ← q·f′(v[t−1])
//
// carry enters as q[t+1]·f′(v[t]), zero at the last step. h is the window's
// value at u[t], prev the potential v[t−1]. q = ∂L/∂x[t] is written.
func (p *Neuron) Back(q, carry, g, h, u, s, prev []float32) {
	c := len(p.C2)
	c2, c1 := p.C2, p.C1[:c]
	for r := 0; r+c <= len(u); r += c {
		ur := u[r : r+c]
		n := len(ur)
		sr, hr, gr := s[r : r+c][:n], h[r : r+c][:n], g[r : r+c][:n]
		cr, pr, qr := carry[r : r+c][:n], prev[r : r+c][:n], q[r : r+c][:n]
		k2, k1 := c2[:n], c1[:n]
		for i, ui := range ur {
			qi := gr[i]*hr[i] + cr[i]*p.afterSlope(ui, sr[i], hr[i])
			cr[i] = qi * (2*k2[i]*pr[i] + k1[i])
			qr[i] = qi
		}
	}
}

// CoefGradient adds ∂L/∂c_k = Σ q·v[t−1]^k per channel to d2, d1, d0.
func CoefGradient(d2, d1, d0 []float64, q, prev []float32) {
	c := len(d0)
	for i, v := range prev {
		k, qi, vi := i%c, float64(q[i]), float64(v)
		d0[k] += qi
		d1[k] += qi * vi
		d2[k] += qi * vi * vi
	}
}
