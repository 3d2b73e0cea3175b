//go:build !linux

package cpu

// physicalMemory returns the machine's memory in bytes; 0 if unknown.
func physicalMemory() uint64 { return 0 }

// inHugePages does nothing.
func inHugePages([]byte) {}
