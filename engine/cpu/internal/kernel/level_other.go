//go:build !amd64 || noasm

package kernel

// vectorized returns nothing: portable Go runs everywhere.
func vectorized() []*kernels { return nil }
