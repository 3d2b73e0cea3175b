//go:build linux || darwin

package train

import (
	"runtime"
	"syscall"
)

// PeakRSS returns the largest resident memory of this process so far, in bytes.
func PeakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // bytes there
	}
	return int64(u.Maxrss) << 10 // kibibytes on Linux
}
