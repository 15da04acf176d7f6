package store_test

import (
	"syscall"
	"testing"
)

// cpu reports the processor time of this process per operation, which a busy machine does not change.
func cpu(b *testing.B) func() {
	b.Helper()
	from := used()
	return func() { b.ReportMetric(float64(used()-from)/float64(b.N), "cpu-ns/op") }
}

func used() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
