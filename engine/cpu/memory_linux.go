package cpu

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// physicalMemory returns the machine's memory in bytes; 0 if unknown.
func physicalMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}

// hugePage is the size of a page that serves 512 usual ones.
const hugePage = 2 << 20

// inHugePages asks for huge pages, which spare the processor most of its search
// for addresses. That it may fail is of no concern.
func inHugePages(mem []byte) {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & (hugePage - 1))
	if whole := (len(mem) - skip) &^ (hugePage - 1); whole > 0 {
		_ = unix.Madvise(mem[skip:skip+whole], unix.MADV_HUGEPAGE)
	}
}
