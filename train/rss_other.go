//go:build !linux && !darwin

package train

import "runtime"

// PeakRSS returns the memory that the Go runtime obtained from the system, in
// bytes: the nearest figure where the system's own is not at hand.
func PeakRSS() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
