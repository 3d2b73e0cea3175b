package event

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qif-snn/qif/data"
)

// What random numbers are drawn for; data has the numbers below.
const (
	drawAugment = 64 // per epoch and sample
)

// Augment is the random variation of training samples, one draw for all frames
// of a sample: a mirroring of left and right with probability 1/2, a circular
// roll by up to Roll pixels along either axis, a square of side Cutout left out
// around a pixel drawn uniformly, and then NDA.
type Augment struct {
	Flip   bool `json:"flip"`
	Roll   int  `json:"roll"`   // pixels, at most; 0: none
	Cutout int  `json:"cutout"` // side in pixels; 0: none
	NDA    NDA  `json:"nda"`
}

// NDA is neuromorphic data augmentation after Li et al., "Neuromorphic Data
// Augmentation for Training Spiking Neural Networks" (ECCV 2022): a few
// geometric operations, drawn from a set for each sample, with magnitudes drawn
// up to a bound.
//
// Ours acts on coordinates: the set is roll, rotation, cutout and shear, each
// event goes to the nearest pixel, and counts stay whole numbers, where the
// paper's code interpolates dense frames. Operations are drawn with
// replacement, magnitudes uniformly from the range [-bound, bound], a cutout's
// side from 1 to its bound. CutMix, which mixes two samples and their labels,
// is not part of it.
type NDA struct {
	Operations int     `json:"operations"` // per sample; 0: none
	Roll       int     `json:"roll"`       // pixels
	Rotate     float64 `json:"rotate"`     // degrees
	Cutout     int     `json:"cutout"`     // pixels
	Shear      float64 `json:"shear"`      // share
}

// DefaultNDA returns one operation per sample, of magnitudes that fit a sensor
// of 128×128 pixels: rolls by up to 5, rotations by up to 15 degrees, cutouts
// of up to 16 pixels, shears of up to .15.
func DefaultNDA() NDA { return NDA{1, 5, 15, 16, .15} }

// Validate says what is wrong with the augmentation for a sensor.
func (a Augment) Validate(s Sensor) error {
	side := min(s.W, s.H)
	for _, p := range []struct {
		name string
		v    int
	}{{"roll", a.Roll}, {"cutout", a.Cutout}, {"nda.roll", a.NDA.Roll}, {"nda.cutout", a.NDA.Cutout}} {
		if p.v < 0 || p.v >= side {
			return fmt.Errorf("augmentation: %s is %d pixels, expected 0 to %d for a sensor of %v", p.name, p.v, side-1, s)
		}
	}
	switch n := a.NDA; {
	case n.Operations < 0 || n.Operations > 16:
		return fmt.Errorf("augmentation: nda.operations is %d, expected 0 to 16", n.Operations)
	case !(n.Rotate >= 0 && n.Rotate <= 180):
		return fmt.Errorf("augmentation: nda.rotate is %v degrees, expected 0 to 180", n.Rotate)
	case !(n.Shear >= 0 && n.Shear <= 1):
		return fmt.Errorf("augmentation: nda.shear is %v, expected 0 to 1", n.Shear)
	case n.Operations > 0 && n.Cutout == 0:
		return fmt.Errorf("augmentation: nda.cutout is 0, expected 1 or more where there are operations")
	}
	return s.Validate()
}

// Draw returns the variation of a sample in an epoch, which depends on these
// numbers alone.
func (a Augment) Draw(s Sensor, seed, epoch, sample uint64) (Warp, error) {
	if err := a.Validate(s); err != nil {
		return Warp{}, err
	}
	pcg := new(rand.PCG)
	data.Seed(pcg, seed, drawAugment, epoch, sample)
	r := rand.New(pcg)
	var all []Warp
	if a.Flip && r.Uint64()>>63 == 1 {
		all = append(all, FlipX(s))
	}
	if a.Roll > 0 {
		all = append(all, Roll(s, within(r, a.Roll), within(r, a.Roll)))
	}
	if a.Cutout > 0 {
		all = append(all, Cutout(s, r.IntN(s.W), r.IntN(s.H), a.Cutout))
	}
	for range a.NDA.Operations {
		all = append(all, a.NDA.draw(s, r))
	}
	out := Identity(s)
	for _, w := range all {
		next, err := out.Then(w)
		if err != nil {
			return Warp{}, err
		}
		out = next
	}
	return out, nil
}

// draw returns one operation.
func (n NDA) draw(s Sensor, r *rand.Rand) Warp {
	switch r.IntN(4) {
	case 0:
		return Roll(s, within(r, n.Roll), within(r, n.Roll))
	case 1:
		return Rotate(s, n.Rotate*(2*r.Float64()-1)*math.Pi/180)
	case 2:
		return Cutout(s, r.IntN(s.W), r.IntN(s.H), 1+r.IntN(n.Cutout))
	}
	return Shear(s, n.Shear*(2*r.Float64()-1))
}

// within draws a whole number from -most to most.
func within(r *rand.Rand, most int) int { return r.IntN(2*most+1) - most }
