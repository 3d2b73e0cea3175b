package data

import "math/rand/v2"

// What random numbers are drawn for. Numbers from 64 on are those of package
// event and of those below it.
const (
	drawSplit   = iota + 1 // per class
	drawOrder              // per epoch
	drawAugment            // per epoch and image
	drawPath               // per epoch and image
)

// Seed seeds pcg for one purpose, so that what is drawn depends on these four
// numbers and on nothing that was drawn before.
func Seed(pcg *rand.PCG, seed, purpose, a, b uint64) {
	h := mix(seed)
	for _, v := range [...]uint64{purpose, a, b} {
		h = mix(h ^ v)
	}
	pcg.Seed(seed, h)
}

// mix is SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64 bits in
// which nearby arguments have unrelated values.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
