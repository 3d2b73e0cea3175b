package window

import "math"

// A movingPiece is a piece whose ends and shift have derivatives.
type movingPiece struct {
	piece
	dlo, dhi, dshift tangent
}

// within returns the part of the piece that lies between two edges after the
// reset.
func (p movingPiece) within(i interval, edges [2]tangent) movingPiece {
	q := p
	q.piece = p.piece.within(i)
	if q.lo != p.lo {
		q.dlo = edges[0]
		q.dlo.add(-1, &p.dshift)
	}
	if q.hi != p.hi {
		q.dhi = edges[1]
		q.dhi.add(-1, &p.dshift)
	}
	return q
}

// moving returns what the reset leaves continuous, as pieces that move with the
// threshold.
func (r *resetting) moving(theta float64) (kept, moved movingPiece) {
	kept, moved = movingPiece{piece: r.kept}, movingPiece{piece: r.moved}
	kept.dhi[byThreshold] = 1
	if kept.lo == theta {
		kept.dlo[byThreshold] = 1
	}
	moved.dlo[byThreshold], moved.dshift[byThreshold] = 1, -1
	return kept, moved
}

// settle implements settler.
func (s *sensitive) settle(v []Point, u Mixture, in core) ([]Point, float64, error) {
	b := &s.branches[s.turn]
	s.turn++
	if u.Std == 0 {
		s.settleSharp(u, b, in)
		v, escaped := settlePoints(v, u, s.d, in)
		return v, escaped, nil
	}
	dq := append([]tangent(nil), b.dq...) // of u's points
	b.dv, b.dq = b.dv[:0], b.dq[:0]
	r := resetOf(u, s.d)
	kept, moved := r.moving(s.d.Threshold)
	v = s.movingRule(v, u, b, dq, s.k, kept.within(in.interval, b.core), moved.within(in.interval, b.core))
	escaped := 0.0
	for i, side := range in.outside() {
		if in.forGood {
			s.of(u, r.kept.within(side), r.moved.within(side))
			escaped += s.mass
			continue
		}
		edges := [2]tangent{}
		edges[1-i] = b.core[i]
		v = s.movingRule(v, u, b, dq, min(s.k, outerNodes), kept.within(side, edges), moved.within(side, edges))
	}
	still := movingPiece{piece: piece{lo: math.Inf(-1), hi: r.kept.lo}, dhi: kept.dlo}
	if r.atFloor > 0 {
		between := movingPiece{piece: piece{lo: s.d.Threshold, hi: r.moved.lo}, dlo: kept.dhi, dhi: moved.dlo}
		b.point(s.massTangent(u, b, dq, still, between))
	}
	if r.atReset > 0 {
		b.point(s.massTangent(u, b, dq, movingPiece{piece: piece{lo: s.d.Threshold, hi: math.Inf(1)}, dlo: kept.dhi}))
	}
	return r.points(v), escaped, nil
}

// point appends a point that stays where it is.
func (b *sensitiveBranch) point(dq tangent) {
	b.dv, b.dq = append(b.dv, tangent{}), append(b.dq, dq)
}

// settleSharp differentiates settlePoints.
func (s *sensitive) settleSharp(u Mixture, b *sensitiveBranch, in core) {
	dq := b.dq
	b.dv, b.dq = b.dv[:0], b.dq[:0]
	for i, p := range u.Points {
		spike, spiked := p.Value >= s.d.Threshold, 0.0
		if spike {
			spiked = 1
		}
		dv := b.du[i]
		switch after := s.d.After(p.Value, spiked); {
		case in.lost(after):
			continue
		case spike && !s.d.Soft, after == s.d.Floor:
			dv = tangent{}
		case spike:
			dv[byThreshold]--
		}
		b.dv, b.dq = append(b.dv, dv), append(b.dq, dq[i])
	}
}

// limitTangents differentiates the ends of a cut, in deviations from its centre.
func (s *sensitive) limitTangents(c *cut, p *movingPiece, du *tangent) (da, db tangent) {
	for _, end := range []struct {
		to   *tangent
		at   float64
		edge float64
		move *tangent
	}{{&da, c.a, p.lo, &p.dlo}, {&db, c.b, p.hi, &p.dhi}} {
		if !math.IsInf(end.edge, 0) {
			end.to.add(1/c.std, end.move)
			end.to.add(-1/c.std, du)
			end.to.add(-end.at/c.std, &s.std)
		}
	}
	return da, db
}

// massTangent differentiates the mass of a mixture in pieces.
func (s *sensitive) massTangent(u Mixture, b *sensitiveBranch, dq []tangent, pieces ...movingPiece) (sum tangent) {
	for i := range pieces {
		s.of(u, pieces[i].piece)
		for j := range s.cuts {
			c := &s.cuts[j]
			da, dbb := s.limitTangents(c, &pieces[i], &b.du[c.point])
			sum.add(c.mass, &dq[c.point])
			sum.add(c.q*c.phiB, &dbb)
			sum.add(-c.q*c.phiA, &da)
		}
	}
	return sum
}

// movingRule appends the Gauss rule of what two pieces keep, as survival.rule
// does, and its derivatives to the branch.
func (s *sensitive) movingRule(v []Point, u Mixture, b *sensitiveBranch, dq []tangent, k int, kept, moved movingPiece) []Point {
	s.of(u, kept.piece, moved.piece)
	v, m := s.rule(v, k)
	if m.n == 0 {
		return v
	}
	pieces := [2]*movingPiece{&kept, &moved}
	order := 2 * m.n
	for i := range s.change {
		clear(s.change[i][:order])
	}
	for i := range s.cuts {
		c := &s.cuts[i]
		if c.q*c.mass > negligible*s.mass {
			s.addChange(c, pieces[c.piece], &b.du[c.point], &dq[c.point], m, order)
		}
	}
	b.hermite(&s.change, v[m.first:], m)
	return v
}

// addChange adds the derivatives of q·E[y^k; a ≤ z < b], y = mu + tau·z:
//
//	dJ_k = dmu·k·J_{k−1} + dtau·k·E[z·y^{k−1}] + [y^k·φ(z)·dz]ₐᵇ
//	E[z·y^{k−1}] = tau·(k−1)·J_{k−2} − [y^{k−1}·φ(z)]ₐᵇ
func (s *sensitive) addChange(c *cut, p *movingPiece, du, dq *tangent, m measure, order int) {
	mu, tau := (c.mu-m.centre)/m.scale, c.std/m.scale
	var j [2 * MaxNodes]float64
	unit := *c
	unit.q = 1
	unit.addMoments(j[:order], mu, tau)
	var dmu, dtau tangent
	dmu.add(1/m.scale, du)
	dmu.add(1/m.scale, &p.dshift)
	dtau.add(1/m.scale, &s.std)
	da, db := s.limitTangents(c, p, du)
	ya, yb := mu+tau*c.a, mu+tau*c.b
	edgeA, edgeB := c.phiA, c.phiB // times y^k
	beforeA, beforeB := 0.0, 0.0   // times y^{k−1}
	for k := range order {
		byMu, byTau := 0.0, 0.0
		if k > 0 {
			byMu = float64(k) * j[k-1]
			byTau = -float64(k) * (beforeB - beforeA)
		}
		if k > 1 {
			byTau += float64(k*(k-1)) * tau * j[k-2]
		}
		for i := range s.change {
			s.change[i][k] += dq[i]*j[k] + c.q*(dmu[i]*byMu+dtau[i]*byTau+edgeB*db[i]-edgeA*da[i])
		}
		beforeA, beforeB = edgeA, edgeB
		edgeA *= ya
		edgeB *= yb
	}
}

// hermite turns the changes of a measure's moments into those of its rule.
func (b *sensitiveBranch) hermite(change *[parameters][2 * MaxNodes]float64, rule []Point, m measure) {
	var x, w [MaxNodes]float64
	for i, p := range rule {
		x[i], w[i] = (p.Value-m.centre)/m.scale, p.Weight
	}
	for i := range rule {
		var square [2 * MaxNodes]float64 // coefficients of l_i²
		square[0] = 1
		degree, slope := 0, 0.0 // slope: l_i′(x_i)
		for j := range rule {
			if j == i {
				continue
			}
			gap := x[i] - x[j]
			slope += 1 / gap
			for range 2 { // times (x − x_j)/gap
				degree++
				for k := degree; k > 0; k-- {
					square[k] = (square[k-1] - x[j]*square[k]) / gap
				}
				square[0] *= -x[j] / gap
			}
		}
		var dv, dq tangent
		for p := range change {
			plain, linear := 0.0, 0.0 // dM[l_i²], dM[(x − x_i)·l_i²]
			for k := 0; k <= degree; k++ {
				plain += square[k] * change[p][k]
				linear += square[k] * (change[p][k+1] - x[i]*change[p][k])
			}
			dv[p] = m.scale * linear / w[i]
			dq[p] = plain - 2*slope*linear
		}
		b.dv, b.dq = append(b.dv, dv), append(b.dq, dq)
	}
}
