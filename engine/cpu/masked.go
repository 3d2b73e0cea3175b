package cpu

import (
	"math"

	"github.com/qif-snn/qif/engine/cpu/internal/kernel"
)

// nearMask says which potentials of a layer of neurons lay inside the surrogate
// window in the last pass: the gradient of the other spikes is multiplied by
// zero. It lives from the neurons' forward pass to the gradient of the input of
// the last convolution that looks at it.
type nearMask struct {
	store *buffer // bits, laid out as the spikes
	bits  []uint32
	count []int   // bits set, per task of the neurons
	share float64 // of bits set
}

// takeNear returns the mask of a value's neurons, or nil if the value is nothing
// of the kind: if it is not what neurons fire, or if their window has no end.
func (p *plan) takeNear(x *value) *nearMask {
	n, ok := x.maker.(*neuronOp)
	if !ok || x.form != asSpikes || n.win.compact() == kernel.Given {
		return nil
	}
	if n.near == nil {
		n.near = &nearMask{store: p.newBuffer(n.y.store.words), count: make([]int, n.tasks())}
	}
	return n.near
}

// nearOf returns what the forward scan of the unit's step t writes to the mask.
func (u neuronUnit) nearOf(t int) kernel.Near {
	if u.near == nil {
		return kernel.Near{}
	}
	row := u.y.row()
	near := kernel.Near{Bits: u.near.bits[u.at(t)*row:][:u.rows*row], Reach: float32(math.Inf(1))}
	// A window without end may have taken the place of the one compiled for.
	if u.win.compact() != kernel.Given {
		w := u.win.of(t)
		near.Reach = w.Reach()
	}
	return near
}

// total adds up the tasks' counts.
func (m *nearMask) total(neurons float64) {
	n := 0
	for _, c := range m.count {
		n += c
	}
	m.share = float64(n) / neurons
}

// maskedGradient is the gradient of a convolution's input computed only where
// the mask of the neurons that feed it asks for it.
type maskedGradient struct {
	*convGradients
	near    *nearMask
	kern    *kernel.MaskedGradient
	blocks  int                     // of input channels
	scratch []*kernel.MaskedScratch // per worker

	packTile, inputTile func(worker, task int)
}

const (
	maskedChannels = 128 // of a block: its weights for a panel stay in the second-level cache
	maskedTiles    = 4   // per task
	packedChannels = 32  // per task
)

// newMaskedGradient returns nil where no kernel serves the convolution, or where
// there is no mask.
func newMaskedGradient(g *convGradients) *maskedGradient {
	c := g.convOp
	kern := kernel.NewMaskedGradient(c.g, c.p.most(c.x.value))
	if kern == nil {
		return nil
	}
	near := c.p.takeNear(c.x.value)
	if near == nil {
		return nil
	}
	m := &maskedGradient{convGradients: g, near: near, kern: kern, blocks: tiles(c.g.C, maskedChannels)}
	m.packTile, m.inputTile = m.packTask, m.inputTask
	return m
}

func (m *maskedGradient) allocate() {
	for range m.p.threads {
		m.scratch = append(m.scratch, m.kern.NewScratch(min(m.g.C, maskedChannels)))
	}
}

// pays reports whether few enough potentials lay inside the window.
func (m *maskedGradient) pays() bool { return m != nil && m.near.share <= kernel.Sparse().Masked }

func (m *maskedGradient) ofInput() {
	m.p.pool.run(tiles(m.g.C, packedChannels), m.packTile)
	m.p.pool.run(m.blocks*m.groups(), m.inputTile)
}

// groups is the number of groups of tiles.
func (m *maskedGradient) groups() int { return tiles(m.kern.Tiles(m.p.frames(m.x.value)), maskedTiles) }

func (m *maskedGradient) packTask(_, task int) {
	m.kern.Pack(m.packed.mem, m.w.data, task*packedChannels, min(m.g.C, (task+1)*packedChannels))
}

// inputTask computes a group of tiles for a block of channels. Neighbouring tasks
// share the block's weights.
func (m *maskedGradient) inputTask(worker, task int) {
	block, group := task/m.groups(), task%m.groups()
	f := m.p.frames(m.x.value)
	c0, c1 := block*maskedChannels, min(m.g.C, (block+1)*maskedChannels)
	for tile := group * maskedTiles; tile < min(m.kern.Tiles(f), (group+1)*maskedTiles); tile++ {
		m.kern.Tile(m.x.grad, m.near.bits, m.y.grad, m.packed.mem, f, tile, c0, c1, !m.x.first, m.scratch[worker])
	}
}
