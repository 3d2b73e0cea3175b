// Command _asm writes the kernels for amd64: for each family, ../FAMILY_amd64.s and
// the Go declarations beside it. Each kernel is written once, for a vector of
// either width (isa.go), and its portable twin in the package above is its
// specification.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

// families are the kernels that one file of assembly holds.
var families = map[string]func(){
	"elementwise": func() {
		for _, v := range []isa{avx2, avx512} {
			v.scan()
			v.windows()
			v.elementwise()
			v.optimizers()
		}
	},
	"event": func() {
		for _, v := range []isa{avx2, avx512} {
			v.packBits()
			v.unpackBits()
			v.listBits()
			v.listRows()
			v.accumulate()
			v.packRows()
			v.transposeNumbers()
			v.windowGradient()
		}
		avx2.transposeBits()
	},
	"scan": scanFamily,
	"masked": func() {
		for _, v := range []isa{avx2, avx512} {
			v.windowDots()
			v.scatterSums()
		}
	},
	"product": func() {
		for _, v := range []isa{avx2, avx512} {
			v.product()
			v.peak()
		}
	},
	"half": func() {
		for _, v := range []isa{avx2, avx512} {
			v.half()
		}
		productDot()
	},
	"tiles": func() {
		tiles()
		features()
	},
}

func main() {
	family := flag.String("family", "", "kernels to write")
	flag.Parse()
	write, ok := families[*family]
	if !ok {
		log.Fatalf("no family %q", *family)
	}
	ConstraintExpr("!noasm")
	write()
	Generate()
}
