package kernel

// WidthGradient returns Σ G·h·(u − θ) over a tile, G = ∂L/∂s[t] with all that the
// spike does: the gradient g that comes from above, and what passes through the
// reset if it is not detached. carry is q[t+1]·f′(v[t]) as Backward takes it, h the
// window's value at u. s are the spikes, or nil where u ≥ θ tells.
func (p *Neuron) WidthGradient(g Rows, carry, h, u, s []float32) float64 {
	var buf piece
	c := len(p.C2)
	keep, jump, attach := p.reset()
	// Four sums: each waits for its last addition, not for the others'.
	var sum [4]float64
	for r := range len(u) / c {
		for from := 0; from < c; from += wordBits {
			gs := g.piece(&buf, r, c, from, min(from+wordBits, c))
			n, at := len(gs), r*c+from
			us, hs := u[at:][:n], h[at:][:n]
			if attach == 0 {
				for i, gi := range gs {
					sum[i%4] += float64(gi*hs[i]) * float64(us[i]-p.Theta)
				}
				continue
			}
			for i, gi := range gs {
				ui, si := us[i], float32(0)
				if s != nil {
					si = s[at+i]
				} else if ui >= p.Theta {
					si = 1
				}
				if ui*(1-keep*si)+jump*si >= p.Floor { // otherwise the spike makes no difference
					gi += carry[at+i] * (jump - keep*ui)
				}
				sum[i%4] += float64(gi*hs[i]) * float64(ui-p.Theta)
			}
		}
	}
	return sum[0] + sum[1] + sum[2] + sum[3]
}
