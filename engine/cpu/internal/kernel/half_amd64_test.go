//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func init() {
	if cpu.X86.HasAVX512BF16 {
		extraVersions = append(extraVersions, avx512.withProductHalf("avx512bf16", productHalfDot, HalfDots))
	}
}
