package kernel

// Densities are the shares of numbers that are not zero up to which kernels that
// skip the others are faster than a dense product.
type Densities struct {
	Spikes float64 // that are listed
	Values float64 // that are listed, with their values
	Masked float64 // of the input's gradient that a mask asks for
}

// Sparse returns what holds for the level in use. The figures are those of "qif bench
// kernels --match conv" on one core of an Intel Xeon: vectors load as much for each
// event as for several multiply-adds of a dense product; the portable kernels, which
// take numbers one by one, do not.
func Sparse() Densities { return current.sparse }

var (
	sparsePortable = Densities{Spikes: 1, Values: .85, Masked: .6}
	sparseAVX2     = Densities{Spikes: .8, Values: .45, Masked: .55}
	sparseAVX512   = Densities{Spikes: .8, Values: .45, Masked: .45}
)
