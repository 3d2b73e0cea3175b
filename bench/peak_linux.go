package bench

import "os"

// resetPeakRSS has the system count the largest resident memory from now on:
// see clear_refs in proc(5). Where it is not permitted the figure includes the
// preparation.
func resetPeakRSS() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
