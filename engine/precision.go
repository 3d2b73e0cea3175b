package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Precisions in which an engine may compute.
const (
	// FP32 is single precision throughout, the reference.
	FP32 = "fp32"
	// Mixed keeps parameters and sums in single precision and may multiply in
	// shorter formats where that is faster.
	Mixed = "mixed"
)

// CheckPrecision says whether the precision asked for, of which "" stands for
// FP32, is among those offered.
func CheckPrecision(asked string, offered ...string) error {
	if asked == "" {
		asked = FP32
	}
	if slices.Contains(offered, asked) {
		return nil
	}
	return fmt.Errorf("precision is %q, expected %s", asked, strings.Join(offered, " or "))
}

// Precise is a Trainer or Runner that may compute in another precision than it was
// asked for: in Mixed nothing changes where neither the processor nor the network
// gains from shorter formats.
type Precise interface {
	// Precision is the precision computed in: FP32 if no product is taken in a
	// shorter format.
	Precision() string
}

// PrecisionOf returns the precision in which a Trainer or Runner computes that was
// asked for one, of which "" stands for FP32.
func PrecisionOf(compiled any, asked string) string {
	if p, ok := compiled.(Precise); ok {
		return p.Precision()
	}
	if asked == "" {
		return FP32
	}
	return asked
}

// DescribePrecision names a precision that was asked for, with that computed in if it
// is another.
func DescribePrecision(asked, effective string) string {
	if asked == effective {
		return asked
	}
	return fmt.Sprintf("%s (computed in %s)", asked, effective)
}
