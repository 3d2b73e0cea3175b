package kernel

import (
	"math"
	"math/bits"
)

// The fused scan works on tiles that stay in cache: some rows of C channels at
// one step. Between layers lies only z, what the synapses of the layer deliver,
// before its normalisation. Forwards, one pass over a tile normalises z, advances
// the neurons and packs their spikes; backwards, potentials are computed again.

// Rows are rows of C numbers that follow one another, in one of three forms:
// numbers, numbers of half the precision, or zeros and ones, a bit each, in rows
// of Words(C) words.
type Rows struct {
	Float []float32
	Half  []BF16
	Bits  []uint32

	// Next is where the rows lie that the next call takes, in numbers from these:
	// they are brought to the cache meanwhile. 0 means nothing.
	Next int
}

// Term is a summand of what a layer of neurons receives: z·scale + shift, per
// channel.
type Term struct {
	Z            Rows
	Scale, Shift []float32 // [C]
}

// Write writes the term to rows x [rows, C], or adds it if add is set.
func (t Term) Write(x []float32, add bool) {
	if len(x) == 0 {
		return
	}
	rows := len(x) / len(t.Scale)
	switch z := t.Z; {
	case z.Float != nil:
		current.term(x, z.Float[:len(x)], t.Scale, t.Shift[:len(t.Scale)], rows, add)
	case z.Half != nil:
		current.termBF16(x, z.Half[:len(x)], t.Scale, t.Shift[:len(t.Scale)], rows, add)
	default:
		current.termBits(x, z.Bits[:rows*Words(len(t.Scale))], t.Scale, t.Shift[:len(t.Scale)], rows, add)
	}
}

// A piece is as many channels as the portable versions take together: a word of
// spikes.
type piece [wordBits]float32

// piece returns numbers [from, to) of a row of c, at most wordBits, with from at
// the beginning of a word: those of the rows themselves, or decoded into buf.
func (r Rows) piece(buf *piece, row, c, from, to int) []float32 {
	if r.Float != nil {
		return r.Float[row*c+from : row*c+to]
	}
	x := buf[:to-from]
	if r.Half != nil {
		for i, h := range r.Half[row*c+from : row*c+to] {
			x[i] = h.Float32()
		}
		return x
	}
	word := r.Bits[row*Words(c)+from/wordBits]
	for i := range x {
		x[i] = float32(word >> i & 1)
	}
	return x
}

func termPortable(x []float32, z Rows, scale, shift []float32, rows int, add bool) {
	var buf piece
	c := len(scale)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			zs := z.piece(&buf, r, c, from, to)
			xs, k, b := x[r*c+from:][:len(zs)], scale[from:to][:len(zs)], shift[from:to][:len(zs)]
			for i, v := range zs {
				y := v*k[i] + b[i]
				if add {
					y += xs[i]
				}
				xs[i] = y
			}
		}
	}
}

// fire returns what a spike makes of a potential u: u·kept + jump.
func (p *Neuron) fire() (kept, jump float32) {
	keep, jump, _ := p.reset()
	return 1 - keep, jump
}

// Near asks which potentials lie near the threshold: Bits, unless nil, gets those
// of |u − θ| < Reach, laid out as spikes.
type Near struct {
	Bits  []uint32
	Reach float32
}

// Forward advances the neurons of a tile by one step: Step with the sum of the
// terms for x. fired gets the spikes as bits, a row of Words(C) words for each
// row of v, which is read and written. u gets the potentials before the reset; it
// may be nil if there is but one term.
//
// Σu and Σu² are added up in float32 over 16 potentials, then in float64: their
// errors are below 2⁻²⁰ of Σ|u| and of Σu², and a square that overflows float32
// makes Σu² infinite.
func (p *Neuron) Forward(fired []uint32, near Near, u, v []float32, terms ...Term) Sums {
	if len(v) == 0 {
		return Sums{}
	}
	c := len(p.C2)
	rows := len(v) / c
	fired = fired[:rows*Words(c)]
	if near.Bits != nil {
		near.Bits = near.Bits[:len(fired)]
	}
	if c%wordBits != 0 { // the kernels write no more of a word than there are channels
		clear(fired)
		clear(near.Bits)
	}
	last := terms[len(terms)-1]
	for i, t := range terms[:len(terms)-1] {
		t.Write(u[:len(v)], i > 0)
	}
	add, n := len(terms) > 1, len(v)
	if u != nil {
		u = u[:n]
	}
	kept, jump := p.fire()
	k, b, c2, c1, c0 := last.Scale[:c], last.Shift[:c], p.C2, p.C1[:c], p.C0[:c]
	var s Sums
	switch z := last.Z; {
	case z.Float != nil:
		s.Spikes, s.U, s.U2 = current.forward(fired, near.Bits, u, v, z.Float[:n], k, b, c2, c1, c0, rows, last.Z.Next, add, p.Theta, kept, jump, p.Floor, near.Reach)
	case z.Half != nil:
		s.Spikes, s.U, s.U2 = current.forwardBF16(fired, near.Bits, u, v, z.Half[:n], k, b, c2, c1, c0, rows, last.Z.Next, add, p.Theta, kept, jump, p.Floor, near.Reach)
	default:
		s.Spikes, s.U, s.U2 = current.forwardBits(fired, near.Bits, u, v, z.Bits[:len(fired)], k, b, c2, c1, c0, rows, last.Z.Next, add, p.Theta, kept, jump, p.Floor, near.Reach)
	}
	s.Neurons = n
	return s
}

// forwardPortable takes a piece at a time through loops that do one thing each.
func forwardPortable(fired, near []uint32, u, v []float32, z Rows, scale, shift, c2, c1, c0 []float32, rows int, add bool, theta, kept, jump, floor, reach float32) (spikes, sum, sum2 float64) {
	var buf, drop piece
	c := len(c2)
	reset := newReset(theta, kept, jump, floor)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			zs := z.piece(&buf, r, c, from, to)
			n, word := len(zs), r*Words(c)+from/wordBits
			us, vs := drop[:n], v[r*c+from:][:n]
			if u != nil {
				us = u[r*c+from:][:n]
			}
			advance(us, vs, zs, scale[from:to], shift[from:to], c2[from:to], c1[from:to], c0[from:to], add)
			fired[word] = reset.fire(vs, us)
			if near != nil {
				near[word] = nearBits(us, theta, reach)
			}
			s, s2 := sumPiece(us)
			spikes += float64(bits.OnesCount32(fired[word]))
			sum += float64(s)
			sum2 += float64(s2)
		}
	}
	return spikes, sum, sum2
}

// advance writes the polynomial of v and z·scale + shift to u, or adds it to what u
// has of other terms.
func advance(u, v, z, scale, shift, c2, c1, c0 []float32, add bool) {
	n := len(u)
	v, z, scale, shift, c2, c1, c0 = v[:n], z[:n], scale[:n], shift[:n], c2[:n], c1[:n], c0[:n]
	for i := range u {
		x := z[i]*scale[i] + shift[i] + c0[i]
		if add {
			x += u[i]
		}
		u[i] = (c2[i]*v[i]+c1[i])*v[i] + x
	}
}

// nearBits returns which of up to a word of potentials lie near the threshold.
func nearBits(u []float32, theta, reach float32) (word uint32) {
	for _, ui := range u {
		word = word>>1 | oneIf(abs(ui-theta) < reach)<<(wordBits-1)
	}
	return word >> (wordBits - len(u))
}

// oneIf is 1 if b holds. The compiler makes no branch of it.
func oneIf(b bool) (x uint32) {
	if b {
		x = 1
	}
	return x
}

// sumPiece returns Σ u and Σ u² of up to a word of potentials, in two chains each.
func sumPiece(u []float32) (sum, sum2 float32) {
	var s, s2, t, t2 float32
	for ; len(u) >= 2; u = u[2:] {
		s += u[0]
		s2 += u[0] * u[0]
		t += u[1]
		t2 += u[1] * u[1]
	}
	for _, ui := range u {
		s += ui
		s2 += ui * ui
	}
	return s + t, s2 + t2
}

// reset is what a potential becomes: u·kept + jump of those that reach the
// threshold. Which one does is the index to kept and jump, where processors would
// guess at a branch.
type reset struct {
	theta, floor float32
	kept, jump   [2]float32
}

func newReset(theta, kept, jump, floor float32) reset {
	return reset{theta, floor, [2]float32{1, kept}, [2]float32{0, jump}}
}

// fire writes the potentials after the reset of up to a word of u and returns
// which fired.
func (r *reset) fire(v, u []float32) (word uint32) {
	v = v[:len(u)]
	for i, ui := range u {
		s := oneIf(ui >= r.theta)
		word = word>>1 | s<<(wordBits-1)
		v[i] = ui*r.kept[s&1] + r.jump[s&1]
	}
	if r.floor > float32(math.Inf(-1)) {
		for i, next := range v {
			v[i] = max(next, r.floor)
		}
	}
	return word >> (wordBits - len(u))
}

// Fire writes the potential after the reset of u, where spikes follow from u:
// After for neurons with a threshold.
func (p *Neuron) Fire(v, u []float32) {
	kept, jump := p.fire()
	current.fire(v[:len(u)], u, p.Theta, kept, jump, p.Floor)
}

func firePortable(v, u []float32, theta, kept, jump, floor float32) {
	r := newReset(theta, kept, jump, floor)
	for len(u) > 0 {
		n := min(wordBits, len(u))
		r.fire(v[:n], u[:n])
		u, v = u[n:], v[n:]
	}
}
