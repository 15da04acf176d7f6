// Package gauge measures other processes and keeps them to their cores. It is for benchmarks.
package gauge

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CPU gives what a process has spent so far, to 10 ms; zero where there is no such process.
func CPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Resident gives a process's resident memory in bytes.
func Resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// Apart gives a server and its load, the calling process, a core each, where there are two; together ends
// that for the load. Without taskset both stay where they were.
func Apart(server int) (together func()) {
	if runtime.NumCPU() < 2 {
		return func() {}
	}
	pin(server, "0")
	pin(os.Getpid(), "1")
	return func() { pin(os.Getpid(), "0-"+strconv.Itoa(runtime.NumCPU()-1)) }
}

func pin(pid int, cores string) { _ = exec.Command("taskset", "-acp", cores, strconv.Itoa(pid)).Run() }

// At gives a quantile, 0 to 1, of durations, which it sorts; zero of none.
func At(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}
