//go:build !linux

package bench

// resetPeakRSS does nothing: this system cannot begin anew to count the largest
// resident memory, which therefore includes the preparation.
func resetPeakRSS() {}
