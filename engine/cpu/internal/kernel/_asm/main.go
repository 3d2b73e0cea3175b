// Command _asm writes the kernels for amd64: ../simd_amd64.s and the Go
// declarations beside it. Each is written once, for a vector of either width
// (isa.go), and its portable twin in the package above is its specification.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	for _, v := range []isa{avx2, avx512} {
		v.combine()
		v.compress()
		v.gather()
		v.correlate()
		v.scan()
		v.windows()
		v.norm()
		v.elementwise()
		v.pooling()
		v.optimizers()
	}
	Generate()
}
