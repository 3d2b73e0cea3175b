package kernel

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

func forwardPortable(fired, near []uint32, u, v []float32, z Rows, scale, shift, c2, c1, c0 []float32, rows int, add bool, theta, kept, jump, floor, reach float32) (spikes, sum, sum2 float64) {
	var buf, drop piece
	c := len(c2)
	for r := range rows {
		for from := 0; from < c; from += wordBits {
			to := min(from+wordBits, c)
			zs := z.piece(&buf, r, c, from, to)
			n := len(zs)
			us, vs := drop[:n], v[r*c+from:][:n]
			if u != nil {
				us = u[r*c+from:][:n]
			}
			k, b := scale[from:to][:n], shift[from:to][:n]
			k2, k1, k0 := c2[from:to][:n], c1[from:to][:n], c0[from:to][:n]
			var word, close uint32
			for i, zi := range zs {
				x := zi*k[i] + b[i] + k0[i]
				if add {
					x += us[i]
				}
				vi := vs[i]
				ui := (k2[i]*vi+k1[i])*vi + x
				us[i] = ui
				next := ui
				if ui >= theta {
					word |= 1 << i
					spikes++
					next = ui*kept + jump
				}
				if abs(ui-theta) < reach {
					close |= 1 << i
				}
				vs[i] = max(next, floor)
				sum += float64(ui)
				sum2 += float64(ui) * float64(ui)
			}
			fired[r*Words(c)+from/wordBits] = word
			if near != nil {
				near[r*Words(c)+from/wordBits] = close
			}
		}
	}
	return spikes, sum, sum2
}

// Fire writes the potential after the reset of u, where spikes follow from u:
// After for neurons with a threshold.
func (p *Neuron) Fire(v, u []float32) {
	kept, jump := p.fire()
	current.fire(v[:len(u)], u, p.Theta, kept, jump, p.Floor)
}

func firePortable(v, u []float32, theta, kept, jump, floor float32) {
	v = v[:len(u)]
	for i, ui := range u {
		v[i] = afterReset(ui, theta, kept, jump, floor)
	}
}

func afterReset(u, theta, kept, jump, floor float32) float32 {
	if u >= theta {
		u = u*kept + jump
	}
	return max(u, floor)
}
