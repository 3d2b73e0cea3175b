package cpu

import "golang.org/x/sys/unix"

// yield lets other programs run.
func yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
