package engine

// KernelCase is one kernel at one size, to be timed against what the machine
// can do.
type KernelCase struct {
	Name  string  // of the kernel
	Shape string  // of its operands, for people
	Rate  float64 // share of its inputs that are not zero; 1 where that is of no concern
	// Flops is the number of floating-point operations of one run, counted as
	// if every input were there (a multiply-accumulate is two); 0 for a kernel
	// that moves data and no more.
	Flops float64
	// Bytes is the number of bytes of one run that must be read and written if
	// memory is the limit; 0 if arithmetic is.
	Bytes float64
	// New makes operands of its own and returns the run. Runs of different
	// calls of New may go on at the same time.
	New func() (run func())
}

// KernelBench is an engine whose kernels can be timed one by one.
type KernelBench interface {
	Engine
	// FMAPeak multiplies and adds in registers alone: the most that the engine's
	// instructions can do. Its Flops are set.
	FMAPeak() KernelCase
	// CopyBandwidth copies from memory to memory, more than caches hold. Its
	// Bytes are set, counting reads and writes.
	CopyBandwidth() KernelCase
	// Kernels lists the kernels at the sizes and rates that matter.
	Kernels() []KernelCase
}
