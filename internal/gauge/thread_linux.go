package gauge

import (
	"syscall"
	"time"
)

// ThreadCPU gives what the calling thread has spent so far; the goroutine must be locked to it (getrusage(2)).
func ThreadCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
