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

// reset returns both kinds of reset as one: after a spike s the potential is
//
//	v = max(u·(1 − keep·s) + jump·s, floor)
//
// with keep = 1, jump = Reset when hard, keep = 0, jump = −θ when soft. attach is
// 0 if gradients do not pass through the reset, else 1. The maximum keeps NaN.
func (p *Neuron) reset() (keep, jump, attach float32) {
	keep, jump, attach = 1, p.Reset, 1
	if p.Soft {
		keep, jump = 0, -p.Theta
	}
	if p.Detach {
		attach = 0
	}
	return keep, jump, attach
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
// A potential that is not a number fires no spike.
func (p *Neuron) Step(s, u, v, x []float32) Sums {
	c, n := len(p.C2), len(x)
	keep, jump, _ := p.reset()
	spikes, sum, sum2 := current.step(s[:n], u[:n], v[:n], x, p.C2, p.C1[:c], p.C0[:c], p.Theta, keep, jump, p.Floor)
	return Sums{float64(spikes), sum, sum2, n}
}

func stepPortable(s, u, v, x, c2, c1, c0 []float32, theta, keep, jump, floor float32) (spikes int, sum, sum2 float64) {
	c := len(c2)
	for r := 0; r+c <= len(x); r += c {
		xr := x[r : r+c]
		ur, sr, vr := u[r : r+c][:len(xr)], s[r : r+c][:len(xr)], v[r : r+c][:len(xr)]
		k2, k1, k0 := c2[:len(xr)], c1[:len(xr)], c0[:len(xr)]
		var fired float32
		var su, su2 float64 // a square overflows float32 long before the potential does
		for i, xi := range xr {
			vi := vr[i]
			ui := (k2[i]*vi+k1[i])*vi + k0[i] + xi
			var si float32
			if ui >= theta {
				si = 1
			}
			ur[i], sr[i] = ui, si
			vr[i] = max(ui*(1-keep*si)+jump*si, floor)
			fired += si
			su += float64(ui)
			su2 += float64(ui) * float64(ui)
		}
		spikes += int(fired)
		sum += su
		sum2 += su2
	}
	return spikes, sum, sum2
}

// StepSmooth is Step with a smooth step function of u−θ in place of the
// threshold: the function whose exact derivative the backward scan computes.
func (p *Neuron) StepSmooth(s, u, v, x []float32, smooth func(d float32) float32) Sums {
	var sum Sums
	keep, jump, _ := p.reset()
	for i, xi := range x {
		c := i % len(p.C2)
		vi := v[i]
		ui := (p.C2[c]*vi+p.C1[c])*vi + p.C0[c] + xi
		si := smooth(ui - p.Theta)
		u[i], s[i], v[i] = ui, si, max(ui*(1-keep*si)+jump*si, p.Floor)
		sum.Spikes += float64(si)
		sum.U += float64(ui)
		sum.U2 += float64(ui) * float64(ui)
	}
	sum.Neurons = len(x)
	return sum
}

// After writes the potential after reset of whole slices.
func (p *Neuron) After(v, u, s []float32) {
	keep, jump, _ := p.reset()
	current.after(v, u[:len(v)], s[:len(v)], keep, jump, p.Floor)
}

func afterPortable(v, u, s []float32, keep, jump, floor float32) {
	u, s = u[:len(v)], s[:len(v)]
	for i := range v {
		v[i] = max(u[i]*(1-keep*s[i])+jump*s[i], floor)
	}
}

// Back is one step of the backward scan, from t to t−1:
//
//	q = g·h + carry·∂v/∂u,   carry ← q·f′(v[t−1])
//
// carry enters as q[t+1]·f′(v[t]), zero at the last step. h is the window's
// value at u[t], prev the potential v[t−1]. q = ∂L/∂x[t] is written. With the
// reset as above ∂v/∂u = 1 − keep·s + (jump − keep·u)·h, and 0 under the floor.
func (p *Neuron) Back(q, carry, g, h, u, s, prev []float32) {
	c, n := len(p.C2), len(u)
	keep, jump, attach := p.reset()
	current.back(q[:n], carry[:n], g[:n], h[:n], u, s[:n], prev[:n], p.C2, p.C1[:c], keep, jump, p.Floor, attach)
}

func backPortable(q, carry, g, h, u, s, prev, c2, c1 []float32, keep, jump, floor, attach float32) {
	c := len(c2)
	for r := 0; r+c <= len(u); r += c {
		ur := u[r : r+c]
		n := len(ur)
		sr, hr, gr := s[r : r+c][:n], h[r : r+c][:n], g[r : r+c][:n]
		cr, pr, qr := carry[r : r+c][:n], prev[r : r+c][:n], q[r : r+c][:n]
		k2, k1 := c2[:n], c1[:n]
		for i, ui := range ur {
			kept := 1 - keep*sr[i]
			slope := kept + (jump-keep*ui)*attach*hr[i]
			if ui*kept+jump*sr[i] < floor {
				slope = 0
			}
			qi := gr[i]*hr[i] + cr[i]*slope
			cr[i] = qi * (2*k2[i]*pr[i] + k1[i])
			qr[i] = qi
		}
	}
}

// CoefGradient adds ∂L/∂c_k = Σ q·v[t−1]^k per channel to d2, d1, d0.
func CoefGradient(d2, d1, d0 []float64, q, prev []float32) {
	if c, n := len(d0), len(prev); n > 0 {
		current.coefGradient(d2[:c], d1[:c], d0, q[:n], prev, n/c)
	}
}

// coefGradientPortable adds rows in order; all versions agree to the bit.
func coefGradientPortable(d2, d1, d0 []float64, q, prev []float32, rows int) {
	c := len(d0)
	d2, d1 = d2[:c], d1[:c]
	for r := range rows {
		qs := q[r*c:][:c]
		for i, v := range prev[r*c:][:c] {
			qi, vi := float64(qs[i]), float64(v)
			d0[i] += qi
			qi *= vi
			d1[i] += qi
			d2[i] += qi * vi
		}
	}
}
