package data

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The first two outputs of SplitMix64 from seed 0, as published with it.
func TestMix(t *testing.T) {
	const step = 0x9e3779b97f4a7c15
	if a, b := mix(0), mix(step); a != 0xe220a8397b1dcdaf || b != 0x6e789e6aa1b965f4 {
		t.Errorf("mix gives %#x and %#x", a, b)
	}
}

// The draws that recorded runs and manifests depend on, against a separate
// implementation (Python, from the papers) of SplitMix64, PCG-DXSM, bounded
// integers by multiplication and the Fisher–Yates shuffle.
func TestDrawsAreForEver(t *testing.T) {
	l := &Loader{o: LoaderOptions{Shuffle: true, Seed: 42}, indices: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	if got, want := l.order(0), []int{9, 3, 10, 0, 5, 1, 7, 4, 2, 8, 6, 11}; !slices.Equal(got, want) {
		t.Errorf("order of epoch 0 is %v, want %v", got, want)
	}
	if got, want := l.order(3), []int{2, 1, 3, 0, 10, 8, 6, 7, 4, 5, 9, 11}; !slices.Equal(got, want) {
		t.Errorf("order of epoch 3 is %v, want %v", got, want)
	}

	pcg := new(rand.PCG)
	for i, want := range []struct {
		dy, dx int
		flip   bool
	}{{3, 4, false}, {1, 4, false}, {-4, 1, true}, {3, 4, false}, {1, 4, false}, {3, -3, true}} {
		Seed(pcg, 42, drawAugment, 3, uint64(i))
		dy, dx, flip := Augment{Pad: 4, Flip: true}.draw(rand.New(pcg))
		if dy != want.dy || dx != want.dx || flip != want.flip {
			t.Errorf("image %d in epoch 3 is moved by %d, %d, mirrored %v, want %+v", i, dy, dx, flip, want)
		}
	}

	m, err := SplitStratified(noise(20, 1, 1, 1, 2), .3, 9)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{2, 7, 11, 12, 15, 18}; !slices.Equal(m.Validation, want) {
		t.Errorf("split holds out %v, want %v", m.Validation, want)
	}
}

// Each of the four numbers changes the stream.
func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64][4]uint64{}
	pcg := new(rand.PCG)
	for seed := range uint64(4) {
		for purpose := range uint64(4) {
			for a := range uint64(12) {
				for b := range uint64(12) {
					Seed(pcg, seed, purpose, a, b)
					v := pcg.Uint64()
					if other, ok := seen[v]; ok {
						t.Fatalf("streams %v and %v begin alike", other, [4]uint64{seed, purpose, a, b})
					}
					seen[v] = [4]uint64{seed, purpose, a, b}
				}
			}
		}
	}
}
