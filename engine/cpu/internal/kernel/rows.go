package kernel

// Numbers keep their precision where they lie; what comes to them is rounded.

// set writes number i.
func (r Rows) set(i int, x float32) {
	if r.Half != nil {
		r.Half[i] = ToBF16(x)
	} else {
		r.Float[i] = x
	}
}

// Set writes numbers of either precision as r's, as many.
func (r Rows) Set(src Rows) {
	switch {
	case r.Half != nil && src.Half != nil:
		copy(r.Half[:len(src.Half)], src.Half)
	case r.Half != nil:
		Narrow(r.Half, src.Float)
	case src.Half != nil:
		Widen(r.Float, src.Half)
	default:
		copy(r.Float[:len(src.Float)], src.Float)
	}
}

// Add adds numbers of either precision to r's, as many. Sums are float32 before
// they are rounded. r.Next may say where the next are added.
func (r Rows) Add(src Rows) {
	switch {
	case r.Half != nil && src.Half != nil:
		addConverted(r.Half, src.Half, current.addHalf, addHalfPortable, r.Next)
	case r.Half != nil:
		addConverted(r.Half, src.Float, current.addNarrow, addNarrowPortable, r.Next)
	case src.Half != nil:
		addConverted(r.Float, src.Half, current.addWide, addWidePortable, r.Next)
	default:
		Add(r.Float[:len(src.Float)], src.Float)
	}
}

// addConverted adds whole groups by one version and what is left by another.
func addConverted[D, S float32 | BF16](dst []D, src []S, groups, rest func(dst []D, src []S, next int), next int) {
	dst = dst[:len(src)]
	n := len(src) &^ (current.group - 1)
	groups(dst[:n], src[:n], next)
	rest(dst[n:], src[n:], next)
}

func addNarrowPortable(dst []BF16, src []float32, _ int) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = ToBF16(dst[i].Float32() + x)
	}
}

func addHalfPortable(dst, src []BF16, _ int) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = ToBF16(dst[i].Float32() + x.Float32())
	}
}

func addWidePortable(dst []float32, src []BF16, _ int) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] += x.Float32()
	}
}
