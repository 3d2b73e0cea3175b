package paired

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// tied is the share of the largest difference by which two may differ and still
// be tied: differences of accuracies are multiples of one over the number of
// images, but for rounding.
const tied = 1e-9

// wilcoxon returns the sum of the ranks of the positive differences and the
// exact p of it: under the hypothesis every difference that is not zero has
// either sign with the same probability, given its rank.
func wilcoxon(d []float64) (w, p float64) {
	doubled := doubledRanks(d)
	sum, total := 0, 0
	for i, r := range doubled {
		total += r
		if d[i] > 0 {
			sum += r
		}
	}
	// share[s] is the probability of the doubled rank sum s.
	share := make([]float64, total+1)
	share[0] = 1
	reached := 0
	for _, r := range doubled {
		if r == 0 {
			continue // a difference of zero has no sign
		}
		reached += r
		for s := reached; s >= 0; s-- {
			share[s] /= 2
			if s >= r {
				share[s] += share[s-r] / 2
			}
		}
	}
	far := max(sum, total-sum) // the distribution is symmetric
	for _, q := range share[far:] {
		p += q
	}
	return float64(sum) / 2, math.Min(1, 2*p)
}

// doubledRanks returns twice the rank of each difference's size, a whole number:
// ties share the mean of their ranks. Zeros have no rank.
func doubledRanks(d []float64) []int {
	var order []int
	largest := 0.
	for i, v := range d {
		if v != 0 {
			order = append(order, i)
		}
		largest = math.Max(largest, math.Abs(v))
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(math.Abs(d[i]), math.Abs(d[j])) })
	ranks := make([]int, len(d))
	for first := 0; first < len(order); {
		last := first // of those tied with the first
		for last+1 < len(order) && math.Abs(d[order[last+1]])-math.Abs(d[order[first]]) <= tied*largest {
			last++
		}
		for _, i := range order[first : last+1] {
			ranks[i] = first + last + 2 // twice the mean of first+1 … last+1
		}
		first = last + 1
	}
	return ranks
}

const (
	allFlips = 20      // with more pairs flips are sampled
	samples  = 1 << 18 // of flips
)

// signFlip returns the share of the ways to flip the signs of the differences
// that give a sum at least as far from zero, and whether all were counted. A
// sample counts the observed signs as one of it, so that no p is zero.
func signFlip(d []float64) (p float64, exact bool) {
	sum, size := 0., 0.
	for _, v := range d {
		sum += v
		size += math.Abs(v)
	}
	limit := math.Abs(sum) - tied*size
	if len(d) > allFlips {
		return sampledFlips(d, limit), false
	}
	n, half := 0, uint64(1)<<(len(d)-1) // the other half are mirror images
	for flips := range half {
		if math.Abs(flipped(d, flips)) >= limit {
			n++
		}
	}
	return float64(n) / float64(half), true
}

// sampledFlips draws flips; the draws are the same for every list of that length.
func sampledFlips(d []float64, limit float64) float64 {
	rng := rand.New(rand.NewPCG(uint64(len(d)), 0))
	n := 1
	for range samples {
		sum := 0.
		for part := range slices.Chunk(d, 64) {
			sum += flipped(part, rng.Uint64())
		}
		if math.Abs(sum) >= limit {
			n++
		}
	}
	return float64(n) / (samples + 1)
}

// flipped sums at most 64 numbers, negating those whose bit is set.
func flipped(d []float64, bits uint64) float64 {
	sum := 0.
	for _, v := range d {
		if bits&1 == 1 {
			v = -v
		}
		bits >>= 1
		sum += v
	}
	return sum
}

// ascending returns the indices of the p-values that are there, smallest first.
func ascending(ps []*float64) []int {
	var order []int
	for i, p := range ps {
		if p != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(*ps[i], *ps[j]) })
	return order
}
