package engine

import (
	"fmt"
	"slices"
	"strings"
)

// LowMemory is the way to train with less memory: recompute what the backward
// pass needs instead of keeping it. The same bits, slower.
const LowMemory = "low"

// CheckMemory says whether the way to use memory asked for is among those
// offered. Every engine offers "", which keeps what it needs.
func CheckMemory(asked string, offered ...string) error {
	if asked == "" || slices.Contains(offered, asked) {
		return nil
	}
	return fmt.Errorf("memory is %q, expected %s", asked, strings.Join(append(slices.Clone(offered), "nothing"), " or "))
}
