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
