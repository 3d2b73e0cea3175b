package kernel

// WidthGradient returns Σ G·h·(u − θ) over a tile, G = ∂L/∂s[t] with all that the
// spike does: the gradient g that comes from above, and what passes through the
// reset if it is not detached. carry is q[t+1]·f′(v[t]) as Backward takes it, h the
// window's value at u. s are the spikes, or nil where u ≥ θ tells.
//
// It adds up in float32 within a word's worth of potentials, then in float64.
func (p *Neuron) WidthGradient(g Rows, carry, h, u, s []float32) float64 {
	var gBuf, sBuf piece
	c, sum := len(p.C2), 0.
	_, _, attach := p.reset()
	for r := range len(u) / c {
		for from := 0; from < c; from += wordBits {
			gs := g.piece(&gBuf, r, c, from, min(from+wordBits, c))
			n, at := len(gs), r*c+from
			us := u[at:][:n]
			if attach != 0 {
				spikes := sBuf[:n]
				if s != nil {
					spikes = s[at:][:n]
				} else {
					for i, ui := range us {
						spikes[i] = 0
						if ui >= p.Theta {
							spikes[i] = 1
						}
					}
				}
				copy(gBuf[:n], gs)
				gs = gBuf[:n]
				p.addReset(gs, carry[at:][:n], us, spikes)
			}
			sum += widthSum(gs, h[at:][:n], us, p.Theta)
		}
	}
	return sum
}

// addReset adds to the gradient of spikes what they do by the reset: nothing where
// the floor holds the potential.
func (p *Neuron) addReset(g, carry, u, s []float32) {
	keep, jump, _ := p.reset()
	for i, ui := range u {
		if ui*(1-keep*s[i])+jump*s[i] >= p.Floor {
			g[i] += carry[i] * (jump - keep*ui)
		}
	}
}

// widthSum returns Σ g·h·(u − θ) in four sums: each waits for its last addition, not
// for the others'.
func widthSum(g, h, u []float32, theta float32) float64 {
	h, u = h[:len(g)], u[:len(g)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(g); i += 4 {
		g, h, u := g[i:i+4:i+4], h[i:i+4:i+4], u[i:i+4:i+4]
		a += g[0] * h[0] * (u[0] - theta)
		b += g[1] * h[1] * (u[1] - theta)
		c += g[2] * h[2] * (u[2] - theta)
		d += g[3] * h[3] * (u[3] - theta)
	}
	for ; i < len(g); i++ {
		a += g[i] * h[i] * (u[i] - theta)
	}
	return float64(a+b) + float64(c+d)
}
